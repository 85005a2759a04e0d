"""Frames laid along a field and summed: once interpolated, weighted by dose, in few transforms.

Each frame is resampled once, from where the field says, by a windowed sinc of eight pixels along each axis. Weights of
dose are written as few products of a function of the frame and one of frequency (`spa.motion.dose.factors`), so that a
few sums are transformed and not every frame. What interpolation takes from the finest detail, on average over the
fractions of a pixel that occurred, is put back at the end.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.motion import kernels
from spa.motion.dose import Factors
from spa.motion.field import Field

SPACING = 32  # pixels between the nodes of a field
BATCH = kernels.TOGETHER  # frames interpolated together
LEAST = 0.4  # of detail that interpolation leaves: less is not put back


def interpolation() -> np.ndarray:
    """(STEPS + 1, TAPS) float32 weights of the pixels from -3 to 4 about a place a fraction after pixel 0."""
    fractions = np.arange(kernels.STEPS + 1)[:, None] / kernels.STEPS
    at = np.arange(kernels.TAPS) - (kernels.TAPS // 2 - 1) - fractions
    found = np.sinc(at) * np.sinc(at / (kernels.TAPS / 2))
    return (found / found.sum(1, keepdims=True)).astype(np.float32)


def nodes(field: Field, shape: tuple[int, int], spacing: int = SPACING) -> np.ndarray:
    """(n, gy, gx, 2) float32 displacements every so many pixels of a frame, the last beyond its edge."""
    grid = [np.arange(-(-size // spacing) + 1) * spacing for size in shape]
    y, x = (2 * (at + 0.5) / size - 1 for at, size in zip(grid, shape))
    points = np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1)
    return np.ascontiguousarray(np.moveaxis(field.at(points), 2, 0), np.float32)


@dataclass(frozen=True)
class Wanted:
    """What is summed: even and odd frames apart; power: bounds of groups of frames for spectra, () for none."""

    weighted: Factors | None
    plain: bool
    halves: bool
    groups: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Filter:
    """Curves of the radius (rank, K) float32, given every step (cycles a pixel); factors (ny,) and (nx // 2 + 1,)."""

    curves: np.ndarray
    step: float
    along_y: np.ndarray
    along_x: np.ndarray


class Plan:
    """What sums of the frames are kept, and what is made of them: weighted sums, the last of them a group's plain one.

    nodes (n, gy, gx, 2): displacements; weights (n, stack) float32: of each frame in each sum.
    """

    def __init__(self, field: Field, shape: tuple[int, int], wanted: Wanted) -> None:
        self.shape, self.wanted = shape, wanted
        self.nodes = nodes(field, shape)
        count = len(self.nodes)
        own = wanted.weighted.frames if wanted.weighted else np.ones((count, 1))
        self._rank = own.shape[1]
        self.grouped = bool(wanted.groups) or wanted.plain
        if wanted.halves:
            even = (np.arange(count) % 2 == 1)[:, None]  # frames count from 1, as in RELION
            own = np.hstack([own * even, own * ~even])
        if self.grouped:
            own = np.hstack([own, np.ones((count, 1))])
        self.weights = np.ascontiguousarray(own, np.float32)

    @property
    def bounds(self) -> tuple[tuple[int, int], ...]:
        """First and end of the frames of every group."""
        return self.wanted.groups or ((0, len(self.nodes)),)

    def images(self, image: Callable[[slice | None, "Filter"], np.ndarray]) -> dict[str, np.ndarray]:
        """What is wanted, by name: image makes one of a slice of the stack, or of the plain sum (None), by a filter."""
        names = ("even", "odd") if self.wanted.halves else ("sum",)
        gain = self._gain()
        weighted = Filter(*self._curves(self.wanted.weighted), *gain)
        parts = {name: slice(i * self._rank, (i + 1) * self._rank) for i, name in enumerate(names)}
        done = {name: image(part, weighted) for name, part in parts.items()}
        if self.wanted.halves:
            done = {"sum": done["even"] + done["odd"], **done}
        if self.wanted.plain:
            done["plain"] = image(None, Filter(*self._curves(None), *gain))
        return done

    def _gain(self) -> tuple[np.ndarray, np.ndarray]:
        """(ny,), (nx // 2 + 1,) what puts back the detail that interpolation took, along y and along x."""
        x, y = (1 / np.maximum(_response(self.nodes[..., axis], self.shape[1 - axis]), LEAST) for axis in (0, 1))
        whole = np.append(y, y[(self.shape[0] - 1) // 2 : 0 : -1])
        return whole.astype(np.float32), x.astype(np.float32)

    @staticmethod
    def _curves(weighted: Factors | None) -> tuple[np.ndarray, float]:
        """Factors of the radius (rank, K) float32, and the step between their values, cycles a pixel."""
        if weighted is None:
            return np.ones((1, 2), np.float32), 1.0
        return weighted.curves.astype(np.float32), np.sqrt(0.5) / (len(weighted.k) - 1)  # its grid ends in the corner


class Sums:
    """Sums of the frames that are given, in order, to ``add``."""

    def __init__(self, field: Field, shape: tuple[int, int], wanted: Wanted) -> None:
        self._plan, self._taps = Plan(field, shape, wanted), interpolation()
        self._stack = np.zeros((self._plan.weights.shape[1], *shape), np.float32)
        self._plain = np.zeros(shape, np.float32) if wanted.plain else None

    def add(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Sum all frames (ny, nx) float32, ``BATCH`` of which stand at once; gives each group's plain sum, which stands
        until the next is asked for."""
        source, plan = iter(frames), self._plan
        for first, last in plan.bounds:
            for start in range(first, last, BATCH):
                part = slice(start, min(start + BATCH, last))
                these = [next(source) for _ in range(part.stop - start)]
                these += these[:1] * (BATCH - len(these))
                kernels.add_warped(tuple(these), plan.nodes[part], SPACING, self._taps, plan.weights[part], self._stack)
            if plan.grouped:
                yield self._stack[-1]
                if self._plain is not None:
                    self._plain += self._stack[-1]
                self._stack[-1] = 0

    def finished(self, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Images (ny, nx) float32 on a grid of this shape: ``sum``; with halves ``even`` and ``odd``; ``plain``."""

        def image(part: slice | None, by: Filter) -> np.ndarray:
            return _image(self._plain[None] if part is None else self._stack[part], by, shape)  # type: ignore[index]

        return self._plan.images(image)


def _image(stack: np.ndarray, by: Filter, shape: tuple[int, int]) -> np.ndarray:
    """Of sums (r, ny, nx), each filtered by its curve; their own memory may be taken for it."""
    (ny, nx), (my, mx) = stack.shape[1:], shape
    there, back = fft.plane((ny, nx)), fft.plane_again((ny, nx))
    spectrum = back.input_array
    spectrum[...] = 0
    for image, curve in zip(stack, by.curves):
        there.input_array[...] = image
        there.execute()
        kernels.add_filtered(there.output_array, curve, by.step, ny, nx, by.along_y, by.along_x, spectrum)
    if shape == (ny, nx):
        back.execute()
        return np.multiply(back.output_array, np.float32(1 / (ny * nx)), out=stack[0])
    small = np.zeros((my, mx // 2 + 1), np.complex64)
    small[: my // 2 + 1] = spectrum[: my // 2 + 1, : mx // 2 + 1]
    small[my // 2 + 1 :] = spectrum[ny - (my - my // 2 - 1) :, : mx // 2 + 1]
    small *= np.float32(my * mx / (ny * nx))
    return fft.irfft2(small, mx)


def _response(moved: np.ndarray, size: int) -> np.ndarray:
    """(size // 2 + 1,) what interpolation leaves of each frequency, on average over the fractions that occur."""
    table = interpolation().astype(np.float64)
    steps = np.rint((moved - np.floor(moved)) * kernels.STEPS).astype(int)
    share = np.bincount(steps.ravel(), minlength=kernels.STEPS + 1) / steps.size
    there = np.flatnonzero(share)
    at = np.arange(kernels.TAPS) - (kernels.TAPS // 2 - 1) - there[:, None] / kernels.STEPS
    places, weights = at.ravel(), (share[there, None] * table[there]).ravel()
    finer = 64 * size  # a period of places to 1/64 pixel: the sum of their cosines is its transform
    coarse = np.bincount(np.rint(places * 64).astype(int) % finer, weights, minlength=finer)
    return np.fft.rfft(coarse).real[: size // 2 + 1]
