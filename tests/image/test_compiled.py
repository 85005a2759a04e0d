"""Kernels are compiled when they are first called, once, whoever calls."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from spa.image.compiled import INNER, kernel


@numba.njit(**INNER)
def _twice(x):  # type: ignore[no-untyped-def]
    return x + x


def _doubled(values):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        values[i] = _twice(values[i])


def test_compiled_by_the_first_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made, compiler = [], numba.njit

    def noted(*words, **options):  # type: ignore[no-untyped-def]
        made.extend(word for word in words if isinstance(word, str))  # numba compiles its own too, without signatures
        return compiler(*words, **options)

    monkeypatch.setattr(numba, "njit", noted)
    call = kernel("void(f4[::1])")(_doubled)
    assert not made
    rows = np.ones((8, 3), np.float32)
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(call, rows))
    assert made == ["void(f4[::1])"]
    assert (rows == 2).all()


def test_what_does_not_match_the_signature_is_refused() -> None:
    call = kernel("void(f4[::1])")(_doubled)
    with pytest.raises(TypeError, match="No matching definition"):
        call(np.ones(3, np.float64))


def test_no_linear_algebra_is_loaded_for_them() -> None:
    code = (
        "import sys\nfrom spa.motion.kernels import decimated\nimport numpy as np\n"
        "try: decimated()\nexcept TypeError: pass\n"
        "assert 'scipy.linalg' not in sys.modules\nimport scipy.linalg"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
