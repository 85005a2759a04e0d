"""PyCUDA: the primary context of a card (which CuPy, cuFFT and cuBLAS share), a stream for work and one for copies,
pools of memory."""

import atexit
from collections import deque
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DeviceError
from spa.gpu import compile as compiling
from spa.gpu.array import Array
from spa.gpu.libraries import Library, library
from spa.gpu.names import EXTRA

LEAST = 256  # bytes of an allocation
SMALL, WAITING = 2**22, 64  # bytes of an upload that is not waited for; of these, as many as are on their way


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
        atexit.register(self._gone)
        self.stream, self.copies = cuda.Stream(), cuda.Stream()
        self.pool, self.locked = DeviceMemoryPool(), PageLockedMemoryPool()
        self._anchor()
        self._aside: deque[tuple[Any, np.ndarray]] = deque()  # what was uploaded, until it has left
        self.library: Library = library(self.stream.handle, self.allocate)
        self.libraries = self.library.name
        self._modules: dict[Path, Any] = {}
        self._functions: dict[tuple[Path, str], Any] = {}

    def memory(self) -> tuple[int, int]:
        """What the driver has and what the pool holds without a user, which it gives back where something else does
        not fit; a 16th of what is used may be the pool's rounding."""
        free, total = self.cuda.mem_get_info()
        used = self.pool.active_bytes
        return free + max(0, self.pool.managed_bytes - used - used // 16), total

    def allocate(self, nbytes: int) -> Any:
        try:
            return self.pool.allocate(max(nbytes, LEAST))
        except self.cuda.MemoryError:
            self._anchor()
            there = self.memory()[0] / 2**30
            raise DeviceError(f"{self.name}: {nbytes / 2**30:.1f} GiB wanted, {there:.1f} GiB are free") from None

    def _anchor(self) -> None:
        """Keep a block in the pool that nobody takes: it asks for the context when it gets its first one back, and
        where that is in a thread without one, or as the program ends, the program is aborted."""
        self.pool.allocate(1).free()

    def upload(self, pointer: int, values: np.ndarray) -> None:
        """The caller may change the values at once: small ones are copied aside, large ones waited for."""
        if values.nbytes > SMALL:
            self.cuda.memcpy_htod_async(pointer, values, self.stream)
            self.stream.synchronize()
            return
        while self._aside and (self._aside[0][0].query() or len(self._aside) >= WAITING):
            self._aside.popleft()[0].synchronize()
        aside = self.locked.allocate((values.nbytes,), np.uint8)
        aside[:] = values.reshape(-1).view(np.uint8)
        self.cuda.memcpy_htod_async(pointer, aside, self.stream)
        self._aside.append((self._now(self.stream), aside))

    def _now(self, stream: Any) -> Any:
        """An event: all that is queued on a stream so far is done."""
        return self.cuda.Event(self.cuda.event_flags.DISABLE_TIMING).record(stream)

    def download(self, pointer: int, out: np.ndarray) -> None:
        if out.size:
            self.cuda.memcpy_dtoh_async(out, pointer, self.stream)
            self.stream.synchronize()

    def pinned(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return self.locked.allocate(shape, dtype)

    def send(self, pointer: int, values: np.ndarray) -> Any:
        self.copies.wait_for_event(self._now(self.stream))
        self.cuda.memcpy_htod_async(pointer, values, self.copies)
        return self._now(self.copies)

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

    def _gone(self) -> None:
        """PyCUDA lets go of a primary context as of one of its own, and complains, unless it is told before."""
        self.leave()
        self.context.detach()

    def rfft(self, x: Array, out: Array, axes: int) -> None:
        self.library.rfft(x, out, axes)

    def irfft(self, x: Array, out: Array, axes: int) -> None:
        self.library.irfft(x, out, axes)

    def gemm(self, a: Array, b: Array, out: Array, exact: bool, across: bool) -> None:
        self.library.gemm(a, b, out, exact, across)
