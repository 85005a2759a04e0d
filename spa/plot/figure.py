"""Opening and saving figures; matplotlib is imported here and in this package's figures alone, inside functions."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spa.errors import DeviceError, WriteError
from spa.io.whole import whole
from spa.io.written import MARK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE: dict[Any, Any] = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10,
         "legend.frameon": False, "image.cmap": "gray", "svg.hashsalt": "spa"}  # fmt: skip

# What savefig is told to write beside the picture, for each format: no clock, and whose it is.
STAMPS: dict[str, dict[str, Any]] = {
    "png": {"metadata": {"Software": "spa", "Comment": MARK}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": MARK}}, "svg": {"metadata": {"Date": None, "Creator": MARK}},
    "eps": {"metadata": {"Creator": MARK}}, "ps": {"metadata": {"Creator": MARK}},
    "jpg": {"pil_kwargs": {"comment": MARK}}, "jpeg": {"pil_kwargs": {"comment": MARK}},
    "tif": {"pil_kwargs": {"software": MARK}}, "tiff": {"pil_kwargs": {"software": MARK}},
}  # fmt: skip


def open_figure(width: float = 8.0, height: float = 6.0) -> "Figure":
    """An empty figure, width x height in inches, drawn without a display.

    Raises DeviceError when matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise DeviceError("--plot needs matplotlib: pip install 'spa[plot]'") from None
    matplotlib.rcParams.update(STYLE)
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def bare(*pictures: Any) -> None:
    """Axes (matplotlib's) of pictures: no ticks, and no frame beside them; a label there stays."""
    for axes in pictures:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)


def save(figure: "Figure", path: str | os.PathLike[str], dpi: int = 110) -> None:
    """Write a figure whole; the format is what the name ends in (PNG if nothing). Equal figures are equal bytes."""
    target = Path(path)
    kind = target.suffix[1:].lower() or "png"
    with whole(target) as part:
        try:
            figure.savefig(part, dpi=dpi, format=kind, **STAMPS.get(kind, {}))
        except ValueError as error:
            raise WriteError(f"{target}: {error}") from None
