"""The images of a refinement on a device: the twin of `spa.refine.data`.

Coefficients lie there for the whole run, as float32 where they fit, else as float16; else they come block by block.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.gpu.feed import fed
from spa.image.disc_cuda import on_device
from spa.refine import data as host
from spa.search.images_cuda import Block

SOURCE = Path(__file__).with_name("data.cu")
THREADS = 128
SHARE = 0.6  # of the memory that is free: what the coefficients may take
HIGHEST = 2.0**14  # largest float16 that is stored
LOADED = 2**26  # bytes that are converted and sent at once


@dataclass(frozen=True, eq=False)
class Images:
    """host: the images' tables, and their coefficients where `planes` is None.

    planes (n, 2, K): float32, or float16 of coefficients over `unit`.
    """

    device: Device
    host: host.Images
    planes: Array | None
    unit: float = 1.0

    @property
    def kept_as(self) -> str:
        """How the coefficients lie there, in words."""
        return "streamed" if self.planes is None else str(self.planes.dtype)


def images(device: Device, held: host.Images) -> Images:
    """Images brought to a device as finely as they fit."""
    size, room = held.planes.size, SHARE * device.free()
    if 4 * size <= room:
        return Images(device, held, _sent(device, held.planes, np.float32, 1.0))
    if 2 * size <= room:
        largest = max(float(np.abs(part).max()) for part in _parts(held.planes))
        unit = float(2.0 ** np.ceil(np.log2(max(largest, 1e-30) / HIGHEST)))
        return Images(device, held, _sent(device, held.planes, np.float16, unit), unit)
    return Images(device, held, None)


def _together(planes: host.Rows) -> int:
    return max(1, LOADED // (4 * planes[0].size))


def _parts(planes: host.Rows) -> Iterator[np.ndarray]:
    rows = _together(planes)
    return (np.asarray(planes[start : start + rows]) for start in range(0, len(planes), rows))


def _sent(device: Device, planes: host.Rows, kind: type, unit: float) -> Array:
    """Over a unit, as a type; the next part is converted while one is on its way."""

    def scaled(part: np.ndarray) -> np.ndarray:
        return np.asarray(part if unit == 1 else part * np.float32(1 / unit)).astype(kind, copy=False)

    out, rows = device.empty(*planes.shape, dtype=kind), _together(planes)
    count = len(planes) // rows
    if count:
        places = out.rows(0, count * rows).shaped(count, rows, *planes.shape[1:])
        for _ in fed(device, map(scaled, islice(_parts(planes), count)), places):
            pass
    if count * rows < len(planes):
        out.rows(count * rows, len(planes)).set(scaled(np.asarray(planes[count * rows :])))
    return out


def block(held: Images, rows: np.ndarray, radius: int, noise: np.ndarray, limited: bool = True) -> Block:
    """Rows in the band of a radius, divided by the noise's standard deviation; noise (groups, shells) is power.

    limited: distorted images have no weight beyond the radius.
    """
    device, source = held.device, held.host
    band, n = source.band, len(rows)
    count, names = band.count(radius), on_device(device, band)
    x, ctf = device.empty(n, 2, count), device.empty(n, count)
    planes, at, stride = held.planes, rows, len(band)
    if planes is None:
        planes, at, stride = device.array(source.planes[rows, :, :count], np.float32), np.arange(n), count
    small = planes.dtype == np.float16
    mine = None if source.bend is None else device.array(source.bend[source.group[rows]].reshape(n, 4), np.float32)
    chi, bfactor, scale, group, even, bend, _, step = optics(held, rows, stride)
    device.run(
        SOURCE, "block", (-(-count // THREADS), n), THREADS, None if small else planes, planes if small else None,
        np.float32(held.unit), device.array(at, np.int32), np.int32(n), np.int32(stride), chi, bfactor, scale, group,
        device.array(1 / np.sqrt(noise), np.float32), np.int32(noise.shape[1]), names.shell, even, bend, names.kx,
        names.ky, np.int32(count), step, np.float32(radius + 0.5 if limited else 0), x, ctf,
    )  # fmt: skip
    return Block(band, x, ctf, count, mine)


def optics(held: Images, rows: np.ndarray, stride: int) -> tuple[Any, ...]:
    """Of rows, as kernels take them (phase.cuh): chi, bfactor, scale, group, even, bend, stride of even, step."""
    device, source = held.device, held.host
    return (
        device.array(source.chi[rows], np.float64), device.array(source.bfactor[rows], np.float32),
        None if source.scale is None else device.array(source.scale[rows], np.float32),
        device.array(source.group[rows], np.int32),
        None if source.even is None else device.array(source.even[:, :stride], np.float32),
        None if source.bend is None else device.array(source.bend, np.float64), np.int32(stride),
        np.float64(1 / (source.band.box * source.pixel_size)),
    )  # fmt: skip


def block_size(held: Images, count: int, free: int) -> int:
    """Images that a block may have: a sixth of the memory that is free, in whole blocks of the host's."""
    each = 12 * count + 8 * 37 * 4 * 130 + (8 * count if held.planes is None else 0)
    return int(np.clip(free // 6 // each // host.BLOCK, 1, 64)) * host.BLOCK
