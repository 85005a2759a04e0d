"""An emulated device, for tests alone: arrays are the host's, kernels are built by g++, libraries are NumPy.

It shows that a kernel's arithmetic and what the host does around it are right. It says nothing of a card's speed, of
its compiler, or of races between threads.
"""

import ctypes
import re
import shutil
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
TYPES = {"f": ctypes.c_float, "d": ctypes.c_double, "i": ctypes.c_int32}
_LOCK = threading.Lock()


def there() -> bool:
    return shutil.which("g++") is not None


@cache
def built(source: Path) -> ctypes.CDLL:
    """The kernels of a .cu as a library: each NAME as emulate_NAME(grid, grid, block, its parameters)."""
    text = source.read_text()
    runs = []
    for name, parameters in KERNEL.findall(text):
        names = ", ".join(re.findall(r"(\w+)\s*(?:,|$)", parameters))
        runs.append(f'extern "C" void emulate_{name}(int grid_x, int grid_y, int threads, {parameters}) '
                    f"{{ emulated::run(grid_x, grid_y, threads, [&] {{ {name}({names}); }}); }}")  # fmt: skip
    words = ["g++", "-O2", "-march=native", "-std=c++17", "-shared", "-fPIC", "-w", "-x", "c++"]
    words += ["-I", str(compiling.ROOT)]
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
    return ctypes.CDLL(str(kept))


class Memory(np.ndarray):
    """Bytes whose int() is their address."""

    def __int__(self) -> int:
        return self.ctypes.data


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
        held = np.empty(nbytes + 64, np.uint8)
        start = -held.ctypes.data % 64
        held[:] = 0xA5  # what was never written shows
        return held[start : start + nbytes].view(Memory)

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
        raw = []
        for word in words:
            assert isinstance(word, np.generic), f"{name}: {word!r} has no type of the device's"
            kind = word.dtype
            raw.append(ctypes.c_void_p(int(word)) if kind == np.uintp else TYPES[kind.char](word.item()))
        with _LOCK:
            self.launches[name] = self.launches.get(name, 0) + 1
            getattr(built(source), f"emulate_{name}")(*grid, block, *raw)

    def synchronize(self) -> None:
        pass

    enter = leave = synchronize

    def rfft(self, x: Array, out: Array, axes: int) -> None:
        out.set(np.fft.rfftn(x.get(), axes=range(-axes, 0)))

    def irfft(self, x: Array, out: Array, axes: int) -> None:
        sides = out.shape[-axes:]
        out.set(np.fft.irfftn(x.get(), s=sides, axes=range(-axes, 0), norm="forward"))
        self.clear(x.pointer, x.nbytes)

    def gemm(self, a: Array, b: Array, out: Array, exact: bool, across: bool) -> None:
        out.set(out.get() + a.get().T @ b.get() if across else a.get() @ b.get().T)


def device(memory: int = 2**31) -> Device:
    return Device(Emulated(memory))
