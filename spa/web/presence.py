"""Whether anybody still looks at a page: for jobs that end when it is closed."""

import threading
import time
from typing import Any

PATIENCE = 3.0  # seconds in which a page that was left may come again: it is being loaded anew


class Presence:
    """Counts the pages that are open."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._open, self._left = 0, 0.0
        self._lock = threading.Lock()

    def came(self, _: Any) -> int:
        """A page was opened."""
        with self._lock:
            self._open += 1
            return self._open

    def left(self, _: Any) -> int:
        """A page was closed."""
        with self._lock:
            self._open, self._left = max(0, self._open - 1), time.monotonic()
            return self._open

    def over(self) -> bool:
        """Whether there were pages, and for a while now there is none."""
        with self._lock:
            return not self._open and self._left > 0 and time.monotonic() - self._left > self.patience
