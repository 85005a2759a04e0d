"""Opening and saving figures; matplotlib is imported here and in this package's figures alone, inside functions."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spa.errors import DeviceError, WriteError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE: dict[Any, Any] = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10,
         "legend.frameon": False, "image.cmap": "gray", "svg.hashsalt": "spa"}  # fmt: skip


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


def save(figure: "Figure", path: str | os.PathLike[str], dpi: int = 110) -> None:
    """Write a figure whole; the format is what the name ends in (PNG if nothing). Equal figures are equal bytes."""
    target = Path(path)
    part = target.with_name(target.name + ".part")
    kind = target.suffix[1:].lower() or "png"
    stamp = {"png": {"Software": "spa"}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind, {})
    try:
        figure.savefig(part, dpi=dpi, format=kind, metadata=stamp)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise WriteError(f"{target}: {error.strerror}") from None
    except ValueError as error:
        part.unlink(missing_ok=True)
        raise WriteError(f"{target}: {error}") from None
