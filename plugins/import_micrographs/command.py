"""The command: names and a microscope's settings in, `data_micrographs` out."""

from collections import Counter
from typing import Any

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@click.argument("patterns", nargs=-1, required=True, metavar="PATTERN...")
@options.star_out
@options.standard
@click.option("--pixel-size", type=options.PIXEL, show_default="from the headers",
              help="Angstroms a pixel.")
@options.lens
@options.optics_group
@job("import micrographs")
def micrographs(run: Run, patterns: tuple[str, ...], output: str, pixel_size: float | None, voltage: float, cs: float,
                amplitude_contrast: float, optics_group: str, beam_tilt: tuple[float, float] | None,
                mtf: str | None) -> None:  # fmt: skip
    """Make a table of micrographs: motion-corrected sums, MRC.

    PATTERN is a file name or a quoted shell pattern ('mics/*.mrc', '**' for all folders below). A file that cannot be
    read, is cut short, is not one image, holds a NaN or has no contrast is named and left out.
    """
    from spa.io.names import expanded
    from spa.io.star import Table, Tables
    from spa.recipe import response
    from spa_plugins.import_micrographs.facts import common_pixel_size, facts

    found = list(run.each(expanded(patterns), facts, key=str, unit="micrograph"))
    pixel = pixel_size or common_pixel_size(found)
    optics = {
        "rlnOpticsGroupName": optics_group, "rlnOpticsGroup": 1, "rlnMicrographOriginalPixelSize": pixel,
        "rlnVoltage": voltage, "rlnSphericalAberration": cs, "rlnAmplitudeContrast": amplitude_contrast,
        "rlnMicrographPixelSize": pixel,
    }  # fmt: skip
    optics.update({} if beam_tilt is None else {"rlnBeamTiltX": beam_tilt[0], "rlnBeamTiltY": beam_tilt[1]})
    optics.update({} if mtf is None else {"rlnMtfFileName": response.read(mtf).path})
    table = Table.of(rlnMicrographName=[name for name, _ in found], rlnOpticsGroup=1)
    run.write(Tables({"optics": Table.of(**optics), "micrographs": table}), output)
    run.summary(f"{len(found)} micrographs of {_sizes([size for _, size in found])}, {pixel:g} A a pixel")


def _sizes(found: list[dict[str, Any]]) -> str:
    counts = Counter((one["nx"], one["ny"]) for one in found)
    (nx, ny), _ = counts.most_common(1)[0]
    more = f" (and {len(counts) - 1} other sizes)" if len(counts) > 1 else ""
    return f"{nx} x {ny} pixels{more}"
