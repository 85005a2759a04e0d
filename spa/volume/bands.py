"""A bank of overlapping bands of resolution, and what two half maps have in each of them place by place.

Every band is a Gaussian shell as wide as a few of its waves need, and what is in it is averaged in a Gaussian window
of about a wavelength: a local Fourier shell correlation (Cardone, Heymann & Steven, J. Struct. Biol. 184 (2013) 226)
at two inverse transforms a band, in place of a small transform a voxel. As the band comes before the window, strong
detail of low resolution does not leak into it by the window's edge.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.volume.shells import cropped, radii

STEP = 1.08  # from one band's resolution to the next one's
WAVES = 1.5  # standard deviation of a band's kernel, in its wavelengths
WINDOW = 1.0  # standard deviation of the window, in the same
GRID = 48  # points a side on which windows are placed, at most
SPREAD = 3.2  # standard deviations beyond which a band is nothing
EMPTY = 1e-3  # of a window: less of the mask in it is none
FAINT = 1e-9  # of a Gaussian's peak: less is none; numbers below 1e-38 cost processors a hundred times what others do

Map = Callable[..., Iterable]
Part = tuple[slice, slice, slice]
WHOLE: Part = (slice(None), slice(None), slice(None))


@dataclass(frozen=True, eq=False)
class Bank:
    """Bands of a box of n pixels, width angstroms a side, about resolutions (m,) in angstroms, coarsest first.

    grid: points a side where windows are placed; the point i lies at i * n / grid pixels.
    """

    n: int
    width: float
    resolutions: np.ndarray
    grid: int

    @property
    def shells(self) -> np.ndarray:
        """(m,) Fourier pixels of the bands' middles."""
        return self.width / self.resolutions

    @property
    def kernel(self) -> np.ndarray:
        """(m,) standard deviation in space of each band's kernel, angstroms."""
        return WAVES * self.resolutions

    @property
    def window(self) -> np.ndarray:
        """(m,) standard deviation of each band's window, angstroms: no less than the grid can tell apart."""
        return np.maximum(WINDOW * self.resolutions, 0.8 * self.width / self.grid)

    @property
    def seen(self) -> np.ndarray:
        """(m,) standard deviation, angstroms, of the place that what is measured in a band comes from."""
        return np.sqrt(self.kernel**2 / 2 + self.window**2)

    @property
    def samples(self) -> np.ndarray:
        """(m,) independent numbers that a window has of a band."""
        return (4 * np.pi) ** 2.5 * self.window**3 / (self.resolutions**2 * np.sqrt(2 * np.pi) * self.kernel)

    @property
    def spread(self) -> np.ndarray:
        """(m,) standard deviation, Fourier pixels, of a band's amplitudes."""
        return self.width / (2 * np.pi * self.kernel)

    def overlap(self, share: float = 1.0) -> np.ndarray:
        """(m, m): of what a band sees, the part that is of each band's middle; share: narrower by this."""
        shell, spread = self.shells, share * self.spread / np.sqrt(2)
        found = np.exp(-((shell[:, None] - shell) ** 2) / (2 * spread[:, None] ** 2)) * np.gradient(shell) * shell**2
        return found / found.sum(1, keepdims=True)


def bank(n: int, pixel_size: float, coarsest: float, finest: float) -> Bank:
    """Bands from one resolution to another (angstroms) of a box of n pixels."""
    width = n * pixel_size
    finest = max(finest, 2 * pixel_size)
    count = max(4, int(np.ceil(np.log(coarsest / finest) / np.log(STEP))) + 1)
    return Bank(n, width, np.geomspace(coarsest, finest, count), min(GRID, n))


def let_through(banked: Bank, band: int) -> np.ndarray:
    """What a band lets through of a half spectrum (size, size, size//2+1), whose grid holds its square's waves."""
    shell, spread = banked.shells[band], banked.spread[band]
    size = min(banked.n, fft.good_size(int(np.ceil(2 * (shell + SPREAD * spread) + 2))))
    r = radii(size)
    r[r > banked.n / 2] = 1e4  # nothing beyond Nyquist's sphere
    r -= np.float32(shell)
    r *= r
    r *= np.float32(-0.5 / spread**2)
    r[r < np.log(FAINT)] = -np.inf
    return np.exp(r, out=r) * np.float32((size / banked.n) ** 3)


