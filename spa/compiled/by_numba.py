"""Functions compiled by numba, and what it keeps of them on disk loaded.

What spares time here goes behind numba's face (its cache, environments, types, `_nrt`): setup.cfg names the versions
that it was tried with, and a new one is let in when the tests pass with it.
"""

import contextlib
import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
from numba.core import environment, types
from numba.core.caching import FunctionCache
from numba.core.errors import NumbaNotImplementedError
from numba.core.runtime import rtsys
from numba.core.typing.typeof import typeof_impl
from numba.np import numpy_support


class _Kept(FunctionCache):  # type: ignore[misc]
    """What is kept on disk is loaded without all that numba would import to compile, 0.2 s."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)
        with _no_linear_algebra(), _no_modules():
            with self._guard_against_spurious_io_errors():
                if (kept := self._load_overload(sig, target_context)) is not None:
                    return kept
            importlib.import_module("numba.np.arraymath")  # it will compile
        return None


@contextlib.contextmanager
def _no_linear_algebra() -> Iterator[None]:
    """numba loads no scipy.linalg, 0.15 s, for products of matrices, of which kernels have none."""
    spared = "scipy.linalg" not in sys.modules
    if spared:
        sys.modules["scipy.linalg"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if spared:
            del sys.modules["scipy.linalg"]


_rebuilt = environment._rebuild_env


def _rebuilt_alone(module: str, constants: list[Any], name: str) -> Any:
    """A function's environment without its module, if that is numba's own and not there: compiled code asks for the
    constants alone."""
    if not module.startswith("numba.") or module in sys.modules or environment.lookup_environment(name):
        return _rebuilt(module, constants, name)
    found = environment.Environment({"__name__": module})
    found.consts[:], found.env_name = constants, name
    environment.Environment._memo[name] = found
    return found


@contextlib.contextmanager
def _no_modules() -> Iterator[None]:
    environment._rebuild_env = _rebuilt_alone
    try:
        yield
    finally:
        environment._rebuild_env = _rebuilt


_type_of = typeof_impl.dispatch(np.ndarray)


@typeof_impl.register(np.ndarray)  # type: ignore[untyped-decorator]
def _type_of_array(array: np.ndarray, context: Any) -> Any:
    """numba's, which would load numpy.ma to ask whether an array is masked: where that is not there, none is."""
    if "numpy.ma" not in sys.modules:
        with contextlib.suppress(NumbaNotImplementedError):
            kind, layout = numpy_support.from_dtype(array.dtype), numpy_support.map_layout(array)
            return types.Array(kind, array.ndim, layout, readonly=not array.flags.writeable)
    return _type_of(array, context)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """A compiler makes objects by the hundred thousand, and most live: looking through them took a twentieth of it."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def compiled(function: Callable, signature: Any, settings: dict[str, Any]) -> Callable:
    dispatcher = numba.njit(**settings)(function)
    if settings["cache"]:
        dispatcher._cache = _Kept(function)
    else:
        with _no_linear_algebra():
            importlib.import_module("numba.np.arraymath")
    with _no_collection():
        dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher
