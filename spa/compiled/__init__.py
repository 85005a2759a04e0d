"""Kernels compiled (numba) when they are first called, and kept on disk: a job compiles what it uses, once.

Most jobs find all their kernels there. Those whose signature is words are loaded without numba, the import of which is
a tenth of a second, if what they call is made when they are compiled, too (`inner`, `later`).
"""

import functools
import threading
from collections.abc import Callable
from inspect import ismodule
from typing import Any

INNER: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "fastmath": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "no_rewrites": True,
    "_nrt": False,
}
"""Options of a function that kernels alone call: numba.njit(**INNER), compiled with the first of them.

Arrays are not counted (`_nrt`): such functions make none, and what counts them is a fifth of the time to compile. Nor
are expressions of arrays looked for: everything is loops over numbers.
"""

_alone = threading.Lock()


class Later:
    """What kernels call, made when one of them is compiled: it stands in a module under its name until then."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def made(self) -> Any:
        """What it stands for."""
        if self._made is None:
            self._made = self._make()
        return self._made


def later(make: Callable[[], Any]) -> Any:
    """A decorator of a function that makes something for kernels to call, as numba's intrinsics."""
    return Later(make)


def inner(function: Callable) -> Any:
    """A decorator: what kernels alone call, compiled with the first of them (``INNER``)."""

    def make() -> Any:
        import numba

        resolve(function)
        return numba.njit(**{**INNER, "cache": False})(function)

    return Later(make)


def resolve(function: Callable) -> None:
    """What is made later, under names that a function uses or asks of modules, is made now."""
    names = function.__code__.co_names
    every = [function.__globals__, *(vars(found) for found in map(function.__globals__.get, names) if ismodule(found))]
    for there in every:
        for name in names:
            if isinstance(found := there.get(name), Later):
                there[name] = found.made()


def kernel(signature: Any, allocates: bool = False, **options: Any) -> Callable[[Callable], Callable[..., Any]]:
    """A decorator: numba.njit with one signature, without the GIL, at the first call.

    To be called from Python. allocates: whether it makes arrays. A signature in words ("void(f4[:, ::1], i8)"), of
    contiguous arrays and numbers, of a kernel that makes no arrays: once compiled, it is loaded without numba.
    """
    settings: dict[str, Any] = {
        "nogil": True, "cache": True, "error_model": "numpy", "no_cfunc_wrapper": True, "no_rewrites": True,
        "_nrt": allocates, **options,
    }  # fmt: skip

    def decorate(function: Callable) -> Callable[..., Any]:
        made: list[Callable] = []

        @functools.wraps(function)
        def call(*args: Any) -> Any:
            if not made:
                with _alone:
                    if not made:
                        made.append(_ready(function, signature, settings))
            return made[0](*args)

        return call

    return decorate


def _ready(function: Callable, signature: Any, settings: dict[str, Any]) -> Callable:
    """A kernel as it is called: from disk, or compiled now."""
    if isinstance(signature, str) and settings["cache"] and not settings["_nrt"]:
        from spa.compiled import kept, words

        if words.understood(signature) and (found := kept.kernel(function, signature, settings)) is not None:
            return found
    from spa.compiled import by_numba

    resolve(function)
    return by_numba.compiled(function, signature, settings)
