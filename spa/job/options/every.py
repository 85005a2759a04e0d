"""What any job may have: the table in and out, the folder, the device, threads, seed, a figure, a page."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from spa.gpu.names import FORM

Body = TypeVar("Body", bound=Callable[..., Any])

# Options that do not change the result: they are not compared on --resume, and not part of a table's history.
NEUTRAL = frozenset({"threads", "resume", "strict", "quiet", "verbose", "output", "plot", "star", "port", "browser"})
STANDARD = frozenset({"device", "threads", "resume", "strict", "quiet", "verbose"})


class InputFile(click.ParamType):
    """A file that the job reads beside its table: recorded in job.json; status 66 when it is not there."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        return click.Path().shell_complete(ctx, param, incomplete)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "FILE"


class InputTable(InputFile):
    """The same where - is standard input."""


INPUT_FILE, INPUT_TABLE = InputFile(), InputTable()


def _device(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not FORM.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not cpu, cuda, cuda:N or cuda:N,M", ctx, param)
    return value


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


star_in = click.argument("star", default="-", metavar="[STAR]", type=click.Path())
star_out = click.option(
    "-o", "--output", default="-", metavar="STAR", type=click.Path(), show_default="standard output",
    help="Where the table goes.",
)  # fmt: skip
outdir = click.option(
    "-d", "--outdir", required=True, metavar="DIR", type=click.Path(),
    help="Folder for the files that the job makes, and job.json.",
)  # fmt: skip
seed = click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of everything that is drawn."
)
plot = click.option("--plot", metavar="PNG", type=click.Path(), help="Draw a figure of the result (extra: plot).")
rejected = click.option("--rejected", metavar="STAR", type=click.Path(), help="Where the rows that are left out go.")


def least_first(ctx: click.Context, param: click.Parameter, value: tuple[float, float]) -> tuple[float, float]:
    """The callback of options that are a range."""
    if value[0] > value[1]:
        raise click.BadParameter(f"{value[0]:g} {value[1]:g}: the least comes first", ctx, param)
    return value


# Where a job computes (the ``devices`` of ``spa.job.run.job``): how --device reads in its help.
DEVICES = {
    "": ("cpu", "Where to compute: this job has no CUDA kernels."),
    "one": ("cpu|cuda[:N]", "Where to compute."),
    "several": ("cpu|cuda[:N[,M...]]", "Where to compute; several devices share the work."),
}


def standard(body: Body) -> Body:
    """--device, --threads, --resume, --strict, -q, -v; above ``job``, which tells the devices."""
    form, where = DEVICES[getattr(body, "devices", "")]
    for option in (
        click.option("-v", "--verbose", is_flag=True, help="Say more on standard error."),
        click.option("-q", "--quiet", is_flag=True, help="No progress and no summary on standard error."),
        click.option("--strict", is_flag=True, help="Stop at the first bad item, instead of leaving it out."),
        click.option("--resume", is_flag=True, help="Go on with what an earlier, stopped run left in the outdir."),
        click.option("--threads", type=click.IntRange(min=1), default=cores, show_default="all cores",
                     help="Threads to use; the result does not depend on it."),
        click.option("--device", default="cpu", show_default=True, metavar=form, callback=_device, help=where),
    ):  # fmt: skip
        body = option(body)
    return body


def page(body: Body) -> Body:
    """--port, --browser: of a page in a browser."""
    for option in (
        click.option("--browser/--no-browser", default=True, show_default=True,
                     help="Open the page in a browser, where there is a screen."),
        click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="a free one",
                     help="Port of the page, on this machine's loopback."),
    ):  # fmt: skip
        body = option(body)
    return body


def by_hand(body: Body) -> Body:
    """--web, --outdir, --port, --browser: of a choice that may be made on a page, too."""
    folder = click.option(
        "-d", "--outdir", metavar="DIR", type=click.Path(), show_default="Choices",
        help="With --web: folder where your choice is kept as you make it.",
    )  # fmt: skip
    web = click.option("--web", is_flag=True, help="Choose on a page in the browser (extra: web).")
    return web(folder(page(body)))
