"""Options in; stacks, or a description of what is to go, and a table out."""

from pathlib import Path

import click

from spa.errors import UsageError
from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@click.option("-d", "--outdir", metavar="DIR", type=click.Path(),
              help="Folder for the files that the job makes, and job.json; not needed with --revert.")
@options.standard
@click.option("--mask", type=options.INPUT_FILE, help="Soft mask of what is kept; needed, unless --revert is given.")
@click.option("--map", "map_file", type=options.INPUT_FILE, show_default="the stream's half maps, or else its map",
              help="One map for all particles.")
@click.option("--half1", type=options.INPUT_FILE, help="Half map for the particles of half-set 1; with --half2.")
@click.option("--half2", type=options.INPUT_FILE, help="Half map for the particles of half-set 2.")
@click.option("--solvent", type=options.INPUT_FILE, show_default="the stream's mask, or the sphere in the box",
              help="Soft mask of the whole particle.")
@click.option("--class", "number", type=click.IntRange(min=1), help="Which class of the stream.")
@click.option("--lowpass", type=click.FloatRange(min=0, min_open=True), show_default="the map as it is",
              help="Subtract nothing finer than this, angstroms.")
@click.option("--scale", type=click.Choice(["particle", "set", "none"]), default="particle", show_default=True,
              help="Grey scale of what is subtracted: fitted to each particle, to all of them, or the map's own.")
@click.option("--recenter", is_flag=True, help="Centre the images on the mask's centre of mass.")
@click.option("--box", type=click.IntRange(min=8), metavar="PX", show_default="the images' own",
              help="Side of the box that is kept, in the images' pixels; even.")
@options.crop("not cropped")
@options.float16
@click.option("--virtual", is_flag=True, help="Write no images: later jobs subtract when they read.")
@click.option("--revert", "back", is_flag=True,
              help="Give the original images back, with the poses that there are now.")
@options.plot
@job("subtract signal")
def signal(
    run: Run, star: str, output: str, mask: str | None, map_file: str | None, half1: str | None, half2: str | None,
    solvent: str | None, number: int | None, lowpass: float | None, scale: str, recenter: bool, box: int | None,
    crop: int | None, float16: bool, virtual: bool, back: bool, plot: str | None,
) -> None:  # fmt: skip
    """Remove from each particle what a mask does not keep.

    The rest of the map, projected at the particle's pose and through its CTF, is taken off its image; each half-set
    uses its own half map, weighted by their FSC. DIR gets the stacks, removed1.mrc and removed2.mrc, and the maps and
    the mask in the new box, which join data_maps. With --virtual nothing is written but the maps: the table and its
    data_subtraction say what is to go, and every job of spa that reads the images takes it off as it reads.

    \b
    Example:
      spa post mask refined.star -d Arm --model fitted.cif --chain C |
        spa subtract signal -d Sub --mask Arm/mask.mrc | spa refine local -d Local > arm.star
    """
    from spa_plugins.subtract_signal import inputs, results, revert, scales

    if back:
        call.excluded_by("back", "mask", "map_file", "half1", "half2", "solvent", "number", "lowpass", "scale", "box",
                         "crop", "float16", "virtual", "recenter", "plot")  # fmt: skip
        tables, words = revert.reverted(run, run.read(star))
        run.write(tables, output)
        run.summary(words)
        return
    if mask is None or run.outdir is None:
        raise UsageError(f"{'--mask' if mask is None else '--outdir'} is needed")
    if virtual and call.was_given("float16"):
        raise UsageError("--virtual writes no images, for --float16 or --float32 to say how")
    asked = inputs.Asked(mask, map_file, half1, half2, solvent, number, lowpass, recenter, box, crop)
    given = inputs.read(run, run.read(star), asked)
    fitted = scales.fitted(run, given, scale)
    made = results.made(run, given, fitted, virtual, float16)
    run.write(made.tables, output)
    if plot:
        results.draw(Path(plot), given, fitted, made)
    run.summary(results.summary(given, fitted, made))
