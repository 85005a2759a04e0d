"""Room for the coefficients of images: memory where they fit, or a file."""

import tempfile

import numpy as np

from spa.job import memory
from spa.job.run import Run

_SHARE = 0.7  # of the memory that is free, at most


def coefficients(run: Run, n: int, wanted: int, rest: int, everything: str, others: str) -> np.ndarray | None:
    """Memory (None) for the `wanted` bytes of n images' coefficients, or a file in DIR where they do not fit.

    The `rest` of the plan (bytes) is required; everything, others: what all of it is, and the rest, in words.
    DeviceError with the figures where that does not fit.
    """
    there = memory.available()
    if there is None or wanted + rest < _SHARE * there:
        memory.require(wanted + rest, everything)
        return None
    memory.require(rest, others)
    return scratch(run, (n, 2, wanted // (8 * n)))


def scratch(run: Run, shape: tuple[int, ...]) -> np.ndarray:
    """Float32 room in a nameless file of DIR: it goes with the process."""
    assert run.outdir is not None
    run.say(f"{np.prod(shape) * 4 / 2**30:.1f} GiB of coefficients go to a file in {run.outdir}")
    with tempfile.NamedTemporaryFile(dir=run.outdir, suffix=".part") as file:
        return np.memmap(file, np.float32, "w+", shape=shape)
