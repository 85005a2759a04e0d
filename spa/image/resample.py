"""Fewer or more pixels by cutting or padding the Fourier transform; pixels of any other size by its series."""

from functools import lru_cache

import numpy as np

from spa.image import fft


def fourier_resized(images: np.ndarray, shape: tuple[int, int], threads: int = 1) -> np.ndarray:
    """Images (..., ny, nx) on a grid of another shape (my, mx), grey levels kept.

    Pixel 0 stays where it is: pixel (j, i) of the result lies at (j ny/my, i nx/mx). Frequencies that the smaller grid
    cannot hold are left out. At its very edge (Nyquist), where two coincide, the positive one is taken, as RELION does:
    white noise stays nearly white. Sizes are even, or equal.
    """
    ny, nx = images.shape[-2:]
    my, mx = shape
    if (ny, nx) == (my, mx):
        return np.asarray(images, np.float32)
    ky, kx = min(ny, my) // 2, min(nx, mx) // 2
    source = fft.rfft2(images, threads) if 2 * mx > nx else fft.rfft2_left(images, kx + 1)
    target = np.zeros((*images.shape[:-2], my, mx // 2 + 1), np.complex64)
    target[..., : ky + 1, : kx + 1] = source[..., : ky + 1, : kx + 1]
    if ky > 1:
        target[..., 1 - ky :, : kx + 1] = source[..., 1 - ky :, : kx + 1]
    target *= np.float32(my * mx / (ny * nx))
    return fft.irfft2(target, mx, threads)


def coarser(image: np.ndarray, factor: float) -> tuple[np.ndarray, tuple[float, float]]:
    """An image (ny, nx) in pixels about ``factor`` (1 or more) times as large, and their sides (y, x) in pixels.

    Pixel 0 stays where it is. The image is mirrored out to sizes that transforms are quick with: of 1240 = 8 x 5 x 31
    pixels one takes four times as long as of 1250.
    """
    wide = tuple(fft.good_size(n) for n in image.shape)
    shape = fft.good_size(int(wide[0] / factor)), fft.good_size(int(wide[1] / factor))
    step = wide[0] / shape[0], wide[1] / shape[1]
    small = fourier_resized(_mirrored_out(image, wide), shape)
    ny, nx = (int((n - 1) / by) + 1 for n, by in zip(image.shape, step))
    return small[:ny, :nx], step


def _mirrored_out(image: np.ndarray, wide: tuple[int, ...]) -> np.ndarray:
    """An image with its last rows and columns mirrored about its last ones, out to a shape."""
    if image.shape == wide:
        return image
    ny, nx = image.shape
    found = np.empty(wide, image.dtype)
    found[:ny, :nx] = image
    found[:ny, nx:] = image[:, nx - 2 : 2 * nx - 2 - wide[1] : -1]
    found[ny:] = found[ny - 2 : 2 * ny - 2 - wide[0] : -1]
    return found


def stretched(images: np.ndarray, size: int, step: float) -> np.ndarray:
    """Images (n, box, box) on grids of size x size whose pixels are ``step`` of theirs apart, the centres kept.

    What lies between pixels is their Fourier series; of that, frequencies which the wider grid cannot hold are left
    out, so that white noise stays nearly white. Grey levels are kept. box is even, step at least 1.
    """
    weights = series(images.shape[-1], size, float(step))
    return np.asarray(weights @ np.asarray(images, np.float32) @ weights.T, np.float32)


@lru_cache(maxsize=8)
def series(box: int, size: int, step: float) -> np.ndarray:
    """(size, box) float32: what each new pixel takes of the old ones, along one axis."""
    at = box // 2 + step * (np.arange(size) - size // 2)
    away = at[:, None] - np.arange(box)
    highest = min(box // 2 - 1, int(box / (2 * step)))
    found = np.ones((size, box))
    for k in range(1, highest + 1):
        found += 2 * np.cos(2 * np.pi * k / box * away)
    return (found / box).astype(np.float32)
