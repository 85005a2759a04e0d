"""A volume of closed sums on a device: the twin of `spa.volume.insert.solve`."""

from pathlib import Path

import numpy as np

from spa.gpu import fft
from spa.gpu.device import Device
from spa.volume import insert as host
from spa.volume.insert import Accumulator
from spa.volume.slices import PADDING, kernel_correction
from spa.volume.slices_cuda import ROOM

SOURCE = Path(__file__).with_name("solve.cu")
THREADS = 128


def solve(device: Device, sums: Accumulator, prior: np.ndarray, threads: int = 1) -> np.ndarray:
    """As the twin's, of sums on the host; there too where the padded transform does not fit on the device."""
    box = sums.box
    size, (n, _, width, _) = PADDING * box, sums.grid.shape
    with device.current():
        if ROOM * 8 * size**3 + sums.grid.nbytes + 4 * box**3 > device.free():
            return host.solve(sums, prior, threads)
        spectrum = device.zeros(size, size, size // 2 + 1, dtype=np.complex64)
        device.run(
            SOURCE, "divided", (-(-width // THREADS), n * n), THREADS, device.array(sums.grid), np.int32(n),
            np.int32(width), device.array(prior[: sums.radius + 1], np.float32), np.int32(sums.radius),
            np.float32(box / size**3), spectrum, np.int32(size),
        )  # fmt: skip
        volume, line = device.empty(box, box, box), kernel_correction(box) ** sums.kernels
        device.run(
            SOURCE, "unpadded", (-(-box // THREADS), box * box), THREADS, fft.irfft(spectrum, size, 3), np.int32(size),
            device.array(line, np.float32), np.int32(box), volume,
        )  # fmt: skip
        return volume.get()
