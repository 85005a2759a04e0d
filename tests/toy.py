"""Cheap jobs for tests of the host in real processes: one slow, one with a bug, one that prints much."""

import time

import click

from spa.job import options
from spa.job.run import Run, job
from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> list[Job]:
    return [Job("toy slow", "Works slowly.", "toy:slow"), Job("toy bug", "Has a bug.", "toy:bug"),
            Job("toy flood", "Prints much.", "toy:flood"), Job("toy lost", "Has no target.", "toy:nowhere"),
            Job("toy absent", "Needs a package.", "toy_absent:command")]  # fmt: skip


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@click.option("--seconds", default=0.2)
@job("toy slow")
def slow(run: Run, star: str, output: str, seconds: float) -> None:
    """Sleep a little over each micrograph and leave a file."""
    tables = run.read(star)
    names = tables["micrographs"].listed("rlnMicrographName")

    def work(name: str) -> dict[str, object]:
        time.sleep(seconds)
        file = run.outdir / f"{name}.txt"  # type: ignore[operator]
        file.write_text(f"{run.rng(name).random()}\n")
        return {"file": str(file), "draw": run.rng(name).random()}

    draws = [result["draw"] for _, result in run.each(names, work, str, "micrograph")]
    run.write(tables.with_block("micrographs", tables["micrographs"].with_columns(spaDraw=draws)), output)


@click.command()
@options.standard
@job("toy bug")
def bug(run: Run) -> None:
    """Divide by zero."""
    print(1 // 0)


@click.command()
@options.standard
@job("toy flood")
def flood(run: Run) -> None:
    """Print a hundred thousand lines."""
    for number in range(100_000):
        print(number)
