"""Machine code put in pages where it can run: laid out when it was made (`spa.compiled.elf`)."""

import ctypes
import mmap
import os
import struct
import sys
from typing import Any

_kept: list[mmap.mmap] = []  # code stays as long as the process


def here() -> bool:
    """Whether this process runs such code."""
    return sys.platform.startswith("linux") and os.uname().machine == "x86_64"


def loaded(body: bytes, layout: dict[str, Any]) -> int:
    """The address of the function of an image laid out by `elf.linked`. OSError."""
    memory = mmap.mmap(-1, layout["size"], prot=mmap.PROT_READ | mmap.PROT_WRITE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    memory[: len(body)] = body
    library = ctypes.CDLL(None, use_errno=True)
    for place in layout["own"]:
        struct.pack_into("<Q", memory, place, start + struct.unpack_from("<Q", memory, place)[0])
    for place, name, addend in layout["others"]:
        there = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        struct.pack_into("<Q", memory, place, (there or 0) + addend)
    code = ctypes.c_size_t(layout["code"])
    if library.mprotect(ctypes.c_void_p(start), code, mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "memory cannot be made executable")
    _kept.append(memory)
    return start + int(layout["entry"])
