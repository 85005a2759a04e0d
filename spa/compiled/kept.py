"""Machine code of kernels on disk: neither what compiles it nor its types are imported, nor, where it can be, LLVM.

A file lies where numba's would: beside the module, in NUMBA_CACHE_DIR, or in the user's cache. It begins with a line
of what it was made of (source, processor, versions), what it needs, how it is laid out, its length and its checksum.
"""

import ctypes
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spa.compiled import pages, processor, words

FORMAT = "3"


def kernel(function: Callable, signature: str, settings: dict[str, Any]) -> Callable[..., Any] | None:
    """A kernel's machine code as a function, compiled first where there is none. None where it needs what this process
    lacks without numba."""
    stem = os.path.basename(function.__code__.co_filename).partition(".")[0]
    name = f"{stem}.{function.__qualname__}-{function.__code__.co_firstlineno}"
    made_of = _made_of(function, signature, settings)
    short = _short(made_of)
    entry = f"spa_{name}_{short}"
    kept = f"{name}.{sys.implementation.cache_tag}.{short}.code"
    found = next((found for folder in _folders(function) if (found := _read(f"{folder}/{kept}", made_of))), None)
    if found is None:
        from spa.compiled import machine

        code, needs = machine.code_of(function, signature, settings, entry)
        found = *_laid_out(code, entry), needs
        _write([Path(folder) for folder in _folders(function)], kept, made_of, *found)
    code, layout, needs = found
    if not _there(needs):
        return None
    return words.caller(function.__qualname__, signature, _address(code, layout, entry))


def _made_of(function: Callable, signature: str, settings: dict[str, Any]) -> str:
    """All that the machine code depends on."""
    source = os.stat(function.__code__.co_filename)
    return repr((FORMAT, source.st_mtime_ns, source.st_size, signature, sorted(settings.items()), _place()))


def _short(text: str) -> str:
    """For a name: what tells for certain is in the file (hashlib would load all of OpenSSL)."""
    return f"{zlib.crc32(text.encode()):08x}"


@lru_cache(1)
def _place() -> tuple[int, ...]:
    """Of the processor, the versions of what compiles, and how large Python's record of an object is: what they are
    told by, in short, because every kernel's file has it."""
    asked = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    told = *map(_version, ("numba", "llvmlite")), *processor.described(), asked, object.__basicsize__
    whole = repr(told).encode()
    return len(whole), zlib.crc32(whole), zlib.adler32(whole)


def _version(library: str) -> str:
    """Of a library that is not imported."""
    spec = find_spec(library)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("_version.py").read_text()


def _folders(function: Callable) -> Iterator[str]:
    """Where it may be kept, the best first."""
    beside = os.path.dirname(os.path.abspath(function.__code__.co_filename))
    told = os.environ.get("NUMBA_CACHE_DIR")
    whose = f"{os.path.basename(beside)}_{_short(beside)}"
    if told:
        yield f"{told}/{whose}"
    else:
        yield f"{beside}/__pycache__"
        yield f"{os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')}/spa/{whose}"


def _read(path: str, made_of: str) -> tuple[bytes, dict[str, Any] | None, list[str]] | None:
    """Machine code, how it is laid out, and what it needs. None where the file is not there, of something else, or not
    whole."""
    try:
        with open(path, "rb", buffering=0) as file:
            head, _, code = file.readall().partition(b"\n")
        said = json.loads(head)
        ours = (said["made_of"], said["size"], said["checksum"]) == (made_of, len(code), zlib.crc32(code))
        return (code, said["layout"], said["needs"]) if ours else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _there(needs: list[str]) -> bool:
    """Whether this process has what machine code calls by these names, as libm's functions."""
    return not needs or all(hasattr(ctypes.CDLL(None), name) for name in needs)


def _write(
    folders: list[Path], name: str, made_of: str, code: bytes, layout: dict[str, Any] | None, needs: list[str]
) -> None:
    """Keep machine code in the first folder that takes it; what an older source left goes."""
    said = {"made_of": made_of, "needs": needs, "layout": layout, "size": len(code), "checksum": zlib.crc32(code)}
    head = json.dumps(said).encode()
    for folder in folders:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f"{name}.{os.getpid()}.part"
            part.write_bytes(head + b"\n" + code)
            os.replace(part, folder / name)
            for old in folder.glob(f"{name.split('-')[0]}-*.code"):
                if old.name != name and _same_kernel(old.name, name):
                    old.unlink(missing_ok=True)
            return


def _same_kernel(one: str, other: str) -> bool:
    """Whether names are of one kernel for one Python, whatever the line that it stood in."""
    kernel, python = ([name.rsplit("-", 1)[0], name.rsplit("-", 1)[1].split(".")[1]] for name in (one, other))
    return kernel == python


def _laid_out(code: bytes, entry: str) -> tuple[bytes, dict[str, Any] | None]:
    """An object file as it is kept: laid out, or, with None, as LLVM is to load it."""
    if pages.here():
        from spa.compiled import elf

        with suppress(elf.NotUnderstood):
            return elf.linked(code, entry)
    return code, None


def _address(code: bytes, layout: dict[str, Any] | None, entry: str) -> int:
    if layout is not None:
        return pages.loaded(code, layout)
    engine = _engine()
    engine.add_object_file(_llvm().ObjectFileRef.from_data(code))
    engine.finalize_object()
    return int(engine.get_function_address(entry))


def _llvm() -> Any:
    import llvmlite.binding

    return llvmlite.binding


@lru_cache(1)
def _engine() -> Any:
    llvm = _llvm()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine(jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
