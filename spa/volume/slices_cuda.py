"""Central slices on a device: the twin of `spa.volume.slices`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.volume import slices as host

SOURCE = Path(__file__).with_name("slices.cu")
THREADS = 128


@dataclass(frozen=True, eq=False)
class Reference:
    """As `slices.Reference`; grid (2r+1, 2r+1, r+2, 2) on the device."""

    box: int
    radius: int
    grid: Array


def reference(device: Device, volume: np.ndarray, radius: int, threads: int = 1) -> Reference:
    """Prepare a volume (box, box, box) for slices up to image shell `radius`."""
    made = host.reference(volume, radius, threads)
    return Reference(made.box, made.radius, device.array(made.grid))


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
