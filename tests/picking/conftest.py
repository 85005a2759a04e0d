"""Micrographs with known particles, made from formulas that the code under test does not use."""

from types import SimpleNamespace

import numpy as np
import pytest

from spa.image.ctf import Lens, ctf


def centres(rng: np.random.Generator, count: int, shape: tuple[int, int], gap: float, margin: float) -> np.ndarray:
    """Up to ``count`` random x, y (n, 2), ``gap`` pixels apart and ``margin`` from the edge."""
    found: list[np.ndarray] = []
    for _ in range(50 * count):
        point = rng.uniform(margin, np.array(shape[::-1]) - margin)
        if all(np.hypot(*(point - other)) >= gap for other in found):
            found.append(point)
        if len(found) == count:
            break
    return np.array(found)


def density(shape: tuple[int, int], points: np.ndarray, radius: float, hollow: float = 0.0, ratio: float = 1.0,
            angles: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """Projected ellipsoids (protein bright), of peak about 1; radius in pixels, ratio of long to short axis."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    image = np.zeros(shape)
    for i, (cx, cy) in enumerate(points):
        angle = 0.0 if angles is None else angles[i]
        u = ((x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)) / np.sqrt(ratio)
        v = ((y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)) * np.sqrt(ratio)
        r2 = u**2 + v**2
        image += np.sqrt(np.maximum(1 - r2 / radius**2, 0))
        if hollow:
            image -= np.sqrt(np.maximum(hollow**2 - r2 / radius**2, 0))
    return image


def micrograph(image: np.ndarray, rng: np.random.Generator, noise: float, pixel_size: float = 5.0,
               defocus: float | None = None) -> np.ndarray:  # fmt: skip
    """Protein dark, seen through a CTF if a defocus (angstroms) is given, in white noise on a gentle slope."""
    if defocus is not None:
        ky, kx = np.fft.fftfreq(image.shape[0], pixel_size)[:, None], np.fft.rfftfreq(image.shape[1], pixel_size)[None]
        lens = Lens(300.0, 2.7, 0.1)
        transfer = ctf(lens, kx, ky, np.float64(defocus), np.float64(defocus), np.float64(0))
        image = np.fft.irfft2(np.fft.rfft2(image) * transfer, image.shape)
    slope = np.linspace(0, 2, image.shape[1])[None]
    return (100 + slope - image + rng.normal(0, noise, image.shape)).astype(np.float32)


def matched(truth: np.ndarray, found: np.ndarray, radius: float) -> float:
    """Share of the true points that have a found one within ``radius``."""
    if not len(found):
        return 0.0
    distance = np.hypot(*(truth[:, None] - found[None]).transpose(2, 0, 1))
    return float((distance.min(axis=1) <= radius).mean())


@pytest.fixture(scope="session")
def scene() -> SimpleNamespace:
    """The functions above, for tests to call."""
    return SimpleNamespace(centres=centres, density=density, micrograph=micrograph, matched=matched)