def passed(spectrum: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """A half spectrum (n, n, n//2+1) through a band's weight: (size, size, size)."""
    size = len(weight)
    return fft.irfft3(cropped(spectrum, size) * weight, size)


def bell(away: np.ndarray) -> np.ndarray:
    """A Gaussian of unit deviation, and nothing where it is faint."""
    weight = np.exp(-(away**2) / 2)
    weight[weight < FAINT] = 0
    return weight


def windows(points: int, banked: Bank, sigma: float) -> np.ndarray:
    """(grid, points) a Gaussian window (angstroms) about each grid point along one, periodic, axis; rows sum to 1."""
    away = np.arange(banked.grid)[:, None] / banked.grid - np.arange(points) / points
    away = ((away + 0.5) % 1 - 0.5) * banked.width
    weight = bell(away / sigma)
    return (weight / weight.sum(1, keepdims=True)).astype(np.float32)


def averaged(volume: np.ndarray, line: np.ndarray, part: Part = WHOLE) -> np.ndarray:
    """The volume (s, s, s) averaged in windows (g, s) along each axis: (g, g, g), by three matrix products.

    part: where alone the volume is not 0; it may have been cut out of it.
    """
    z, y, x = (line[:, one] for one in part)
    shape = tuple(one.shape[1] for one in (z, y, x))
    if volume.shape != shape:
        volume = np.ascontiguousarray(volume[part])
    found = (z @ volume.reshape(shape[0], -1)).reshape(len(line), *shape[1:])
    return np.matmul(y, found) @ x.T


def extent(mask: np.ndarray) -> Part:
    """Where a mask (s, s, s) is not 0."""
    some = [np.flatnonzero(mask.any(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    return tuple(slice(int(one[0]), int(one[-1]) + 1) if len(one) else slice(0, 1) for one in some)  # type: ignore


def powers(
    first: np.ndarray, second: np.ndarray, banked: Bank, mask: np.ndarray, run: Map = map, every: int = 1
) -> np.ndarray:
    """Local mean of a b and of (a a + b b) / 2 in bands of two half spectra: (m, 2, grid, grid, grid) float32.

    mask (n, n, n): windows leave out what lies outside of it, so that solvent does not thin out what is at the rim.
    every: of so many bands only the first.
    """

    def one(band: int) -> np.ndarray:
        weight = let_through(banked, band)
        share = sampled(mask, len(weight))
        part = extent(share)
        share = share[part]
        a, b = passed(first, weight)[part], passed(second, weight)[part]
        line = windows(len(weight), banked, banked.window[band])
        whole = np.maximum(averaged(share, line, part), EMPTY)
        pairs = (a * b, (a * a + b * b) * np.float32(0.5))
        return np.stack([averaged(pair * share, line, part) / whole for pair in pairs])

    return np.stack(list(run(one, range(0, len(banked.resolutions), every))))


def blurred(field: np.ndarray, banked: Bank, share: float = 1.0, run: Map = map) -> np.ndarray:
    """A field (m, g, g, g) as windows and kernels would smear it, each band by its own; share: of that width."""

    def one(band: int) -> np.ndarray:
        return averaged(field[band], windows(banked.grid, banked, share * banked.seen[band]))

    return np.stack(list(run(one, range(len(field)))))


def stretched(field: np.ndarray, n: int) -> np.ndarray:
    """A periodic field (g, g, g) on a finer grid (n, n, n), linear between its points."""
    size = len(field)
    place = np.arange(n) * (size / n)
    below = place.astype(int)
    part = (place - below).astype(np.float32)
    for axis in range(3):
        share = np.expand_dims(part, tuple({0, 1, 2} - {axis}))
        lower, upper = (np.take(field, index % size, axis) for index in (below, below + 1))
        field = lower + share * (upper - lower)
    return field


def sampled(volume: np.ndarray, grid: int) -> np.ndarray:
    """A volume (n, n, n) at the points of a coarser grid, linear between its voxels."""
    return stretched(volume, grid) if len(volume) != grid else volume
