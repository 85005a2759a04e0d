"""A volume of closed sums on a device: the twin of `spa.volume.insert.solve`."""

from pathlib import Path

import numpy as np

from spa.gpu import fft
from spa.gpu.device import Device
from spa.volume import insert as host
from spa.volume import insert_cuda
from spa.volume.insert import Accumulator
from spa.volume.slices import PADDING, kernel_correction
from spa.volume.slices_cuda import ROOM

SOURCE = Path(__file__).with_name("solve.cu")
THREADS = 128


def room(box: int) -> int:
    """Bytes that a solution takes beside the sums."""
    return ROOM * 8 * (PADDING * box) ** 3 + 4 * box**3


def solve(device: Device, sums: Accumulator | insert_cuda.Accumulator, prior: np.ndarray) -> np.ndarray:
    """As the twin's, of sums on the host or the device; there too where the padded transform does not fit on it."""
    box, there = sums.box, isinstance(sums, insert_cuda.Accumulator)
    size, (n, _, width, _) = PADDING * box, sums.grid.shape
    with device.current():
        if room(box) + (0 if there else sums.grid.nbytes // 3 * 4) > device.free():
            return host.solve(sums.get() if isinstance(sums, insert_cuda.Accumulator) else sums, prior)
        grid = (sums if isinstance(sums, insert_cuda.Accumulator) else insert_cuda.brought(device, sums)).grid
        spectrum = device.zeros(size, size, size // 2 + 1, dtype=np.complex64)
        device.run(
            SOURCE, "divided", (-(-width // THREADS), n * n), THREADS, grid, np.int32(n), np.int32(width),
            device.array(prior[: sums.radius + 1], np.float32), np.int32(sums.radius),
            np.float32(box / size**3), spectrum, np.int32(size),
        )  # fmt: skip
        volume, line = device.empty(box, box, box), kernel_correction(box) ** sums.kernels
        device.run(
            SOURCE, "unpadded", (-(-box // THREADS), box * box), THREADS, fft.irfft(spectrum, size, 3), np.int32(size),
            device.array(line, np.float32), np.int32(box), volume,
        )  # fmt: skip
        return volume.get()
