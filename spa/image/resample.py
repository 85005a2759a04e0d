"""Fewer or more pixels by cutting or padding the Fourier transform."""

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
