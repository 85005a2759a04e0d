"""How the defocus of each tile differs from the mean: one likelihood for all tiles, of any surface.

The phase of a tile's rings is that of the mean plus ``pi lambda k² delta``, whatever the astigmatism, so each tile
comes down to two curves over the rings, its projections on cos 2 chi and sin 2 chi of the mean: from them the
log-likelihood of any delta follows, and no tile is ever fitted alone (Elferich et al., eLife 13 (2024) RP97227,
fit one plane to all tiles likewise).
"""

from dataclasses import dataclass

import numpy as np

from spa.ctffit.refine import Defocus, chi, envelope_and_misfit
from spa.ctffit.rings import Rings, rings
from spa.ctffit.tiles import Tiles
from spa.image.ctf import Lens, wavelength

_STEP = 25.0  # angstroms between the entries of a table of scores


@dataclass(frozen=True)
class Polar:
    """Tiles, the polar bins of their mean, and each one's spectrum over the common background, minus 1: (n, bins)."""

    tiles: Tiles
    rings: Rings
    values: np.ndarray


def polar_tiles(tiles: Tiles) -> Polar:
    """Tiles in the polar bins of their mean spectrum."""
    found, pixels = rings(tiles.mean())
    values = tiles.sums(pixels, len(found.ring))
    values /= (found.count * found.background[found.ring]).astype(np.float32)
    values -= 1
    return Polar(tiles, found, values)


@dataclass(frozen=True)
class Waves:
    """Two curves for each tile: ``score(delta) = sum over rings of sine · sin - cosine · cos`` of ``rate · delta``.

    cosine, sine: (n, m), scaled so that scores are log-likelihoods (nats). rate (m,): 2 pi lambda k². information
    (n,): that of each tile about its delta (1/angstrom²).
    """

    cosine: np.ndarray
    sine: np.ndarray
    rate: np.ndarray
    information: np.ndarray

    def table(self, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Deltas (d,) from -reach to reach, and the scores (n, d) of the tiles."""
        half = int(np.ceil(reach / _STEP))
        delta = np.arange(-half, half + 1) * _STEP
        angle = np.outer(self.rate, delta).astype(np.float32)
        return delta, self.sine @ np.sin(angle) - self.cosine @ np.cos(angle)

    def at(self, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores (n,) of the tiles at a delta (n,) each, and their slopes."""
        angle = np.outer(delta, self.rate).astype(np.float32)
        c, s = np.cos(angle), np.sin(angle)
        score = (self.sine * s - self.cosine * c).sum(axis=1, dtype=np.float64)
        return score, (self.sine * c + self.cosine * s) @ self.rate


def waves(values: np.ndarray, bins: Rings, lens: Lens, defocus: Defocus, low: float, high: float) -> Waves:
    """The curves of tiles from their values (n, bins), from the rings between two resolutions (angstroms)."""
    inside = np.flatnonzero((bins.ring * bins.step >= 1 / low) & (bins.ring * bins.step <= 1 / high))
    part = bins.between(low, high)
    amplitude, _ = envelope_and_misfit(part, lens, defocus)
    row, count, chi2 = part.row, part.count, 2 * chi(part, lens, defocus)
    seen = values[:, inside] * count.astype(np.float32)
    model = amplitude[row] * (-0.5 * np.cos(chi2))
    variance = ((seen - count * model) ** 2 / count).mean(axis=1)  # of a pixel; neighbours are alike, so that it is > 1
    edges = np.searchsorted(row, np.arange(len(amplitude)))

    def ringwise(of_bins: np.ndarray) -> np.ndarray:
        return np.add.reduceat(of_bins, edges, axis=-1)

    c, s = np.cos(chi2), np.sin(chi2)
    number = ringwise(count)
    smooth = _smooth(ringwise(seen) / number, np.arange(len(number)) / len(number), number)
    cosine = ringwise(seen * c.astype(np.float32)) - smooth * ringwise(count * c)
    sine = ringwise(seen * s.astype(np.float32)) - smooth * ringwise(count * s)
    scale = 0.5 * amplitude / variance[:, None]
    rate = 2 * np.pi * wavelength(lens.voltage) * part.mean(part.k2, count)
    information = ((0.5 * amplitude * rate) ** 2 * 0.5 * number).sum() / variance
    return Waves(scale * cosine, scale * sine, rate, information)


def _smooth(curves: np.ndarray, x: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Curves (n, m) smoothed to a parabola, ring by ring weighed with ``number`` (m,) of pixels."""
    root = np.sqrt(number)
    basis = np.linalg.qr(np.stack([root, root * x, root * x**2], axis=1))[0]
    return (curves * root) @ basis @ basis.T / root
