"""Machine code of kernels on disk: neither what compiles it nor its types are imported, nor, where it can be, LLVM.

A file lies where numba's would: beside the module, in NUMBA_CACHE_DIR, or in the user's cache. Its name tells for which
source, processor and versions it is; it begins with a line of what it needs, and of how long it is and its checksum.
"""

import ctypes
import inspect
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spa.compiled import elf, processor, words

FORMAT = "1"


def kernel(function: Callable, signature: str, settings: dict[str, Any]) -> Callable[..., Any] | None:
    """A kernel's machine code as a function, compiled first where there is none. None where it needs what this process
    lacks without numba."""
    name = f"{Path(inspect.getfile(function)).stem}.{function.__qualname__}-{function.__code__.co_firstlineno}"
    key = _key(function, signature, settings)
    entry = f"spa_{name}_{key}"
    kept = f"{name}.{sys.implementation.cache_tag}.{key}.code"
    folders = list(_folders(function))
    found = next((found for folder in folders if (found := _read(folder / kept)) is not None), None)
    if found is None:
        from spa.compiled import machine

        found = machine.code_of(function, signature, settings, entry)
        _write(folders, kept, *found)
    code, needs = found
    return words.caller(function.__qualname__, signature, _address(code, entry)) if _there(needs) else None


def _key(function: Callable, signature: str, settings: dict[str, Any]) -> str:
    """Of all that the machine code depends on."""
    source = os.stat(inspect.getfile(function))
    said = (FORMAT, source.st_mtime_ns, source.st_size, signature, sorted(settings.items()), _place())
    return blake2b(repr(said).encode(), digest_size=10).hexdigest()


@lru_cache(1)
def _place() -> tuple[Any, ...]:
    """The processor, the versions of what compiles, and how large Python's record of an object is."""
    asked = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    return *map(_version, ("numba", "llvmlite")), *processor.described(), asked, object.__basicsize__


def _version(library: str) -> str:
    """Of a library that is not imported."""
    spec = find_spec(library)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("_version.py").read_text()


def _folders(function: Callable) -> Iterator[Path]:
    """Where it may be kept, the best first."""
    beside = Path(inspect.getfile(function)).parent
    told = os.environ.get("NUMBA_CACHE_DIR")
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spa"
    whose = blake2b(str(beside).encode(), digest_size=6).hexdigest()
    if told:
        yield Path(told) / f"{beside.name}_{whose}"
    else:
        yield beside / "__pycache__"
        yield users / f"{beside.name}_{whose}"


def _read(path: Path) -> tuple[bytes, list[str]] | None:
    """Machine code, and what it needs. None where the file is not there, or not whole."""
    try:
        head, _, code = path.read_bytes().partition(b"\n")
        said = json.loads(head)
        whole = said["size"] == len(code) and said["checksum"] == zlib.crc32(code)
        return (code, said["needs"]) if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _there(needs: list[str]) -> bool:
    """Whether this process has what machine code calls by these names, as libm's functions."""
    whole = ctypes.CDLL(None)
    return all(hasattr(whole, name) for name in needs)


def _write(folders: list[Path], name: str, code: bytes, needs: list[str]) -> None:
    """Keep machine code in the first folder that takes it; what an older source left goes."""
    head = json.dumps({"needs": needs, "size": len(code), "checksum": zlib.crc32(code)}).encode()
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


def _address(code: bytes, entry: str) -> int:
    if elf.here():
        with suppress(elf.NotUnderstood):
            return elf.loaded(code, entry)
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
