"""The command: names and settings of microscope and camera in, `data_movies` out."""

from collections import Counter
from typing import Any

import click

from spa.job import options
from spa.job.run import Run, job

BURNT = 400.0  # e per square angstrom, that nobody gives a movie


@click.command()
@click.argument("patterns", nargs=-1, required=True, metavar="PATTERN...")
@options.star_out
@options.standard
@click.option("--pixel-size", type=options.PIXEL, show_default="from the headers",
              help="Angstroms a pixel of the frames, as they are read.")
@options.lens
@options.movies
@options.optics_group
@job("import movies")
def movies(run: Run, patterns: tuple[str, ...], output: str, pixel_size: float | None, voltage: float, cs: float,
           amplitude_contrast: float, optics_group: str, beam_tilt: tuple[float, float] | None, mtf: str | None,
           **camera: Any) -> None:  # fmt: skip
    """Make a table of movies: TIFF (LZW, deflate, zstd), MRC (also .mrcs, .bz2, .gz), EER.

    PATTERN is a file name or a quoted shell pattern ('raw/*.tif', '**' for all folders below). Headers are read, not
    pixels: a movie that is truncated, cut short, of one frame or of another shape than the gain is named and left out.
    The gain, how it lies, defects and doses go into the table, where motion patch finds them.

    \b
    Example:
      spa import movies 'raw/*.tif' --pixel-size 0.83 --dose 1.2 --gain gain.mrc > movies.star
    """
    from spa.io.names import expanded
    from spa.io.star import Table, Tables
    from spa.recipe import response
    from spa_plugins.import_movies import facts, rows

    asked = rows.camera_of(**camera)
    found = list(run.each(expanded(patterns), lambda name: facts.facts(name, asked.fraction, asked.upsample), key=str,
                          unit="movie"))  # fmt: skip
    kept = list(rows.fitting(run, found, asked))
    pixel = pixel_size or facts.pixel_size_of([one for _, one in kept])
    optics = {
        "rlnOpticsGroupName": optics_group, "rlnOpticsGroup": 1, "rlnMicrographOriginalPixelSize": pixel,
        "rlnVoltage": voltage, "rlnSphericalAberration": cs, "rlnAmplitudeContrast": amplitude_contrast,
    }  # fmt: skip
    optics.update({} if beam_tilt is None else {"rlnBeamTiltX": beam_tilt[0], "rlnBeamTiltY": beam_tilt[1]})
    optics.update({} if mtf is None else {"rlnMtfFileName": response.read(mtf).path})
    table = Table.of(rlnMicrographMovieName=[name for name, _ in kept], rlnOpticsGroup=1, **asked.columns(kept[0][1]))
    run.write(Tables({"optics": Table.of(**optics), "movies": table}), output)
    total = (asked.dose or 0.0) * max(one["frames"] for _, one in kept)
    if total > BURNT:
        run.warn(f"{total:g} e/A^2 in all: --dose {asked.dose:g} is of each frame, not of the movie")
    run.summary(f"{len(kept)} movies of {_sizes([one for _, one in kept])}, {pixel:g} A a pixel")


def _sizes(found: list[dict[str, Any]]) -> str:
    counts = Counter((one["nx"], one["ny"], one["frames"]) for one in found)
    (nx, ny, frames), _ = counts.most_common(1)[0]
    more = f" (and {len(counts) - 1} other sizes)" if len(counts) > 1 else ""
    return f"{frames} frames of {nx} x {ny} pixels{more}"
