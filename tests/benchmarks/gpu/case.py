"""A line of the table: what is done, the bytes and operations that it cannot do without, and the time that it takes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spa.gpu.device import Device
from spa.gpu.gemm import product


@dataclass(frozen=True)
class Case:
    """work is called; nbytes of the device's memory that it reads and writes at least, flops of its products."""

    name: str
    work: Callable[[], object]
    nbytes: float
    flops: float = 0.0
    times: int = 5


@dataclass(frozen=True)
class Rates:
    """Of a card, measured: operations a second in a large product, bytes a second in copying."""

    flops: float
    bandwidth: float

    def line(self, case: Case, took: float) -> str:
        """The case as the table has it: its time, its floor, and how near it comes."""
        by_memory, by_products = case.nbytes / self.bandwidth, case.flops / self.flops
        floor, what = max((by_memory, "memory"), (by_products, "products"))
        rate = f"{case.flops / took / 1e12:8.2f}" if case.flops else " " * 8
        return (f"{case.name:<58} {1e3 * took:10.3f} {1e3 * floor:10.3f} {floor / took:6.0%} {what:<9}"
                f"{case.nbytes / took / 1e9:9.1f} {rate}")  # fmt: skip


HEAD = f"{'':<58} {'ms':>10} {'floor ms':>10} {'near':>6} {'floor of':<9}{'GB/s':>9} {'TFLOP/s':>8}"


def seconds(device: Device, work: Callable[[], object], times: int) -> float:
    """Of one call: the best of some, after one that compiles."""
    work()
    best = np.inf
    for _ in range(times):
        device.driver.synchronize()
        start = time.perf_counter()
        work()
        device.driver.synchronize()
        best = min(best, time.perf_counter() - start)
    return float(best)


def rates(device: Device, size: int) -> Rates:
    """A square product on tensor cores, and clearing an array, which writes half as much as copying moves."""
    rng = np.random.default_rng(0)
    a, out = device.array(rng.standard_normal((size, size), np.float32)), device.empty(size, size)
    flops = 2 * size**3 / seconds(device, lambda: product(a, a, out), 5)
    room = device.empty(4 * size, size)
    return Rates(flops, room.nbytes / seconds(device, lambda: device.driver.clear(room.pointer, room.nbytes), 5))
