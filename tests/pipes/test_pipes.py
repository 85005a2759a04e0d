"""What a shell sees: pipes, statuses, standard output and standard error."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


def test_broken_pipe_is_quiet(shell: Shell) -> None:
    result = shell("spa toy flood | head -1; echo ${PIPESTATUS[0]}")
    assert result.stdout == "0\n141\n" and result.stderr == ""
    result = shell("spa --help | true; echo ${PIPESTATUS[0]}")
    assert result.stdout in ("0\n", "141\n") and result.stderr == ""


def test_broken_pipe_of_a_table(shell: Shell, tmp_path: Path) -> None:
    rows = "".join(f"m{n:06d} 1.5\n" for n in range(100_000))
    (tmp_path / "big.star").write_text(f"data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnX #2\n{rows}")
    result = shell("spa star cat big.star | head -1; echo ${PIPESTATUS[0]}")
    assert result.stdout.splitlines()[1] == "141" and result.stderr == ""
    bare = shell("spa star cat big.star | head -1; echo ${PIPESTATUS[0]}", PYTHONUNBUFFERED="1")
    assert bare.stdout.splitlines()[1] == "141" and bare.stderr == ""


def test_full_disk(shell: Shell) -> None:
    result = shell("spa toy flood > /dev/full")
    assert result.returncode == 73 and result.stderr == "spa: standard output: No space left on device\n"


def test_failed_upstream_does_not_become_an_empty_result(shell: Shell, tmp_path: Path) -> None:
    result = shell("spa star cat nowhere.star | spa toy slow -d out; echo ${PIPESTATUS[@]}")
    assert result.stdout == "66 65\n"
    first, second = result.stderr.splitlines()
    assert first == f"spa star cat: nowhere.star: no such file in {tmp_path}"
    assert second == "spa toy slow: standard input: empty; the command before it in the pipe gave nothing"


def test_a_bug_shows_its_traceback(shell: Shell) -> None:
    result = shell("spa toy bug")
    assert result.returncode == 70 and "ZeroDivisionError" in result.stderr and result.stdout == ""


def test_jobs_that_cannot_be_loaded(shell: Shell) -> None:
    absent = shell("spa toy absent")
    assert (
        absent.returncode == 69 and absent.stderr == "spa toy absent: cannot be loaded: No module named 'toy_absent'\n"
    )
    assert shell("spa toy lost").returncode == 70
    check = shell("spa plugins --check")
    assert check.returncode == 1
    assert check.stdout.count("broken: ") >= 2 and "No module named 'toy_absent'" in check.stdout


def test_usage(shell: Shell) -> None:
    for line in ("spa nothing", "spa toy nothing", "spa toy slow", "spa toy", "spa", "spa toy slow -d x --threads 0"):
        result = shell(line)
        assert result.returncode == 2 and result.stdout == "" and "Traceback" not in result.stderr, line
    assert "No such command 'nothing'" in shell("spa toy nothing").stderr


def test_threads_give_the_same_bytes(shell: Shell, table: Path) -> None:
    one = shell("spa toy slow in.star -d out --seconds 0 --threads 1")
    assert one.returncode == 0 and one.stdout == shell("spa toy slow in.star -d out --seconds 0 --threads 4").stdout


def test_two_steps_in_a_pipe_leave_two_lines_of_history(shell: Shell, table: Path) -> None:
    result = shell("spa toy slow in.star -d a --seconds 0 | spa toy slow -d b --seconds 0 | grep '^# spa: '")
    assert result.returncode == 0, result.stderr
    first, second = result.stdout.splitlines()
    assert first.endswith("--outdir a --device cpu --seconds 0.0 in.star") and second.endswith(
        "--outdir b --device cpu --seconds 0.0 -"
    )


def test_progress_is_for_terminals_alone(shell: Shell, table: Path) -> None:
    plain = shell("spa toy slow in.star -d out --seconds 0 > /dev/null")
    assert plain.stderr == ""
    terminal = shell("script -qec 'stty rows 24 cols 90; spa toy slow in.star -d out --seconds 0 -o o.star' /dev/null")
    assert "12/12" in terminal.stdout
    quiet = shell("script -qec 'stty rows 24 cols 90; spa toy slow in.star -d out --seconds 0 -o o.star -q' /dev/null")
    assert quiet.stdout == ""


def test_a_terminal_on_standard_input_is_a_usage_error(shell: Shell) -> None:
    result = shell("script -qec 'spa toy slow -d out' /dev/null")
    assert result.returncode == 2 and "name a STAR file, or pipe one in" in result.stdout


def test_a_closed_standard_output(shell: Shell, table: Path) -> None:
    result = shell("spa toy slow in.star -d out --seconds 0 >&-")
    assert result.returncode == 73 and result.stderr == "spa: standard output: closed\n"
    assert shell("spa toy slow in.star -d out --seconds 0 -o out.star >&-").returncode == 0


@pytest.mark.usefixtures("table")
def test_jobs_of_one_pipe_may_share_a_folder(shell: Shell) -> None:
    """The second waits until the first, whose table it has, has ended."""
    result = shell("set -o pipefail; spa toy slow in.star -d out | spa toy slow -d out")
    assert result.returncode == 0, result.stderr
