"""An array in a device's memory: shape, type, and where it lies. Device arrays are C-contiguous."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from spa.gpu.device import Device


@dataclass(frozen=True, eq=False)
class Array:
    """held: what keeps the memory; it is given back when the last array on it goes."""

    device: "Device"
    pointer: int
    shape: tuple[int, ...]
    dtype: np.dtype
    held: Any

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def get(self) -> np.ndarray:
        """Its values on the host, once all work on it is done."""
        out = np.empty(self.shape, self.dtype)
        self.device.driver.download(self.pointer, out)
        return out

    def set(self, values: np.ndarray) -> None:
        """Take the host's values, of the same shape."""
        assert values.shape == self.shape, (values.shape, self.shape)
        if values.size:
            self.device.driver.upload(self.pointer, np.ascontiguousarray(values, self.dtype))

    def rows(self, start: int, stop: int) -> "Array":
        """Some of its rows (first axis), in the same memory."""
        stop = min(stop, len(self))
        step = prod(self.shape[1:]) * self.dtype.itemsize
        return Array(self.device, self.pointer + start * step, (stop - start, *self.shape[1:]), self.dtype, self.held)

    def shaped(self, *shape: int) -> "Array":
        """The same memory in another shape."""
        assert prod(shape) == self.size, (shape, self.shape)
        return Array(self.device, self.pointer, shape, self.dtype, self.held)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (self.pointer, False), "version": 3}
