"""The program's first step. Until a job begins its work, an interrupt ends the process at once, with a line."""

import contextlib
import gc
import os
import signal
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130


def _end(number: int, frame: FrameType | None) -> None:
    """Not by an exception: that would come out of whatever module is being loaded, or be lost in it."""
    with contextlib.suppress(OSError):
        os.write(2, b"spa: interrupted\n")
    os._exit(INTERRUPTED)


_end.until_work = True  # type: ignore[attr-defined] # `spa.job.beginning` looks for it


def main() -> NoReturn:
    """The console script."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    gc.disable()  # while modules are loaded, which leaves no garbage: a job's Run enables it before the work
    from spa.cli.main import main as program

    program()
