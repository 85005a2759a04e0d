"""What tells one processor from another that machine code is made for."""

import os
import sys
from typing import Any

_FIRST = 4096  # bytes of the list of cores: one, and more
_KEYS = ("vendor_id", "cpu family", "model", "flags")


def described() -> tuple[Any, ...]:
    """As Linux lists it, of x86; elsewhere as LLVM knows it, which takes longer."""
    machine = sys.platform, os.uname().machine if hasattr(os, "uname") else ""
    return machine + (_listed() or _of_llvm())


def features() -> set[str]:
    """What it can, by Linux's names; none where Linux does not list it."""
    return set(" ".join(_listed()[-1:]).split())


def _listed() -> tuple[str, ...]:
    try:
        with open("/proc/cpuinfo", "rb") as file:
            lines = file.read(_FIRST).decode("ascii", "replace").split("\n\n")[0].splitlines()
    except OSError:
        return ()
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return tuple(found[key] for key in _KEYS) if all(map(found.get, _KEYS)) else ()


def _of_llvm() -> tuple[str, ...]:
    import llvmlite.binding as llvm

    return llvm.get_default_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
