"""The command: a table with poses in, the same with its CTFs refined out."""

from typing import Any

import click

from spa.errors import UsageError
from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.plot
@options.comparison
@click.option("--defocus", "scope", type=click.Choice(["particle", "micrograph", "none"]), default="particle",
              show_default=True, help="Whose defocus is refined.")
@click.option("--astigmatism", type=click.Choice(["micrograph", "none"]), default="none", show_default=True,
              help="Whether each micrograph's astigmatism is.")
@click.option("--phase-shift", type=click.Choice(["micrograph", "none"]), default="none", show_default=True,
              help="Whether each micrograph's phase shift is.")
@click.option("--range", "reach", type=click.FloatRange(10, 50000), default=2000.0, show_default=True,
              help="Changes of defocus that are looked at, either way, angstroms.")
@click.option("--prior", type=click.FloatRange(min=0, min_open=True), show_default="learnt from all particles",
              help="Standard deviation of the changes of defocus, of particles and of micrographs, angstroms.")
@click.option("--astigmatism-prior", type=click.FloatRange(min=0, min_open=True), default=200.0, show_default=True,
              help="The same of the astigmatism's, angstroms.")
@click.option("--phase-shift-prior", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True,
              help="The same of the phase shift's, degrees.")
@job("optics defocus")
def defocus(run: Run, star: str, output: str, plot: str | None, scope: str, astigmatism: str, phase_shift: str,
            reach: float, prior: float | None, astigmatism_prior: float, phase_shift_prior: float,
            **settings: Any) -> None:  # fmt: skip
    """Defocus of each particle, astigmatism and phase shift of each micrograph.

    Each image is compared with the map of its own half-set at its pose, less the part of the map that the image itself
    has made (otherwise noise, which is in both, would hold the defocus where it is). The likelihood of every change
    within the range meets a prior whose width, of particles within a micrograph and of micrographs, is learnt from all
    of them: where the data say little, little changes. Each particle gets the mean of its posterior. The table has
    _spaDefocusChange and _spaDefocusError (its standard deviation) beside the new columns of the CTF. Another run
    in a better map starts from there, and its prior is about what was there before the first one.

    Run it after spa optics aberrations, and refine again after it; the recipe is there.
    """
    from pathlib import Path

    import numpy as np

    from spa.optics.films import Prior
    from spa.recipe import optics
    from spa_plugins.optics_defocus import results
    from spa_plugins.optics_defocus.measured import Wanted, measured

    for name, fitted in (("astigmatism", astigmatism), ("phase_shift", phase_shift)):
        if fitted == "none" and call.was_given(f"{name}_prior"):
            option = name.replace("_", "-")
            raise UsageError(f"--{option}-prior goes with --{option} micrograph, and does nothing without it")
    if {scope, astigmatism, phase_shift} == {"none"}:
        raise UsageError("--defocus none: nothing is left to refine")
    films = Prior(astigmatism_prior if astigmatism != "none" else 0.0,
                  np.deg2rad(phase_shift_prior) if phase_shift != "none" else 0.0)  # fmt: skip
    given = optics.read(run, run.read(star), optics.Asked.of(settings))
    found = measured(run, given, Wanted(scope, films, reach, prior))
    run.write(results.tables_of(given, found), output)
    if plot:
        results.draw(Path(plot), given, found)
    run.summary(results.summary(given, found))
