"""A map's surface, lit from the viewer's upper left: the first voxel of each ray above a level, shaded by its slope."""

import numpy as np

_LIGHT = np.array([-0.4, 0.5, 0.77])  # right, up, towards the viewer
_AMBIENT = 0.35


FINE = 192  # points a side that a surface should have to look smooth


def finer(volume: np.ndarray, order: int = 1) -> np.ndarray:
    """The volume on a finer grid where it is a small one, and without the roughness of single voxels."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(np.asarray(volume, np.float32), 0.6) if order else np.asarray(volume, np.float32)
    times = max(1, round(FINE / len(smooth)))
    return ndimage.zoom(smooth, times, order=1) if times > 1 else smooth


def surface_level(volume: np.ndarray, mask: np.ndarray | None = None) -> float:
    """A level whose surface looks like a particle: a third of the way from solvent to peak."""
    inside = None if mask is None or not (mask > 0.5).any() else volume[mask > 0.5]
    peak = np.quantile(volume, 0.9995) if inside is None else np.quantile(inside, 0.995)
    solvent = np.quantile(volume, 0.5)
    return float(solvent + (peak - solvent) / 3)


def particle(volume: np.ndarray, level: float, mask: np.ndarray) -> np.ndarray:
    """The volume with nothing above the level outside a mask."""
    return np.where(mask > 0.5, volume, min(level, float(np.median(volume))))


def depth(volume: np.ndarray, level: float, axis: int = 0) -> np.ndarray:
    """(n, n) distance from the viewer, pixels, of where rays along an axis first meet the level; NaN where never.

    The viewer looks from the axis's far end; a crossing is found between voxels by a straight line.
    """
    seen = np.moveaxis(np.asarray(volume), axis, 0)[::-1]
    above = seen >= level
    hit = above.any(0)
    first = above.argmax(0)
    here = np.take_along_axis(seen, first[None], 0)[0]
    before = np.take_along_axis(seen, np.maximum(first - 1, 0)[None], 0)[0]
    part = np.where(first > 0, (here - level) / np.maximum(here - before, 1e-12), 0)
    return np.where(hit, first - part, np.nan)


def shaded(distance: np.ndarray) -> np.ndarray:
    """(n, n) brightness in [0, 1] of a depth picture, NaN where there is no surface."""
    filled = np.where(np.isnan(distance), np.nanmax(distance) if np.isfinite(distance).any() else 0, distance)
    up, right = np.gradient(filled)
    normal = np.stack([right, up, np.ones_like(up)])  # the surface rises towards the viewer where the distance falls
    normal /= np.linalg.norm(normal, axis=0)
    light = np.clip(np.tensordot(_LIGHT / np.linalg.norm(_LIGHT), normal, 1), 0, 1)
    far = np.nan_to_num((distance - np.nanmin(filled)) / max(float(np.ptp(filled)), 1e-6))
    bright = (_AMBIENT + (1 - _AMBIENT) * light) * (1 - 0.35 * far)
    return np.where(np.isnan(distance), np.nan, bright)


def grey(volume: np.ndarray, level: float, axis: int = 0) -> np.ndarray:
    """(n, n, 3) picture in [0, 1] of the surface on white."""
    bright = shaded(depth(finer(volume), level, axis))
    return np.where(np.isnan(bright), 1.0, bright)[..., None].repeat(3, -1)


def coloured(
    volume: np.ndarray, level: float, axis: int, field: np.ndarray, low: float, high: float, map_name: str = "turbo"
) -> np.ndarray:
    """(n, n, 3) the surface in the colours of a field (n, n, n) between two values, on white."""
    import matplotlib

    distance = depth(finer(volume), level, axis)
    bright = shaded(distance)
    values = np.moveaxis(finer(field, 0), axis, 0)[::-1]
    at = np.clip(np.nan_to_num(distance), 0, len(values) - 1).round().astype(int)
    value = np.take_along_axis(values, at[None], 0)[0]
    colour = matplotlib.colormaps[map_name](np.clip((value - low) / max(high - low, 1e-9), 0, 1))[..., :3]
    return np.where(np.isnan(bright)[..., None], 1.0, colour * bright[..., None])
