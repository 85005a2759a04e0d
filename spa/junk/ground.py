"""A micrograph as it is judged: in pixels of about 8 angstroms, over its own uneven ground."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.image.borders import mirrored
from spa.image.quantiles import median

PIXEL = 8.0  # angstroms
_FEWEST = 32  # pixels along a side
_ROUNDS = 6


@dataclass(frozen=True)
class Ground:
    """image (ny, nx): binned, less a robust parabola, in units of its own noise's spread; factor: of the binning.

    pixel_size: of the image, angstroms.
    """

    image: np.ndarray
    factor: int
    pixel_size: float


def ground(pixels: np.ndarray, pixel_size: float) -> Ground:
    """The ground of a micrograph (ny, nx), whose empty borders show its inside mirrored. DataError where it has no
    contrast or is too small."""
    factor = max(1, int(PIXEL / pixel_size + 1e-6))
    ny, nx = (side // factor for side in pixels.shape)
    if min(ny, nx) < _FEWEST:
        raise DataError(
            f"{pixels.shape[1]} x {pixels.shape[0]} pixels of {pixel_size:g} angstroms are too few to judge"
        )
    binned = np.asarray(mirrored(pixels)[: ny * factor, : nx * factor], np.float32)
    for axis in (0, 1):  # rows, then columns: strides along both at once take seven times as long
        parts = [binned[start::factor] if axis == 0 else binned[:, start::factor] for start in range(factor)]
        binned = sum(parts[1:], parts[0])
    binned = binned / np.float32(factor**2)
    if not np.isfinite(binned).all():
        raise DataError("pixels that are not numbers (NaN or infinite)")
    level = binned - _parabola(binned)
    spread = deviation(np.diff(level, axis=1)) / np.sqrt(2)
    if not spread > 1e-6 * max(float(np.abs(binned).max()), 1e-30):
        raise DataError("no contrast")
    return Ground(level / np.float32(spread), factor, pixel_size * factor)


def deviation(values: np.ndarray) -> float:
    """Robust standard deviation."""
    return 1.4826 * median(np.abs(values - np.float32(median(values))))


def level_off(image: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """The image less the robust parabola of what is clear (ny, nx)."""
    return image - _parabola(image, clear)


def _parabola(image: np.ndarray, clear: np.ndarray | None = None) -> np.ndarray:
    """The parabola of the bulk: what lies far off it, or is not clear, has no say (Tukey's biweight)."""
    ny, nx = image.shape
    down, across = np.linspace(-1, 1, ny, dtype=np.float32)[:, None], np.linspace(-1, 1, nx, dtype=np.float32)
    y, x = np.broadcast_arrays(down[::4], across[::4])
    few = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    values = image[::4, ::4].ravel()
    if clear is not None and clear[::4, ::4].sum() >= _FEWEST:
        few, values = few[clear[::4, ::4].ravel()], values[clear[::4, ::4].ravel()]
    weight = np.ones_like(values)
    coefficients = np.array([median(values), 0, 0, 0, 0, 0], np.float32)
    for _ in range(_ROUNDS):
        rest = values - few @ coefficients
        far = np.clip(np.abs(rest) / (5 * max(deviation(rest), 1e-30)), 0, 1)
        weight = (1 - far**2) ** 2
        matrix = (few * weight[:, None]).T
        coefficients = np.linalg.lstsq(matrix @ few, matrix @ values, rcond=None)[0]
    c = coefficients
    found = (c[1] + c[4] * down) * across
    found += c[0] + c[2] * down + c[5] * down * down
    found += c[3] * across * across
    return np.asarray(found, np.float32)
