"""Pruned transforms are those of the padded map."""

import numpy as np
import pytest

from spa.volume.padded import band_of, map_of


def padded(volume: np.ndarray, size: int) -> np.ndarray:
    """With its origin at index 0."""
    n = len(volume)
    out = np.zeros((size,) * 3)
    out[:n, :n, :n] = volume
    return np.roll(out, (-(n // 2),) * 3, (0, 1, 2))


@pytest.mark.parametrize("n, r, size", [(12, 11, 24), (17, 6, 34), (40, 39, 80), (20, 4, 48)])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_band_is_that_of_the_padded_map(n: int, r: int, size: int, threads: int) -> None:
    volume = np.random.default_rng(n).standard_normal((n,) * 3).astype(np.float32)
    rows = np.arange(-r, r + 1) % size
    wanted = np.fft.rfftn(padded(volume, size))[np.ix_(rows, rows, np.arange(r + 2))]
    found = band_of(volume, r, size, threads)
    assert np.abs(found - wanted).max() < 1e-6 * np.abs(wanted).max()


@pytest.mark.parametrize("n, r, size", [(12, 11, 24), (17, 6, 34), (40, 39, 80), (20, 4, 48)])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_map_is_the_middle_of_the_padded_one(n: int, r: int, size: int, threads: int) -> None:
    spectrum = np.fft.rfftn(np.random.default_rng(r).standard_normal((size,) * 3))
    k = np.fft.fftfreq(size, 1 / size)
    spectrum[k[:, None, None] ** 2 + k[:, None] ** 2 + np.arange(size // 2 + 1) ** 2 > r * r] = 0
    rows = np.arange(-(n // 2), n - n // 2) % size
    wanted = np.fft.irfftn(spectrum, (size,) * 3, (0, 1, 2))[np.ix_(rows, rows, rows)] * size**3

    def fill(pieces: np.ndarray, out: np.ndarray) -> None:
        for y, first, count, lane in pieces:
            out[:, lane : lane + count] = spectrum[:, (y - r) % size, first : first + count]

    found = map_of(fill, r, n, size, threads)
    assert np.abs(found - wanted).max() < 1e-6 * np.abs(wanted).max()
    assert found.dtype == np.float32
