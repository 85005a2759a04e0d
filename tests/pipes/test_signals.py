"""What signals do to a job in a real process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.usefixtures("table")


def started(environment: dict[str, str], folder: Path, *more: str) -> "subprocess.Popen[str]":
    """A slow job, after two of its items at least are done."""
    words = ["spa", "toy", "slow", "in.star", "-d", "out", "--threads", "2", "-o", "out.star", *more]
    process = subprocess.Popen(
        words, env=environment, cwd=folder, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # not ignored
    )  # fmt: skip
    journal = folder / "out" / "journal.jsonl"
    for _ in range(1000):
        if journal.exists() and journal.read_bytes().count(b"\n") >= 2:
            return process
        time.sleep(0.02)
    raise AssertionError("the job does not get on")


def undisturbed(shell: Shell) -> str:
    """The table of the whole run, made in the same outdir, which is then put away."""
    whole = shell("spa toy slow in.star -d out --threads 2 && mv out whole")
    assert whole.returncode == 0, whole.stderr
    return whole.stdout


def resumed(shell: Shell, tmp_path: Path) -> str:
    before = (tmp_path / "out" / "journal.jsonl").read_bytes().count(b"\n")
    assert before < 12 and not (tmp_path / "out.star").exists()
    result = shell("spa toy slow in.star -d out --threads 2 --resume")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "journal.jsonl").read_bytes().count(b"\n") == 12  # nothing was done twice
    assert shell("cd out && for f in m*.txt; do cmp $f ../whole/$f || exit 1; done; ls | wc -l").stdout == "15\n"
    return result.stdout


def test_kill_9_and_resume_give_the_bytes_of_the_undisturbed_run(
    shell: Shell, environment: dict[str, str], tmp_path: Path
) -> None:
    whole = undisturbed(shell)
    process = started(environment, tmp_path)
    process.kill()
    process.communicate()
    assert resumed(shell, tmp_path) == whole


def test_sigterm_ends_at_a_checkpoint_with_75(shell: Shell, environment: dict[str, str], tmp_path: Path) -> None:
    whole = undisturbed(shell)
    process = started(environment, tmp_path)
    process.terminate()
    _, said = process.communicate()
    assert process.returncode == 75 and "--resume" in said
    assert json.loads((tmp_path / "out" / "job.json").read_text())["state"] == "unfinished"
    assert resumed(shell, tmp_path) == whole


def test_interrupt_is_130_and_leaves_no_traceback(environment: dict[str, str], tmp_path: Path) -> None:
    process = started(environment, tmp_path, "--seconds", "0.4")
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130 and said == "spa toy slow: interrupted; the same command with --resume goes on\n"


def test_a_job_without_outdir_is_stopped_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        ["spa", "toy", "flood"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "0\n"
    process.terminate()
    _, said = process.communicate()
    assert process.returncode == 75 and "SIGTERM" in said


def test_a_signal_after_the_work_does_not_change_the_status(environment: dict[str, str], tmp_path: Path) -> None:
    code = "import atexit, sys, time; atexit.register(time.sleep, 2); sys.argv[1:] = ['--version']; " \
           "from spa.cli.main import main; main()"  # fmt: skip
    for late in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline().startswith(b"spa")
            time.sleep(0.5)
            process.send_signal(late)
        assert process.returncode == 0


@pytest.mark.parametrize("module", ["click", "spa.job.run", "numpy"])
def test_an_interrupt_while_modules_are_loaded_is_one_line(module: str, environment: dict[str, str]) -> None:
    code = (
        "import os, signal, sys\nfrom spa.cli.start import main\nclass Now:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Now())\nsys.argv[1:] = ['toy', 'slow', 'in.star', '-d', 'out']\nmain()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "spa: interrupted\n")
