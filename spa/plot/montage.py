"""Class averages side by side, with their sizes and resolutions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.plot.figure import bare, open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE = 1.25  # inches of one average
_ACROSS = 10


def montage(images: np.ndarray, titles: Sequence[str], kept: np.ndarray | None = None) -> "Figure":
    """Images (n, box, box), ten a row, each in its own grey scale; kept (n,) bool frames them green or crosses them."""
    across = min(_ACROSS, max(1, len(images)))
    down = -(-len(images) // across)
    figure = open_figure(_SIDE * across, (_SIDE + 0.22) * down)
    axes = figure.subplots(down, across, squeeze=False)
    bare(*axes.ravel())
    for number, (image, title) in enumerate(zip(images, titles)):
        axis = axes[number // across][number % across]
        low, high = np.percentile(image, [0.5, 99.8])
        axis.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), interpolation="nearest")
        axis.set_title(title, fontsize=6, pad=2)
        if kept is not None:
            _mark(axis, bool(kept[number]), image.shape)
    return figure


def _mark(axis: Any, kept: bool, shape: tuple[int, ...]) -> None:
    """A frame: green for what is kept, red for what is not."""
    for spine in axis.spines.values():
        spine.set_visible(True)
        spine.set_linewidth(1.6)
        spine.set_color("#2a9d3a" if kept else "#c8352b")
    if not kept:
        axis.plot([0, shape[1] - 1], [shape[0] - 1, 0], color="#c8352b", linewidth=0.6)
