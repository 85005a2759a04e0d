"""BLAS has one thread while a job runs, and what it had before when it is over."""

import os
import subprocess
import sys

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from spa.job.threads import ONE, bound, single_blas


def blas() -> set[int]:
    np.linalg.norm(np.eye(2))
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_in_a_process_that_goes_on() -> None:
    environment = dict(os.environ)
    with threadpool_limits(2, user_api="blas"):  # the tests themselves have one
        before = blas()
        with bound(2, whole_process=True):  # numpy is loaded: its environment is not asked any more
            assert blas() == {1}
            with single_blas():
                assert blas() == {1}
        assert blas() == before == {2} and dict(os.environ) == environment


def test_in_the_program() -> None:
    script = """
from spa.job.threads import bound
with bound(3, whole_process=True):
    import numpy, numba
    from threadpoolctl import threadpool_info
    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    print(blas, numba.config.NUMBA_NUM_THREADS)
"""
    free = {name: value for name, value in os.environ.items() if name not in ONE}
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=free)
    assert ran.stdout == "[1] 3\n"
