"""Options in, the course of seeds, tables and maps out."""

from pathlib import Path

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option(
    "--diameter",
    type=click.FloatRange(min=1),
    required=True,
    help="Of the particle, angstroms: no less; of the largest, if there are several.",
)
@click.option("--classes", type=click.IntRange(1, 8), default=1, show_default=True, help="Volumes to make.")
@click.option(
    "--symmetry",
    default="C1",
    show_default=True,
    metavar="GROUP|auto",
    help="Point group: Cn, Dn, T, O, I; auto: what the maps turn out to have, each class its own.",
)
@click.option("--junk", is_flag=True, help="A class more, the last, for images that show a blob or nothing.")
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="Starts; the one that makes unseen images most likely goes on.",
)
@click.option(
    "--max-resolution",
    type=click.FloatRange(min=1),
    default=12.0,
    show_default=True,
    help="Finest detail to use, angstroms (24 shells at most).",
)
@click.option(
    "--shift-range",
    type=click.FloatRange(min=0.1),
    show_default="0.12 of the diameter",
    help="Largest shift searched, from where the table has a particle, angstroms.",
)
@options.seen_through
@options.seed
@options.plot
@options.standard
@job("abinit model", devices="one")
def model(
    run: Run, star: str, output: str, diameter: float, classes: int, symmetry: str, junk: bool, seeds: int,
    max_resolution: float, shift_range: float | None, ctf: str, plot: str | None,
) -> None:  # fmt: skip
    """Make 1-8 volumes from nothing.

    Random density is turned into a map by mini-batches of images, each compared with it in every orientation and shift,
    in a band that grows.  How wide a particle is, and so how fine its details must be, its first maps tell: a diameter
    that is half as much again does no harm, and the particles of a mixture may differ.  Several starts race; the one
    whose map makes held-out images most likely goes on, and its pose search is sharpened on all images with half maps.
    Where poses of a single map stay unsure to the end, starts of another kind in finer shells are tried, too.
    Several classes are told apart in sweeps over parts of the images, each compared with maps that the others have
    made; a class whose poses stay unsure is run once more from nothing, on its images alone.
    Where a table has particles off their images' centres (rlnOriginXAngst, as `spa classify 2d` leaves it), they are
    looked for there.
    With a symmetry each start is also run without it and laid on the axes afterwards, and the more likely is taken;
    with --symmetry auto the group is looked for in the maps (as `spa symmetry detect` does), before and after their
    poses are sharpened, and kept where it makes held-out images no less likely.  DIR gets class001.mrc ...  (largest
    class first), and seeds.star with each start's evidence and agreement; the table has poses, data_classes (for `spa
    select classes`), data_maps, and in _spaParticleEvidence which images show something (noise is below 0).  The hand
    cannot be told from projections: `spa symmetry flip` gives the other.
    """
    from spa.job.pool import mapping
    from spa.recipe.abinit import inputs
    from spa.recipe.abinit.course import Course
    from spa.recipe.device import engine_of
    from spa_plugins.abinit_model import results

    engine = engine_of(run)
    given = inputs.read(run, run.read(star), classes, symmetry, diameter, max_resolution, shift_range, junk, ctf)
    with mapping(run.threads) as pool:
        outcome = Course(run, given, pool, engine).outcome(seeds)
    run.write(results.written(run, given, outcome), output)
    if plot:
        results.draw(Path(plot), given, outcome)
    if doubt := results.doubt(given, outcome):
        run.doubt(doubt)
    run.summary(results.summary(given, outcome))
