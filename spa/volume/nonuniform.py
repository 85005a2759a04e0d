"""Non-uniform regularisation: each place of a map is filtered as its half maps agree there.

Source: Punjani, Zhang & Fleet, Nat. Methods 17 (2020) 1214. A bank of low-pass filters is tried on both half maps, and
the best is taken place by place: the one with which each filtered half predicts the other one unfiltered, in a window
that grows with the filter's wavelength. The field of the best filters is all that the halves share. It is as smooth as
its windows, and a window holds so many independent coefficients that chance agreement of noise hardly moves it.

The filters are Wiener's, t s / (1 + t s): s is the signal-to-noise ratio of each shell under a mask, and t, from next
to nothing to more than all, how much more of it there is at a place. Where a map is everywhere alike t is 1 and the
filter that of its FSC. The error of a filter h, less what does not depend on it, is the sum over the coefficients A and
B of the halves near a place of ``h^2 (|A|^2 + |B|^2) - 4 h Re A* B``.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from spa.image import fft
from spa.volume.bands import stretched
from spa.volume.fsc import crossing, fsc
from spa.volume.shells import cropped, radial, require_cube
from spa.volume.slices import regridded

STEP = 4.0  # from one filter's t to the next one's: their cut-offs differ by a fifth
FALL = 8.0  # power of the shell with which s falls where it is not known: the filters then are Butterworth's
COARSEST, FINEST = 0.25, 8.0  # t s at the best and at the last shell, of the first and the last of the Wiener filters
TRUST = 0.999  # FSC are held within 1 - TRUST and this
SIGNIFICANT = 0.143
WINDOW = 1.5  # standard deviation of a window, in wavelengths of the filters that it judges: in less, noise decides
ROOM = 1.15  # of the mask's width: the box that its map is filtered in
FAINT = 0.02  # of the largest difference of two filters: less of it is left out of their comparison

Map = Callable[..., Iterable]


@dataclass(frozen=True, eq=False)
class NonUniform:
    """Regularises pairs of half maps; mask (n, n, n): where their signal-to-noise is measured; run: a pool's map.

    last: the shell beyond which half maps have nothing but what edges of masks bring; None: they go on to the end.
    """

    mask: np.ndarray
    run: Map = map
    last: int | None = None

    def up_to(self, shell: int) -> "NonUniform":
        """The same of half maps that have nothing beyond a shell, before they are masked."""
        return replace(self, last=shell)

    def __call__(self, half1: np.ndarray, half2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both halves (n, n, n), which have nothing outside the mask, each filtered by the field that they share.

        Only the part of the box around the mask is looked at, on a grid that holds twice as many shells as there are
        to the last: outside and beyond there is nothing.
        """
        filters, part = self._bank(half1, half2), self._part
        halves = [np.ascontiguousarray(half[part]) for half in (half1, half2)]
        n, size = len(half1), len(halves[0])
        shells = n // 2 if self.last is None else min(2 * self.last, n // 2)
        grid = min(size, fft.good_size(2 * int(np.ceil(shells * size / n)) + 2))
        a, b = (regridded(half, grid) for half in halves)
        filters = narrowed(filters, size)[:, : grid // 2 + 1]
        field = best(a, b, filters, self.run)
        found = np.zeros_like(half1), np.zeros_like(half2)
        for out, half in zip(found, (a, b)):
            out[part] = regridded(filtered(half, filters, field, self.run), size)
        return found

    def joint(self, half1: np.ndarray, half2: np.ndarray) -> np.ndarray:
        """Their mean, which has twice the signal-to-noise, filtered accordingly; they may have solvent all over."""
        filters = self._bank(half1, half2)
        field = best(half1, half2, filters, self.run)
        return filtered((half1 + half2) / 2, 2 * filters / (1 + filters), field, self.run)

    def _bank(self, half1: np.ndarray, half2: np.ndarray) -> np.ndarray:
        return bank(fsc(half1 * self.mask, half2 * self.mask))

    @cached_property
    def _part(self) -> tuple[slice, ...]:
        """A cube with room around the mask, as filters reach across the edges of their box; all of it where it is not
        much smaller."""
        n = len(self.mask)
        edges = [np.flatnonzero(self.mask.any(axis=rest))[[0, -1]] for rest in ((1, 2), (0, 2), (0, 1))]
        size = fft.good_size(int(np.ceil(ROOM * (np.ptp(edges, axis=1).max() + 1))))
        if size >= n:
            return (slice(None),) * 3
        starts = [int(np.clip((first + last + 1 - size) // 2, 0, n - size)) for first, last in edges]
        return tuple(slice(start, start + size) for start in starts)


def bank(curve: np.ndarray) -> np.ndarray:
    """Filters (m, shells) for halves with this FSC, from none of a map to all of it, each finer than the one before."""
    s = signal_to_noise(curve)
    low, high = np.log([COARSEST / s[1:].max(), FINEST / s[1:].min()]) / np.log(STEP)
    t = STEP ** np.arange(np.floor(low), np.ceil(high) + 1)[:, None]  # 1 is one of them
    return np.concatenate([np.zeros((1, len(s))), t * s / (1 + t * s), np.ones((1, len(s)))])


def signal_to_noise(curve: np.ndarray) -> np.ndarray:
    """FSC / (1 - FSC) of each shell, and a power of the shell beyond the last one with a significant FSC."""
    held = np.clip(curve, 1 - TRUST, TRUST)
    s = held / (1 - held)
    shell = np.arange(len(curve))
    last = crossing(curve, SIGNIFICANT)
    s[last + 1 :] = s[last] * (last / shell[last + 1 :]) ** FALL
    s[0] = s[1]
    return s


def narrowed(filters: np.ndarray, size: int) -> np.ndarray:
    """Filters (m, shells) of maps as those of a part of them, `size` pixels wide: its shells are farther apart."""
    shells = np.arange(filters.shape[1])
    at = np.arange(size // 2 + 1) * (2 * (len(shells) - 1) / size)
    return np.stack([np.interp(at, shells, one) for one in filters])


def best(half1: np.ndarray, half2: np.ndarray, filters: np.ndarray, run: Map = map) -> np.ndarray:
    """Which filter (m, shells) predicts best at each voxel (n, n, n): its number, with parts between two of them."""
    n = require_cube(half1)
    spectra = fft.rfft3(half1), fft.rfft3(half2)
    widths = [_middle(step) / (2 * np.pi * WINDOW) for step in np.diff(filters, axis=0)]
    grid = min(n, fft.good_size(int(np.ceil(6 * max(widths)))))
    gains = run(
        lambda number: _gain(spectra, filters[number], filters[number + 1], widths[number], grid), range(len(widths))
    )
    error = np.zeros((len(filters), grid, grid, grid), np.float32)
    for number, gain in enumerate(gains):
        error[number + 1] = error[number] + gain
    return stretched(_lowest(error), n)


def _middle(difference: np.ndarray) -> float:
    """The mean shell of what one filter lets through and the other does not."""
    shell = np.arange(len(difference))
    weight = difference * shell**2
    return float(max((weight * shell).sum() / max(weight.sum(), 1e-30), 1.0))


def _gain(
    spectra: tuple[np.ndarray, np.ndarray], coarser: np.ndarray, finer: np.ndarray, width: float, grid: int
) -> np.ndarray:
    """What the error changes by from one filter to the next: (grid, grid, grid), each place's window about it.

    width: standard deviation of the window's transform, shells. Only the band where the filters differ is looked at,
    on a grid that holds the squares of its waves.
    """
    n = len(spectra[0])
    step = finer - coarser
    edge = int(np.flatnonzero(step >= FAINT * step.max()).max())
    size = max(grid, min(n, fft.good_size(int(np.ceil(2 * edge + 3 * width + 2)))))
    volume = (size / n) ** 3
    parts = [cropped(spectrum, size) for spectrum in spectra]

    def seen(weight: np.ndarray) -> Iterator[np.ndarray]:
        return (fft.irfft3(_weighted(part, volume * weight), size) for part in parts)

    a, b = seen(np.sqrt(finer**2 - coarser**2))
    change = np.multiply(a, a, out=a)
    change += np.multiply(b, b, out=b)
    a, b = seen(np.sqrt(step))
    a *= b
    a *= 4
    change -= a
    known = cropped(fft.rfft3(change), grid)
    spread = radial(known, lambda far: (grid / size) ** 3 * np.exp(-(far**2) / (2 * width**2)))
    return fft.irfft3(spread, grid)


def _weighted(spectrum: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """A half spectrum times a curve of its shells; the curve's last value beyond them."""
    return radial(spectrum, lambda far: np.interp(far, np.arange(len(curve)), curve))


def _lowest(error: np.ndarray) -> np.ndarray:
    """Where along its first axis (m, ...) the error is lowest, by a parabola; the first stands alone: it is nothing."""
    at = error.argmin(axis=0)
    inner = np.clip(at, 1, len(error) - 2)[None]
    before, here, after = (np.take_along_axis(error, inner + step, axis=0)[0] for step in (-1, 0, 1))
    bend = before - 2 * here + after
    aside = np.divide(before - after, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
    free = (at > 1) & (at < len(error) - 1)
    return (at + np.where(free, np.clip(aside, -0.5, 0.5), 0)).astype(np.float32)


def filtered(volume: np.ndarray, filters: np.ndarray, field: np.ndarray, run: Map = map) -> np.ndarray:
    """The volume (n, n, n) filtered at each voxel by the filters (m, shells) on both sides of the field's number."""
    n = len(volume)
    spectrum = fft.rfft3(volume)
    below = np.bincount(field.astype(np.int32).ravel(), minlength=len(filters)) > 0
    used = [number for number in range(1, len(filters)) if below[number - 1] or below[number]]
    parts = run(lambda number: fft.irfft3(_weighted(spectrum, filters[number]), n), used)
    out = np.zeros_like(field)
    for number, part in zip(used, parts):
        for target, place, values in zip(out, field, part):
            target += np.maximum(1 - np.abs(place - number), 0) * values
    return out
