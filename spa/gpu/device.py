"""One device that a run computes on: memory, kernels, FFT and matrix products.

A driver does it: `spa.gpu.driver.Cuda` on a card. All work is queued on one stream, in the order it is asked for; what
`spa.gpu.feed` brings comes on a second one.
"""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from spa.errors import DeviceError
from spa.gpu.array import Array
from spa.gpu.names import numbers

OLDEST = (7, 0)  # compute capability
MOST_BLOCKS = 65535  # of a grid's second axis


class Driver(Protocol):
    """What a device is asked for; pointers are addresses in its memory."""

    name: str
    capability: tuple[int, int]
    libraries: str

    def memory(self) -> tuple[int, int]: ...  # bytes free and in all
    def allocate(self, nbytes: int) -> Any: ...  # int() of it is the pointer; its memory goes with it
    def upload(self, pointer: int, values: np.ndarray) -> None: ...
    def download(self, pointer: int, out: np.ndarray) -> None: ...
    def pinned(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray: ...  # the host's memory, for `send`
    def send(self, pointer: int, values: np.ndarray) -> Any: ...  # begin to bring it, after all work queued so far
    def arrived(self, token: Any) -> None: ...  # work queued from now on waits for what was sent
    def sent(self, token: Any) -> None: ...  # wait here until it has left the host's memory
    def clear(self, pointer: int, nbytes: int) -> None: ...
    def launch(self, source: Path, name: str, grid: tuple[int, int], block: int, words: list[Any]) -> None: ...
    def synchronize(self) -> None: ...
    def enter(self) -> None: ...  # make it current in this thread
    def leave(self) -> None: ...
    def rfft(self, x: Array, out: Array, axes: int) -> None: ...
    def irfft(self, x: Array, out: Array, axes: int) -> None: ...
    def gemm(self, a: Array, b: Array, out: Array, exact: bool, across: bool) -> None: ...  # as in spa.gpu.gemm


class Device:
    """Arrays and kernels on one driver."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self._lock = RLock()
        self.kept: MutableMapping[Any, Any] = WeakKeyDictionary()  # what lies here of the host's objects

    @property
    def capability(self) -> tuple[int, int]:
        return self.driver.capability

    @contextmanager
    def current(self) -> Iterator["Device"]:
        """For threads: one at a time has the device."""
        with self._lock:
            self.driver.enter()
            try:
                yield self
            finally:
                self.driver.leave()

    def empty(self, *shape: int, dtype: Any = np.float32) -> Array:
        """Memory for an array, with anything in it."""
        kind = np.dtype(dtype)
        nbytes = max(1, int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
        held = self.driver.allocate(nbytes)
        return Array(self, int(held), tuple(int(n) for n in shape), kind, held)

    def zeros(self, *shape: int, dtype: Any = np.float32) -> Array:
        out = self.empty(*shape, dtype=dtype)
        self.driver.clear(out.pointer, out.nbytes)
        return out

    def array(self, values: np.ndarray, dtype: Any = None) -> Array:
        """The host's values on the device, as a type."""
        values = np.ascontiguousarray(values, dtype)
        out = self.empty(*values.shape, dtype=values.dtype)
        if values.size:
            self.driver.upload(out.pointer, values)
        return out

    def run(self, source: Path, name: str, grid: tuple[int, int], block: int, *words: Any) -> None:
        """Queue a kernel of a .cu over a grid of blocks of threads.

        Words are arrays, None (no array), and numbers of NumPy's types: those of the kernel's parameters.
        """
        if grid[0] < 1 or grid[1] < 1:
            return
        raw = [np.uintp(0 if word is None else word.pointer) if word is None or isinstance(word, Array) else word
               for word in words]  # fmt: skip
        self.driver.launch(source, name, (int(grid[0]), min(int(grid[1]), MOST_BLOCKS)), block, raw)

    def free(self) -> int:
        """Bytes that can still be had."""
        return self.driver.memory()[0]

    def require(self, wanted: int, what: str) -> None:
        """DeviceError, with both figures, where so many bytes are not there."""
        there = self.free()
        if wanted > there:
            raise DeviceError(
                f"{what} needs {wanted / 2**30:.1f} GiB of the device's memory; {there / 2**30:.1f} GiB are free"
            )


def open_device(name: str) -> Device:
    """The device of --device cuda[:N]; DeviceError says what is missing, and what brings it."""
    chosen = numbers(name)
    if not chosen:
        raise DeviceError(f"--device {name}: no CUDA device is named")
    if len(chosen) > 1:
        raise DeviceError(f"--device {name}: this job runs on one device; name one of them")
    return Device(_driver(chosen[0], name))


def _driver(number: int, name: str) -> Driver:
    from spa.gpu import driver  # PyCUDA is looked for here and not earlier

    return driver.opened(number, name, OLDEST)
