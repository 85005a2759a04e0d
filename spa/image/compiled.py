"""Kernels compiled (numba) when they are first called, and kept on disk: a job compiles what it uses, once."""

import functools
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import numba

_SPARED = [name for name in ("scipy.linalg",) if name not in sys.modules]
# numba would load it with its first kernel, 0.15 s, for products of matrices, of which kernels have none
sys.modules.update(dict.fromkeys(_SPARED))  # type: ignore[arg-type]
try:
    importlib.import_module("numba.np.arraymath")
finally:
    for _name in _SPARED:
        del sys.modules[_name]

INNER: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "fastmath": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
"""Options of a function that kernels alone call: numba.njit(**INNER), compiled with the first of them."""

_alone = threading.Lock()


def kernel(signature: Any, **options: Any) -> Callable[[Callable], Callable[..., Any]]:
    """A decorator: numba.njit with one signature, without the GIL, at the first call.

    To be called from Python; what other compiled code calls is numba.njit(**INNER).
    """
    settings: dict[str, Any] = {"nogil": True, "cache": True, "no_cfunc_wrapper": True, **options}

    def decorate(function: Callable) -> Callable[..., Any]:
        made: list[Callable] = []

        @functools.wraps(function)
        def call(*args: Any) -> Any:
            if not made:
                with _alone:
                    if not made:
                        made.append(numba.njit(signature, **settings)(function))
            return made[0](*args)

        return call

    return decorate
