"""Images on their way into the sums of their half: several blocks at once, which is quicker by far than one by one."""

from dataclasses import replace

import numpy as np

from spa.image.disc import Disc
from spa.refine.data import BLOCK
from spa.search.images import Block
from spa.volume import insert as into
from spa.volume.patches import patches

LEAST = 2**24  # bytes of images that go in at once
SHARE = 1 / 8  # or of what the sums take: each brick is fetched once for all. Two waves of both halves are at hand at
# a time, which is less than the transforms that solve the sums take


def blocks_together(band: Disc, radius: int) -> int:
    """How many blocks go into the sums of a band at once."""
    most = max(LEAST, SHARE * into.sums_bytes(band.box, radius))
    return max(1, int(most // (BLOCK * 12 * band.count(radius))))


class Wave:
    """Some blocks of a half, their coefficients in patches."""

    def __init__(self, sums: into.Accumulator, band: Disc, radius: int, blocks: list[np.ndarray]) -> None:
        count = band.count(radius)
        self._sums, self._band = sums, patches(band.kx[:count], band.ky[:count])
        self._starts = np.concatenate([[0], np.cumsum([len(rows) for rows in blocks])])
        self._values = np.empty((self._starts[-1], 2, count), np.float32)
        self._weights = np.empty((self._starts[-1], count), np.float32)
        self._samples: list[into.Samples | None] = [None] * len(blocks)

    def put(self, number: int, block: Block, samples: into.Samples) -> None:
        """A block's images, and where they go: rows count within it."""
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
