"""Who does the heavy arithmetic of a refinement: this processor (`Cpu`), or a device by the functions' twins."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from spa.gpu.device import Device
from spa.refine.data import Images, blocks_of
from spa.search import exhaustive, newton
from spa.search.exhaustive import Candidates
from spa.search.images import Block, prefix
from spa.search.likelihood import evaluate
from spa.search.newton import Modes, Stage
from spa.search.prior import Prior
from spa.volume import insert as into
from spa.volume.slices import Reference, reference, slices

Map = Callable[..., Iterable]


class Sums(Protocol):
    """Sums of images, wherever they lie: `spa.volume.insert.Accumulator` has them here."""

    @property
    def box(self) -> int: ...
    @property
    def radius(self) -> int: ...
    def shell_weight(self) -> np.ndarray: ...
    def plus(self, other: Any) -> Any: ...
    def take(self, other: Any) -> Any: ...


class Engine(Protocol):
    """References, blocks of images, columns and sums are the engine's own; all else is the host's."""

    @property
    def device(self) -> Device | None: ...  # where it works, for what is built on engines; None: this processor
    def images(self, images: Images) -> Any: ...  # as they lie there
    def over(self, threads: Map) -> Map: ...  # the map that looks at blocks go through, given that of the threads
    def blocks(self, images: Images, rows: np.ndarray, radius: int) -> list[np.ndarray]: ...
    def block(self, images: Images, rows: np.ndarray, radius: int, noise: np.ndarray) -> Any: ...
    def reference(self, volume: np.ndarray, radius: int) -> Any: ...
    def columns(self, source: Any, poses: np.ndarray, images: Images, count: int, shifts: int) -> Any: ...
    def prefix(self, block: Any, centres: np.ndarray, radius: int) -> Any: ...
    def search(self, block: Any, columns: Any, shifts: np.ndarray, shift_sigma: float, keep: int) -> Candidates: ...
    def heights(self, source: Any, block: Any, poses: np.ndarray, shifts: np.ndarray, radius: int,
                prior: Prior) -> np.ndarray: ...  # fmt: skip
    def slopes(self, source: Any, block: Any, poses: np.ndarray, shifts: np.ndarray, radius: int,
               prior: Prior) -> np.ndarray: ...  # fmt: skip
    def refine(self, source: Any, block: Any, poses: np.ndarray, shifts: np.ndarray, logp: np.ndarray,
               stages: list[Stage], prior: Prior, operators: np.ndarray) -> Modes: ...  # fmt: skip
    def accumulate(self, images: Images, poses: Any, halves: list[np.ndarray], radius: int, noise: np.ndarray,
                   spread: Any, seed: tuple[int, ...], workers: Any, operators: np.ndarray
                   ) -> list[Any]: ...  # fmt: skip
    def solve(self, sums: Any, prior: np.ndarray, threads: int = 1) -> np.ndarray: ...  # as `spa.volume.insert.solve`
    def left(self, images: Images, poses: Any, rows: np.ndarray, source: Any, radius: int) -> np.ndarray: ...
    def agreement(self, images: Images, poses: Any, rows: np.ndarray, source: Any, radius: int, noise: np.ndarray
                  ) -> tuple[np.ndarray, np.ndarray]: ...  # fmt: skip
    def patterns(self, images: Images, rows: np.ndarray, radius: int, noise: np.ndarray, power: np.ndarray
                 ) -> np.ndarray: ...  # fmt: skip


class Cpu:
    """The definition: the functions of `search` and `volume` themselves."""

    device = None
    prefix = staticmethod(prefix)
    search = staticmethod(exhaustive.search)
    refine = staticmethod(newton.refine)
    solve = staticmethod(into.solve)

    def over(self, threads: Map) -> Map:
        return threads

    def images(self, images: Images) -> Images:
        return images

    def blocks(self, images: Images, rows: np.ndarray, radius: int) -> list[np.ndarray]:
        return blocks_of(rows)

    def block(self, images: Images, rows: np.ndarray, radius: int, noise: np.ndarray) -> Block:
        return images.block(rows, radius, noise)

    def reference(self, volume: np.ndarray, radius: int) -> Reference:
        return reference(volume, radius)

    def columns(
        self, source: Reference, poses: np.ndarray, images: Images, count: int, shifts: int
    ) -> exhaustive.Columns:
        """Slices at poses in the first `count` coefficients of the images' band, to be searched through by all images
        at so many shifts."""
        band = images.band
        cut = slices(source, poses, band.kx[:count], band.ky[:count])
        return exhaustive.columns(poses, cut, len(images) * shifts)

    def heights(
        self, source: Reference, block: Block, poses: np.ndarray, shifts: np.ndarray, radius: int, prior: Prior
    ) -> np.ndarray:
        """log p (n, m), the prior's part included, at poses (n, m, 3, 3) and shifts (n, m, 2)."""
        at = _flat(poses, shifts)
        sums = evaluate(source, block, *at, radius)
        return (2 * sums.cross - sums.norm + prior.logp(*at)).reshape(poses.shape[:2])

    def slopes(
        self, source: Reference, block: Block, poses: np.ndarray, shifts: np.ndarray, radius: int, prior: Prior
    ) -> np.ndarray:
        """(n, m, 5) of log p over turn and shift, the prior's part included, at poses (n, m, 3, 3) and shifts."""
        at = _flat(poses, shifts)
        gradient = 2 * evaluate(source, block, *at, radius).gradient + prior.gradient(*at)
        return gradient.reshape(poses.shape[:2] + (5,))

    def accumulate(
        self, images: Images, poses: Any, halves: list[np.ndarray], radius: int, noise: np.ndarray, spread: Any,
        seed: tuple[int, ...], workers: Any, operators: np.ndarray,
    ) -> list[into.Accumulator]:  # fmt: skip
        """Sums of each half (lists of rows), closed and added over a point group."""
        from spa.refine import maximisation  # which is built on engines

        sums = maximisation.accumulate(images, poses, halves, radius, noise, spread, seed, workers)
        return into.each_symmetrised(sums, operators, workers.map)

    def left(self, images: Images, poses: Any, rows: np.ndarray, source: Reference, radius: int) -> np.ndarray:
        """(n, shells) mean power of rows' residuals at their best poses."""
        from spa.refine import maximisation

        return maximisation.left(images, poses, rows, source, radius)

    def agreement(
        self, images: Images, poses: Any, rows: np.ndarray, source: Reference, radius: int, noise: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Re<X, C P> and <C P, C P> (n,) of rows at their best poses, over the noise, whatever the images' scale."""
        best = poses.weight[rows].argmax(axis=1)
        block = images.scaled(None).block(rows, radius, noise)
        at = poses.poses[rows, best], poses.shifts[rows, best]
        sums = evaluate(source, block, np.arange(len(rows)), *at, radius)
        return sums.cross, sums.norm

    def patterns(
        self, images: Images, rows: np.ndarray, radius: int, noise: np.ndarray, power: np.ndarray
    ) -> np.ndarray:
        """(n,) log evidence of random patterns in images rows, over that of nothing (`recognised.anything`)."""
        from spa.refine import recognised

        return recognised.anything(images.block(rows, radius, noise), power)


def _flat(poses: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (n m,), poses and shifts of m a piece."""
    n, m = poses.shape[:2]
    return np.repeat(np.arange(n), m), poses.reshape(-1, 3, 3), shifts.reshape(-1, 2)


CPU = Cpu()
