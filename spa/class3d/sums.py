"""Many weighted back-projections of the same images at once, the same for any number of threads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spa.refine.problem import Workers
from spa.volume import insert as into
from spa.volume.patches import patches

BLOCK = 128  # images handled together


@dataclass(frozen=True, eq=False)
class Part:
    """What a block adds to one of the sums: values (m, 2, K), weights (m, K), and where they go."""

    number: int
    samples: into.Samples
    values: np.ndarray
    weights: np.ndarray


def blocks_of(rows: np.ndarray) -> list[np.ndarray]:
    """Rows cut into blocks."""
    return [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]


def gathered(
    box: int, radius: int, count: int, rows: np.ndarray, parts: Callable[[np.ndarray], Sequence[Part]],
    kx: np.ndarray, ky: np.ndarray, workers: Workers,
) -> list[into.Accumulator]:  # fmt: skip
    """`count` sums in shells up to radius, closed; parts: what a block of rows adds to which of them."""
    sums, band = [into.accumulator(box, radius) for _ in range(count)], patches(kx, ky)
    cuts = into.slabs(sums[0], max(1, -(-workers.threads // count)))
    blocks = blocks_of(rows)

    def sown(some: np.ndarray) -> list[Part]:
        return [replace(part, values=band.sown(part.values), weights=band.sown(part.weights)) for part in parts(some)]

    def fill(job: tuple[int, tuple[int, int], list[Part]]) -> None:
        number, cut, ready = job
        for part in ready:
            if part.number == number:
                into.insert(sums[number], part.samples, part.values, part.weights, band.kx, band.ky, cut)

    for first in range(0, len(blocks), 2 * workers.threads):
        ready = [part for found in workers.map(sown, blocks[first : first + 2 * workers.threads]) for part in found]
        list(workers.map(fill, [(number, cut, ready) for number in range(count) for cut in cuts]))
    list(workers.map(into.close, sums))
    return sums
