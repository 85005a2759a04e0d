"""Machine code of an object file put where it can run: ELF of x86-64, as LLVM makes of kernels, without LLVM.

Loading LLVM takes a tenth of a short job. Its large code model knows one kind of reference, an address of 64 bits, so
that little is left to do: sections are laid out, addresses put in, and the pages made executable. Source: System V ABI,
AMD64 supplement, 1.0 (2018), chapter 4.
"""

import ctypes
import mmap
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = b"\x7fELF\x02\x01\x01"  # 64 bits, the lowest byte first
_OBJECT, _X86_64 = 1, 62
_SYMBOLS, _REFERENCES, _EMPTY, _UNWINDING = 2, 4, 8, 0x70000001  # kinds of sections
_WRITE, _ALLOCATED = 1, 2  # flags of sections
_ADDRESS_64 = 1  # the kind of reference
_UNDEFINED, _ABSOLUTE = 0, 0xFFF1  # sections of symbols
_kept: list[mmap.mmap] = []  # code stays as long as the process


class NotUnderstood(Exception):
    """An object file with something in it that is not dealt with here."""


@dataclass(frozen=True)
class _Section:
    name: int
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int

    @property
    def placed(self) -> bool:
        """Whether it is needed to run; what unwinds the stack is not."""
        return bool(self.flags & _ALLOCATED) and self.kind != _UNWINDING


def here() -> bool:
    """Whether this process runs such code."""
    return sys.platform.startswith("linux") and os.uname().machine == "x86_64"


def loaded(code: bytes, entry: str) -> int:
    """The address of the function ``entry`` of an object file. NotUnderstood, OSError."""
    sections = _sections(code)
    table = next((one for one in sections if one.kind == _SYMBOLS), None)
    if table is None:
        raise NotUnderstood("no symbols")
    places, writable, size = _laid_out(sections)
    memory = mmap.mmap(-1, size, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for section, place in places.items():
        if (one := sections[section]).kind != _EMPTY:
            memory[place : place + one.size] = code[one.offset : one.offset + one.size]
    names = sections[table.link]
    symbols = list(_symbols(code, table, names, {section: start + place for section, place in places.items()}))
    for one in sections:
        if one.kind == _REFERENCES and one.info in places:
            for offset, kind_and_symbol, addend in struct.iter_unpack("<QQq", code[one.offset : one.offset + one.size]):
                address = symbols[kind_and_symbol >> 32][1]
                if kind_and_symbol & 0xFFFFFFFF != _ADDRESS_64 or address is None:
                    raise NotUnderstood(f"a reference of kind {kind_and_symbol & 0xFFFFFFFF}")
                struct.pack_into("<Q", memory, places[one.info] + offset, address + addend)
    found = dict(symbols).get(entry)
    if found is None:
        raise NotUnderstood(f"no {entry} in it")
    library = ctypes.CDLL(None, use_errno=True)
    if library.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(writable), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "memory cannot be made executable")
    _kept.append(memory)
    return found


def _sections(code: bytes) -> list[_Section]:
    kind, machine = struct.unpack_from("<HH", code, 16)
    if not code.startswith(_HEAD) or (kind, machine) != (_OBJECT, _X86_64):
        raise NotUnderstood("no object file of x86-64")
    (start,) = struct.unpack_from("<Q", code, 40)
    each, count = struct.unpack_from("<HH", code, 58)
    found = []
    for number in range(count):
        fields = struct.unpack_from("<IIQQQQIIQQ", code, start + number * each)
        name, kind, flags, _, offset, size, link, info, align, _ = fields
        found.append(_Section(name, kind, flags, offset, size, link, info, align))
    return found


def _laid_out(sections: list[_Section]) -> tuple[dict[int, int], int, int]:
    """Where each section lies that is needed; where pages begin that are written to; the size of all."""
    places: dict[int, int] = {}
    end = writable = 0
    for written in (False, True):
        for number, one in enumerate(sections):
            if one.placed and bool(one.flags & _WRITE) == written:
                places[number] = -(-end // max(one.align, 1)) * max(one.align, 1)
                end = places[number] + one.size
        if not written:
            end = writable = -(-max(end, 1) // mmap.PAGESIZE) * mmap.PAGESIZE
    return places, writable, end + mmap.PAGESIZE


def _symbols(code: bytes, table: _Section, names: _Section, starts: dict[int, int]) -> Iterator[tuple[str, int | None]]:
    """Name and address of each symbol; None where it lies in what is not placed. NotUnderstood: nobody has it."""
    whole = ctypes.CDLL(None)
    for number, (name, _, _, section, value, _) in enumerate(
        struct.iter_unpack("<IBBHQQ", code[table.offset : table.offset + table.size])
    ):
        start = names.offset + name
        word = code[start : code.index(b"\0", start)].decode()
        if section in starts:
            yield word, starts[section] + value
        elif section == _UNDEFINED and number:
            if not hasattr(whole, word):
                raise NotUnderstood(f"nothing here is called {word}")
            yield word, ctypes.cast(getattr(whole, word), ctypes.c_void_p).value
        else:
            yield word, value if section == _ABSOLUTE else None
