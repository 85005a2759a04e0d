"""Frames on a device, as they come, corrected, and made small: the twin of `spa.motion.bad` and `spa.motion.frames`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from spa.gpu.array import Array
from spa.motion.bad import Filling
from spa.motion.frames import LEVELS, lowpass_taps
from spa.motion.whole import window

SOURCE = Path(__file__).with_name("frames.cu")
THREADS, PARTS = 256, 256
KINDS = {np.dtype(one): np.int32(kind) for kind, one in enumerate((np.uint8, np.int8, np.uint16, np.int16, np.float32))}


def kind_of(dtype: np.dtype) -> np.dtype:
    """The type in which pixels of a type go to a device: their own where kernels read it, or float32."""
    return dtype if dtype in KINDS else np.dtype(np.float32)


def _over(size: int) -> tuple[int, int]:
    return -(-size // THREADS), 1


def added(raw: Array, total: Array) -> None:
    """total (ny, nx) float32 += a frame as it comes."""
    total.device.run(SOURCE, "add_raw", _over(total.size), THREADS, raw, KINDS[raw.dtype], np.int32(total.size), total)


def corrected(raw: Array, gain: Array | None, filling: Filling, places: Array | None, number: int) -> Array:
    """A frame (ny, nx) float32: gain applied, bad pixels (at places) filled as `Filling.corrected` does."""
    device, out = raw.device, raw.device.empty(*raw.shape)
    device.run(SOURCE, "gained", _over(out.size), THREADS, raw, KINDS[raw.dtype], gain, np.int32(out.size), out)
    if places is not None:
        sources = device.array(filling.sources(number), np.int32)
        device.run(SOURCE, "filled", _over(places.size), THREADS, places, sources, np.int32(places.size), out)
    return out


def reduced(images: Iterable[Array], count: int, factor: int) -> Array:
    """(count, ny // factor, nx // factor) int8: of so many frames (ny, nx) one after another."""
    source: Iterator[Array] = iter(images)
    first = next(source)
    small, taps = (size // factor for size in first.shape), first.device.array(lowpass_taps(factor))
    out = first.device.empty(count, *small, dtype=np.int8)
    _rounded(first, taps, factor, out.rows(0, 1))
    for number, image in enumerate(source, 1):
        _rounded(image, taps, factor, out.rows(number, number + 1))
    return out


def _rounded(image: Array, taps: Array, factor: int, out: Array) -> None:
    """Rows are small between the passes, columns after both."""
    device, (ny, nx), (_, my, mx) = image.device, image.shape, out.shape
    small = image
    if factor > 1:
        words, blocks = (taps, np.int32(taps.size), np.int32(factor)), -(-mx // THREADS)
        rows, small = device.empty(ny, mx), device.empty(my, mx)
        sizes = (np.int32(ny), np.int32(nx), np.int32(mx))
        device.run(SOURCE, "along_x", (blocks, ny), THREADS, image, *words, *sizes, rows)
        sizes = (np.int32(ny), np.int32(my), np.int32(mx))
        device.run(SOURCE, "along_y", (blocks, my), THREADS, rows, *words, *sizes, small)
    used, blocks = -(-my // 3), min(PARTS, -(-my // 3))
    parts = device.empty(blocks, 2, dtype=np.float64)
    device.run(SOURCE, "moments", (blocks, 1), THREADS, small, np.int32(my), np.int32(3), np.int32(mx), parts)
    device.run(
        SOURCE, "rounded", (min(-(-my * mx // THREADS), 1024), 1), THREADS, small, parts, np.int32(blocks),
        np.int32(used * mx), np.float32(LEVELS), np.int32(my * mx), out,
    )  # fmt: skip


def shrunk(frames: Array, parts: list[np.ndarray], factor: int) -> np.ndarray:
    """The twin of `spa.motion.whole.sums_of`: frames (n, my, mx) int8 on the device, small images on the host."""
    _, my, mx = frames.shape
    (ny, nx), first = window((my, mx), factor)
    out = frames.device.empty(len(parts), ny, nx)
    bounds = frames.device.array(np.array([*(part[0] for part in parts), parts[-1][-1] + 1]), np.int32)
    words = map(np.int32, (my, mx, *first, factor, ny, nx, len(parts)))
    frames.device.run(SOURCE, "shrunk", (-(-ny * nx // THREADS), len(parts)), THREADS, frames, bounds, *words, out)
    return out.get()
