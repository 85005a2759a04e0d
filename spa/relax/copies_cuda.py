"""Copies of a pose told apart on a device: the twin of `spa.relax.copies`."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.image.disc_cuda import DeviceDisc, on_device
from spa.refine import data_cuda
from spa.refine.data import Images
from spa.relax.copies import LEAST, Copies, Rows, Run
from spa.volume import insert_cuda
from spa.volume.insert import Accumulator, Samples
from spa.volume.slices_cuda import reference, slices

SOURCE = Path(__file__).with_name("copies.cu")
THREADS = 128
SHARE = 8  # of the memory that is free: slices at all copies take at most an eighth at once


@dataclass(frozen=True, eq=False)
class Residuals:
    """As `copies.Residuals`: the rows `index` (n,) of residuals x (N, 2, K), shifts undone, and of their CTF (N, K),
    both over the noise's deviation, which lie on the device."""

    device: Device
    box: int
    radius: int
    names: DeviceDisc
    poses: np.ndarray
    index: np.ndarray
    x: Array
    ctf: Array

    def __len__(self) -> int:
        return len(self.poses)

    def of(self, rows: Rows) -> "Residuals":
        """Those of some images."""
        return replace(self, poses=self.poses[rows], index=self.index[rows])

    def summed(self, share: np.ndarray, copies: Copies) -> Accumulator:
        """The (closed) sums at their copies, on the host."""
        image, copy = np.nonzero(share >= LEAST)
        poses, none = self.poses[image] @ copies.turns[copy], np.zeros((len(image), 2))
        samples = Samples(self.index[image], poses, none, share[image, copy])
        with self.device.current():
            sums = insert_cuda.accumulator(self.device, self.box, self.radius)
            insert_cuda.insert(sums, samples, self.x, self.ctf, self.names.kx, self.names.ky)
            insert_cuda.close(sums)
            return insert_cuda.symmetrised(sums, copies.operators).get()

    def scored(self, volume: np.ndarray, copies: Copies, run: Run = map) -> tuple[np.ndarray, np.ndarray]:
        """Cross terms and norms (n, c) with D at every copy."""
        (n, c), count = (len(self), len(copies.turns)), self.ctf.shape[1]
        cross, norm = np.empty((n, c)), np.empty((n, c))
        with self.device.current():
            source = reference(self.device, volume, self.radius)
            together = int(np.clip(self.device.free() // SHARE // (8 * c * count), 1, max(n, 1)))
            for start in range(0, n, together):
                part = slice(start, min(start + together, n))
                poses = (self.poses[part, None] @ copies.turns).reshape(-1, 3, 3)
                cut = slices(source, poses, self.names.kx, self.names.ky)
                cross[part], norm[part] = self._terms(cut, self.index[part], c)
        return cross, norm

    def _terms(self, cut: Array, index: np.ndarray, copies: int) -> tuple[np.ndarray, np.ndarray]:
        device, n, count = self.device, np.int32(len(index)), self.ctf.shape[1]
        grid = (-(-2 * count // THREADS), len(index))
        device.run(SOURCE, "centred", grid, THREADS, cut, n, np.int32(copies), np.int32(2 * count))
        cross, norm = (device.empty(len(index), copies, dtype=np.float64) for _ in range(2))
        device.run(
            SOURCE, "terms", (1, len(index) * copies), THREADS, cut, device.array(index, np.int32), self.x, self.ctf, n,
            np.int32(copies), np.int32(count), cross, norm,
        )  # fmt: skip
        return cross.get(), norm.get()


def residuals(
    device: Device, images: Images, poses: np.ndarray, shifts: np.ndarray, noise: np.ndarray, consensus: np.ndarray
) -> Residuals:  # fmt: skip
    """Of all images in all of their band, less a consensus (box, box, box), as the twin's."""
    band, n = images.band, len(images)
    with device.current():
        held, names, count = data_cuda.images(device, images), on_device(device, band), len(band)
        source, seen = reference(device, consensus, band.radius), images.seen_from(np.arange(n), poses)
        x, ctf = device.empty(n, 2, count), device.empty(n, count)
        for rows in _blocks(held):
            block, stop = data_cuda.block(held, rows, band.radius, noise), int(rows[-1]) + 1
            device.run(
                SOURCE, "rests", (-(-count // THREADS), len(rows)), THREADS, block.x, block.ctf,
                slices(source, seen[rows], names.kx, names.ky), device.array(shifts[rows], np.float32),
                np.int32(len(rows)), names.kx, names.ky, np.int32(count), np.int32(band.box),
                x.rows(int(rows[0]), stop), ctf.rows(int(rows[0]), stop),
            )  # fmt: skip
    return Residuals(device, band.box, band.radius, names, seen, np.arange(n), x, ctf)


def sums(
    device: Device, images: Images, poses: np.ndarray, shifts: np.ndarray, noise: np.ndarray, group: np.ndarray
) -> Accumulator:  # fmt: skip
    """The (closed) sums of all images at their poses, over a group, on the host."""
    band = images.band
    with device.current():
        held = data_cuda.images(device, images)
        found, names = insert_cuda.accumulator(device, band.box, band.radius), on_device(device, band)
        for rows in _blocks(held):
            block = data_cuda.block(held, rows, band.radius, noise)
            seen, count = images.seen_from(rows, poses[rows]), len(rows)
            samples = Samples(np.arange(count), seen, shifts[rows], np.ones(count))
            insert_cuda.insert(found, samples, block.x, block.ctf, names.kx, names.ky)
        insert_cuda.close(found)
        return insert_cuda.symmetrised(found, group).get()


def _blocks(held: data_cuda.Images) -> list[np.ndarray]:
    size = data_cuda.block_size(held, len(held.host.band), held.device.free())
    rows = np.arange(len(held.host))
    return [rows[start : start + size] for start in range(0, len(rows), size)]
