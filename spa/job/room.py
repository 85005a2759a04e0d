"""Room for the coefficients of images: memory where they fit, or a file."""

import shutil
import tempfile

import numpy as np

from spa.errors import WriteError
from spa.io.filed import Filed
from spa.job import memory
from spa.job.run import Run

_SHARE = 0.7  # of the memory that is free, at most


def coefficients(run: Run, n: int, wanted: int, rest: int, everything: str, others: str) -> Filed | None:
    """Memory (None) for the `wanted` bytes of n images' coefficients, or a file in DIR where they do not fit.

    The `rest` of the plan (bytes) is required; everything, others: what all of it is, and the rest, in words.
    DeviceError with the figures where that does not fit, WriteError where the disk has no room for the file.
    """
    there = memory.available()
    if there is None or wanted + rest < _SHARE * there:
        memory.require(wanted + rest, everything)
        return None
    memory.require(rest, others)
    return scratch(run, (n, 2, wanted // (8 * n)), rest)


def scratch(run: Run, shape: tuple[int, int, int], rest: int) -> Filed:
    """Float32 room in a nameless file of DIR, which goes with the process; rest: bytes of memory beside it."""
    assert run.outdir is not None
    wanted, free = 4 * int(np.prod(shape)), shutil.disk_usage(run.outdir).free
    if wanted > free:
        raise WriteError(f"{run.outdir}: {wanted / 2**30:.1f} GiB of coefficients do not fit in memory, and there are "
                         f"{free / 2**30:.1f} GiB on this disk")  # fmt: skip
    run.say(f"{wanted / 2**30:.1f} GiB of coefficients go to a file in {run.outdir}; {rest / 2**30:.1f} GiB of memory "
            "are needed beside it")  # fmt: skip
    with tempfile.TemporaryFile(dir=run.outdir) as file:
        return Filed(file, shape, run.outdir)
