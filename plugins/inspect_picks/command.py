"""`spa inspect picks`: thresholds on score, local power and density."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spa.errors import DataError
from spa.job import call, options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.io.star import Table

_SCORE, _POWER, _LEVEL = "rlnAutopickFigureOfMerit", "spaLocalPower", "spaLocalLevel"


@click.command()
@options.star_in
@options.star_out
@options.plot
@options.by_hand
@options.standard
@click.option("--min-score", type=float, help="Least score (rlnAutopickFigureOfMerit).")
@click.option("--min-power", type=float, help="Least local power (_spaLocalPower; 1 is usual in a micrograph).")
@click.option("--max-power", type=float, help="Largest local power: dirt and ice crystals have more than particles.")
@click.option("--max-level", type=float,
              help="Largest density (_spaLocalLevel): ice crystals and tips of carbon have far more than particles.")
@click.option("--auto", is_flag=True, help="Find the limits that are not given from the picks themselves.")
@options.rejected
@job("inspect picks")
def picks(
    run: Run, star: str, output: str, plot: str | None, min_score: float | None, min_power: float | None,
    max_power: float | None, max_level: float | None, auto: bool, rejected: str | None, web: bool, port: int,
    browser: bool,
) -> None:  # fmt: skip
    """Keep the picks whose score, local power and density are within limits.

    --auto parts the scores where two kinds of them are seen, and leaves out local powers beyond 4.5 robust standard
    deviations of the usual, and densities beyond 10. --plot shows the scores, and score against power and against
    density, with the limits.

    --web shows the picks over their micrographs on a page in the browser, those within the limits and the others, with
    histograms on which the limits are dragged. It begins with the limits given or found, or where an earlier sitting on
    the same picks ended: they are kept in DIR after every change. "Done" prints the table and ends the job.

    A list of coordinate files, such as RELION's autopick.star, is read too, without its micrographs: spa import picks
    puts them beside.

    \b
    Examples:
      spa pick blob ctf.star -d Blob --diameter 110 140 | spa inspect picks --auto > picks.star
      spa inspect picks --web --auto -d Inspected blob.star > picks.star
    """
    import numpy as np

    from spa.picking.judge import Limits, automatic
    from spa.recipe.picks import gathered

    call.go_with("web", "port", "browser")
    tables = gathered(run, run.read(star))
    table = tables["particles"]
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    score = _column(table, _SCORE, needed=min_score is not None or auto)
    power = _column(table, _POWER, needed=min_power is not None or max_power is not None)
    level = _column(table, _LEVEL, needed=max_level is not None)
    limits = Limits(min_score, min_power, max_power, max_level)
    if auto:
        limits = automatic(score, power, limits, level)
    if web:
        from spa_plugins.inspect_picks.sitting import by_hand

        limits = by_hand(run, tables, (score, power, level), limits, port, browser)
    known = any(one is not None for one in (score, power, level))
    kept = limits.kept(score, power, level) if known else np.ones(len(table), bool)
    if plot:
        _draw(score, power, level, kept, vars(limits), plot)
    if rejected:
        run.write(tables.with_block("particles", table.take(~kept)), rejected)
    if not kept.any():
        raise DataError(f"{table.where}: none of {len(table)} picks is within the limits ({_said(vars(limits))})")
    run.summary(f"{int(kept.sum())} of {len(kept)} picks kept ({_said(vars(limits))})")
    run.write(tables.with_block("particles", table.take(kept)), output)


def _column(table: Table, name: str, needed: bool) -> np.ndarray | None:
    """A column's numbers; None where it is absent and not needed."""
    return table.floats(name) if needed or name in table else None


def _said(limits: dict[str, float | None]) -> str:
    found = [f"{name.replace('_', ' ')} {value:.3g}" for name, value in limits.items() if value is not None]
    return ", ".join(found) or "no limits"


def _draw(score: np.ndarray | None, power: np.ndarray | None, level: np.ndarray | None, kept: np.ndarray,
          limits: dict[str, float | None], path: str) -> None:  # fmt: skip
    from spa.plot import figure
    from spa.plot.picks import score_and_power

    if score is None:
        raise DataError(f"--plot needs the column {_SCORE}")
    figure.save(score_and_power(score, power, kept, limits, level), path)
