"""Groups of whole frames against each other on a device: the twin of `spa.motion.whole.Groups`."""

from pathlib import Path

import numpy as np

from spa.gpu import fft
from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.motion.whole import summit

SOURCE = Path(__file__).with_name("whole.cu")
THREADS, WIDE, PARTS = 128, 1024, 64


class Groups:
    """spectra, weight, shape and step as the twin has them, on the host; what is found comes back to it."""

    def __init__(
        self, device: Device, spectra: np.ndarray, weight: np.ndarray, shape: tuple[int, int], step: float
    ) -> None:
        self._spectra, self._weight = device.array(spectra, np.complex64), device.array(weight, np.float32)
        self._device, self._shape, self._step = device, shape, step

    def __len__(self) -> int:
        return len(self._spectra)

    def steps(self) -> np.ndarray:
        """(g - 1, 2): each against the one before it."""
        size, pairs = self._weight.size, self._device.empty(len(self) - 1, *self._weight.shape, dtype=np.complex64)
        words = (self._spectra, self._weight, np.int32(len(self)), np.int32(size), pairs)
        self._device.run(SOURCE, "pairs", (-(-size // THREADS), 1), THREADS, *words)
        return self._peaks(pairs, np.zeros((len(self) - 1, 2)))

    def against(self, found: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """(g, 2): each, moved back by found (g, 2), against the sum of the others; expected (g, 2) is likely."""
        products = self._device.empty(*self._spectra.shape, dtype=np.complex64)
        self._device.run(
            SOURCE, "others", (-(-self._weight.size // THREADS), 1), THREADS, *self._moved(found), products
        )
        return self._peaks(products, expected)

    def power(self, found: np.ndarray) -> float:
        """Of the sum of all, moved back by found."""
        parts = self._device.empty(PARTS, dtype=np.float64)
        self._device.run(SOURCE, "power", (PARTS, 1), THREADS, *self._moved(found), parts)
        return float(parts.get().sum())

    def _moved(self, found: np.ndarray) -> tuple[object, ...]:
        shifts = self._device.array(found, np.float32)
        return self._spectra, self._weight, shifts, np.int32(len(self)), *map(np.int32, self._shape)

    def _peaks(self, products: Array, expected: np.ndarray) -> np.ndarray:
        (ny, nx), count = self._shape, len(products)
        where, values = self._device.empty(count, dtype=np.int32), self._device.empty(count, 5)
        self._device.run(
            SOURCE, "peaks", (count, 1), WIDE, fft.irfft(products, nx, 2), self._device.array(expected, np.float32),
            np.float32(self._step), np.int32(count), np.int32(ny), np.int32(nx), where, values,
        )  # fmt: skip
        y, x = np.divmod(where.get(), nx)
        at = np.stack([np.where(2 * x < nx, x, x - nx), np.where(2 * y < ny, y, y - ny)], axis=1).astype(float)
        return at + [[summit(v[[1, 0, 2]]), summit(v[[3, 0, 4]])] for v in values.get()]
