"""Threads of the libraries, bound to --threads.

BLAS always has one: a job's own threads each call it, and a product that BLAS splits need not give the same bits.
"""

import contextlib
import os
import sys
from collections.abc import Iterator

ONE = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
MANY = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
_told: list[int] = []  # by environment: the processes whose BLAS had one thread from the first on


@contextlib.contextmanager
def bound(threads: int, whole_process: bool) -> Iterator[None]:
    """Bind the libraries: by environment where a job's body is still to import them, else by their own controls."""
    if whole_process and "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(ONE, "1") | dict.fromkeys(MANY, str(threads)))
        _told.append(os.getpid())
        yield
        return
    with single_blas():
        yield


@contextlib.contextmanager
def single_blas() -> Iterator[None]:
    """One BLAS thread, for all threads of this process."""
    if "numpy" not in sys.modules or (os.getpid() in _told and "torch" not in sys.modules):
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
