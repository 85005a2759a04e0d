"""What cards there are, and what would compute on them: for reports."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from spa.gpu.device import OLDEST
from spa.gpu.libraries import chosen, found


@dataclass(frozen=True)
class Card:
    """free and total: bytes of its memory; capability: of compute; old: too old for the kernels."""

    number: int
    name: str
    free: int
    total: int
    capability: tuple[int, int]

    @property
    def old(self) -> bool:
        return self.capability < OLDEST


def cards() -> tuple[str, list[Card]]:
    """The driver's version (the newest CUDA that it serves), and every card; DeviceError says why there is none."""
    from spa.gpu.driver import load

    cuda = load()
    number = cuda.get_driver_version()
    served = f"CUDA {number // 1000}.{number % 1000 // 10}"
    return served, [_card(cuda, place) for place in range(cuda.Device.count())]


def _card(cuda: Any, number: int) -> Card:
    device = cuda.Device(number)
    context = device.retain_primary_context()
    context.push()
    try:
        free, total = cuda.mem_get_info()
    finally:
        context.pop()
    return Card(number, device.name(), free, total, device.compute_capability())


def serving() -> str:
    """What transforms and multiplies on cards, as `spa.gpu.libraries` will choose; DeviceError names what brings it."""
    if chosen() == "cupy":
        for package in ("cupy-cuda13x", "cupy-cuda12x", "cupy"):
            try:
                return f"CuPy {version(package)}"
            except PackageNotFoundError:
                continue
        return "CuPy"
    for name in ("cublas", "cufft"):
        found(name)
    return "cuBLAS and cuFFT by ctypes"

