"""Power spectra of tiles, and their sums over bins, on a device: the twin of `spa.ctffit.tiles`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.ctffit.spectrum import Spectrum
from spa.ctffit.tiles import Cutting, Tiles, cutting, edge
from spa.gpu import fft
from spa.gpu.array import Array
from spa.gpu.device import Device

SOURCE = Path(__file__).with_name("tiles.cu")
THREADS = 256
SHARE = 6  # of the memory that is free: tiles and their transforms take at most a sixth at once


@dataclass(frozen=True, eq=False)
class TilesThere(Tiles):
    """Tiles whose power lies on a device; threads take turns at it."""

    def mean(self) -> Spectrum:
        count, *shape = self.power.shape
        pixels = int(np.prod(shape))
        with self.power.device.current() as device:
            out = device.empty(*shape, dtype=np.float64)
            words = (np.int32(count), np.int32(pixels), out)
            device.run(SOURCE, "averaged", (-(-pixels // THREADS), 1), THREADS, self.power, *words)
            return Spectrum(out.get(), self.pixel_size, count)

    def sums(self, pixels: np.ndarray, bins: int) -> np.ndarray:
        order = np.argsort(pixels, kind="stable")
        starts = np.searchsorted(pixels[order], np.arange(bins + 1))
        count, warps = len(self.power), THREADS // 32
        with self.power.device.current() as device:
            out = device.empty(count, bins)
            device.run(
                SOURCE, "binned", (-(-bins // warps), count), THREADS, self.power, device.array(order, np.int32),
                device.array(starts, np.int32), np.int32(count), np.int32(len(pixels)), np.int32(bins), out,
            )  # fmt: skip
            return out.get()


def tile_spectra(device: Device, image: np.ndarray, pixel_size: float, box: int = 512) -> Tiles:
    """Spectra of the tiles of a micrograph (ny, nx) that lies on the host, as the twin's."""
    at = cutting(image, pixel_size, box)
    with device.current():
        there, count = device.array(image, np.float32), len(at.corners)
        power, means = device.empty(count, at.box, at.box // 2 + 1), device.empty(count, dtype=np.float64)
        together = int(np.clip(device.free() // SHARE // (8 * at.side**2), 1, count))
        for first in range(0, count, together):
            _transformed(there, at, first, power.rows(first, first + together), means.rows(first, first + together))
        kept = means.get() > at.floor
        if not kept.all():
            power = device.array(power.get()[kept])
    made = at.made(power, kept, image.shape, pixel_size)
    return TilesThere(**{name: getattr(made, name) for name in ("power", "centre", "side", "shape", "pixel_size")})


def _transformed(image: Array, at: Cutting, first: int, power: Array, means: Array) -> None:
    """Power, and its means, of some of the tiles."""
    device, count, side = image.device, len(power), at.side
    corners, nx = device.array(at.corners[first : first + count], np.int32), np.int32(image.shape[1])
    mean, tiles = device.empty(count), device.empty(count, side, side)
    words = (np.int32(count), nx, np.int32(side), *map(np.float32, at.levels))
    device.run(SOURCE, "means", (count, 1), THREADS, image, corners, *words, mean)
    grid = (-(-side * side // THREADS), count)
    device.run(SOURCE, "windowed", grid, THREADS, image, corners, mean, device.array(edge(side)), *words, tiles)
    sizes = (np.int32(count), np.int32(side), np.int32(at.box))
    device.run(SOURCE, "powers", (count, 1), THREADS, fft.rfft(tiles, 2), *sizes, power, means)
