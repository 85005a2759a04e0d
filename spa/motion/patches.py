"""Patches of the frames as weighted spectra, and what their likelihood says of where they lie.

With Gaussian signal S of a patch, shared by its frames but for damage q_f(k) and shifts, in white noise, the log of the
likelihood of the shifts, S integrated out, is ``sum over k of W |sum over f of q_f F_f(shifted back)|^2`` with
``W = P / (1 + P sum q_f^2)``, P the power of the signal over that of the noise. P is measured on the movie itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from spa.image import fft
from spa.motion import shifted, windows

TAPER = 0.12  # of a patch's side, at each edge
LIMIT = 4.5  # angstroms: finer detail does not help to align
STEPS = 32  # of rounding to a grey level of the frames, whose noise has 8 (`spa.motion.frames`)
TOGETHER = 2**18  # pixels that are transformed together: they and their spectra stay in the cache


@dataclass(frozen=True, eq=False)
class Layout:
    """Where patches lie, and which of their frequencies are used.

    kx, ky in cycles a movie pixel; points (p, 2) in [-1, 1]; corners (p, n, 2) x y of what is cut, in pixels of the
    frames; offsets (p, n, 2): by how much these differ between frames, in movie pixels; window: its factors along y and
    x. damage (n, bins) and ring (rows, columns): the bin of each frequency, the last + 1 for those that are not used;
    k (bins,) in cycles a movie pixel; rows: those of a patch's spectrum that are kept.
    """

    kx: np.ndarray
    ky: np.ndarray
    points: np.ndarray
    corners: np.ndarray
    offsets: np.ndarray
    window: tuple[np.ndarray, np.ndarray]
    damage: np.ndarray
    ring: np.ndarray
    k: np.ndarray
    rows: np.ndarray

    @property
    def used(self) -> np.ndarray:
        """(rows, columns): frequencies that are looked at, none on the axes."""
        return self.ring < len(self.k)

    def ends(self, highest: float) -> np.ndarray:
        """(rows,) how many columns of each row are below a frequency (cycles a movie pixel)."""
        most = np.sqrt(np.maximum(highest**2 - self.ky.astype(np.float64) ** 2, 0))
        return np.searchsorted(self.kx, most).astype(np.int32)

    def inside(self, ends: np.ndarray) -> np.ndarray:
        """(rows, columns): those of the frequencies before the ends of their rows that are used."""
        return (np.arange(len(self.kx))[None] < ends[:, None]) & self.used

    def levels(self, power: np.ndarray) -> np.ndarray:
        """(n, bins) float32: damage over the noise's standard deviation, of the mean power (rows, columns)."""
        used, bins = self.used, len(self.k)
        ring = self.ring[used]
        level = np.bincount(ring, power[used], bins) / np.maximum(np.bincount(ring, minlength=bins), 1)
        return (self.damage / np.sqrt(np.maximum(level, 1e-30))).astype(np.float32)


