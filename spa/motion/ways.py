"""Who computes the heavy parts of a movie: this processor, or a device's twins (`spa.motion.ways_cuda`)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.motion import frames, patches, power, sums, whole


@dataclass(frozen=True)
class Ways:
    """Frames are arrays where the work is done: reduced (frames (ny, nx), factor) gives int8 frames (n, my, mx), which
    shrunk (`whole.sums_of`) and cut (`patches.cut`) take; groups, sums and spectrum make what they are named after."""

    reduced: Callable[[Iterable[Any], int, int], Any]
    shrunk: Callable[..., np.ndarray]
    groups: Callable[..., Any]
    cut: Callable[[Any, patches.Layout], patches.Patches]
    sums: Callable[..., Any]
    spectrum: Callable[..., Any]


HOST = Ways(frames.reduced, whole.sums_of, whole.Groups, patches.cut, sums.Sums, power.Spectrum)
