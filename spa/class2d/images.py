"""What classification asks of its images; `spa.refine.data.Images` has it."""

from typing import Any, Protocol

import numpy as np

from spa.image.disc import Disc


class Images(Protocol):
    """All images of one box.

    planes (n, 2, K) float32 coefficients of the band, in memory or in a file; group (n,) whose noise is
    whose.
    """

    band: Disc
    planes: Any
    group: np.ndarray

    def __len__(self) -> int: ...

    def ctf(self, rows: np.ndarray, count: int) -> np.ndarray:
        """(n, count) float32 of rows at the first `count` coefficients."""
        ...
