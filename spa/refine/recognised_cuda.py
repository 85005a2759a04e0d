"""How likely images are as random patterns, on a device: the twin of `spa.refine.recognised.anything`."""

from pathlib import Path

import numpy as np

from spa.refine.recognised import STRENGTHS, of_any_strength
from spa.search.images_cuda import Block

SOURCE = Path(__file__).with_name("recognised.cu")
THREADS = 256


def anything(block: Block, power: np.ndarray) -> np.ndarray:
    """(n,) as the twin's."""
    device, n, many = block.x.device, len(block), len(STRENGTHS)
    out = device.empty(n, many, dtype=np.float64)
    device.run(
        SOURCE, "patterns", (1, n), THREADS, block.x, block.ctf, np.int32(block.stride), np.int32(n), block.disc.shell,
        np.int32(block.count), device.array(power, np.float32), device.array(np.array(STRENGTHS), np.float32),
        np.int32(many), out,
    )  # fmt: skip
    return of_any_strength(out.get())
