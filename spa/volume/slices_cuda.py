"""Central slices on a device: the twin of `spa.volume.slices`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.gpu import fft
from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.volume import slices as host

SOURCE = Path(__file__).with_name("slices.cu")
THREADS = 128
ROOM = 2  # of what a padded volume and its transform take: plans of FFTs need some of their own


@dataclass(frozen=True, eq=False)
class Reference:
    """As `slices.Reference`; grid (2r+1, 2r+1, r+2, 2) on the device."""

    box: int
    radius: int
    grid: Array


def reference(device: Device, volume: np.ndarray, radius: int, threads: int = 1) -> Reference:
    """Prepare a volume (box, box, box) for slices up to image shell `radius`.

    On the device where its padded transform fits, else by this processor's threads.
    """
    box = len(volume)
    radius = min(radius, box // 2 - 1)
    padded = host.PADDING * box
    if ROOM * (4 * box**3 + 8 * padded**3) > device.free():
        made = host.reference(volume, radius, threads)
        return Reference(made.box, made.radius, device.array(made.grid))
    x = device.array(volume, np.float32)
    whole = device.zeros(padded, padded, padded)
    device.run(
        SOURCE, "pad", (-(-box // THREADS), box * box), THREADS, x, np.int32(box),
        device.array(host.kernel_correction(box)), whole, np.int32(padded),
    )  # fmt: skip
    spectrum = fft.rfft(whole, 3)
    r = min(host.grid_radius(radius), box - 1)
    grid = device.empty(2 * r + 1, 2 * r + 1, r + 2, 2)
    device.run(
        SOURCE, "band", (-(-(r + 2) // THREADS), (2 * r + 1) ** 2), THREADS, spectrum, np.int32(padded), grid,
        np.int32(r), np.float32(1 / box),
    )  # fmt: skip
    return Reference(box, radius, grid)


def slices(
    source: Reference, poses: np.ndarray, kx: Array, ky: Array, power: Array | None = None, out: Array | None = None
) -> Array:
    """(n, 2, K) float32 at poses (n, 3, 3) and frequencies kx, ky (K,) int32; power (n, K), if given, gets |.|^2."""
    device, grid = source.grid.device, source.grid
    n, count = len(poses), len(kx)
    out = device.empty(n, 2, count) if out is None else out
    device.run(
        SOURCE, "slices", (-(-count // THREADS), n), THREADS, grid, np.int32(grid.shape[1]), np.int32(grid.shape[2]),
        device.array(poses, np.float32), np.int32(n), kx, ky, np.int32(count), out, power,
    )  # fmt: skip
    return out
