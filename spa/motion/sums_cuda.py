"""Frames laid along a field and summed, and the power of tiles, on a device: the twin of `spa.motion.sums` and
`spa.motion.power`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from spa.gpu import fft
from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.motion.field import Field
from spa.motion.power import Tiling
from spa.motion.sums import BATCH, SPACING, Filter, Plan, Wanted, interpolation

SOURCE = Path(__file__).with_name("sums.cu")
THREADS = 256
ROWS, COLUMNS, SHARED, SEGMENT = 32, 256, 4, 16  # of a tile; pixels that share a displacement, along y and along x
TOGETHER = 2**26  # pixels of tiles that are transformed at once


class Sums:
    """Sums of the frames that are given, in order, to ``add``; frames are a device's arrays."""

    def __init__(self, device: Device, field: Field, shape: tuple[int, int], wanted: Wanted) -> None:
        self._device, self._plan = device, Plan(field, shape, wanted)
        self._taps = device.array(interpolation())
        self._stack = device.zeros(self._plan.weights.shape[1], *shape)
        self._plain = device.zeros(*shape) if wanted.plain else None

    def add(self, frames: Iterable[Array]) -> Iterator[Array]:
        """Sum all frames (ny, nx) float32; gives each group's plain sum, which stands until the next is asked for."""
        source, plan = iter(frames), self._plan
        for first, last in plan.bounds:
            for start in range(first, last, BATCH):
                part = slice(start, min(start + BATCH, last))
                self._add([next(source) for _ in range(part.stop - start)], part)
            if plan.grouped:
                group = self._stack.rows(len(self._stack) - 1, len(self._stack)).shaped(*plan.shape)
                yield group
                if self._plain is not None:
                    words = (group, np.int32(group.size), self._plain)
                    self._device.run(SOURCE, "add", (-(-group.size // THREADS), 1), THREADS, *words)
                self._device.driver.clear(group.pointer, group.nbytes)

    def _add(self, frames: list[Array], part: slice) -> None:
        device, (ny, nx) = self._device, self._plan.shape
        nodes, weights = device.array(self._plan.nodes[part]), device.array(self._plan.weights[part])
        blocks, segments = -(-ny // ROWS) * (ROWS // SHARED), -(-nx // COLUMNS) * (COLUMNS // SEGMENT)
        along = device.empty(len(frames), 2, blocks, segments, dtype=np.int32)
        device.run(
            SOURCE, "displaced", (-(-blocks * segments // THREADS), len(frames)), THREADS, nodes,
            np.int32(nodes.shape[1]), np.int32(nodes.shape[2]), np.int32(SPACING), np.int32(len(frames)),
            np.int32(blocks), np.int32(segments), along,
        )  # fmt: skip
        device.run(
            SOURCE, "add_warped", (-(-nx // 32), -(-ny // (THREADS // 32))), THREADS,
            *frames, *[None] * (BATCH - len(frames)), along, self._taps, weights, np.int32(len(frames)),
            np.int32(weights.shape[1]), np.int32(ny), np.int32(nx), np.int32(blocks), np.int32(segments), self._stack,
        )  # fmt: skip

    def finished(self, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Images (ny, nx) float32 on the host, on a grid of this shape, as the twin's."""

        def image(part: slice | None, by: Filter) -> np.ndarray:
            stack = self._plain.shaped(1, *self._plan.shape) if self._plain and part is None else self._stack
            return self._image(stack if part is None else stack.rows(part.start, part.stop), by, shape)

        return self._plan.images(image)

    def _image(self, stack: Array, by: Filter, shape: tuple[int, int]) -> np.ndarray:
        """Of sums (r, ny, nx), each filtered by its curve."""
        device, (ny, nx), (my, mx) = self._device, stack.shape[1:], shape
        spectrum = device.empty(ny, nx // 2 + 1, dtype=np.complex64)
        curves, along = device.array(by.curves), (device.array(by.along_y), device.array(by.along_x))
        for number in range(len(stack)):
            one = fft.rfft(stack.rows(number, number + 1).shaped(ny, nx), 2)
            device.run(
                SOURCE, "add_filtered", (-(-spectrum.size // THREADS), 1), THREADS, one,
                curves.rows(number, number + 1), np.int32(curves.shape[1]), np.float64(by.step), np.int32(ny),
                np.int32(nx), *along, np.int32(number == 0), spectrum,
            )  # fmt: skip
        small = device.empty(my, mx // 2 + 1, dtype=np.complex64)
        device.run(
            SOURCE, "cropped", (-(-small.size // THREADS), 1), THREADS, spectrum, np.int32(ny), np.int32(nx),
            np.int32(my), np.int32(mx), np.float32(1 / (ny * nx)), small,
        )  # fmt: skip
        return fft.irfft(small, mx, 2).get()


class Spectrum:
    """The power of images, averaged over tiles without overlap, each under a Hann window."""

    def __init__(self, device: Device, shape: tuple[int, int], pixel_size: float) -> None:
        self._at = Tiling(shape, pixel_size)
        self._ramp = device.array(self._at.ramp, np.float32)
        self._power = device.zeros(self._at.side, self._at.side // 2 + 1, dtype=np.float64)
        self._count = 0

    @property
    def pixel_size(self) -> float:
        """Of the spectrum, angstroms."""
        return self._at.pixel_size

    def add(self, image: Array) -> None:
        """Add an image's power."""
        device, side, (ny, nx) = image.device, self._at.tile, image.shape
        rows, columns = ny // side, nx // side
        self._count += rows * columns
        together = max(1, TOGETHER // (side * side) // columns)  # rows of tiles
        for row in range(0, rows, together):
            count = (min(row + together, rows) - row) * columns
            part, means = image.rows(row * side, ny), device.empty(count)
            tiles = device.empty(count, side, side)
            words = (np.int32(nx), np.int32(side), np.int32(columns), np.int32(count))
            device.run(SOURCE, "tile_means", (count, 1), THREADS, part, *words, means)
            grid = (-(-side * side // THREADS), count)
            device.run(SOURCE, "tiles", grid, THREADS, part, means, self._ramp, *words, tiles)
            device.run(
                SOURCE, "add_power", (-(-self._power.size // THREADS), 1), THREADS, fft.rfft(tiles, 2),
                np.int32(count), np.int32(side), np.int32(self._at.side), self._power,
            )  # fmt: skip

    def amplitude(self) -> np.ndarray:
        """(side, side) float32 root of the mean power, frequency 0 in the middle."""
        return self._at.amplitude(self._power.get() / max(self._count, 1))
