"""Frames for alignment: filtered and decimated, as signed bytes."""

from collections.abc import Iterable

import numpy as np

from spa.motion import smaller

PIXEL = 3.2  # angstroms: frames are aligned on pixels of at most this, or their own
LEVELS = 8.0  # grey levels to a standard deviation of the noise: rounding adds a thousandth to its variance


def factor_for(pixel_size: float) -> int:
    """By how much frames of this pixel size (angstroms) are decimated for alignment."""
    return max(1, int(PIXEL / pixel_size + 1e-6))


def lowpass_taps(factor: int) -> np.ndarray:
    """Symmetric taps, 4 to a pixel of the result, of a low-pass at its Nyquist frequency: a windowed sinc, sum 1."""
    count = 4 * factor + factor % 2  # as odd or even as the factor: pixels of the result lie over the middle of theirs
    at = np.arange(count) - (count - 1) / 2
    taps = np.sinc(at / factor) * np.cos(np.pi * at / count) ** 2
    return (taps / taps.sum()).astype(np.float32)


def for_alignment(frame: np.ndarray, factor: int, out: np.ndarray) -> None:
    """A frame (ny, nx) float32 into out (ny // factor, nx // factor) int8: less its mean, ``LEVELS`` to its noise."""
    small = smaller.decimated(frame, lowpass_taps(factor), factor) if factor > 1 else frame
    mean, spread = smaller.mean_and_spread(small, 3)
    smaller.rounded(small, np.float32(mean), np.float32(LEVELS / max(spread, 1e-30)), out)


def reduced(images: Iterable[np.ndarray], count: int, factor: int) -> np.ndarray:
    """(count, ny // factor, nx // factor): of so many frames one after another."""
    found: np.ndarray | None = None
    for number, image in enumerate(images):
        if found is None:
            found = np.empty((count, *(size // factor for size in image.shape)), np.int8)
        for_alignment(image, factor, found[number])
    assert found is not None
    return found
