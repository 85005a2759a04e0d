"""How n-fold a map is about every axis, all n at once.

Half planes that contain an axis, one after the other around it, are central slices of the transform. Their Fourier
series over the azimuth has the power P_m; an n-fold axis leaves m = 0, n, 2n … alone. m = 0, which is the same for
every rotation about the axis, speaks for none and is left out: a rod or a sphere has no folds here.
"""

import numpy as np

from spa.image.disc import disc
from spa.search import orientations
from spa.symmetry.prepared import Prepared
from spa.volume.slices import slices

AT_ONCE = 3e6  # samples
RELIEF = 0.15  # of all power: what is left without m = 0 counts less where it is no more than that


def powers(given: Prepared, axes: np.ndarray) -> np.ndarray:
    """(a, M) power of each order m (as `np.fft.fftfreq` has them) about axes (a, 3)."""
    band = disc(len(given.volume), given.radius)
    kept = band.kx > 0
    kx, ky = band.kx[kept], band.ky[kept]
    turns = 2 * int(np.ceil(1.2 * np.pi * given.radius * given.extent)) + 8
    chunk = max(1, int(AT_ONCE / (turns * len(kx))))
    return np.concatenate([_powers(given, axes[i : i + chunk], turns, kx, ky) for i in range(0, len(axes), chunk)])


def _powers(given: Prepared, axes: np.ndarray, turns: int, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    frame = orientations.frames(axes, np.zeros(len(axes)))
    angle = 2 * np.pi / turns * np.arange(turns)
    out = np.cos(angle)[None, :, None] * frame[:, None, 0] + np.sin(angle)[None, :, None] * frame[:, None, 1]
    along = np.broadcast_to(axes[:, None], out.shape)
    poses = np.stack([out, along, out], axis=2).reshape(-1, 3, 3)  # a slice needs two axes only
    cut = slices(given.source, poses, kx, ky).reshape(len(axes), turns, 2, -1)
    series = np.fft.fft(cut[:, :, 0] + 1j * cut[:, :, 1], axis=1)
    return (series.real**2 + series.imag**2) @ kx.astype(np.float32)  # kx: the distance from the axis


def folding(power: np.ndarray, fold: int) -> np.ndarray:
    """(a,) mean correlation of a map with itself turned by 1 … fold-1 parts of a turn, of what m = 0 leaves (a, M)."""
    order = np.rint(np.fft.fftfreq(power.shape[1]) * power.shape[1]).astype(int)
    rest = power[:, order != 0].sum(axis=1)
    kept = power[:, (order % fold == 0) & (order != 0)].sum(axis=1)
    return (fold * kept - rest) / (rest + RELIEF * power.sum(axis=1) + 1e-30) / (fold - 1)


def hemisphere(step: float) -> np.ndarray:
    """(a, 3) axes about step radians apart, one of each two opposite ones."""
    every = orientations.directions(step)
    return every[every[:, 2] > 0]
