"""Options in, the shared iterations with several references, tables and maps out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from spa.io.star import Tables
    from spa.recipe.given import Inputs
    from spa.refine.engine import Engine
    from spa_plugins.refine_hetero.results import Classes


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option(
    "--reference",
    "references",
    type=options.INPUT_FILE,
    multiple=True,
    show_default="all maps of the stream",
    help="Map to start from, one for each class, good or junk.",
)
@options.search
@options.iterations(15)
@options.relaxation
@options.seed
@options.plot
@options.standard
@job("refine hetero", devices="one")
def hetero(
    run: Run, star: str, output: str, plot: str | None, references: tuple[str, ...], **settings: Any
) -> None:  # fmt: skip
    """Several references compete for the particles.

    Every particle is searched in every class, what is found in one is tried in all, and classes take their shares by
    likelihood.  Each class has halves of its own, its own grey scale, and the resolution of its own FSC.  When the
    poses have settled, classes are weighed once more as differences from the map of all particles at these poses
    (as `spa classify 3d` does), where a class that is better resolved has no advantage.  DIR gets class001.mrc ...
    (the largest class first), its half maps and FSC, and mask.mrc; the table has class, pose and the posterior of
    each class, data_classes and data_maps. _spaParticleEvidence says which images show what their class does, as in
    spa refine homo.

    References may be copies of one map, for classes that are not known yet: they are one class until the poses have
    settled; then its particles are sorted, from the principal components of what they differ in, and all go on.

    With --relax-symmetry classes compete as if all had that group's symmetry; then each is relaxed among its own
    particles, as in spa refine homo (_spaCopy, _spaCopyEntropy).

    \b
    Examples:
      spa refine hetero p.star --reference good.mrc --reference junk.mrc -d H | spa select classes --classes 1
      spa abinit model p.star --classes 3 --diameter 180 -d A | spa refine hetero -d H --plot h.png > classes.star
    """
    from spa.recipe import device, kept
    from spa.recipe.given import Asked, read, stream_maps
    from spa_plugins.refine_hetero import course, results

    tables, asked = run.read(star), Asked.of({**settings, "reference": None})
    engine = device.engine_of(run)
    inputs = read(run, tables, asked, list(references) or stream_maps(tables))
    if asked.relax_symmetry is None:
        found, words = results.Classes(inputs, course.settled(run, inputs.problem, inputs.start, engine)), ""
        made = results.written(run, found)
    else:
        found, made, words = _relaxed(run, inputs, asked.relax_symmetry, asked.focus_mask, engine)
    run.write(made, output)
    if plot:
        results.draw(Path(plot), found)
    if said := kept.unexplained(inputs.problem, found.state, "any class"):
        run.warn(said)
    run.summary(results.summary(found) + words)


def _relaxed(
    run: Run, inputs: Inputs, symmetry: str, focus: str | None, engine: Engine
) -> tuple[Classes, Tables, str]:
    """Classes that compete as if all had a symmetry, then each relaxed; the tables, and what is to be said of it."""
    from spa.recipe.given import focus_mask
    from spa.recipe.relaxation import relaxation, with_copies
    from spa.relax import loop
    from spa.volume.symmetry import canonical
    from spa_plugins.refine_hetero import copies, course, results

    shared = relaxation(inputs.problem, symmetry, focus_mask(run, inputs.stack, focus))
    consensus = loop.consensus_problem(shared, canonical(symmetry))
    state = course.settled(run, consensus, loop.consensus_start(shared, inputs.start), engine)
    own = copies.relaxed(run, shared, state, symmetry, engine)
    found = results.Classes(inputs, own.state)
    made = results.written(run, found)
    made = made.with_block("particles", with_copies(made["particles"], own.share))
    return found, made, "; ".join(["", *own.words])
