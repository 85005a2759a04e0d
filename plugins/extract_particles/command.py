"""`spa extract particles`: boxes out of micrographs."""

import click

from spa.errors import UsageError
from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.plot
@click.option("--box", type=click.IntRange(min=8), metavar="PX",
              help="Side of the box in pixels of the micrograph; even. Needed, but with --pixel-size.")  # fmt: skip
@options.crop("not cropped")
@click.option("--pixel-size", type=click.FloatRange(min=0, min_open=True), metavar="A",
              help="Make all images of --crop pixels of this size, angstroms, whatever their micrographs have; "
                   "in the place of --box.")  # fmt: skip
@click.option("--recenter", is_flag=True, help="Move the boxes so that the refined origins become 0.")
@click.option("--center", nargs=3, type=float, metavar="X Y Z", show_default="the map's own",
              help="With --recenter: the point of the map, angstroms from its centre, to be centred on.")  # fmt: skip
@options.float16
@click.option("--invert/--no-invert", default=True, show_default=True,
              help="Make protein bright, as refinements want it.")  # fmt: skip
@options.background
@click.option("--normalise/--no-normalise", default=True, show_default=True,
              help="Background to mean 0 and standard deviation 1.")  # fmt: skip
@click.option("--ramp/--no-ramp", default=True, show_default=True,
              help="Subtract a plane fitted to the background, not its mean alone.")  # fmt: skip
@click.option("--min-score", type=float, help="Leave out picks of a lower score (rlnAutopickFigureOfMerit).")
@click.option("--pad", is_flag=True,
              help="Fill boxes that reach over the edge with their mean, instead of leaving them out.")  # fmt: skip
@click.option("--virtual", is_flag=True,
              help="Write no stacks: every job cuts the boxes out of the micrographs as it reads.")  # fmt: skip
@click.option("--micrographs", type=options.INPUT_FILE,
              help="Micrographs (CTF, optics) for a table that has coordinates alone.")  # fmt: skip
@job("extract particles", devices="one")
def particles(
    run: Run, star: str, output: str, plot: str | None, box: int | None, crop: int | None,
    pixel_size: float | None, recenter: bool, center: tuple[float, float, float] | None, float16: bool, invert: bool,
    background: float, normalise: bool, ramp: bool, min_score: float | None, pad: bool, virtual: bool,
    micrographs: str | None,
) -> None:  # fmt: skip
    """Cut particles out of micrographs.

    Every row of data_particles gives one image in DIR/MICROGRAPH.mrcs, normalised as RELION does. The CTF of the
    micrograph is attached, unless the pick has its own, with the defocus of the place where the particle sits when the
    micrograph has a surface of it (_spaDefocusSurface). Coordinates are rounded to whole pixels; the rest goes to
    rlnOriginXAngst and rlnOriginYAngst, so that coordinate - origin / pixel size is where the pick was. Refined
    particles are extracted anew in the same way, centred with --recenter; half-sets and all other columns are kept.
    Hot pixels and lines of one or two, far from all around them, are given the median of what is around. A STAR that
    lists a file of coordinates for each micrograph, as RELION's autopick.star does, is read with --micrographs.

    Optics groups of different pixel sizes go into one refinement by --pixel-size, no finer than the coarsest of them.

    \b
    Examples:
      spa extract particles picks.star -d Extract --box 256 --crop 128 > particles.star
      spa star cat a.star b.star | spa extract particles - -d Both --crop 160 --pixel-size 1.34 > both.star
    """
    from spa.image.extraction import Extraction
    from spa.io import star as star_files
    from spa.model.upgrade import upgraded
    from spa.recipe.picks import gathered
    from spa_plugins.extract_particles.extraction import Settings, extract

    if (box is None) == (pixel_size is None) or (pixel_size is not None and crop is None):
        raise UsageError("either --box PX is needed, or --pixel-size A and --crop PX")
    call.go_with("normalise", "background", "ramp")
    side = int(box or crop or 0)
    how = Extraction(side, crop or side, invert, background, normalise, ramp, pad)
    settings = Settings(how, recenter, center, float16, virtual, min_score, pixel_size)
    settings.check()
    tables = gathered(run, run.read(star))
    beside = upgraded(star_files.read(run.input(micrographs))) if micrographs else None
    found = extract(run, tables, beside, settings)
    run.write(found, output)
    if plot:
        from spa.recipe.particles_figure import draw

        draw(run, found, plot)
