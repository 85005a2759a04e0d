"""Polishing: particles' tracks over the frame, and what each frame is worth."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_KNOWN, _FOUND = "#b8c4d0", "#2b6ca3"
_LENGTH = 0.06  # of the frame's width, for the longest track


def overview(
    name: str, shape: tuple[int, int], places: np.ndarray, known: np.ndarray, own: np.ndarray,
    kinds: list[tuple[np.ndarray, Any]],
) -> "Figure":  # fmt: skip
    """places (p, 2) pixels of a frame of a shape (ny, nx); known, own (p, n, 2) angstroms: the motion that was known,
    and what particles do beside it; kinds: numbers of frames, and an object with their scale (n,) and bfactor (n,)."""
    figure = open_figure(12, 4.6)
    left, middle, right = figure.subplots(1, 3)
    common = known.mean(axis=0)
    apart = known - common, known + own - common
    longest = max(float(np.hypot(*np.moveaxis(apart[1], -1, 0)).max()), 0.1)
    scale = _LENGTH * shape[1] / longest
    for place, first, second in zip(places, *apart):
        left.plot(*(place + scale * first).T, color=_KNOWN, lw=1.6)
        left.plot(*(place + scale * second).T, color=_FOUND, lw=0.9)
        left.plot(*(place + scale * second[-1]), ".", color=_FOUND, ms=2)
    left.set(title=f"{name}\nmotion beside the frame's, longest {longest:.1f} Å", xticks=[], yticks=[],
             xlim=(0, shape[1]), ylim=(shape[0], 0), aspect="equal")  # fmt: skip
    for frames, one in kinds:
        middle.plot(frames, one.scale, "o-", ms=3, color=_FOUND)
        right.errorbar(frames, one.bfactor, one.errors[:, 1], fmt="o-", ms=3, lw=1, color=_FOUND)
    middle.set(xlabel="frame", ylabel="scale", ylim=(0, None))
    right.set(xlabel="frame", ylabel="B-factor (Å²)")
    return figure
