"""Images on their way into the sums of their half: several blocks at once, which is quicker by far than one by one."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from spa.image.disc import Disc
from spa.refine.data import BLOCK
from spa.refine.problem import Workers
from spa.search.images import Block
from spa.volume import insert as into
from spa.volume.patches import patches

LEAST = 2**24  # bytes of images that go in at once
SHARE = 1 / 8  # or of what the sums take: each brick is fetched once for all. Two waves of both halves are at hand at
# a time, which is less than the transforms that solve the sums take


Made = Callable[[int, int], tuple[Block, into.Samples]]
"""The block of a queue and number, and where its images go (rows count within it)."""


def inserted(
    queues: list[list[np.ndarray]], made: Made, band: Disc, radius: int, workers: Workers
) -> list[into.Accumulator]:
    """The closed sums, in shells up to a radius, of the blocks of each queue. The same for any number of threads."""
    sums = [into.accumulator(band.box, radius) for _ in queues]
    cuts = into.slabs(sums[0], max(1, -(-workers.threads // len(queues))))
    most, together = max(map(len, queues)), _blocks_together(band, radius)

    def prepare(wave: _Wave, queue: int, first: int, number: int) -> None:
        wave.put(number, *made(queue, first + number))

    ready: list[_Wave] = []
    for first in range(0, most + together, together):  # the next are made ready beside the insertion of these
        inserting = [partial(wave.insert, cut) for wave in ready for cut in cuts]
        preparing, ready = [], []
        for number, queue in enumerate(queues):
            if some := queue[first : first + together]:
                ready.append(_Wave(sums[number], band, radius, some))
                preparing += [partial(prepare, ready[-1], number, first, one) for one in range(len(some))]
        list(workers.map(lambda job: job(), [*inserting, *preparing]))
    list(workers.map(into.close, sums))
    return sums


def _blocks_together(band: Disc, radius: int) -> int:
    """How many blocks go into the sums of a band at once."""
    most = max(LEAST, SHARE * into.sums_bytes(band.box, radius))
    return max(1, int(most // (BLOCK * 12 * band.count(radius))))


class _Wave:
    """Some blocks of a queue, their coefficients in patches."""

    def __init__(self, sums: into.Accumulator, band: Disc, radius: int, blocks: list[np.ndarray]) -> None:
        count = band.count(radius)
        self._sums, self._band = sums, patches(band.kx[:count], band.ky[:count])
        self._starts = np.concatenate([[0], np.cumsum([len(rows) for rows in blocks])])
        self._values = np.empty((self._starts[-1], 2, count), np.float32)
        self._weights = np.empty((self._starts[-1], count), np.float32)
        self._samples: list[into.Samples | None] = [None] * len(blocks)

    def put(self, number: int, block: Block, samples: into.Samples) -> None:
        """A block's images, and where they go."""
        at = slice(self._starts[number], self._starts[number + 1])
        ctf = self._band.sown(block.ctf)
        np.multiply(self._band.sown(block.x), ctf[:, None], out=self._values[at])
        np.multiply(ctf, ctf, out=self._weights[at])
        self._samples[number] = replace(samples, rows=samples.rows + at.start)

    def insert(self, slab: tuple[int, int]) -> None:
        """All of them, once they are there, into a slab of the sums."""
        every = [one for one in self._samples if one is not None]
        samples = into.Samples(*(np.concatenate([getattr(one, name) for one in every])
                                 for name in ("rows", "poses", "shifts", "weights")))  # fmt: skip
        into.insert(self._sums, samples, self._values, self._weights, self._band.kx, self._band.ky, slab)
