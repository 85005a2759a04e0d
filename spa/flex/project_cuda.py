"""Projections of a density that has been moved, and their adjoint, on a device: the twin of `spa.flex.project`.

Voxels are added to pixels, and slopes to vertices, atomically: sums differ in their last bits from run to run.
"""

from pathlib import Path

import numpy as np

from spa.flex.mesh import Body
from spa.flex.project import Screen
from spa.gpu import fft
from spa.gpu.array import Array
from spa.gpu.device import Device

SOURCE = Path(__file__).with_name("project.cu")
THREADS = 128


class Canvas:
    """As `project.Canvas`, for any thread; arrays come from the host and go back to it."""

    block = 64

    def __init__(self, device: Device, screen: Screen, body: Body) -> None:
        self.device, self.side, self._vertices = device, screen.side, int(body.corners.max()) + 1
        self._size = screen.side * (screen.side // 2 + 1)
        other = np.full(len(screen.flat), -1)
        other[screen.edge] = screen.opposite
        with device.current():
            device.require(self.block * 24 * screen.side**2 + 40 * len(body), "projecting blocks of images")
            self._corners, self._shares = device.array(body.corners, np.int32), device.array(body.shares, np.float32)
            self._flat, self._other = device.array(screen.flat, np.int32), device.array(other, np.int32)
            self._factor = device.array(screen.factor, np.complex64)

    def projected(self, density: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(n, K) coefficients, complex64, of a density (M,) whose vertices are seen at (n, V, 2)."""
        device, n, count = self.device, len(at), len(self._flat)
        with device.current():
            images = device.zeros(n, self.side, self.side)
            device.run(SOURCE, "spread", self._grid(n), THREADS, *self._body(density, at), *self._sizes(at), images)
            out = device.empty(n, count, dtype=np.complex64)
            device.run(
                SOURCE, "taken", (-(-count // THREADS), n), THREADS, fft.rfft(images, 2), self._flat, self._factor,
                np.int32(n), np.int32(count), np.int32(self._size), out,
            )  # fmt: skip
            return out.get()

    def adjoint(self, density: np.ndarray, at: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of sum 2 Re <residual, projection>, residual (n, K): slopes by vertices (n, V, 2), by the density (M,)."""
        device, n, count = self.device, len(at), len(self._flat)
        with device.current():
            spectra = device.zeros(n, self.side, self.side // 2 + 1, dtype=np.complex64)
            device.run(
                SOURCE, "put", (-(-count // THREADS), n), THREADS, device.array(residual, np.complex64), self._flat,
                self._other, self._factor, np.int32(n), np.int32(count), np.int32(self._size), spectra,
            )  # fmt: skip
            slope, value = device.zeros(*at.shape), device.zeros(len(density))
            device.run(
                SOURCE, "gathered", self._grid(n), THREADS, *self._body(density, at),
                fft.irfft(spectra, self.side, 2), *self._sizes(at), slope, value,
            )  # fmt: skip
            return slope.get(), value.get()

    def adjoint_density(self, at: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """The slope (M,) by the density alone."""
        return self.adjoint(np.zeros(len(self._corners), np.float32), at, residual)[1]

    def _grid(self, n: int) -> tuple[int, int]:
        return -(-len(self._corners) // THREADS), n

    def _body(self, density: np.ndarray, at: np.ndarray) -> tuple[Array, ...]:
        assert at.shape[1] >= self._vertices and len(density) == len(self._corners), (at.shape, density.shape)
        device = self.device
        return device.array(at, np.float32), self._corners, self._shares, device.array(density, np.float32)

    def _sizes(self, at: np.ndarray) -> tuple[np.int32, ...]:
        return np.int32(len(at)), np.int32(len(self._corners)), np.int32(at.shape[1]), np.int32(self.side)
