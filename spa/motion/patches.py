"""Patches of the frames as weighted spectra, and what their likelihood says of where they lie.

With Gaussian signal S of a patch, shared by its frames but for damage q_f(k) and shifts, in white noise, the log of the
likelihood of the shifts, S integrated out, is ``sum over k of W |sum over f of q_f F_f(shifted back)|^2`` with
``W = P / (1 + P sum q_f^2)``, P the power of the signal over that of the noise. P is measured on the movie itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.motion import kernels

TAPER = 0.12  # of a patch's side, at each edge
LIMIT = 4.5  # angstroms: finer detail does not help to align


@dataclass(frozen=True, eq=False)
class Patches:
    """real, imag (p, n, rows, columns): spectra times damage, noise 1; cut where offsets (p, n, 2) say (movie pixels).

    kx, ky in cycles a movie pixel; points (p, 2) in [-1, 1]; own (p, rows, columns): the frames' own power, summed;
    damage (n, bins) and ring (rows, columns): the bin of each frequency; k (bins,) in cycles a movie pixel.
    """

    real: np.ndarray
    imag: np.ndarray
    kx: np.ndarray
    ky: np.ndarray
    points: np.ndarray
    offsets: np.ndarray
    own: np.ndarray
    damage: np.ndarray
    ring: np.ndarray
    k: np.ndarray

    def ends(self, highest: float) -> np.ndarray:
        """(rows,) how many columns of each row are below a frequency (cycles a movie pixel)."""
        most = np.sqrt(np.maximum(highest**2 - self.ky.astype(np.float64) ** 2, 0))
        return np.searchsorted(self.kx, most).astype(np.int32)


def cut(
    frames: np.ndarray, factor: int, grid: tuple[int, int], shifts: np.ndarray, damage_of: "Sequence | object",
    pixel_size: float,
) -> Patches:  # fmt: skip
    """Patches of int8 frames (n, my, mx), decimated by factor: grid x y of them, moved with the whole frame's shifts.

    shifts (n, 2) in movie pixels; damage_of(k): (n, K) of frequencies in cycles a movie pixel; pixel_size: the movie's.
    """
    n, my, mx = frames.shape
    box_y, box_x = (fft.good_size(min(-(-size // count), size // 2 * 2) // 2 * 2) for size, count in
                    ((my, grid[1]), (mx, grid[0])))  # fmt: skip
    box_y, box_x = min(box_y, my // 2 * 2), min(box_x, mx // 2 * 2)
    kx, ky = np.fft.rfftfreq(box_x, factor), np.fft.fftfreq(box_y, factor)
    highest = min(0.48 / factor, pixel_size / LIMIT)
    columns = int(np.searchsorted(kx, highest))
    rows = np.flatnonzero(np.abs(ky) < highest)
    kx, ky = kx[:columns], ky[rows]
    k = np.hypot(ky[:, None], kx[None])
    width = 1 / (min(box_x, box_y) * factor)
    ring = (k / width).astype(int)
    bins = int(ring.max()) + 1
    centres = (np.arange(bins) + 0.5) * width
    damage = damage_of(centres)  # type: ignore[operator]
    top = (np.arange(grid[1]) + 0.5) * my / grid[1] - box_y / 2
    left = (np.arange(grid[0]) + 0.5) * mx / grid[0] - box_x / 2
    corners = np.array([(x, y) for y in top for x in left]).clip(0, (mx - box_x, my - box_y)).round().astype(int)
    points = 2 * (corners + (box_x / 2, box_y / 2)) / (mx, my) - 1
    window = np.outer(_tapered(box_y), _tapered(box_x))
    window /= np.sqrt((window**2).mean() * window.size)
    spectra = np.zeros((2, len(corners), n, len(rows), columns), np.float32)
    offsets = np.zeros((len(corners), n, 2))
    images = np.empty((n, box_y, box_x), np.float32)
    for p, corner in enumerate(corners):
        for f in range(n):
            at = np.clip(corner + np.rint(shifts[f] / factor).astype(int), 0, (mx - box_x, my - box_y))
            images[f] = frames[f, at[1] : at[1] + box_y, at[0] : at[0] + box_x]
            offsets[p, f] = (at - corner) * factor
        images -= images.mean((1, 2), keepdims=True)
        images *= window
        found = fft.rfft2(images)[:, rows, :columns]
        spectra[0, p], spectra[1, p] = found.real, found.imag
    used = (np.abs(ky)[:, None] > 0) & (kx[None] > 0)
    spectra *= used
    own = _whiten(spectra, ring, used, damage)
    return Patches(spectra[0], spectra[1], kx.astype(np.float32), ky.astype(np.float32), points, offsets, own, damage,
                   np.where(used, ring, bins), centres)  # fmt: skip


def _tapered(size: int) -> np.ndarray:
    edge = max(1, int(round(TAPER * size)))
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    return np.concatenate([ramp, np.ones(size - 2 * edge), ramp[::-1]]).astype(np.float32)


def _whiten(spectra: np.ndarray, ring: np.ndarray, used: np.ndarray, damage: np.ndarray) -> np.ndarray:
    """Divide by the noise at every radius and multiply by damage; the frames' own power, summed over them."""
    bins = damage.shape[1]
    power = np.einsum("cpfyx,cpfyx->yx", spectra, spectra, optimize=False) / (spectra.shape[1] * spectra.shape[2])
    level = np.bincount(ring[used], power[used], bins) / np.maximum(np.bincount(ring[used], minlength=bins), 1)
    scale = (damage / np.sqrt(np.maximum(level, 1e-30))).astype(np.float32)
    for f in range(spectra.shape[2]):
        spectra[:, :, f] *= scale[f][ring]
    return np.einsum("cpfyx,cpfyx->pyx", spectra, spectra, optimize=False)


