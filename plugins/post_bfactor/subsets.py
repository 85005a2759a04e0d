"""Half maps of growing parts of the particles, at known poses, and their resolution."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from spa.refine.data import BLOCK, Images
from spa.refine.maximisation import raw_prior
from spa.refine.problem import Workers
from spa.volume import insert as into
from spa.volume.fsc import crossing, independent_under
from spa.volume.halfmaps import measured

GOLD = 0.143


@dataclass(frozen=True, eq=False)
class Posed:
    """Images with a pose (n, 3, 3) and a shift (n, 2; pixels) each, the noise (groups, shells), and a point group."""

    images: Images
    poses: np.ndarray
    shifts: np.ndarray
    noise: np.ndarray
    operators: np.ndarray


def sizes(count: int, smallest: int) -> list[int]:
    """Numbers of particles, from all of them down by halves, smallest first."""
    found = [count]
    while found[-1] // 2 >= smallest:
        found.append(found[-1] // 2)
    return found[::-1]


def grown(
    posed: Posed, counts: list[int], rng: np.random.Generator, workers: Workers
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(count, half map, half map) of random subsets, each a part of the next: every image is inserted once."""
    half = posed.images.half
    order = [rng.permutation(np.flatnonzero(half == one)) for one in (0, 1)]
    radius = posed.images.band.radius
    sums = [into.accumulator(posed.images.band.box, radius) for _ in order]
    done = [0, 0]
    for count in counts:
        for one in (0, 1):
            share = int(np.rint(count * len(order[one]) / len(half)))
            _add(posed, sums[one], order[one][done[one] : share], workers)
            done[one] = share
        first, second = (_solved(posed, one, workers) for one in sums)
        yield count, first, second


def _add(posed: Posed, sums: into.Accumulator, rows: np.ndarray, workers: Workers) -> None:
    radius = posed.images.band.radius
    cuts = into.slabs(sums, workers.threads)
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        block = posed.images.block(part, radius, posed.noise)
        samples = into.Samples(np.arange(len(part)), posed.poses[part], posed.shifts[part], np.ones(len(part)))
        values, weights = block.matched(), block.ctf**2

        list(workers.map(_Ready(sums, samples, values, weights, block.kx, block.ky), cuts))


@dataclass(frozen=True, eq=False)
class _Ready:
    """Images on their way into the sums, a slab at a time."""

    sums: into.Accumulator
    samples: into.Samples
    values: np.ndarray
    weights: np.ndarray
    kx: np.ndarray
    ky: np.ndarray

    def __call__(self, slab: tuple[int, int]) -> None:
        into.insert(self.sums, self.samples, self.values, self.weights, self.kx, self.ky, slab)


def _solved(posed: Posed, sums: into.Accumulator, workers: Workers) -> np.ndarray:
    """The map of sums that go on to grow."""
    copy = replace(sums, grid=sums.grid.copy())
    into.close(copy)
    copy = into.symmetrised(copy, posed.operators, workers.map)
    return into.solve(copy, raw_prior(copy))


def resolution(
    half1: np.ndarray, half2: np.ndarray, pixel_size: float, mask: np.ndarray, rng: np.random.Generator,
    symmetry: int = 1,
) -> float:  # fmt: skip
    """Angstroms where the FSC, corrected for the mask, falls below 0.143 for good, linear between shells.

    symmetry: the point group's order.
    """
    curves, _ = measured(half1, half2, pixel_size, mask, [rng])
    curve = curves.corrected
    shell = crossing(curve, GOLD, independent_under(mask, symmetry))
    if shell == len(curve) - 1:
        return 2 * pixel_size
    here, there = curve[shell], curve[shell + 1]
    part = float(np.clip((here - GOLD) / max(here - there, 1e-9), 0, 1))
    return len(half1) * pixel_size / (shell + part)
