"""PyCUDA: the primary context of a card (which CuPy, cuFFT and cuBLAS share), a stream for work and one for copies,
pools of memory."""

import atexit
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DeviceError
from spa.gpu import compile as compiling
from spa.gpu.array import Array
from spa.gpu.libraries import Library, library
from spa.gpu.names import EXTRA


def load() -> Any:
    """pycuda.driver, begun; DeviceError says why it cannot be."""
    try:
        import pycuda.driver as cuda
    except ImportError as error:
        raise DeviceError(f"--device cuda: PyCUDA cannot be loaded ({error}): {EXTRA}") from None
    try:
        cuda.init()
        count = cuda.Device.count()
    except (cuda.Error, RuntimeError) as error:
        raise DeviceError(f"--device cuda: the NVIDIA driver has no device ({error}); use --device cpu") from None
    if not count:
        raise DeviceError("--device cuda: the NVIDIA driver has no device; use --device cpu")
    return cuda


def opened(number: int, name: str, oldest: tuple[int, int]) -> "Cuda":
    """The driver of a card; DeviceError where it is not there, too old, or something that it needs is missing."""
    cuda = load()
    count = cuda.Device.count()
    if number >= count:
        raise DeviceError(f"--device {name}: there is no device {number}; there are {count}, from 0")
    card = cuda.Device(number)
    capability = card.compute_capability()
    if capability < oldest:
        raise DeviceError(
            f"--device {name}: {card.name()} has compute capability {capability[0]}.{capability[1]}; "
            f"{oldest[0]}.{oldest[1]} or newer is wanted"
        )
    compiling.compiler()
    return _held(number)


@cache
def _held(number: int) -> "Cuda":
    return Cuda(load(), number)


class Cuda:
    """A card's driver, as `spa.gpu.device.Driver` wants it. Its context is current in the thread that opens it."""

    def __init__(self, cuda: Any, number: int) -> None:
        from pycuda.tools import DeviceMemoryPool, PageLockedMemoryPool

        self.cuda = cuda
        card = cuda.Device(number)
        self.name: str = card.name()
        self.capability: tuple[int, int] = card.compute_capability()
        self.context = card.retain_primary_context()
        self.context.push()
        atexit.register(self.leave)
        self.stream, self.copies = cuda.Stream(), cuda.Stream()
        self.pool, self.locked = DeviceMemoryPool(), PageLockedMemoryPool()
        self.library: Library = library(self.stream.handle)
        self.libraries = self.library.name
        self._modules: dict[Path, Any] = {}
        self._functions: dict[tuple[Path, str], Any] = {}

    def memory(self) -> tuple[int, int]:
        self.pool.free_held()
        return self.cuda.mem_get_info()

    def allocate(self, nbytes: int) -> Any:
        try:
            return self.pool.allocate(nbytes)
        except self.cuda.MemoryError:
            there = self.memory()[0] / 2**30
            raise DeviceError(f"{self.name}: {nbytes / 2**30:.1f} GiB wanted, {there:.1f} GiB are free") from None

    def upload(self, pointer: int, values: np.ndarray) -> None:
        self.cuda.memcpy_htod_async(pointer, values, self.stream)
        if not isinstance(getattr(values, "base", None), self.cuda.HostAllocation):
            self.stream.synchronize()  # pageable memory may be changed or given back by the caller

    def download(self, pointer: int, out: np.ndarray) -> None:
        if out.size:
            self.cuda.memcpy_dtoh_async(out, pointer, self.stream)
            self.stream.synchronize()

    def pinned(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return self.locked.allocate(shape, dtype)

    def send(self, pointer: int, values: np.ndarray) -> Any:
        self.copies.wait_for_event(self.cuda.Event(self.cuda.event_flags.DISABLE_TIMING).record(self.stream))
        self.cuda.memcpy_htod_async(pointer, values, self.copies)
        return self.cuda.Event(self.cuda.event_flags.DISABLE_TIMING).record(self.copies)

    def arrived(self, token: Any) -> None:
        self.stream.wait_for_event(token)

    def sent(self, token: Any) -> None:
        token.synchronize()

    def clear(self, pointer: int, nbytes: int) -> None:
        self.cuda.memset_d8_async(pointer, 0, nbytes, self.stream)

    def launch(self, source: Path, name: str, grid: tuple[int, int], block: int, words: list[Any]) -> None:
        function = self._functions.get((source, name)) or self._function(source, name)
        function(*words, grid=grid, block=(block, 1, 1), stream=self.stream)

    def _function(self, source: Path, name: str) -> Any:
        if source not in self._modules:
            self._modules[source] = self.cuda.module_from_file(str(compiling.cubin(source, self.capability)))
        found = self._functions[source, name] = self._modules[source].get_function(name)
        return found

    def synchronize(self) -> None:
        self.stream.synchronize()

    def enter(self) -> None:
        self.context.push()

    def leave(self) -> None:
        self.context.pop()

    def rfft(self, x: Array, out: Array, axes: int) -> None:
        self.library.rfft(x, out, axes)

    def irfft(self, x: Array, out: Array, axes: int) -> None:
        self.library.irfft(x, out, axes)

    def gemm(self, a: Array, b: Array, out: Array, exact: bool, across: bool) -> None:
        self.library.gemm(a, b, out, exact, across)
