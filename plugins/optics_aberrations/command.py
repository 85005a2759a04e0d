"""The command: a table with poses in, its optics groups with their aberrations out."""

from typing import Any

import click

from spa.job import options
from spa.job.run import Run, job

TERMS = ("magnification", "beam-tilt", "trefoil", "fifth-order", "amplitude-contrast", "defocus", "astigmatism", "cs",
         "secondary-astigmatism", "tetrafoil")  # fmt: skip
USUAL = tuple(name for name in TERMS if name != "fifth-order")


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.plot
@options.comparison
@click.option("--terms", multiple=True, type=click.Choice(TERMS), default=USUAL, show_default="all but fifth-order",
              help="What is looked for; repeat it for each.")
@click.option("--significance", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=1e-4,
              show_default=True, help="Terms that chance does as well with at this probability are left out.")
@click.option("--keep-astigmatism", is_flag=True,
              help="Leave defocus and astigmatism as they are where the magnification changes; otherwise they are "
                   "taken to fit the images as they lie, and are changed with it.")
@job("optics aberrations")
def aberrations(run: Run, star: str, output: str, plot: str | None, terms: tuple[str, ...], significance: float,
                keep_astigmatism: bool, **settings: Any) -> None:  # fmt: skip
    """Beam tilt, trefoil, Cs, tetrafoil and anisotropic magnification.

    For each optics group, from one pass over its particles: what the images' phases, CTFs and places of their
    coefficients differ by, at each frequency, from what the map shows at the particles' poses. Each particle is
    compared with the map of the other half-set, into which its noise has not gone; a few numbers for all particles of
    a group tell neither half of the other. Terms that are not significant are left out. What is found is added to what
    the table has already: rlnBeamTiltX/Y, rlnOddZernike, rlnEvenZernike (Cs among them), rlnMagMat00 to 11, and the
    group's mean defocus and astigmatism to those of its particles. All later jobs use them. DIR gets aberrations.star:
    each term's value, error, and significance.

    A recipe, from a refinement at 4 A or better:

    \b
      spa refine homo p.star -d R1 ... |
        spa optics aberrations -d A1 | spa optics defocus -d D1 |
        spa refine homo - -d R2 ... |
        spa optics aberrations -d A2 | spa optics defocus -d D2 |
        spa refine homo - -d R3 ... > final.star

    The second round finds what the first could not see for the errors that it took away; stop when the resolution does
    not improve. Groups must have shared their microscope's alignment: see spa optics groups.
    """
    from pathlib import Path

    from spa.recipe import optics
    from spa_plugins.optics_aberrations import results
    from spa_plugins.optics_aberrations.measured import measured

    given = optics.read(run, run.read(star), optics.Asked.of(settings))
    if not given.halves:
        run.warn("one map for both half-sets: what its noise shares with the images' hides a part of the aberrations")
    found = measured(run, given, terms, significance)
    tables = results.tables_of(given, found, keep_astigmatism)
    results.report(run, given, found)
    run.write(tables, output)
    if plot:
        results.draw(Path(plot), given, found)
    run.summary(results.summary(given, found))
