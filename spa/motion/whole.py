"""Where whole frames lie against each other, on small images: the start from which the field is refined."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.image import fft
from spa.motion import smaller
from spa.motion.seen import seen

PIXEL = 10.0  # angstroms of the small images
BFACTOR = 1500.0  # square angstroms: weights exp(-B k^2 / 4), as unblur (Grant & Grigorieff 2015) has them
LEAST = 128  # pixels of a small image's side
GROUP_DOSE = 3.0  # e per square angstrom in what is aligned together
ROUNDS = 10
SETTLED = 0.05  # pixels of the small images
STEP = 10.0  # angstroms, standard deviation: how far a group may lie from where its neighbours have it


def shifts(
    frames: Any, pixel_size: float, dose: float, bfactor: float = BFACTOR,
    shrunk: "Callable[..., np.ndarray] | None" = None, compared: "Callable[..., Groups] | None" = None,
) -> tuple[np.ndarray, bool]:  # fmt: skip
    """(n, 2) x y of int8 frames (n, ny, nx), in their pixels, the first at 0; and whether the frames tell of them.

    Where they do not, all are 0: what noise alone gives would only blur.

    pixel_size in angstroms; dose: e per square angstrom and frame, 0 where it is not known. shrunk, compared: who sums
    pixels and compares groups, in the place of `sums_of` and `Groups`.
    """
    factor = max(1, min(int(PIXEL / pixel_size), min(frames.shape[1:]) // LEAST))
    per = int(np.clip(np.ceil(GROUP_DOSE / dose) if dose > 0 else 1, 1, max(1, len(frames) // 4)))
    parts = np.array_split(np.arange(len(frames)), max(1, len(frames) // per))
    small = (shrunk or sums_of)(frames, parts, factor)
    spectra, k = _whitened(small)
    weight = np.exp(-bfactor / 4 * (k / (factor * pixel_size)) ** 2).astype(np.float32)

    def groups(weight: np.ndarray) -> Groups:
        return (compared or Groups)(spectra, weight, small.shape[1:], STEP / (factor * pixel_size))

    found = _aligned(groups(weight))
    if not seen(spectra, weight, found, groups, _aligned):
        return np.zeros((len(frames), 2)), False
    middles = [part.mean() for part in parts]
    each = np.stack([np.interp(np.arange(len(frames)), middles, along) for along in found.T], axis=1)
    return (each - each[0]) * factor, True


def window(shape: tuple[int, int], factor: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The shape of a small image, a size that is transformed fast, and the first row and column that it has."""
    ny, nx = (_fast(size // factor) for size in shape)
    return (ny, nx), ((shape[0] - factor * ny) // 2, (shape[1] - factor * nx) // 2)


def sums_of(frames: np.ndarray, parts: list[np.ndarray], factor: int) -> np.ndarray:
    """(parts, ny, nx) float32: the frames of each part summed, factor x factor pixels of them to one."""
    (ny, nx), first = window(frames.shape[1:], factor)  # type: ignore[arg-type]
    out, row = np.zeros((len(parts), ny, nx), np.float32), np.empty(nx * factor, np.int32)
    for part, image in zip(parts, out):
        for number in part:
            smaller.add_shrunk(frames[number], *first, factor, row, image)
    return out


def _fast(size: int) -> int:
    size = size // 2 * 2
    while fft.good_size(size) != size:
        size -= 2
    return size


def _whitened(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectra of the images, their mean power 1 at every radius and 0 on the axes; and the radii (cycles a pixel).

    On the axes lie the frame's edges and the rows and columns of a camera, which do not move with the specimen.
    """
    ny, nx = images.shape[1:]
    spectra = fft.rfft2(images - images.mean((1, 2), keepdims=True))
    spectra[:, :2] = spectra[:, -1:] = spectra[:, :, :2] = 0
    k = np.hypot(np.fft.fftfreq(ny)[:, None], np.fft.rfftfreq(nx)[None])
    ring = (k * min(ny, nx)).astype(int)
    power = np.mean(spectra.real**2 + spectra.imag**2, axis=0)
    level = np.bincount(ring.ravel(), power.ravel()) / np.maximum(np.bincount(ring.ravel(), power.ravel() > 0), 1)
    spectra *= ((1 / np.sqrt(np.maximum(level, 1e-30)))[ring] * (power > 0)).astype(np.float32)
    return spectra, k


@dataclass(frozen=True, eq=False)
class Groups:
    """spectra (g, ny, nx // 2 + 1) of images of a shape, to be weighed by weight (ny, nx // 2 + 1).

    step: standard deviation of a group about its neighbours, pixels.
    """

    spectra: np.ndarray
    weight: np.ndarray
    shape: tuple[int, ...]
    step: float

    def __len__(self) -> int:
        return len(self.spectra)

    def steps(self) -> np.ndarray:
        """(g - 1, 2): each against the one before it."""
        still = np.zeros(2)
        pairs = zip(self.spectra, self.spectra[1:])
        return np.array([self._peak(now * before.conj() * self.weight, still) for before, now in pairs])

    def against(self, found: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """(g, 2): each, moved back by found (g, 2), against the sum of the others; expected (g, 2) is likely."""
        moved = self.spectra * _phases(found, self.shape)
        total = moved.sum(0)
        return np.array([
            self._peak(one * (total - one).conj() * self.weight, where) for where, one in zip(expected, moved)
        ])  # fmt: skip

    def power(self, found: np.ndarray) -> float:
        """Of the sum of all, moved back by found."""
        total = (self.spectra * _phases(found, self.shape)).sum(0)
        return float((self.weight * (total.real**2 + total.imag**2)).sum(dtype=np.float64))

    def _peak(self, product: np.ndarray, expected: np.ndarray) -> np.ndarray:
        return _peak(product, self.shape, expected, self.step)


def _aligned(groups: Groups) -> np.ndarray:
    """Shifts of the groups, from two starts (none moves; each by the one before): those whose sum has most power."""
    starts = [np.zeros((len(groups), 2))]
    if len(groups) > 2:
        starts.insert(0, np.vstack([np.zeros(2), np.cumsum(groups.steps(), axis=0)]))
    ends = [_iterated(groups, start) for start in starts]
    return max(((found, groups.power(found)) for found in ends), key=lambda end: end[1])[0]


def _iterated(groups: Groups, found: np.ndarray) -> np.ndarray:
    """Each group against the sum of the others, until none moves."""
    for _ in range(ROUNDS):
        before = found
        found = found + groups.against(found, _between(found) - found)
        found = found - found[0]
        if np.abs(found - before).max() < SETTLED:
            break
    return found


def _phases(found: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What moves spectra back by the shifts (n, 2) x y."""
    ny, nx = shape
    along = np.exp(2j * np.pi * found[:, 1, None] * np.fft.fftfreq(ny)).astype(np.complex64)
    across = np.exp(2j * np.pi * found[:, 0, None] * np.fft.rfftfreq(nx)).astype(np.complex64)
    return along[:, :, None] * across[:, None, :]


def _between(found: np.ndarray) -> np.ndarray:
    """Where the neighbours of each group (n, 2) have it: half way between them, at the ends where the next one is."""
    padded = np.vstack([found[1:2], found, found[-2:-1]]) if len(found) > 1 else np.vstack([found] * 3)
    return (padded[:-2] + padded[2:]) / 2


def _peak(product: np.ndarray, shape: tuple[int, ...], expected: np.ndarray, step: float) -> np.ndarray:
    """x y of the likeliest shift: a product's transform, and a Gaussian about the expected one (pixels).

    Over the transform's own noise, a signal of height h has the log-likelihood h z at a height of z; for h stands the
    highest point: what noise alone gives (a few sd) goes no further than a few steps, a clear peak anywhere.
    """
    ny, nx = shape
    scores = fft.irfft2(product, nx)
    y, x = (np.fft.fftfreq(size, 1 / size) for size in shape)
    away = [(((at - middle) / step) ** 2 / 2).astype(np.float32) for at, middle in zip((y, x), expected[::-1])]
    likely = scores * np.float32(scores.max() / max(float(np.vdot(scores, scores)) / scores.size, 1e-30))
    likely -= away[0][:, None]
    likely -= away[1]
    top, left = np.unravel_index(int(np.argmax(likely)), scores.shape)
    return np.array([
        x[left] + summit(scores[top, [left - 1, left, (left + 1) % nx]]),
        y[top] + summit(scores[[top - 1, top, (top + 1) % ny], left]),
    ])  # fmt: skip


def summit(values: np.ndarray) -> float:
    """Where the parabola through three values is highest, from the middle one, by half a step at most."""
    low, middle, high = map(float, values)
    bend = low - 2 * middle + high
    return float(np.clip((low - high) / 2 / bend, -0.5, 0.5)) if np.isfinite(bend) and bend < 0 else 0.0
