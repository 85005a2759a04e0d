"""``spa pick manual``: micrographs in, picks by hand out."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.page
@click.option("--diameter", type=click.FloatRange(min=1), default=150.0, show_default=True,
              help="Of the circles about picks, angstroms.")  # fmt: skip
@click.option("--lowpass", type=click.FloatRange(min=1), default=20.0, show_default=True,
              help="Finest detail of the low-passed view at first, angstroms.")  # fmt: skip
@job("pick manual")
def manual(
    run: Run, star: str, output: str, port: int, browser: bool, diameter: float, lowpass: float
) -> None:  # fmt: skip
    """Pick particles by hand, in a browser.

    The page has the micrographs of STAR with the picks that it has already. A click adds a pick, a drag moves it, the
    right button or the eraser removes it; the wheel zooms, a drag beside the picks pans; every one of these has a key,
    too (? lists them). Views: plain, low-passed, and denoised by a Wiener filter with each micrograph's CTF.

    After every change the micrograph's picks are written to DIR/NAME_manualpick.star, as RELION has them: a closed
    page, a lost connection or a killed job loses nothing, and the same command goes on from there. "Done" prints the
    table and ends the job.

    Picks that were neither added nor moved keep all their columns; in the others what a hand does not know is -999,
    as in RELION's tables.

    The page is served to this machine alone (127.0.0.1), behind an address that nobody can guess; the ssh command for
    working from another machine is said on standard error.

    \b
    Examples:
      spa pick manual ctf.star -d Hand > picks.star
      spa pick blob ctf.star -d Blob --diameter 110 140 | spa pick manual -d Hand --port 8080 > picks.star
    """
    from spa.web.server import serve
    from spa_plugins.pick_manual.sitting import Sitting

    sitting = Sitting.of(run, run.read_today(star))
    if sitting.taken_up:
        run.warn(f"goes on with {sitting.taken_up} micrographs that {run.outdir} has picks of")
    serve(run, sitting.page(diameter, lowpass), port, browser)
    run.write(sitting.table(), output)
    run.summary(sitting.summary())
