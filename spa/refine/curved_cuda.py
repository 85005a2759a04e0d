"""Sums of images on the Ewald sphere on a device: the twin of `spa.refine.curved.Sphere.sums`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spa.image.disc_cuda import on_device
from spa.refine import data_cuda, maximisation
from spa.volume import insert_cuda
from spa.volume.insert import Accumulator
from spa.volume.slices import kernel_correction
from spa.volume.slices_cuda import reference

if TYPE_CHECKING:
    from spa.refine.curved import Sphere

SOURCE = Path(__file__).with_name("curved.cu")
THREADS = 128


def sums(held: data_cuda.Images, sphere: "Sphere", half: int, volume: np.ndarray | None) -> Accumulator:
    """Of a half, over the point group, on the host; with its map, of what the images have beyond that, and the map."""
    device, box, band = held.device, held.host.band.box, sphere.band
    with device.current():
        found = insert_cuda.accumulator(device, box, band)
        source = None if volume is None else reference(device, volume, found.radius)
        rows = sphere.rows(half)
        size = data_cuda.block_size(held, held.host.band.count(found.radius), device.free())
        for start in range(0, len(rows), size):
            _add(held, sphere, rows[start : start + size], source.grid if source else None, found)
        insert_cuda.close(found)
        if volume is not None:
            line = kernel_correction(box)
            more = reference(device, volume * line[:, None, None] ** 2 * line[:, None] ** 2 * line**2, found.radius)
            count = np.int32(found.grid.size // 4)
            device.run(SOURCE, "add_map", (-(-int(count) // THREADS), 1), THREADS, more.grid, count, found.grid)
        return insert_cuda.symmetrised(found, sphere.problem.settings.operators).get()


def _add(
    held: data_cuda.Images, sphere: "Sphere", part: np.ndarray, shown: object, found: insert_cuda.Accumulator
) -> None:
    device, images, noise = held.device, held.host, sphere.state.noise
    count, names = images.band.count(found.radius), on_device(device, images.band)
    block = data_cuda.block(held, part, found.radius, noise)
    some = maximisation.samples(sphere.poses, part, maximisation.Spread(0, best_only=True), ())
    seen = images.seen_from(part[some.rows], some.poses)
    optics = data_cuda.optics(held, part, len(images.band))
    device.run(
        SOURCE, "sphere", (-(-count // THREADS), len(some.rows)), THREADS, found.grid, shown,
        np.int32(found.grid.shape[1]), np.int32(found.grid.shape[2]), device.array(some.rows, np.int32),
        device.array(seen, np.float32), device.array(some.shifts, np.float32), device.array(some.weights, np.float32),
        np.int32(len(some.rows)), block.x, *optics, device.array(1 / np.sqrt(noise), np.float32),
        np.int32(noise.shape[1]), names.shell, device.array(sphere.wave[part], np.float32),
        np.float32(sphere.problem.settings.diameter), names.kx, names.ky, np.int32(count), np.int32(images.band.box),
    )  # fmt: skip
