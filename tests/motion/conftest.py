"""A small movie with known motion, made without the library's interpolation."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from threadpoolctl import threadpool_limits

from spa.motion import frames as reduced
from spa.motion.align import Exposure

PIXEL, FRAMES, DOSE = 3.2, 12, 2.0
EDGE = 24  # pixels around the frame, which drift into it


@dataclass(frozen=True, eq=False)
class Known:
    """Frames (n, ny, nx) float32, and how far what is at points (p, 2) in [-1, 1] has moved (p, n, 2), pixels."""

    frames: np.ndarray
    moved: object

    @property
    def small(self) -> np.ndarray:
        return reduced.reduced(iter(self.frames), len(self.frames), 1)


EXPOSURE = Exposure(PIXEL, 300.0, DOSE)


def made(seed: int, drift: float, local: float, noise: float, shape=(192, 256)) -> Known:
    """A random image, coarse enough to be interpolated exactly from four times as many pixels, under white noise."""
    rng = np.random.default_rng(seed)
    course = 1 - np.exp(-np.arange(FRAMES) / 4)
    heading = rng.normal(size=2)
    whole = drift * course[:, None] * heading / np.hypot(*heading)
    slope = rng.normal(size=(2, 4))

    def moved(points: np.ndarray) -> np.ndarray:
        x, y = points[..., 0], points[..., 1]
        shapes = np.stack([x, y, x * y, x * x - 1 / 3], axis=-1)
        return whole + course[:, None] * (local * shapes @ slope.T)[..., None, :]

    ny, nx = shape
    fine = finely(rng, (ny + 2 * EDGE, nx + 2 * EDGE))
    y, x = np.mgrid[:ny, :nx].astype(float)
    here = np.stack([x, y], axis=-1)
    images = []
    for number in range(FRAMES):
        came = np.zeros_like(here)
        for _ in range(3):
            came = moved(2 * (here - came + 0.5) / (nx, ny) - 1)[..., number, :]
        at = 4 * (np.moveaxis(here - came, -1, 0)[::-1] + EDGE)
        images.append(map_coordinates(fine, at, order=3, mode="nearest") + noise * rng.normal(size=shape))
    return Known(np.array(images, np.float32), moved)


def finely(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A random image of standard deviation 1 on four times as many pixels; finest detail 4 pixels, coarse the most."""
    ky, kx = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None]
    k = np.hypot(ky, kx)
    spectrum = np.fft.fft2(rng.normal(size=shape)) * (k < 0.25) * np.exp(-30 * k * k)
    wide = np.zeros((4 * shape[0], 4 * shape[1]), complex)
    rows, columns = (np.fft.fftfreq(size, 1 / size).astype(int) for size in shape)
    wide[rows[:, None], columns] = spectrum
    image = np.fft.ifft2(wide).real
    return image / image.std()


@pytest.fixture(autouse=True)
def one_thread():
    """As in a job: products of small matrices are slower in threads."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def bent() -> Known:
    return made(1, 6.0, 1.6, 4.0)


@pytest.fixture(scope="session")
def straight() -> Known:
    return made(2, 6.0, 0.0, 4.0)


def points(side: int = 7) -> np.ndarray:
    at = np.linspace(-0.85, 0.85, side)
    return np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)


def error(found: np.ndarray, known: np.ndarray) -> float:
    """Root mean square of displacements (p, n, 2) but for a constant of each place, pixels."""
    apart = found - known
    apart = apart - apart.mean(1, keepdims=True)
    return float(np.sqrt((apart**2).sum(-1).mean()))
