"""BLAS, OpenMP and numba threads, bound to --threads."""

import contextlib
import os
import sys
from collections.abc import Iterator

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextlib.contextmanager
def bound(threads: int, whole_process: bool) -> Iterator[None]:
    """Bind the libraries: by environment where a job's body is still to import them, else by their own controls."""
    if whole_process and "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads):
        yield


@contextlib.contextmanager
def single_blas() -> Iterator[None]:
    """One BLAS thread in each of the pool's threads."""
    if "numpy" not in sys.modules:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