def layout(
    shape: tuple[int, int, int], factor: int, grid: tuple[int, int], shifts: np.ndarray,
    damage_of: Callable[[np.ndarray], np.ndarray], pixel_size: float,
) -> Layout:  # fmt: skip
    """Of frames of a shape (n, my, mx), decimated by factor: grid x y of patches, moved with the whole frame's shifts.

    shifts (n, 2) in movie pixels; damage_of(k): (n, K) of frequencies in cycles a movie pixel; pixel_size: the movie's.
    """
    n, my, mx = shape
    box_y, box_x = (fft.good_size(min(-(-size // count), size // 2 * 2) // 2 * 2) for size, count in
                    ((my, grid[1]), (mx, grid[0])))  # fmt: skip
    box_y, box_x = min(box_y, my // 2 * 2), min(box_x, mx // 2 * 2)
    kx, ky = np.fft.rfftfreq(box_x, factor), np.fft.fftfreq(box_y, factor)
    highest = min(0.48 / factor, pixel_size / LIMIT)
    columns = int(np.searchsorted(kx, highest))
    rows = np.flatnonzero(np.abs(ky) < highest)
    kx, ky = kx[:columns], ky[rows]
    width = 1 / (min(box_x, box_y) * factor)
    ring = (np.hypot(ky[:, None], kx[None]) / width).astype(int)
    bins = int(ring.max()) + 1
    ring[ky == 0] = ring[:, kx == 0] = bins
    centres = (np.arange(bins) + 0.5) * width
    top = (np.arange(grid[1]) + 0.5) * my / grid[1] - box_y / 2
    left = (np.arange(grid[0]) + 0.5) * mx / grid[0] - box_x / 2
    room = (mx - box_x, my - box_y)
    places = np.array([(x, y) for y in top for x in left]).clip(0, room).round().astype(int)
    points = 2 * (places + (box_x / 2, box_y / 2)) / (mx, my) - 1
    corners = (places[:, None] + np.rint(shifts / factor).astype(int)).clip(0, room)
    along_y, along_x = _tapered(box_y), _tapered(box_x)
    norm = np.sqrt(float((along_y.astype(np.float64) ** 2).sum() * (along_x.astype(np.float64) ** 2).sum()))
    return Layout(kx.astype(np.float32), ky.astype(np.float32), points, corners,
                  ((corners - places[:, None]) * factor).astype(np.float64), (along_y / np.float32(norm), along_x),
                  damage_of(centres), ring, centres, rows)  # fmt: skip


class Patches(Protocol):
    """Spectra of patches, times damage, noise 1; moved: displacements (p, n, 2); ends: of each row of frequencies."""

    @property
    def at(self) -> Layout: ...

    def totals(self, moved: np.ndarray, ends: np.ndarray) -> Any:
        """(p, 2, rows, columns): each patch's frames shifted back by displacements and added."""

    def common(self, moved: np.ndarray, ends: np.ndarray, parts: list[slice]) -> tuple[np.ndarray, Any]:
        """(p, rows, columns) the power of such sums over parts of the frames, summed, less the frames' own; and the
        totals, which are the sums of those."""

    def slopes(self, moved: np.ndarray, ends: np.ndarray, totals: Any, weight: np.ndarray) -> np.ndarray:
        """(p, n, 2): twice the slope of |total|^2, weighed by weight (rows, columns), along every displacement."""


@dataclass(frozen=True, eq=False)
class Held:
    """Patches on this processor: spectra, of each real and imaginary part (2, n, rows, columns), as `shifted` has them;
    own (p, rows, columns): the frames' own power."""

    at: Layout
    spectra: list[np.ndarray]
    own: np.ndarray

    def totals(self, moved: np.ndarray, ends: np.ndarray) -> np.ndarray:
        return self._sums(moved, ends, slice(None))

    def common(self, moved: np.ndarray, ends: np.ndarray, parts: list[slice]) -> tuple[np.ndarray, np.ndarray]:
        found, totals = np.negative(self.own), np.zeros((len(self.own), 2, *self.own.shape[1:]), np.float32)
        for part in parts:
            some = self._sums(moved, ends, part)
            shifted.add_power(some, found, totals)
        return found, totals

    def slopes(self, moved: np.ndarray, ends: np.ndarray, totals: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return np.stack([
            2 * shifted.slopes(one[0], one[1], self.at.kx, self.at.ky, ends, shifts, total * weight)
            for one, shifts, total in zip(self.spectra, moved - self.at.offsets, totals)
        ])  # fmt: skip

    def _sums(self, moved: np.ndarray, ends: np.ndarray, part: slice) -> np.ndarray:
        out = np.zeros((len(self.own), 2, *self.own.shape[1:]), np.float32)
        for one, shifts, sums in zip(self.spectra, (moved - self.at.offsets)[:, part], out):
            real, imag = one[0, part], one[1, part]
            shifted.add_shifted(real, imag, self.at.kx, self.at.ky, ends, np.ascontiguousarray(shifts), sums)
        return out


def cut(frames: np.ndarray, at: Layout) -> Held:
    """Patches of int8 frames (n, my, mx)."""
    n, box = at.corners.shape[1], (len(at.window[0]), len(at.window[1]))
    together = min(n, max(1, TOGETHER // (box[0] * box[1])))
    factors, plan = at.used * np.float32(STEPS), fft.planes((together, *box))
    spectra = []
    for corners in at.corners:
        one = np.empty((2, n, len(at.ky), len(at.kx)), np.int16)
        for first in range(0, n, together):
            some = slice(first, first + together)
            windows.windowed_each(frames[some], corners[some], *at.window, plan.input_array)
            plan.execute()
            shifted.kept(plan.output_array, at.rows, factors, one[0, some], one[1, some])
        spectra.append(one)
    return Held(at, spectra, _whiten(spectra, at))


def _tapered(size: int) -> np.ndarray:
    edge = max(1, int(round(TAPER * size)))
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    return np.concatenate([ramp, np.ones(size - 2 * edge), ramp[::-1]]).astype(np.float32)


def _whiten(spectra: list[np.ndarray], at: Layout) -> np.ndarray:
    """Divide by the noise at every radius and multiply by damage; the frames' own power, summed over them."""
    power = np.zeros(at.ring.shape, np.float32)
    for one in spectra:
        shifted.add_squares(*one, power)
    levels = at.levels(power / (len(spectra) * spectra[0].shape[1]))
    scale = np.take(np.pad(levels * np.float32(shifted.UNIT), ((0, 0), (0, 1))), at.ring, axis=1)
    own = np.zeros((len(spectra), *power.shape), np.float32)
    for one, each in zip(spectra, own):
        shifted.scale(*one, scale, each)
    return own * np.float32(shifted.UNIT**-2)


@dataclass(frozen=True, eq=False)
class Signal:
    """power (bins,): of the signal over the noise's, in one undamaged frame; weight (bins,): W; strength (p,)."""

    power: np.ndarray
    weight: np.ndarray
    strength: np.ndarray


def signal_in(
    patches: Patches, displacements: np.ndarray, ends: np.ndarray, bfactor: float | None, span: int
) -> tuple[Signal, Any]:
    """How strong the signal is at every radius and in every patch, with frames shifted back by displacements; and the
    patches' totals at these.

    Only frames that follow each other are compared, in spans of about so many: what is not aligned yet is so between
    neighbours nevertheless.
    """
    at, bins = patches.at, len(patches.at.k)
    inside = at.inside(ends)
    ring = at.ring[inside]
    n = len(at.damage)
    bounds = np.array_split(np.arange(n), max(1, round(n / span)))
    parts = [slice(int(part[0]), int(part[-1]) + 1) for part in bounds]
    power, totals = patches.common(displacements, ends, parts)
    common = power[:, inside].astype(np.float64)
    square = at.damage**2
    pairs = sum(square[part].sum(0) ** 2 for part in parts) - (square**2).sum(0)
    count = np.maximum(np.bincount(ring, minlength=bins) * len(common), 1)
    mean = np.bincount(ring, common.sum(0), bins) / count / pairs
    error = np.sqrt(1 / pairs / count)  # of the mean, where there is no signal
    power = _smoothed(np.maximum(mean, 0), count)
    power *= np.maximum(1 - (error / np.maximum(power, 1e-30)) ** 2, 0)
    weight = power / (1 + power * square.sum(0)) if bfactor is None else np.exp(-bfactor / 4 * at.k**2)
    return Signal(power, weight, _strength(common, weight[ring], (power * pairs)[ring])), totals


def _smoothed(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    kernel = np.array([1.0, 2.0, 1.0])
    return np.convolve(values * weights, kernel, "same") / np.convolve(weights, kernel, "same")


def _strength(common: np.ndarray, weight: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Each patch's signal over the mean of all, drawn towards 1 by what chance does to it."""
    there = common @ weight
    usual = float((weight * expected).sum())
    return np.clip((there + 0.5 * usual) / (1.5 * usual), 0.1, 4.0) if usual > 0 else np.ones(len(common))


def precision(at: Layout, signal: Signal, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) the expected curvature of what is made greatest along a frame's shift, x or y, in a patch of usual strength;
    and (n,) how certain the shift is: that curvature's square over the variance of the slope.

    Both are the same for the movie's own weights; with others the shift is less certain than the curvature says.
    """
    counts = np.bincount(at.ring[at.inside(ends)], minlength=len(at.k))
    square = at.damage**2
    others = square * (square.sum(0) - square)
    turned = counts * signal.weight * (2 * np.pi * at.k) ** 2
    bend = others @ (turned * signal.power)
    varied = others @ (turned * signal.weight * (1 + signal.power * square.sum(0)))
    return bend, bend**2 / np.maximum(varied, 1e-300)


def slopes(patches: Patches, displacements: np.ndarray, totals: Any, signal: Signal, ends: np.ndarray) -> np.ndarray:
    """(p, n, 2) the log-likelihood's slope along every patch's and frame's displacement."""
    weight = np.append(signal.weight, 0).astype(np.float32)[patches.at.ring]
    return patches.slopes(displacements, ends, totals, weight)
