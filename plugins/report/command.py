"""The command: folders of jobs in, one HTML file out."""

import sys

import click

from spa.errors import UsageError
from spa.job import options
from spa.job.run import Run, job


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@click.option("-o", "--output", default="-", metavar="HTML", type=click.Path(), show_default="standard output",
              help="Where the report goes.")  # fmt: skip
@options.standard
@click.option("--title", metavar="TEXT", show_default="the name of the folder that the chain is in",
              help="Of the report.")
@job("report")
def report(run: Run, paths: tuple[str, ...], output: str, title: str | None) -> None:
    """A chain of jobs as one HTML file: the graph of its steps, what each was asked and what it found.

    A PATH is the folder of a job (with job.json), a folder of such folders, a table that jobs printed, or a picture
    (PNG, JPEG, SVG) that is to stand at the end.  The steps that led there are followed back through the history of
    tables, and their folders are looked for beside the ones named.  Each step shows its command, the options that are
    not the defaults, what it said, its time and memory, its plot if one was drawn, and its maps, class averages and
    FSC.  A step whose folder is gone or holds other work is shown by its command alone, and said.  The file needs no
    network and no other file.
    """
    from spa.io.whole import whole
    from spa_plugins.report import chain, page, spelling
    from spa_plugins.report.sources import found

    if output == "-" and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError("a page of HTML on a terminal: name a file with -o, or redirect standard output")
    sources = found(paths)
    steps = chain.steps(sources.trails, spelling.job_of)
    for step in steps:
        step.attach(sources.records)
    text = page.document(steps, sources.pictures, title or sources.name, spelling.options_of)
    if output == "-":
        click.echo(text, nl=False)
    else:
        with whole(output) as part:
            part.write_text(text, encoding="utf-8")
    missing = [step for step in steps if step.folder and step.record is None]
    for step in missing:
        run.warn(f"step {step.number}, spa {step.job}: {step.folder} is gone or holds other work")
    run.summary(f"{len(steps)} steps, {len(text) / 2**20:.1f} MiB")
