"""An emulated device, for tests alone: arrays are the host's, kernels are built by g++, libraries are NumPy.

It shows that a kernel's arithmetic and what the host does around it are right, and is harder on them than a card: what
lies before or behind an array is nobody's memory, nor is what an array had when it is gone; what was never written is
NaN; a number that its type cannot hold, a place outside a table, and a vector that is not aligned end the program;
blocks and threads run in any order (emulated.h). It says nothing of a card's speed, of its compiler, or of races within
a warp's instruction.
"""

import ctypes
import itertools
import mmap
import re
import shutil
import struct
import subprocess
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from spa.gpu import compile as compiling
from spa.gpu.array import Array
from spa.gpu.device import Device

HERE = Path(__file__).parent
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)', re.DOTALL)
STRICT = "signed-integer-overflow,bounds,alignment,shift-exponent,integer-divide-by-zero,float-cast-overflow"
PAGE, ALIGNED = mmap.PAGESIZE, 16
_LOCK = threading.Lock()


def there() -> bool:
    return shutil.which("g++") is not None


@cache
def library(source: Path) -> Path:
    """The kernels of a .cu as a library: each NAME as emulate_NAME(grid, grid, block, its parameters as a card is given
    them: side by side, each at a multiple of its size), and size_NAME, the bytes of these."""
    text = source.read_text()
    runs = []
    for name, parameters in KERNEL.findall(text):
        fields = " ".join(f"{one.strip()};" for one in parameters.split(","))
        names = ", ".join(f"p.{one}" for one in re.findall(r"(\w+)\s*(?:,|$)", parameters))
        runs.append(f'struct Words_{name} {{ {fields} }};\nextern "C" {{ size_t size_{name} = sizeof(Words_{name});\n'
                    f"void emulate_{name}(int grid_x, int grid_y, int threads, const void* words) {{\n"
                    f"Words_{name} p; std::memcpy(&p, words, sizeof p);\n"
                    f"emulated::run(grid_x, grid_y, threads, [&] {{ {name}({names}); }}); }} }}")  # fmt: skip
    words = ["g++", "-O2", "-march=native", "-std=c++17", "-shared", "-fPIC", "-w", "-x", "c++"]
    words += ["-I", str(compiling.ROOT), f"-fsanitize={STRICT}", "-fsanitize-undefined-trap-on-error"]
    shim = (HERE / "emulated.h").read_text()
    kept = compiling.cache_folder() / f"{source.stem}-{compiling.fingerprint(source, shim, *runs, *words)}.emulated.so"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            whole, made = Path(folder) / "whole.cpp", Path(folder) / "made.so"
            whole.write_text(f'#include "{HERE / "emulated.h"}"\n#include "{source}"\n' + "\n".join(runs) + "\n")
            done = subprocess.run([*words, "-o", str(made), str(whole)], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            made.replace(kept)
    return kept


@cache
def kinds(source: Path) -> dict[str, str]:
    """Of each kernel of a .cu, the types of its parameters as `struct` names them."""
    kind = {"int": "i", "float": "f", "double": "d"}
    return {
        name: "".join("P" if "*" in one else kind[one.split()[-2]] for one in parameters.split(","))
        for name, parameters in KERNEL.findall(source.read_text())
    }


@cache
def built(source: Path) -> ctypes.CDLL:
    """The library of a .cu, in this process."""
    return ctypes.CDLL(str(library(source)))


LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class Memory:
    """Pages of memory between two that nobody may touch; of two one after another, one begins where its pages do, the
    other ends where they end (but for what its alignment takes)."""

    made = itertools.count()

    def __init__(self, nbytes: int) -> None:
        inner = -(-nbytes // PAGE) * PAGE
        self._size = inner + 2 * PAGE
        self._start = LIBC.mmap(None, self._size, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
        assert self._start not in (None, ctypes.c_void_p(-1).value), "no memory"
        LIBC.mprotect(self._start + PAGE, inner, mmap.PROT_READ | mmap.PROT_WRITE)
        ctypes.memset(self._start + PAGE, 0xFF, inner)  # NaN of either precision, and -1
        self._unmap = LIBC.munmap  # which the interpreter may lose before this
        self.pointer = self._start + PAGE + (inner - -(-nbytes // ALIGNED) * ALIGNED if next(self.made) % 2 else 0)

    def __int__(self) -> int:
        return self.pointer

    def __del__(self) -> None:
        self._unmap(self._start, self._size)


class Emulated:
    """`spa.gpu.device.Driver` without a card; memory: bytes that it pretends to have. launches counts kernels."""

    name = "emulated device"
    capability = (9, 0)
    libraries = "NumPy, for tests"

    def __init__(self, memory: int = 2**31) -> None:
        self.all = memory
        self.launches: dict[str, int] = {}
        self.coming: list[tuple[int, np.ndarray]] = []

    def memory(self) -> tuple[int, int]:
        return self.all, self.all

    def allocate(self, nbytes: int) -> Any:
        return Memory(nbytes)

    def upload(self, pointer: int, values: np.ndarray) -> None:
        ctypes.memmove(pointer, values.ctypes.data, values.nbytes)

    def download(self, pointer: int, out: np.ndarray) -> None:
        ctypes.memmove(out.ctypes.data, pointer, out.nbytes)

    def pinned(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return np.empty(shape, dtype)

    def send(self, pointer: int, values: np.ndarray) -> Any:
        """The copy is made as late as a card may make it."""
        self.coming.append((pointer, values))
        return self.coming[-1]

    def arrived(self, token: Any) -> None:
        while any(one is token for one in self.coming):
            self.upload(*self.coming.pop(0))

    sent = arrived

    def clear(self, pointer: int, nbytes: int) -> None:
        ctypes.memset(pointer, 0, nbytes)

    def launch(self, source: Path, name: str, grid: tuple[int, int], block: int, words: list[Any]) -> None:
        for word in words:
            assert isinstance(word, np.generic), f"{name}: {word!r} has no type of the device's"
        given, wanted = "".join("P" if one.dtype == np.uintp else one.dtype.char for one in words), kinds(source)[name]
        assert given == wanted, f"{name}: its parameters are {wanted}, not {given}"
        kernels, packed = built(source), struct.pack(f"@{wanted}0P", *(word.item() for word in words))
        with _LOCK:
            self.launches[name] = self.launches.get(name, 0) + 1
            getattr(kernels, f"emulate_{name}")(*grid, block, packed)

    def synchronize(self) -> None:
        pass

    enter = leave = synchronize

    def rfft(self, x: Array, out: Array, axes: int) -> None:
        out.set(np.fft.rfftn(x.get(), axes=range(-axes, 0)))

    def irfft(self, x: Array, out: Array, axes: int) -> None:
        sides = out.shape[-axes:]
        out.set(np.fft.irfftn(x.get(), s=sides, axes=range(-axes, 0), norm="forward"))
        ctypes.memset(x.pointer, 0xFF, x.nbytes)  # a card's library may leave anything there

    def gemm(self, a: Array, b: Array, out: Array, exact: bool, across: bool) -> None:
        out.set(out.get() + a.get().T @ b.get() if across else a.get() @ b.get().T)


def device(memory: int = 2**31) -> Device:
    return Device(Emulated(memory))
