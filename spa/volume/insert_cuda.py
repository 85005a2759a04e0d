"""Images added to an oversampled half volume on a device: the twin of `spa.volume.insert`.

Sums are added atomically: they do not come in the samples' order, and differ in their last bits from run to run.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.volume import insert as host
from spa.volume import orbits
from spa.volume.insert import Samples

SOURCE = Path(__file__).with_name("insert.cu")
THREADS, WIDE = 128, 512


@dataclass(frozen=True, eq=False)
class Accumulator:
    """As `insert.Accumulator`; grid (2r+1, 2r+1, r+2, 4) on the device: four floats are added to at once, the last is
    not used."""

    box: int
    radius: int
    grid: Array
    kernels: int = 1

    def shell_weight(self) -> np.ndarray:
        """Mean accumulated weight in each shell 0 … radius + 1."""
        (n, _, width, _), shells, device = self.grid.shape, self.radius + 2, self.grid.device
        with device.current():
            total = device.zeros(shells, dtype=np.float64)
            device.run(
                SOURCE, "shell_weights", (n, 1), WIDE, self.grid, np.int32(n), np.int32(width), np.int32(shells), total
            )
            return total.get() / np.maximum(host.shell_points(n // 2, width, self.radius), 1)

    def plus(self, other: "Accumulator") -> "Accumulator":
        """These sums and others of the same band."""
        with self.grid.device.current():
            found = replace(self, grid=self.grid.device.zeros(*self.grid.shape))
            return found.take(self).take(other)

    def take(self, other: "Accumulator") -> "Accumulator":
        """Itself, with others of the same band added."""
        with self.grid.device.current():
            add(self, other.grid)
        return self

    def get(self) -> host.Accumulator:
        """The same sums on the host."""
        grid = np.ascontiguousarray(self.grid.get()[..., :3])
        return host.Accumulator(self.box, self.radius, grid, self.kernels)


def accumulator(device: Device, box: int, radius: int) -> Accumulator:
    """Empty sums for image shells up to radius."""
    radius = min(radius, box // 2 - 1)
    return Accumulator(box, radius, device.zeros(*grid_shape(box, radius)))


def brought(device: Device, sums: host.Accumulator) -> Accumulator:
    """The sums of the host, on a device."""
    grid = np.zeros((*sums.grid.shape[:3], 4), np.float32)
    grid[..., :3] = sums.grid
    return Accumulator(sums.box, sums.radius, device.array(grid), sums.kernels)


def grid_shape(box: int, radius: int) -> tuple[int, int, int, int]:
    """Of the sums of image shells up to radius."""
    return *host.grid_shape(box, radius)[:3], 4


def insert(
    sums: Accumulator, samples: Samples, x: Array, ctf: Array, kx: Array, ky: Array, powers: np.ndarray | None = None
) -> None:  # fmt: skip
    """Add samples of images x (n, 2, K) with their CTF (n, K), both over the noise, at kx, ky (K,) int32.

    powers (m,): factors of the samples' weights, where these are not those of their values.
    """
    m = len(samples.rows)
    if not m:
        return
    grid, device, count = sums.grid, sums.grid.device, len(kx)
    scales = device.array(samples.weights, np.float32)
    device.run(
        SOURCE, "scatter", (-(-count // THREADS), m), THREADS, grid, np.int32(grid.shape[1]), np.int32(grid.shape[2]),
        device.array(samples.rows, np.int32), device.array(samples.poses, np.float32),
        device.array(samples.shifts, np.float32), scales,
        scales if powers is None else device.array(powers, np.float32), np.int32(m), x, ctf, np.int32(ctf.shape[1]),
        kx, ky, np.int32(count), np.int32(sums.box),
    )  # fmt: skip


def add(sums: Accumulator, more: Array) -> None:
    """Add another grid of the same band."""
    size = sums.grid.size // 4
    sums.grid.device.run(SOURCE, "add", (-(-size // THREADS), 1), THREADS, more, np.int32(size), sums.grid)


def close(sums: Accumulator) -> None:
    """Once after the last insertion and before anything else: the plane x = 0 becomes Hermitian."""
    n, _, width, _ = sums.grid.shape
    half = n * n // 2 + 1
    sums.grid.device.run(
        SOURCE, "hermitian", (-(-half // THREADS), 1), THREADS, sums.grid, np.int32(n), np.int32(width)
    )


def added(sums: Accumulator, operators: np.ndarray, exact: np.ndarray) -> Accumulator:
    """The (closed) sums at each of some operators (g, 3, 3), added; exact as in `spa.volume.insert.added`."""
    device = sums.grid.device
    n, _, width, _ = sums.grid.shape
    out, normals, limit = device.zeros(*sums.grid.shape), orbits.wedge(exact, n), orbits.turned_within(n)
    device.run(
        SOURCE, "average", (-(-width // THREADS), n * n), THREADS, sums.grid, out, device.array(operators, np.float32),
        np.int32(len(operators)), device.array(normals, np.int64), np.int32(len(normals)), np.int32(n),
        np.int32(width), np.int32(limit),
    )  # fmt: skip
    if len(exact) > 1:
        over_orbits(out, exact, normals, limit, add=False)
    return Accumulator(sums.box, sums.radius, out, sums.kernels + 1)


def over_orbits(grid: Array, operators: np.ndarray, normals: np.ndarray, limit: int, add: bool) -> None:
    """As `spa.volume.orbits.spread`, or with `add` as its `summed`."""
    device = grid.device
    n, _, width, _ = grid.shape
    device.run(
        SOURCE, "orbits", (-(-width // THREADS), n * n), THREADS, grid, device.array(np.rint(operators), np.int32),
        np.int32(len(operators)), device.array(normals, np.int64), np.int32(len(normals)), np.int32(n),
        np.int32(width), np.int32(limit), np.int32(add),
    )  # fmt: skip


def symmetrised(sums: Accumulator, operators: np.ndarray) -> Accumulator:
    """The (closed) sums, which are used up, added over a point group's operators (g, 3, 3)."""
    exact, turns = host.parted(operators)
    if len(exact) > 1:
        n = len(sums.grid)
        over_orbits(sums.grid, exact, orbits.wedge(exact, n), orbits.summed_within(n), add=True)
    return added(sums, turns.transpose(0, 2, 1), exact) if len(turns) > 1 else sums
