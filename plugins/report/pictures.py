"""What a step made, as pictures in the page: its plot, or else slices of its maps and its class averages; its FSC."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.errors import SpaError
from spa.io import mrc
from spa.web import picture
from spa_plugins.report.chain import Step

WIDEST = 1500  # pixels
HEAVIEST = 400_000  # bytes of a picture that goes in as it is
MAPS, CLASSES = 6, 60  # at most so many are shown
_KEPT_OUT = ("half", "mask")


@dataclass(frozen=True)
class Shown:
    """A picture as a ``data:`` address, and its words."""

    address: str
    words: str


def of_step(step: Step) -> list[Shown]:
    """Its plot, or what is seen of the maps and classes in its folder. What cannot be read is left out."""
    if step.place is None or step.record is None:
        return []
    plot = _plot(step)
    return [plot] if plot is not None else [*_maps(step.place), *_classes(step.place)]


def of_file(path: Path, words: str) -> Shown | None:
    """A picture from a file, made smaller where it is large; None where it is none."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    kind = _kind(data)
    if kind in ("image/png", "image/jpeg"):
        data, kind = _lighter(data, kind)
    return Shown(_address(data, kind), words) if kind else None


def _plot(step: Step) -> Shown | None:
    assert step.record is not None and step.place is not None
    name = step.record.get("options", {}).get("plot")
    if not name:
        return None
    for root in (Path(), *step.place.parents):
        if (root / name).is_file():
            return of_file(root / name, f"plot of spa {step.job}")
    return None


def _kind(data: bytes) -> str:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/svg+xml" if b"<svg" in data[:2000] else ""


def _lighter(data: bytes, kind: str) -> tuple[bytes, str]:
    """The same picture, or a JPEG of it in fewer pixels; nothing where it cannot be read."""
    import imagecodecs

    try:
        image = imagecodecs.png_decode(data) if kind == "image/png" else imagecodecs.jpeg8_decode(data)
    except (imagecodecs.PngError, imagecodecs.Jpeg8Error, ValueError):
        return b"", ""
    factor = -(-image.shape[1] // WIDEST)
    if factor == 1 and len(data) <= HEAVIEST:
        return data, kind
    planes = np.moveaxis(np.atleast_3d(image), -1, 0)
    planes = planes[:3] if len(planes) >= 3 else planes[:1]  # transparency is dropped
    small = np.stack([picture.binned(plane, factor) for plane in planes], -1).round().astype(np.uint8)
    return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(small.squeeze()), level=88)), "image/jpeg"


def _maps(folder: Path) -> Iterator[Shown]:
    """Three slices through each map, but half maps and masks."""
    names = [path for path in sorted(folder.glob("*.mrc")) if not path.name.startswith(_KEPT_OUT)]
    shown = 0
    for path in names:
        try:
            if shown == MAPS or (header := mrc.read_header(path)).shape[0] < 8 or len(set(header.shape)) != 1:
                continue
            volume = np.asarray(mrc.read(path).data, np.float32)
        except SpaError:
            continue
        shown += 1
        yield Shown(_png(slices(volume)), f"{path.name}: central slices across z, y and x, and its projection along z")


def slices(volume: np.ndarray) -> np.ndarray:
    """(n, 4n + 12) uint8: central slices across z, y, x on one grey scale, and the projection along z on its own."""
    middle = len(volume) // 2
    cuts = [volume[middle], volume[:, middle], volume[:, :, middle]]
    low, high = np.percentile(np.stack(cuts), [1, 99.8])
    across = [picture.grey(cut, float(low), float(high)) for cut in cuts]
    gap = np.full((len(volume), 4), 255, np.uint8)
    parts = [part for one in [*across, picture.stretched(volume.sum(0))] for part in (one, gap)]
    return np.concatenate(parts[:-1], 1)


def _classes(folder: Path) -> Iterator[Shown]:
    """The class averages of a folder side by side."""
    path = folder / "classes.mrcs"
    try:
        stack = np.asarray(mrc.read(path).data, np.float32) if path.is_file() else np.zeros((0, 0, 0))
    except SpaError:
        return
    if len(stack) and stack.ndim == 3:
        yield Shown(_png(montage(stack[:CLASSES])), f"class averages 1 to {min(len(stack), CLASSES)} of {len(stack)}")


def montage(stack: np.ndarray, across: int = 10) -> np.ndarray:
    """uint8: images in rows of ``across``, each on a grey scale of its own."""
    n, ny, nx = stack.shape
    rows, columns = -(-n // across), min(n, across)
    whole = np.full((rows * (ny + 4) - 4, columns * (nx + 4) - 4), 255, np.uint8)
    for i, image in enumerate(stack):
        y, x = (i // across) * (ny + 4), (i % across) * (nx + 4)
        whole[y : y + ny, x : x + nx] = picture.stretched(image)
    return whole


def _png(image: np.ndarray) -> str:
    factor = -(-image.shape[1] // WIDEST)
    small = picture.binned(image, factor).round().astype(np.uint8)
    return _address(picture.png(small).data, "image/png")


def _address(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
