"""Soft masks, 0 in the solvent and 1 in the particle, with edges of half a cosine."""

import numpy as np
from scipy import ndimage

from spa.errors import DataError
from spa.volume.distance import squares
from spa.volume.shells import lowpass, raised_cosine, require_cube

PEAK_FRACTION = 0.2  # of the way from solvent to peak
SOLVENT_SIGMAS = 4.0
DALTON = 1.21  # cubic angstroms of protein
PITS = 3  # times what lies as far below the solvent: noise has as much on either side
OF_A_WAVE = 0.3  # of a wave's cube: no peak of noise is larger, four deviations above it
KEPT_COMPONENT = 0.1  # of the largest component's voxels


def distances(n: int) -> np.ndarray:
    """Distance of each voxel from the box centre n//2, in pixels: (n, n, n) float32."""
    x = (np.arange(n) - n // 2).astype(np.float32)
    return np.sqrt(x[:, None, None] ** 2 + x[None, :, None] ** 2 + x**2)


def soft_sphere(n: int, radius: float, edge: float) -> np.ndarray:
    """A sphere about the box centre: 1 within radius, 0 beyond radius + edge (pixels): (n, n, n) float32."""
    return raised_cosine(distances(n), radius, radius + edge)


def automatic_threshold(volume: np.ndarray) -> float:
    """A level that parts particle from solvent in a low-passed map.

    A fifth of the way from the solvent (the median) to the peak (99.95 % quantile), or four solvent standard
    deviations (from the median absolute deviation of what lies below the median) where noise is stronger than that.
    """
    return _threshold(volume, *_solvent_and_peak(volume))


def _solvent_and_peak(volume: np.ndarray) -> tuple[float, float]:
    solvent, peak = np.quantile(volume, [0.5, 0.9995])
    return solvent, peak


def _threshold(volume: np.ndarray, solvent: float, peak: float) -> float:
    spread = 1.4826 * np.median(solvent - volume[volume <= solvent])
    return float(max(solvent + PEAK_FRACTION * (peak - solvent), solvent + SOLVENT_SIGMAS * spread))


def stands_out(volume: np.ndarray, pixel_size: float, resolution: float | None = 15.0) -> bool:
    """Whether an automatic mask would have more in it than the peaks of noise.

    Noise has pits as deep as its peaks are high, and its peaks are smaller than a wave of the low-pass (angstroms). A
    particle without its lowest frequencies lies in a trough as wide as itself, but not as deep: what stands above half
    its height says so.
    """
    smooth = lowpass(volume, pixel_size, resolution) if resolution else np.asarray(volume, np.float32)
    solvent, peak = _solvent_and_peak(smooth)
    wave = max(resolution or 0.0, 2 * pixel_size) / pixel_size
    levels = _threshold(smooth, solvent, peak), (solvent + peak) / 2
    return any(_above(smooth - solvent, float(level - solvent), OF_A_WAVE * wave**3) for level in levels)


def _above(volume: np.ndarray, level: float, least: float) -> bool:
    """Whether more lies above a level than noise with such pits would have, some voxels of it in one piece."""
    labels, _ = ndimage.label(volume > level)
    largest = int(np.bincount(labels.ravel())[1:].max(initial=0))
    return np.count_nonzero(labels) > PITS * np.count_nonzero(volume < -level) and largest > least


def without_dust(inside: np.ndarray, least: float = KEPT_COMPONENT) -> np.ndarray:
    """The connected components (faces touch) that have at least a share (default a tenth) of the largest's voxels."""
    if not inside.any():
        return inside
    box, out = _bounds(inside), np.zeros_like(inside)
    labels, count = ndimage.label(inside[box])
    if count <= 1:
        return inside
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    out[box] = (sizes >= least * sizes.max())[labels]
    return out


def _bounds(inside: np.ndarray, room: int = 0) -> tuple[slice, ...]:
    """The smallest box that has all of what is inside (n, n, n; some is), and room pixels more where there are."""
    found = []
    for others in ((1, 2), (0, 2), (0, 1)):
        there = np.flatnonzero(np.any(inside, axis=others))
        found.append(slice(max(0, int(there[0]) - room), int(there[-1]) + 1 + room))
    return tuple(found)


def grown(inside: np.ndarray, extend: float, edge: float) -> np.ndarray:
    """A soft mask: 1 within extend pixels of what is inside, falling to 0 over edge pixels more."""
    if not inside.any():
        raise DataError("the mask would be empty: no voxel lies above the threshold")
    reach = min(int(np.ceil(extend + edge)) + 1, 2 * max(inside.shape))  # beyond its corners there is nothing
    box = _bounds(inside, reach)
    mask = np.zeros(inside.shape, np.float32)
    away = squares(inside[box], reach)
    fall = raised_cosine(np.sqrt(np.arange(reach**2 + 1)), extend, extend + edge)  # of each square
    mask[box] = fall[np.minimum(away, reach**2).astype(np.int32)]
    return mask


def around(points: np.ndarray, n: int, reach: float) -> np.ndarray:
    """(n, n, n) bool: the voxels within a reach of points (m, 3) x y z; pixels from the first voxel.

    DataError where no point is in the box.
    """
    from scipy.spatial import cKDTree

    inside = points[((points > -0.5) & (points < n - 0.5)).all(axis=1)]
    if not len(inside):
        raise DataError(f"none of {len(points)} atoms lies in the box")
    near = np.zeros((n, n, n), bool)
    low, high = (inside.min(axis=0) - reach - 1).astype(int), (inside.max(axis=0) + reach + 2).astype(int)
    box = tuple(slice(max(a, 0), min(b, n)) for a, b in zip(low[::-1], high[::-1]))
    lines = (np.arange(one.start, one.stop) for one in box)
    places = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
    found = cKDTree(inside[:, ::-1]).query(places, distance_upper_bound=reach)[0]
    near[box] = np.isfinite(found).reshape(near[box].shape)
    return near


def level_of_mass(volume: np.ndarray, pixel_size: float, mass: float, resolution: float | None = 15.0) -> float:
    """The density level above which a low-passed map has the volume of a protein of a mass (kDa).

    DataError where the box is too small for it.
    """
    smooth = lowpass(volume, pixel_size, resolution) if resolution else np.asarray(volume, np.float32)
    share = 1e3 * mass * DALTON / (smooth.size * pixel_size**3)
    if share >= 0.5:
        raise DataError(f"a protein of {mass:g} kDa takes {share:.0%} of the box")
    return float(np.quantile(smooth, 1 - share))


def soft_mask(
    volume: np.ndarray, pixel_size: float, threshold: float | None = None,
    resolution: float | None = 15.0, extend: float = 6.0, edge: float = 12.0,
) -> tuple[np.ndarray, float]:  # fmt: skip
    """A soft mask (n, n, n) float32 around a map, and the threshold that made it.

    The map is low-passed to resolution (angstroms; None: as it is) and cut at threshold; without one the level is
    found and small specks are dropped. Extension and soft edge are in angstroms. DataError when nothing is inside.
    """
    require_cube(volume)
    smooth = lowpass(volume, pixel_size, resolution) if resolution else np.asarray(volume, np.float32)
    level = automatic_threshold(smooth) if threshold is None else threshold
    inside = smooth > level
    if threshold is None:
        inside = without_dust(inside)
    return grown(inside, extend / pixel_size, edge / pixel_size), level
