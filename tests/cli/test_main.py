"""Arguments in, status out."""

import errno
import os
import subprocess
import sys

import click
import pytest

from spa import __version__, errors
from spa.testing import run_command, run_spa


def raising(error: BaseException) -> click.Command:
    @click.command(name="it")
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UsageError("why"), 2), (errors.DataError("why"), 65), (errors.MissingInput("why"), 66),
        (errors.DeviceError("why"), 69), (errors.WriteError("why"), 73), (errors.ReadError("why"), 74),
        (errors.Stopped("why"), 75), (FileNotFoundError(errno.ENOENT, "why", "f"), 66),
        (OSError(errno.ENOSPC, "why", "f"), 73), (PermissionError(errno.EACCES, "why", "f"), 74),
        (OSError(errno.ENOSPC, "why"), 73), (MemoryError("why"), 69),
        (click.UsageError("why"), 2), (click.ClickException("why"), 1),
    ],
)  # fmt: skip
def test_errors_are_one_line_and_a_status(error: Exception, status: int) -> None:
    result = run_command(raising(error))
    assert result.status == status and result.stdout == "" and "why" in result.stderr
    assert "Traceback" not in result.stderr and result.stderr.rstrip().count("\n") == (
        3 if isinstance(error, click.UsageError) else 0
    )


def test_bugs_show_where_they_are() -> None:
    result = run_command(raising(ZeroDivisionError("why")))
    assert result.status == 70 and "Traceback" in result.stderr and "this is a bug" in result.stderr


def test_interrupts_and_pipes() -> None:
    assert run_command(raising(KeyboardInterrupt())).status == 130
    broken = run_command(raising(BrokenPipeError(errno.EPIPE, "why")))
    assert broken.status == 141 and broken.stderr == ""


def test_version() -> None:
    assert run_spa("--version").stdout == f"spa {__version__}\n"


def test_help_names_every_job() -> None:
    listed = run_spa("--help").stdout
    for words in ("pick blob", "refine homo", "star cat", "doctor", "completion"):
        assert words in listed
    assert "manpages" not in listed
    assert "blob" in run_spa("pick", "--help").stdout
    assert run_spa("pick", "-h").status == 0


def test_completion_scripts_of_three_shells() -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_SPA_COMPLETE" in run_spa("completion", shell).stdout
    assert run_spa("completion", "csh").status == 2


def completed(line: str) -> list[str]:
    words = line.split(" ")
    environment = {
        **os.environ,
        "_SPA_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    ran = subprocess.run([sys.executable, "-m", "spa.cli"], env=environment, capture_output=True, text=True, check=True)
    return [entry.partition(",")[2] for entry in ran.stdout.split()]


def test_completion() -> None:
    assert completed("spa pi") == ["pick"]
    assert completed("spa pick bl") == ["blob"]
    assert "doctor" in completed("spa ")


def test_doctor() -> None:
    report = run_spa("doctor")
    for words in ("cores", "memory", "FFT", "BLAS", "refine homo", "numba cache", "matplotlib", "plugins"):
        assert words in report.stdout
    assert report.status == 0


def test_plugins_lists_jobs_with_their_owners() -> None:
    listed = run_spa("plugins")
    assert f"pick-blob\tspa {__version__}\tok\n  spa pick blob\tPick particles by size.\n" in listed.stdout
    assert listed.status == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pik blob", "Is pick meant?"), ("pick blb", "Is blob meant?"), ("refine hommo", "Is homo meant?"),
        ("homo", "Is refine homo meant?"), ("docter", "Is doctor meant?"), ("xyzzy", "No such command 'xyzzy'.\n"),
        ("pick blob --diametr 3 4", "--diameter"),
    ],
)  # fmt: skip
def test_a_slip_of_the_keys_is_told_what_is_near(line: str, said: str) -> None:
    result = run_spa(*line.split())
    assert result.status == 2 and result.stdout == "" and said in result.stderr, result.stderr
