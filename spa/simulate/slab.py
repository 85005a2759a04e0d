"""Ice that is tilted and has a thickness: every place and every depth has a defocus of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.image.ctf import Lens, phase, wavelength

_THINNEST, _THICKEST = 60.0, 120.0  # angstroms, of the slices that are imaged one by one


@dataclass(frozen=True)
class Slab:
    """tilt, and the direction of its axis from x, in radians; thickness in angstroms.

    Along (sin axis, -cos axis) the defocus grows by tan(tilt) (Elferich et al., eLife 13 (2024) RP97227).
    """

    tilt: float = 0.0
    axis: float = 0.0
    thickness: float = 0.0

    def depth(self, points: np.ndarray, shape: tuple[int, int], pixel_size: float) -> np.ndarray:
        """What the middle of the ice adds to the defocus (angstroms) at points (..., 2), x and y in pixels."""
        x, y = np.moveaxis((np.asarray(points) - (np.array(shape[::-1]) - 1) / 2) * pixel_size, -1, 0)
        return np.tan(self.tilt) * (x * np.sin(self.axis) - y * np.cos(self.axis))


@dataclass(frozen=True)
class View:
    """How the ice is seen: defocus u, v (angstroms), angle and phase shift (radians), envelope (square angstroms)."""

    lens: Lens
    u: float
    v: float
    angle: float
    phase_shift: float = 0.0
    bfactor: float = 0.0

    def through(self, kx: np.ndarray, ky: np.ndarray) -> Callable[[float], np.ndarray]:
        """The CTF (float32) with its envelope of what lies deeper by so many angstroms."""
        u, v, angle = (np.asarray(one) for one in (self.u, self.v, self.angle))
        k2 = (kx * kx + ky * ky).astype(np.float32)
        start = (phase(self.lens, kx, ky, u, v, angle, self.phase_shift) % (2 * np.pi)).astype(np.float32)
        rate = np.float32(np.pi * wavelength(self.lens.voltage)) * k2
        envelope = np.exp(np.float32(-self.bfactor / 4) * k2)
        return lambda deeper: envelope * np.sin(start + rate * np.float32(deeper))


def seen_ice(slab: Slab, view: View, shape: tuple[int, int], pixel_size: float, rng: np.random.Generator) -> np.ndarray:
    """White noise of a slab (ny, nx) through the optics; of unit variance before them."""
    ny, nx = shape
    kx, ky = np.fft.rfftfreq(nx, pixel_size)[None], np.fft.fftfreq(ny, pixel_size)[:, None]
    transfer = view.through(kx, ky)
    total = np.zeros((ny, nx // 2 + 1), np.complex64)
    for deeper, part in slices(slab, shape, pixel_size):
        total += fft.rfft2(rng.standard_normal(shape, np.float32) * part) * transfer(deeper)
    return fft.irfft2(total, nx)


def levels(slab: Slab, shape: tuple[int, int], pixel_size: float) -> np.ndarray:
    """The defocus (angstroms) that each slice across the beam adds."""
    rows, columns = _middle(slab, shape, pixel_size)
    step, half = _step(slab), _half(slab)
    low, high = float(rows.min() + columns.min()) - half, float(rows.max() + columns.max()) + half
    if high - low <= 1.5 * step:
        return np.array([(low + high) / 2])
    return np.arange(low + step / 2, high + step / 2, step)


def slices(slab: Slab, shape: tuple[int, int], pixel_size: float) -> Iterator[tuple[float, np.ndarray]]:
    """Slices across the beam: their defocus (angstroms), and the root of what each has of the ice (ny, nx), float32."""
    rows, columns = _middle(slab, shape, pixel_size)
    middle = rows.astype(np.float32)[:, None] + columns.astype(np.float32)
    step, half = np.float32(_step(slab) / 2), np.float32(_half(slab))
    for deeper in levels(slab, shape, pixel_size).tolist():
        overlap = np.minimum(middle + half, deeper + step) - np.maximum(middle - half, deeper - step)
        yield deeper, np.sqrt(np.maximum(overlap / (2 * half), 0))


def _middle(slab: Slab, shape: tuple[int, int], pixel_size: float) -> tuple[np.ndarray, np.ndarray]:
    """Two lines (ny,) and (nx,) whose sum is the depth of the ice's middle at each pixel: x and y do not mix in it."""
    y, x = (np.arange(n)[:, None] for n in shape)
    rows, columns = (slab.depth(np.hstack(one), shape, pixel_size) for one in ((0 * y, y), (x, 0 * x)))
    return rows - slab.depth(np.zeros(2), shape, pixel_size), columns


def _step(slab: Slab) -> float:
    return float(np.clip(slab.thickness / 4, _THINNEST, _THICKEST))


def _half(slab: Slab) -> float:
    return max(slab.thickness, _step(slab)) / 2
