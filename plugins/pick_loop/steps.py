"""One step of the loop: a job of spa as a child process, with tables between them."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from spa.errors import DataError, SpaError, Stopped
from spa.job.run import Run


def step(run: Run, folder: Path, output: Path, *words: object, resumable: bool = True) -> Path:
    """Run ``spa WORDS -o output`` unless an earlier run did; gives the output.

    With --resume what stands is kept, and a job that was stopped goes on. SpaError with what the job said, where it
    fails; a job that left items out (status 1) has done its work, and what it said is passed on.
    """
    run.checkpoint()
    if run.resume and output.exists():
        return output
    line = [*map(str, words), "-o", str(output), "--threads", str(run.threads)]
    if run.resume and resumable:
        line.append("--resume")
    with open(folder / "steps.txt", "a") as kept:
        kept.write(f"spa {shlex.join(line)}\n")
    run.note(f"{folder.name}: spa {line[0]} {line[1]} ...")
    status, said = _child(run, [sys.executable, "-m", "spa.cli", *line])
    lines = [text for text in said.splitlines() if text.strip()]
    if status not in (0, 1):
        raise _failure(status, lines[-1] if lines else f"spa {line[0]} {line[1]} ended with status {status}")
    if status == 1:
        for text in lines[:-1]:
            run.warn(text)
    if lines:
        run.note(f"{folder.name}: {lines[-1].removeprefix('spa ')}")
    return output


def _child(run: Run, words: list[str]) -> tuple[int, str]:
    """Status and standard error of a process; a SIGTERM to this one is passed on."""
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                             stdin=subprocess.DEVNULL, env={**os.environ})  # fmt: skip
    try:
        while True:
            try:
                _, said = child.communicate(timeout=0.5)
                return child.returncode, said
            except subprocess.TimeoutExpired:
                if run.terminated.asked and child.poll() is None:
                    child.send_signal(signal.SIGTERM)
    except BaseException:
        child.kill()
        child.wait()
        raise


def _failure(status: int, text: str) -> SpaError:
    """The error that has this exit status."""
    kinds = {kind.status: kind for kind in SpaError.__subclasses__()}
    return kinds.get(status, Stopped if status == 75 else DataError)(text.removeprefix("spa "))