@dataclass(frozen=True, eq=False)
class Signal:
    """power (bins,): of the signal over the noise's, in one undamaged frame; weight (bins,): W; strength (p,)."""

    power: np.ndarray
    weight: np.ndarray
    strength: np.ndarray


def totals(patches: Patches, displacements: np.ndarray, ends: np.ndarray, span: slice = slice(None)) -> np.ndarray:
    """(p, 2, rows, columns): each patch's frames shifted back by displacements (p, n, 2) and added; of a span."""
    out = np.zeros((len(patches.points), 2, len(patches.ky), len(patches.kx)), np.float32)
    for p, moved in enumerate((displacements - patches.offsets)[:, span]):
        real, imag = patches.real[p, span], patches.imag[p, span]
        kernels.add_shifted(real, imag, patches.kx, patches.ky, ends, np.ascontiguousarray(moved), out[p])
    return out


def signal_in(
    patches: Patches, displacements: np.ndarray, ends: np.ndarray, bfactor: float | None, span: int
) -> Signal:
    """How strong the signal is at every radius and in every patch, with frames shifted back by displacements.

    Only frames that follow each other are compared, in spans of about so many: what is not aligned yet is so between
    neighbours nevertheless.
    """
    bins = len(patches.k)
    inside = (np.arange(len(patches.kx))[None] < ends[:, None]) & (patches.ring < bins)
    ring = patches.ring[inside]
    n = patches.damage.shape[0]
    parts = np.array_split(np.arange(n), max(1, round(n / span)))
    common = -np.stack([own[inside] for own in patches.own]).astype(np.float64)
    square = patches.damage**2
    pairs = -(square**2).sum(0)
    for part in parts:
        these = slice(int(part[0]), int(part[-1]) + 1)
        for p, total in enumerate(totals(patches, displacements, ends, these)):
            common[p] += (total[0] ** 2 + total[1] ** 2)[inside]
        pairs = pairs + square[these].sum(0) ** 2
    count = np.maximum(np.bincount(ring, minlength=bins) * len(common), 1)
    mean = np.bincount(ring, common.sum(0), bins) / count / pairs
    error = np.sqrt(1 / pairs / count)  # of the mean, where there is no signal
    power = _smoothed(np.maximum(mean, 0), count)
    power *= np.maximum(1 - (error / np.maximum(power, 1e-30)) ** 2, 0)
    weight = power / (1 + power * square.sum(0)) if bfactor is None else np.exp(-bfactor / 4 * patches.k**2)
    return Signal(power, weight, _strength(common, weight[ring], (power * pairs)[ring]))


def _smoothed(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    kernel = np.array([1.0, 2.0, 1.0])
    return np.convolve(values * weights, kernel, "same") / np.convolve(weights, kernel, "same")


def _strength(common: np.ndarray, weight: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Each patch's signal over the mean of all, drawn towards 1 by what chance does to it."""
    there = common @ weight
    usual = float((weight * expected).sum())
    return np.clip((there + 0.5 * usual) / (1.5 * usual), 0.1, 4.0) if usual > 0 else np.ones(len(common))


def precision(patches: Patches, signal: Signal, ends: np.ndarray) -> np.ndarray:
    """(n,) the likelihood's expected curvature along a frame's shift, x or y, in a patch of usual strength."""
    bins = len(patches.k)
    inside = (np.arange(len(patches.kx))[None] < ends[:, None]) & (patches.ring < bins)
    counts = np.bincount(patches.ring[inside], minlength=bins)
    square = patches.damage**2
    curve = counts * signal.weight * signal.power * (2 * np.pi * patches.k) ** 2
    return (square * (square.sum(0) - square)) @ curve


def slopes(
    patches: Patches, displacements: np.ndarray, sums: np.ndarray, signal: Signal, ends: np.ndarray
) -> np.ndarray:
    """(p, n, 2) the log-likelihood's slope along every patch's and frame's displacement."""
    weight = np.append(signal.weight, 0).astype(np.float32)[patches.ring]
    return np.stack([
        2 * kernels.slopes(real, imag, patches.kx, patches.ky, ends, moved, total * weight)
        for real, imag, moved, total in zip(patches.real, patches.imag, displacements - patches.offsets, sums)
    ])  # fmt: skip
