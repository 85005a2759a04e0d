"""Several devices as one engine: a thread each, which takes the next block of images as it becomes free.

All are in this process, not one process each: the images are in its memory once, and what threads share, Python, is
little asked for. A kernel's launch takes 10 us of it and a small upload 20 (measured, PyCUDA on a driver of software);
a block of 4096 images asks for a hundred of both in a climb and for 400 in a global search, 3 to 10 ms, beside some 50
to 150 ms of a card's work (counted, not measured), and copies, waits and NumPy's large loops let the other threads go
on. So eight cards keep busy; more would want processes.

Results come in the blocks' order, and sums are of parts that do not depend on how many devices there are, added in one
order: so the number of devices changes nothing (but for what `insert_cuda` says of the order of atomic additions on a
card).
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import local
from typing import Any

import numpy as np

from spa.refine import data, maximisation_cuda
from spa.refine.engine import Map, Sums
from spa.refine.engine_cuda import Cuda
from spa.volume import insert_cuda


class Everywhere:
    """What is made anew on each device that it is first asked for on; poses: those of columns."""

    def __init__(self, make: Callable[[Cuda], Any], poses: np.ndarray | None = None) -> None:
        self._make, self.poses = make, poses
        self._made: dict[Cuda, Any] = {}

    def on(self, engine: Cuda) -> Any:
        if engine not in self._made:
            self._made[engine] = self._make(engine)
        return self._made[engine]


class Several:
    """The engines of the devices; blocks live on the one whose thread made them."""

    prefix = staticmethod(Cuda.prefix)

    def __init__(self, engines: list[Cuda]) -> None:
        self.engines = engines
        self.device = engines[0].device
        self._here = local()

    def over(self, threads: Map) -> Map:
        return self._map

    def _map(self, work: Callable[..., Any], *items: Iterable) -> Iterator[Any]:
        free: SimpleQueue[Cuda] = SimpleQueue()
        for engine in self.engines:
            free.put(engine)

        def done(*job: Any) -> Any:
            engine = free.get()
            try:
                self._here.engine = engine
                with engine.device.current():
                    return work(*job)
            finally:
                free.put(engine)

        with ThreadPoolExecutor(len(self.engines), thread_name_prefix="spa-device") as pool:
            yield from pool.map(done, *items)

    @property
    def _mine(self) -> Cuda:
        """The engine of this thread, which is one of `over`."""
        return self._here.engine

    def images(self, images: data.Images) -> Any:
        """On the first device, for what is done there alone."""
        with self.device.current():
            return self.engines[0].images(images)

    def blocks(self, images: data.Images, rows: np.ndarray, radius: int) -> list[np.ndarray]:
        with self.device.current():
            return self.engines[0].blocks(images, rows, radius)

    def block(self, images: data.Images, rows: np.ndarray, radius: int, noise: np.ndarray) -> Any:
        return self._mine.block(images, rows, radius, noise)

    def reference(self, volume: np.ndarray, radius: int) -> Everywhere:
        return Everywhere(lambda engine: engine.reference(volume, radius))

    def columns(
        self, source: Everywhere, poses: np.ndarray, images: data.Images, count: int, shifts: int
    ) -> Everywhere:
        return Everywhere(lambda engine: engine.columns(source.on(engine), poses, images, count, shifts), poses)

    def search(self, block: Any, columns: Everywhere, *more: Any) -> Any:
        return self._mine.search(block, columns.on(self._mine), *more)

    def heights(self, source: Everywhere, *more: Any) -> Any:
        return self._mine.heights(source.on(self._mine), *more)

    def slopes(self, source: Everywhere, *more: Any, **named: Any) -> Any:
        return self._mine.slopes(source.on(self._mine), *more, **named)

    def refine(self, source: Everywhere, *more: Any) -> Any:
        return self._mine.refine(source.on(self._mine), *more)

    def accumulate(
        self, images: data.Images, poses: Any, halves: list[np.ndarray], radius: int, noise: np.ndarray, spread: Any,
        seed: tuple[int, ...], workers: Any, operators: np.ndarray,
    ) -> list[Sums]:  # fmt: skip
        parts = maximisation_cuda.parts_of(halves)

        def summed(part: maximisation_cuda.Part) -> Any:
            held = self._mine.images(images)
            grid = maximisation_cuda.part_sums(held, poses, part, radius, noise, spread, seed).grid
            return grid if self._mine is self.engines[0] else grid.get()

        grids = self._map(summed, [part for some in parts for part in some])
        found: list[Sums] = []
        for some in parts:
            mine = [next(grids) for _ in some]
            with self.device.current():
                whole = maximisation_cuda.joined(self.device, images.band.box, radius, mine)
                found.append(self.engines[0].kept(insert_cuda.symmetrised(whole, operators)))
        return found

    def solve(self, sums: Any, prior: np.ndarray, threads: int = 1) -> np.ndarray:
        """Where they lie; those on the host wherever this thread is."""
        there = isinstance(sums, insert_cuda.Accumulator)
        return (self.engines[0] if there else getattr(self._here, "engine", self.engines[0])).solve(sums, prior)

    def left(self, images: data.Images, poses: Any, rows: np.ndarray, source: Everywhere, radius: int) -> np.ndarray:
        return self._mine.left(images, poses, rows, source.on(self._mine), radius)

    def agreement(
        self, images: data.Images, poses: Any, rows: np.ndarray, source: Everywhere, radius: int, noise: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return self._mine.agreement(images, poses, rows, source.on(self._mine), radius, noise)

    def patterns(self, *given: Any) -> np.ndarray:
        return self._mine.patterns(*given)
