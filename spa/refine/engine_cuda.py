"""The heavy arithmetic of a refinement on a device: `spa.refine.engine.Engine` by the functions' twins."""

from dataclasses import replace
from typing import Any

import numpy as np

from spa.gpu.device import Device
from spa.refine import data, data_cuda, maximisation_cuda, recognised_cuda
from spa.refine.engine import Map, Sums
from spa.search import exhaustive_cuda, images_cuda, newton_cuda
from spa.search.prior import Prior
from spa.volume import insert_cuda, slices_cuda, solve_cuda


class Cuda:
    """One device. The images lie there from their first use; blocks go through it one after another."""

    prefix = staticmethod(images_cuda.prefix)
    search = staticmethod(exhaustive_cuda.search)
    refine = staticmethod(newton_cuda.refine)
    heights = staticmethod(newton_cuda.heights)
    slopes = staticmethod(newton_cuda.slopes)

    def __init__(self, device: Device) -> None:
        self.device = device
        self._held: data_cuda.Images | None = None

    def over(self, threads: Map) -> Map:
        return map

    def images(self, images: data.Images) -> data_cuda.Images:
        """Images on the device, brought there once."""
        if self._held is None or self._held.host.planes is not images.planes:
            self._held = None  # their memory first
            self._held = data_cuda.images(self.device, images)
        elif self._held.host is not images:  # the same coefficients, with other tables
            self._held = replace(self._held, host=images)
        return self._held

    def blocks(self, images: data.Images, rows: np.ndarray, radius: int) -> list[np.ndarray]:
        held = self.images(images)
        size = data_cuda.block_size(held, images.band.count(radius), self.device.free())
        return [rows[i : i + size] for i in range(0, len(rows), size)]

    def block(self, images: data.Images, rows: np.ndarray, radius: int, noise: np.ndarray) -> images_cuda.Block:
        return data_cuda.block(self.images(images), rows, radius, noise)

    def reference(self, volume: np.ndarray, radius: int) -> slices_cuda.Reference:
        return slices_cuda.reference(self.device, volume, radius)

    def columns(
        self, source: slices_cuda.Reference, poses: np.ndarray, images: data.Images, count: int, shifts: int
    ) -> exhaustive_cuda.Columns:
        return exhaustive_cuda.columns(source, poses, images.band, count)

    def accumulate(
        self, images: data.Images, poses: Any, halves: list[np.ndarray], radius: int, noise: np.ndarray, spread: Any,
        seed: tuple[int, ...], workers: Any, operators: np.ndarray,
    ) -> list[Sums]:  # fmt: skip
        sums = maximisation_cuda.accumulate(self.images(images), poses, halves, radius, noise, spread, seed)
        return [self.kept(insert_cuda.symmetrised(one, operators)) for one in sums]

    def kept(self, sums: insert_cuda.Accumulator) -> Sums:
        """Sums as they lie there, where half of the memory that is free is enough to solve them; else on the host."""
        return sums if 2 * solve_cuda.room(sums.box) < self.device.free() else sums.get()

    def solve(self, sums: Any, prior: np.ndarray, threads: int = 1) -> np.ndarray:
        return solve_cuda.solve(self.device, sums, prior)

    def left(
        self, images: data.Images, poses: Any, rows: np.ndarray, source: slices_cuda.Reference, radius: int
    ) -> np.ndarray:
        return maximisation_cuda.left(self.images(images), poses, rows, source, radius)

    def agreement(
        self, images: data.Images, poses: Any, rows: np.ndarray, source: slices_cuda.Reference, radius: int,
        noise: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """By log p at two scales: it is 2 a cross - a^2 norm."""
        best = poses.weight[rows].argmax(axis=1)
        at, flat = (poses.poses[rows, best][:, None], poses.shifts[rows, best][:, None]), Prior.flat(len(rows))
        once, twice = (
            self.heights(source, self.block(images.scaled(one), rows, radius, noise), *at, radius, flat)[:, 0]
            for one in (1.0, 2.0)
        )
        norm = once - twice / 2
        return (once + norm) / 2, norm

    def patterns(
        self, images: data.Images, rows: np.ndarray, radius: int, noise: np.ndarray, power: np.ndarray
    ) -> np.ndarray:
        return recognised_cuda.anything(self.block(images, rows, radius, noise), power)
