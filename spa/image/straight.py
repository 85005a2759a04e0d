"""Where the coefficients of an image lie in the object's transform, and their odd aberrations taken off.

A distorted image is left as it lies: what it is compared with is distorted, by a pose whose first two rows are
stretched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spa.image.aberrations import Aberrations
from spa.image.disc import Disc, coefficients, disc


@dataclass(frozen=True, eq=False)
class Seen:
    """At the coefficients (K,) of an image: where in the object's transform they are (1/angstrom), what is added to chi
    there, and the phase (radians)."""

    qx: np.ndarray
    qy: np.ndarray
    offset: np.ndarray
    phase: np.ndarray


def seen_through(one: Aberrations, band: Disc, pixel_size: float) -> Seen:
    """What the coefficients of images of a band show through a group's optics."""
    return _seen(one, band.box, band.radius, pixel_size)


@lru_cache(maxsize=64)
def _seen(one: Aberrations, box: int, radius: int, pixel_size: float) -> Seen:
    band, unit = disc(box, radius), 1 / (box * pixel_size)
    x, y = one.matrix @ np.stack([band.kx, band.ky]) * unit
    return Seen(x, y, one.offset(x, y), one.phase(x, y))


@dataclass(frozen=True, eq=False)
class Demodulator:
    """For images of a band and pixel size (angstroms) whose groups count from 0 through the aberrations."""

    band: Disc
    pixel_size: float
    aberrations: tuple[Aberrations, ...]

    def coefficients(self, images: np.ndarray, group: np.ndarray) -> np.ndarray:
        """(n, 2, K) float32, as `disc.coefficients`, of images (n, N, N) of groups (n,) without odd aberrations."""
        planes = coefficients(images, self.band)
        for number in np.unique(group):
            one = self.aberrations[number]
            if any(one.odd):
                rows = np.flatnonzero(group == number)
                planes[rows] = turned(planes[rows], -seen_through(one, self.band, self.pixel_size).phase)
        return planes


def turned(planes: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Coefficients (n, 2, K) times exp(i phase), phase (K,) in radians."""
    cosine, sine = np.cos(phase).astype(np.float32), np.sin(phase).astype(np.float32)
    return np.stack([planes[:, 0] * cosine - planes[:, 1] * sine, planes[:, 0] * sine + planes[:, 1] * cosine], axis=1)


def offsets(aberrations: Sequence[Aberrations], band: Disc, pixel_size: float) -> np.ndarray | None:
    """(groups, K) float32 that the even aberrations add to chi; None where there are none."""
    if not any(any(one.even) for one in aberrations):
        return None
    return np.stack([seen_through(one, band, pixel_size).offset for one in aberrations]).astype(np.float32)


def magnifications(aberrations: Sequence[Aberrations]) -> np.ndarray | None:
    """(groups, 2, 2), or None where there is no distortion."""
    if all(one.straight for one in aberrations):
        return None
    return np.stack([one.matrix for one in aberrations])


def stretched(poses: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Poses (n, 3, 3) at which a slice, taken at k, is the map's transform at ``q = M k``, M (n, 2, 2).

    The third row stays.
    """
    out = np.array(poses, np.float64)
    out[:, :2] = np.einsum("nab,nac->nbc", matrices, out[:, :2])
    return out


def bent_poses(poses: np.ndarray, group: np.ndarray, aberrations: Sequence[Aberrations]) -> np.ndarray:
    """The same for images of groups (n,)."""
    matrices = magnifications(aberrations)
    return poses if matrices is None else stretched(poses, matrices[group])
