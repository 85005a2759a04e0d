"""``spa ctf patch``: micrographs in, the same with their CTF out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from spa.io.star import Tables


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--box", default=512, show_default=True, type=click.IntRange(64, 4096),
              help="Side of the spectrum, pixels; a pixel below 1.4 A gets larger tiles, cropped to it.")
@click.option("--resolution", nargs=2, type=click.FloatRange(min=0, min_open=True), metavar="LOW HIGH",
              show_default="30 4, and 30 5 for pixels over 1.2 A", help="Fit between these, angstroms.")
@click.option("--defocus", nargs=2, default=(3000.0, 50000.0), show_default=True, metavar="MIN MAX",
              type=click.FloatRange(100, 200000), help="Search between these, angstroms, positive for underfocus.")
@click.option("--phase-shift", nargs=2, type=click.FloatRange(-360, 360), metavar="MIN MAX",
              show_default="the table's, or 0",
              help="Fit a phase plate's shift between these too, degrees; equal: known.")
@click.option("--astigmatism", default=300.0, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="Astigmatism to expect (standard deviation of U - V), angstroms; restrains softly.")
@click.option("--whole", is_flag=True,
              help="One defocus for the micrograph: no tilt, no local surface.")
@click.option("--power-spectrum", is_flag=True,
              help="Fit rlnCtfPowerSpectrum, motion's sums over groups of frames, not the image's own spectrum.")
@options.plot
@options.standard
@job("ctf patch", devices="one")
def patch(run: Run, star: str, output: str, outdir: str, plot: str | None, **settings: object) -> None:
    """Estimate defocus, its surface, tilt and ice of the micrographs of STAR.

    Power spectra of overlapping tiles are averaged; a search over the defocus of the rotational average, then a
    refinement of defocus U, V, angle and phase shift in two dimensions find the CTF. All tiles together then tell the
    tilt (_spaCtfTilt, _spaCtfTiltAxis) and a smooth surface of the defocus (_spaDefocusSurface), from which 'extract
    particles' gives each particle its own: a plane where tiles left out of the fit agree that there is one, curves on
    top where they agree to those. The rings are aligned by it and fitted again. Where they vanish and come back
    inverted, they tell the thickness of the ice (_spaIceThickness, angstroms).

    The table gets RELION's columns. rlnCtfImage, in the outdir, shows the fitted rings on the left and those of the
    spectrum on the right; _spaCtfProfile, beside it, has the curves. A micrograph without rings gets the coarse end of
    the fit as its resolution, and less than 10 as its evidence (_spaCtfEvidence, the log of how much likelier rings are
    than none); how well the mean defocus is known otherwise, _spaDefocusError says (a standard deviation, angstroms):
    fine rings alone tell a phase shift from it. A spherical aberration under which the rings fit far better than under
    the table's is warned of.

    With --power-spectrum the rings are those of rlnCtfPowerSpectrum, which neither motion nor dose weighting dims; the
    surface is found on the image, whose rings, aligned by it, take over where it is not level.

    \b
    Example:
      spa import micrographs 'sums/*.mrc' --pixel-size 1.06 | spa ctf patch -d Ctf --plot ctf.png > ctf.star
    """
    from spa_plugins.ctf_patch import estimate

    tables = run.read_today(star)
    found = estimate.estimate(run, tables, estimate.settings_of(**settings))
    if plot:
        draw(found, plot)
    run.write(found, output)
    run.summary(estimate.summary(found["micrographs"]))


def draw(tables: Tables, path: str) -> None:
    """The pictures and curves of the micrographs as one figure."""
    from spa.plot import figure
    from spa.plot.ctf import montage
    from spa_plugins.ctf_patch.estimate import panels

    figure.save(montage(panels(tables["micrographs"])), path)
