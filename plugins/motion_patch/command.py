"""``spa motion patch``: movies in, aligned sums out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from spa.io.star import Tables


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--patches", default="5x5", show_default=True, metavar="XxY",
              help="Patches along x and y whose motion makes the field; 1x1 aligns whole frames only.")
@click.option("--bfactor", type=click.FloatRange(min=0), show_default="from the movie",
              help="Weigh frequencies by exp(-B k^2 / 4), square pixels, and not by the movie's own signal.")
@click.option("--bin", "binning", default=1.0, show_default=True, type=click.FloatRange(1, 16),
              help="Sums with so many times fewer pixels along a side, by Fourier cropping; super-resolution: 2.")
@click.option("--dose-weight/--no-dose-weight", default=True, show_default=True,
              help="Weigh frames by the dose they have seen (Grant & Grigorieff 2015).")
@click.option("--even-odd", is_flag=True, help="Write the sums of even and of odd frames too, for denoising.")
@click.option("--first-frame", default=1, show_default=True, type=click.IntRange(min=1), help="Leave out those before.")
@click.option("--last-frame", default=-1, show_default=True, type=int, help="Leave out those after; -1: none.")
@click.option("--save", multiple=True, type=click.Choice(["non-weighted"]),
              help="Write this too: the sum without dose weights.")
@click.option("--power-dose", default=4.0, show_default=True, type=click.FloatRange(min=0),
              help="Write power spectra summed over groups of this dose, electrons per square angstrom; 0: none.")
@click.option("--early-dose", default=4.0, show_default=True, type=click.FloatRange(min=0),
              help="Motion up to this dose is early in rlnAccumMotionEarly, electrons per square angstrom.")
@options.float16
@options.movies
@options.plot
@options.standard
@job("motion patch", devices="one")
def patch(run: Run, star: str, output: str, plot: str | None, patches: str, bfactor: float | None,
          binning: float, dose_weight: bool, even_odd: bool, first_frame: int, last_frame: int,
          save: tuple[str, ...], power_dose: float, early_dose: float, float16: bool,
          **camera: Any) -> None:  # fmt: skip
    """Align the frames of the movies of STAR and sum them, weighted by dose.

    Whole frames are aligned first, then all patches together: a smooth field of displacements over the frame and over
    time is fitted to what the patches' spectra say, each weighed by the movie's own signal and noise, and no more
    motion is taken than the movie gives evidence for. Frames are interpolated once. Gain, defects and doses come from
    the table, or from the options here. Beside each sum lies RELION's STAR of its motion. Hot and dead pixels, and
    lines of up to three, are found and filled; a gain that lies the wrong way is said.

    \b
    Example:
      spa import movies 'raw/*.tif' --pixel-size 0.83 --dose 1.2 --gain gain.mrc \\
        | spa motion patch -d Motion | spa ctf patch -d Ctf > ctf.star
    """
    from spa_plugins.motion_patch import session
    from spa_plugins.motion_patch.inputs import Settings, patches_of

    settings = Settings(patches_of(patches), bfactor, binning, dose_weight, even_odd, first_frame, last_frame,
                        "non-weighted" in save and dose_weight, power_dose, early_dose, float16)  # fmt: skip
    tables = session.summed(run, run.read_today(star), settings, camera)
    if plot:
        draw(tables, plot)
    run.write(tables, output)


def draw(tables: Tables, path: str) -> None:
    """Paths drawn on the sums, and the motion of all."""
    from spa.plot import figure
    from spa.plot.motion import over_micrographs
    from spa_plugins.motion_patch.figure import panels

    table = tables["micrographs"]
    moved = (table.floats(name) for name in ("rlnAccumMotionTotal", "rlnAccumMotionEarly"))
    figure.save(over_micrographs(panels(table), *moved), path)
