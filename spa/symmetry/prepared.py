"""A map made ready for the search of its symmetry: small, about the centre of its density, every shell as strong."""

from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.volume.masks import automatic_threshold, soft_sphere, without_dust
from spa.volume.shells import apply_radial, lowpass, power
from spa.volume.slices import Reference, reference

FLOOR = 1e-3  # of the strongest shell's power: weaker shells are not raised to the others
EDGE = 1.1  # radii of the particle: where the sphere about it begins to fall
EXTENT = (0.35, 0.95)  # of the box: what a particle may take, whatever a threshold finds
OUTLINE = 8  # shells that show where a map is dense
BIAS = 0.1  # what a share of signal shows by chance where there is none
SOLVENT = 0.05  # of the box outside the particle at least, to see noise in


@dataclass(frozen=True, eq=False)
class Prepared:
    """volume (m, m, m) whose origin was at `centre` (3,) x y z from the middle of a map of `box` pixels.

    radius: shells in use; extent: the particle's share of the box; source: its transform for slices.
    """

    volume: np.ndarray
    box: int
    radius: int
    extent: float
    centre: np.ndarray
    source: Reference


def dense(volume: np.ndarray) -> tuple[np.ndarray, float]:
    """(centre (3,) x y z from the middle of the box, greatest distance from it) of what is dense, in pixels."""
    n = len(volume)
    smooth = lowpass(volume, 1.0, n / OUTLINE)
    inside = without_dust(smooth > automatic_threshold(smooth))
    if not inside.any():
        return np.zeros(3), 0.4 * n
    at = np.argwhere(inside)[:, ::-1] - n // 2
    centre = np.average(at, axis=0, weights=smooth[inside])
    return centre, float(np.linalg.norm(at - centre, axis=1).max())


def prepared(volume: np.ndarray, radius: int, curve: np.ndarray | None = None) -> Prepared:
    """A map (n, n, n) ready for shells up to radius; curve (n//2+1,): their FSC, without it what the solvent tells."""
    n = len(volume)
    radius = min(radius, n // 2 - 1)
    centre, reach = dense(volume)
    extent = float(np.clip(2 * reach / n, *EXTENT))
    sphere = soft_sphere(n, EDGE * extent * n / 2, max(3.0, 0.05 * extent * n))
    mask = np.roll(sphere, np.rint(centre[::-1]).astype(int), (0, 1, 2))
    whole = np.asarray(volume - np.median(volume), np.float32)
    small = smaller(whole * mask, min(fft.good_size(2 * radius + 6), n), centre)
    strength = power(small)[: radius + 1]
    scale = 1 / np.sqrt(strength + FLOOR * strength[2:].max())
    scale[0] = 0
    worth = signal_share(whole, mask) if curve is None else curve
    scale = scale * np.sqrt(np.clip(worth[: radius + 1], 0, 1))
    return _ready(apply_radial(small, scale), n, radius, extent, centre)


def signal_share(volume: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(n//2+1,) share of signal in each shell's power inside a mask, the noise being as it is outside."""
    outside = 1 - mask
    if (outside**2).mean() < SOLVENT:
        return np.ones(len(volume) // 2 + 1)
    noise = power(volume * outside) * ((mask**2).sum() / (outside**2).sum())
    inside = power(volume * mask)
    near = np.ones(3)
    share = 1 - np.convolve(noise, near, "same") / np.maximum(np.convolve(inside, near, "same"), 1e-30)
    return np.clip((share - BIAS) / (1 - BIAS), 0, 1)


def _ready(small: np.ndarray, box: int, radius: int, extent: float, centre: np.ndarray) -> Prepared:
    return Prepared(small, box, radius, extent, centre, reference(small, radius))


def smaller(volume: np.ndarray, box: int, centre: np.ndarray) -> np.ndarray:
    """The low band of a map on a grid (box, box, box) as wide; centre (x, y, z; pixels) comes to its middle."""
    n = len(volume)
    spectrum = fft.rfft3(np.asarray(volume, np.float32))
    half = (box - 1) // 2
    line = np.arange(-half, half + 1)
    part = spectrum[np.ix_(line % n, line % n, np.arange(half + 1))]
    return _from_band(part * _ramp(half, n, n // 2 + np.asarray(centre)), box)


def _ramp(half: int, n: int, shift: np.ndarray) -> np.ndarray:
    """exp(2 pi i k.shift / n) for k = -half … half along z and y, 0 … half along x."""
    line = 2j * np.pi / n * np.arange(-half, half + 1)
    z, y, x = np.exp(line * shift[2]), np.exp(line * shift[1]), np.exp(line[half:] * shift[0])
    return (z[:, None, None] * y[:, None] * x).astype(np.complex64)


def _from_band(part: np.ndarray, box: int) -> np.ndarray:
    """A map of box pixels about its middle whose transform about the origin is part."""
    half = len(part) // 2
    out = np.zeros((box, box, box // 2 + 1), np.complex64)
    line = np.arange(-half, half + 1) % box
    out[np.ix_(line, line, np.arange(half + 1))] = part
    return np.roll(fft.irfft3(out, box), (box // 2,) * 3, (0, 1, 2))


def recentred(given: Prepared, shift: np.ndarray) -> Prepared:
    """The same about a point `shift` (x, y, z; pixels of the small box) from where it was."""
    m = len(given.volume)
    moved = smaller(given.volume, m, shift)
    return _ready(moved, given.box, given.radius, given.extent, given.centre + shift * given.box / m)


def narrowed(given: Prepared, radius: int) -> Prepared:
    """The same with fewer shells."""
    if radius >= given.radius:
        return given
    curve = np.arange(len(given.volume) // 2 + 1) <= radius
    box = min(fft.good_size(2 * radius + 6), len(given.volume))
    small = smaller(apply_radial(given.volume, curve.astype(float)), box, np.zeros(3))
    return _ready(small, given.box, radius, given.extent, given.centre)
