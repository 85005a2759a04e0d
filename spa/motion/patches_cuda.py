"""Patches of frames on a device: the twin of `spa.motion.patches`."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from spa.gpu import fft
from spa.gpu.array import Array
from spa.motion.patches import Layout

SOURCE = Path(__file__).with_name("patches.cu")
THREADS = 128
SHARE = 6  # of the memory that is free: boxes and their spectra take at most a sixth at once


@dataclass(frozen=True, eq=False)
class Held:
    """Patches on a device: spectra (p, n, rows, columns); own (p, rows, columns): the frames' own power."""

    at: Layout
    spectra: Array
    own: Array

    @cached_property
    def _names(self) -> tuple[Array, Array]:
        return self.spectra.device.array(self.at.kx), self.spectra.device.array(self.at.ky)

    def totals(self, moved: np.ndarray, ends: np.ndarray) -> Array:
        p, _, rows, columns = self.spectra.shape
        out = self.spectra.device.empty(p, rows, columns, dtype=np.complex64)
        self._run("totals", (-(-rows * columns // THREADS), p), moved, ends, out)
        return out

    def common(self, moved: np.ndarray, ends: np.ndarray, parts: list[slice]) -> tuple[np.ndarray, Array]:
        p, _, rows, columns = self.spectra.shape
        out = self.spectra.device.empty(p, rows, columns)
        bounds = self.spectra.device.array(np.array([0, *(part.stop for part in parts)]), np.int32)
        grid = (-(-rows * columns // THREADS), p)
        self._run("common", grid, moved, ends, bounds, np.int32(len(parts)), self.own, out)
        return out.get(), self.totals(moved, ends)

    def slopes(self, moved: np.ndarray, ends: np.ndarray, totals: Array, weight: np.ndarray) -> np.ndarray:
        p, n = self.spectra.shape[:2]
        out = self.spectra.device.empty(p, n, 2, dtype=np.float64)
        self._run("slopes", (p * n, 1), moved, ends, totals, self.spectra.device.array(weight, np.float32), out)
        return out.get()

    def _run(self, name: str, grid: tuple[int, int], moved: np.ndarray, ends: np.ndarray, *words: object) -> None:
        device = self.spectra.device
        device.run(
            SOURCE, name, grid, THREADS, self.spectra, *self._names, device.array(ends, np.int32),
            device.array(moved - self.at.offsets, np.float32), *map(np.int32, self.spectra.shape), *words,
        )  # fmt: skip


def cut(frames: Array, at: Layout) -> Held:
    """Patches of int8 frames (n, my, mx)."""
    device, (p, n), bins = frames.device, at.corners.shape[:2], len(at.k)
    size, (rows, columns) = at.ring.size, at.ring.shape
    spectra, ring = device.empty(p, n, rows, columns, dtype=np.complex64), device.array(at.ring, np.int32)
    each = 8 * n * len(at.window[0]) * len(at.window[1])  # bytes of a patch, and of its spectra
    together = int(np.clip(device.free() // SHARE // (2 * each), 1, p))
    for first in range(0, p, together):
        part = spectra.rows(first, first + together)
        _transformed(frames, at, slice(first, first + together), ring, part)
    power, own = device.empty(rows, columns), device.empty(p, rows, columns)
    words = (np.int32(p * n), np.int32(size), power)
    device.run(SOURCE, "mean_power", (-(-size // THREADS), 1), THREADS, spectra, *words)
    levels = device.array(at.levels(power.get()))
    device.run(
        SOURCE, "whitened", (-(-size // THREADS), p), THREADS, spectra, levels, ring, np.int32(bins), np.int32(p),
        np.int32(n), np.int32(size), own,
    )  # fmt: skip
    return Held(at, spectra, own)


def _transformed(frames: Array, at: Layout, part: slice, ring: Array, out: Array) -> None:
    """out (p, n, rows, columns): spectra of some of the patches."""
    device, (n, my, mx) = frames.device, frames.shape
    window, (rows, columns) = [device.array(one, np.float32) for one in at.window], at.ring.shape
    (box_y, box_x), count = (len(one) for one in at.window), out.shape[0] * n
    corners = device.array(at.corners[part].reshape(-1, 2), np.int32)
    sizes = tuple(map(np.int32, (count, n, my, mx, box_y, box_x)))
    mean, boxes = device.empty(count), device.empty(count, box_y, box_x)
    device.run(SOURCE, "means", (count, 1), THREADS, frames, corners, *sizes, mean)
    grid = (-(-box_y * box_x // THREADS), count)
    device.run(SOURCE, "boxes", grid, THREADS, frames, corners, mean, *window, *sizes, boxes)
    width = box_x // 2 + 1
    device.run(
        SOURCE, "kept", (-(-rows * columns // THREADS), count), THREADS, fft.rfft(boxes, 2),
        device.array(at.rows, np.int32), ring, np.int32(len(at.k)), np.int32(count), np.int32(box_y * width),
        np.int32(width), np.int32(rows), np.int32(columns), out,
    )  # fmt: skip
