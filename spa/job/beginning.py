"""What the whole process does otherwise once its modules are loaded and a job's work begins."""

import gc
import signal

from spa.job import memory


def work() -> None:
    """An interrupt is raised where the process is: before, the host ends it at once. Garbage is collected, where the
    host put that off, and memory is used again."""
    if getattr(signal.getsignal(signal.SIGINT), "until_work", False):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not gc.isenabled():  # what has been loaded stays: no collection looks at it again
        gc.freeze()
        gc.enable()
        memory.reuse()
