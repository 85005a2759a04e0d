"""Arrays as 8-bit pictures: binned, in grey, encoded."""

from collections.abc import Sequence

import numpy as np

from spa.web.page import Picture

SPREAD = 4.0  # robust standard deviations on either side of the median that grey levels hold


def binned(image: np.ndarray, factor: int) -> np.ndarray:
    """Means over factor x factor pixels of (ny, nx), float32; what is left over at the end is cut off."""
    ny, nx = (n // factor for n in image.shape)
    if factor == 1:
        return np.asarray(image, np.float32)
    rows = np.zeros((ny, nx * factor), np.float32)
    for start in range(factor):
        rows += image[start : ny * factor : factor, : nx * factor]
    return sum(rows[:, start::factor] for start in range(factor)) / np.float32(factor * factor)  # type: ignore[return-value]


def spread(image: np.ndarray) -> tuple[float, float]:
    """Median and robust standard deviation, from a sample of the pixels."""
    sample = image.ravel()[:: max(1, image.size // 50_000)]
    middle = float(np.median(sample))
    return middle, max(1.4826 * float(np.median(np.abs(sample - middle))), 1e-12)


def grey(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8, 0 at low and 255 at high."""
    scaled = (image - np.float32(low)) * np.float32(255 / max(high - low, 1e-12))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def levelled(image: np.ndarray) -> np.ndarray:
    """uint8 about the median."""
    middle, sd = spread(image)
    return grey(image, middle - SPREAD * sd, middle + SPREAD * sd)


def stretched(image: np.ndarray) -> np.ndarray:
    """uint8 between the image's own extremes, some pixels left aside."""
    low, high = np.percentile(image, [0.5, 99.8])
    return grey(image, float(low), float(high))


def sheet(tiles: Sequence[np.ndarray], across: int, down: int) -> np.ndarray:
    """uint8: tiles (ny, nx) row by row, each as large as the first, cut or filled with black; the rest is black."""
    high, wide = tiles[0].shape
    made = np.zeros((down, high, across, wide), np.uint8)
    for i, tile in enumerate(tiles):
        row, column = divmod(i, across)
        made[row, : tile.shape[0], column, : tile.shape[1]] = tile[:high, :wide]
    return made.reshape(down * high, across * wide)


def jpeg(image: np.ndarray, quality: int = 85) -> Picture:
    """Of uint8 (ny, nx)."""
    import imagecodecs

    return Picture(bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(image), level=quality)), "image/jpeg")


def png(image: np.ndarray) -> Picture:
    """Of uint8 (ny, nx) or (ny, nx, 3)."""
    import imagecodecs

    return Picture(bytes(imagecodecs.png_encode(np.ascontiguousarray(image), level=3)), "image/png")
