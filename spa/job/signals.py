"""SIGTERM: a job with an outdir stops at its next checkpoint, any other at once."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from spa.errors import Stopped


class Terminated:
    """Whether SIGTERM has come."""

    def __init__(self, immediate: bool) -> None:
        self.asked = False
        self.immediate = immediate

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.immediate or self.asked:
            raise Stopped("stopped by SIGTERM")
        self.asked = True

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear SIGTERM while a job runs; a second one stops it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
