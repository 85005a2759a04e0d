"""``spa curate rules``: micrographs in, the good ones out."""

from __future__ import annotations

import click

from spa.errors import UsageError
from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@click.option("--keep", multiple=True, metavar="EXPR",
              help="Keep rows for which this holds, e.g. 'rlnCtfMaxResolution < 6'; repeatable: all must hold.")
@click.option("--auto", is_flag=True, help="Drop outliers of what the table tells: CTF, ice, junk, motion, picks.")
@options.rejected
@click.option("--plot", metavar="PNG", type=click.Path(), help="Draw histograms with the limits (extra: plot).")
@options.by_hand
@options.standard
@job("curate rules")
def rules(
    run: Run, star: str, output: str, keep: tuple[str, ...], auto: bool, rejected: str | None, plot: str | None,
    web: bool, port: int, browser: bool,
) -> None:  # fmt: skip
    """Keep the good micrographs of STAR, by rules given or found.

    Rules of --auto: no rings (evidence below 10); fit resolution, astigmatism, tilt, ice ring, ice thickness, share of
    junk, motion too high; figure of merit, content too low; defocus and number of picks too far off. Limits are 4 to 5
    robust standard deviations from the median, and never near it: a fit resolution is an outlier from 1.4 times the
    median, say. Content is judged where most exposures have some (a median from 0.4): empty ice has more than weak
    particles. Picks of dropped micrographs go with them. Why each one was dropped is said on standard error.

    --web shows a plot of each figure on a page in the browser; limits are dragged on them, exposures looked at, and
    dropped one by one, too. It begins with the limits of --auto, if given, or where an earlier sitting on the same
    micrographs ended: your choice is kept in DIR after every change. "Done" prints the table and ends the job.

    Expressions of --keep may also name defocus (the mean of both, angstroms) and picks (how many there are).

    \b
    Examples:
      spa curate rules --web --auto -d Curated ctf.star > good.star
      spa curate rules --auto --rejected bad.star ctf.star > good.star
      spa curate rules --keep 'rlnCtfMaxResolution < 5' --keep 'rlnDefocusU < 30000' ctf.star
    """
    from spa_plugins.curate_rules import sort

    call.go_with("web", "port", "browser")
    if not (keep or auto or web):
        raise UsageError("no rule: give --keep 'EXPR', --auto or --web")
    tables = run.read_today(star)
    if web:
        from spa_plugins.curate_rules.sitting import by_hand

        sorting = by_hand(run, tables, keep, auto, port, browser)
    else:
        sorting = sort.sort(tables, keep, auto)
    for line in sorting.lines():
        if not run.quiet:
            run.warn(line)
    if plot:
        from spa.plot import figure
        from spa.plot.histograms import histograms
        from spa_plugins.curate_rules.words import label

        labels = {name: label(name) for name in sorting.quantities}
        figure.save(histograms(sorting.quantities, sorting.thresholds(), labels), plot)
    if rejected:
        run.write(sorting.rejected(), rejected)
    run.write(sorting.kept(), output)
    run.summary(sorting.summary())
