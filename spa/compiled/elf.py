"""An object file laid out so that it can be loaded without LLVM (`spa.compiled.pages`): ELF of x86-64.

Loading LLVM takes a tenth of a short job. Its large code model knows one kind of reference, an address of 64 bits, so
that little is left to do: sections are laid out, and the places noted where addresses are put in. Source: System V ABI,
AMD64 supplement, 1.0 (2018), chapter 4.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_HEAD = b"\x7fELF\x02\x01\x01"  # 64 bits, the lowest byte first
_OBJECT, _X86_64 = 1, 62
_SYMBOLS, _REFERENCES, _EMPTY, _UNWINDING = 2, 4, 8, 0x70000001  # kinds of sections
_WRITE, _ALLOCATED = 1, 2  # flags of sections
_ADDRESS_64 = 1  # the kind of reference
_UNDEFINED = 0  # the section of symbols that lie elsewhere


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


def linked(code: bytes, entry: str) -> tuple[bytes, dict[str, Any]]:
    """The object file of the function ``entry`` laid out from address 0, without zeros at its end, and what is to be
    done where it is put.

    size: bytes of all; code: of them those that are not written to; entry: where the function begins; own: places of
    addresses that begin from 0 so far; others: places of addresses of what has a name elsewhere, and what is added.
    NotUnderstood.
    """
    sections = _sections(code)
    table = next((one for one in sections if one.kind == _SYMBOLS), None)
    if table is None:
        raise NotUnderstood("no symbols")
    places, writable, size = _laid_out(sections)
    body = bytearray(size - mmap.PAGESIZE)
    for section, place in places.items():
        if (one := sections[section]).kind != _EMPTY:
            body[place : place + one.size] = code[one.offset : one.offset + one.size]
    symbols = list(_symbols(code, table, sections[table.link], places))
    own, others = [], []
    for one in sections:
        if one.kind == _REFERENCES and one.info in places:
            for offset, kind_and_symbol, addend in struct.iter_unpack("<QQq", code[one.offset : one.offset + one.size]):
                name, address, elsewhere = symbols[kind_and_symbol >> 32]
                if kind_and_symbol & 0xFFFFFFFF != _ADDRESS_64 or (address is None and not elsewhere):
                    raise NotUnderstood(f"a reference of kind {kind_and_symbol & 0xFFFFFFFF}")
                place = places[one.info] + offset
                if address is None:
                    others.append((place, name, addend))
                else:
                    own.append(place)
                    struct.pack_into("<Q", body, place, address + addend)
    found = next((address for name, address, _ in symbols if name == entry), None)
    if found is None:
        raise NotUnderstood(f"no {entry} in it")
    return bytes(body).rstrip(b"\0"), {"size": size, "code": writable, "entry": found, "own": own, "others": others}


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


def _symbols(
    code: bytes, table: _Section, names: _Section, starts: dict[int, int]
) -> Iterator[tuple[str, int | None, bool]]:
    """Name and address of each symbol, None where it lies in what is not placed; and whether it lies elsewhere."""
    for number, (name, _, _, section, value, _) in enumerate(
        struct.iter_unpack("<IBBHQQ", code[table.offset : table.offset + table.size])
    ):
        start = names.offset + name
        word = code[start : code.index(b"\0", start)].decode()
        yield word, starts[section] + value if section in starts else None, section == _UNDEFINED and number > 0
