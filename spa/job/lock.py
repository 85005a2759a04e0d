"""One job at a time in a folder."""

import fcntl
import os
import time
from pathlib import Path

from spa.errors import WriteError

PATIENCE = 20.0  # seconds: the job before this one in a pipe has printed its table, and may not have ended yet


def held(folder: Path | None) -> int:
    """A descriptor of the folder, locked until it is closed or the process ends, however it does; -1 of no folder.

    WriteError where another job is at work in it for longer than a pipe's jobs need to follow each other. Where a file
    system knows no locks there are none.
    """
    if folder is None:
        return -1
    descriptor = os.open(folder, os.O_RDONLY)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(descriptor)
                raise WriteError(f"{folder}: another job of spa is at work in it; give this one an --outdir of its "
                                 "own") from None  # fmt: skip
            time.sleep(0.05)
        except OSError:
            return descriptor


def leave(descriptor: int) -> None:
    """Let others in; -1: nothing was held."""
    if descriptor >= 0:
        os.close(descriptor)
