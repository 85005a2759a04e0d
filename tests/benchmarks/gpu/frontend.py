"""What comes before particles: movies, spectra, picks, boxes; in memory, so that no disk is timed."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from spa.ctffit import tiles, tiles_cuda
from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.image import extraction_cuda
from spa.image.ctf import Lens
from spa.image.extraction import Extraction
from spa.motion import bad, dose, field, frames_cuda, patches, ways_cuda
from spa.motion.align import Exposure
from spa.motion.sums import Wanted
from spa.picking import correlate, correlate_cuda, matched_cuda, network, network_cuda, shapes, steer
from spa.picking.field import Contrast, Field, Scope
from spa_plugins.motion_patch.camera import Reference
from spa_plugins.motion_patch.inputs import Settings
from spa_plugins.motion_patch.movie import done
from spa_plugins.motion_patch.pixels_cuda import PixelsOnDevice
from tests.benchmarks.gpu.case import Case

PIXEL, DOSE = 1.0, 1.0


@dataclass(frozen=True, eq=False)
class Held:
    """Frames in memory, as `spa.io.movies.Movie` gives them."""

    data: np.ndarray
    path = Path("simulated")
    events = None

    @property
    def count(self) -> int:
        return len(self.data)

    @property
    def shape(self) -> tuple[int, int]:
        return self.data.shape[1:]  # type: ignore[return-value]

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[np.ndarray]:
        yield from self.data[first:last]


def cases(device: Device, side: int, frames: int) -> Iterator[Case]:
    """Of a movie of so many frames, side x side pixels."""
    rng = np.random.default_rng(0)
    movie = Held(rng.poisson(1.0, (frames, side, side)).astype(np.uint8))
    yield from movies(device, movie)
    micrograph = movie.data.sum(0, dtype=np.float32)
    yield spectra(device, micrograph)
    yield boxes(device, micrograph)
    yield from picks(device, side)


def movies(device: Device, movie: Held) -> Iterator[Case]:
    """The whole of `motion patch` after reading, and its parts."""
    (ny, nx), n = movie.shape, movie.count
    pixels = float(ny * nx)
    gain = np.ones(movie.shape, np.float32)
    known = np.zeros(movie.shape, bool)
    settings = Settings((5, 5), None, 1.0, True, False, 1, -1, False, 4.0, 4.0, False)
    exposure = Exposure(PIXEL, 300.0, DOSE)
    reference = Reference(gain, known, None)

    def whole() -> None:
        with device.current():
            source = PixelsOnDevice(device, movie, reference, (0, n), False)  # type: ignore[arg-type]
            assert source.total is not None
            done(source, settings, exposure, ways_cuda.on(device))

    factors = dose.factors(exposure.doses(n), PIXEL, 300.0)
    stack = factors.rank + 1
    small = 3 if min(ny, nx) >= 1024 else 1
    traffic = n * pixels * (1 + 1 + 5 + 9 + 4 / small**2 + 4 / small)  # sent, summed, gain, twice; made small
    traffic += n * pixels * (4 + 2 * stack) + 8 * pixels * (4 * stack)  # four frames to the sums at once; transforms
    yield Case(f"motion, {n} frames of {nx} x {ny}, after reading (aim: 1000 ms)", whole, traffic, 0.0, 2)
    raw, d_gain, filling = device.array(movie.data[0]), device.array(gain), bad.Filling(known)
    yield Case("a frame: gain", lambda: frames_cuda.corrected(raw, d_gain, filling, None, 0), 9 * pixels)
    frame = frames_cuda.corrected(raw, d_gain, filling, None, 0)
    yield Case(f"a frame made {small} times smaller", lambda: frames_cuda.reduced(iter([frame]), 1, small),
               pixels * (4 + 8 / small + 13 / small**2))  # fmt: skip
    basis = field.basis_for(n, DOSE, (5, 5))
    moving = field.still(basis, np.cumsum(np.random.default_rng(1).normal(size=(n, 2)), axis=0))
    sums = ways_cuda.on(device).sums(moving, movie.shape, Wanted(factors, False, False, ((0, n),)))
    some = [frame] * 4
    yield Case(f"four frames laid along a field, to {stack} sums", lambda: sums._add(some, slice(0, 4)),
               pixels * (16 + 8 * stack))  # fmt: skip
    yield from patched(device, movie, small)


def patched(device: Device, movie: Held, factor: int) -> Iterator[Case]:
    """25 patches of all frames."""
    n, shape = movie.count, tuple(size // factor for size in movie.shape)
    frames = device.array(np.random.default_rng(2).integers(-30, 30, (n, *shape)).astype(np.int8))
    at = patches.layout((n, *shape), factor, (5, 5), np.zeros((n, 2)), lambda k: np.ones((n, len(k))), PIXEL)
    cut = ways_cuda.on(device).cut
    held = cut(frames, at)
    kept, boxes = 8.0 * held.spectra.size, 25.0 * n * len(at.window[0]) * len(at.window[1])
    yield Case(f"25 patches of {n} frames cut, transformed, whitened", lambda: cut(frames, at), boxes * 25 + 5 * kept)
    ends, moved = at.ends(1.0), np.zeros(at.offsets.shape)
    yield Case("their sums, shifted", lambda: held.totals(moved, ends), kept)
    total: Array = held.totals(moved, ends)
    weight = np.ones(at.ring.shape, np.float32)
    yield Case("their slopes", lambda: held.slopes(moved, ends, total, weight), kept + 8.0 * total.size * n)


def spectra(device: Device, micrograph: np.ndarray) -> Case:
    """Tiles of `ctf patch`."""
    at = tiles.cutting(micrograph, PIXEL, 512)
    nbytes = 4.0 * micrograph.size + len(at.corners) * (at.side**2 * 28.0 + at.box**2 * 4.0)
    name = f"spectra of {len(at.corners)} tiles of {at.side} pixels"
    return Case(name, lambda: tiles_cuda.tile_spectra(device, micrograph, PIXEL, 512), nbytes)


def boxes(device: Device, micrograph: np.ndarray, count: int = 256) -> Case:
    """A batch of `extract particles`, cropped to half."""
    box = min(256, micrograph.shape[0] // 4)
    centres = np.random.default_rng(3).integers(box, micrograph.shape[0] - box, (count, 2))
    there, how = device.array(micrograph), Extraction(box, box // 2)
    return Case(f"{count} boxes of {box}, cropped to half and normalised", lambda: extraction_cuda.images(
        how, there, centres), count * box**2 * (8 + 8 + 8 + 2 + 2 + 3.0))  # fmt: skip


def picks(device: Device, side: int) -> Iterator[Case]:
    """A long shape of `pick blob`, and templates at all angles, against a micrograph."""
    rng, scope = np.random.default_rng(4), Scope(150.0, 150.0, 20.0)
    small = int(side * PIXEL / scope.pixel_size)
    lens = Lens(300.0, 2.7, 0.1)
    field = Field(rng.standard_normal((small, small)).astype(np.float32), scope.pixel_size, scope,
                  contrast=Contrast(lens, 15000.0, 14500.0, 0.3))  # fmt: skip
    shape = shapes.make("ellipse", 150.0, 20.0, 0.0, 2.0)
    ny, nx = field.frame
    yield Case(f"a shape at {shape.angles} angles, {small}^2 pixels", partial(
        matched_cuda.compared, device, field, shape, True), shape.angles * ny * nx * 40.0)  # fmt: skip
    images = rng.standard_normal((20, 48, 48)).astype(np.float32)
    polar = steer.of_images(images, scope.pixel_size, 1.2 * 150.0, 0.5 / scope.pixel_size)
    made = correlate.ready(polar, 1.2 * 150.0, 72, field)
    flops = 2.0 * 20 * made.turns / 2 * 2 * len(made.filters.orders) * small**2
    yield Case(f"20 templates at {made.turns} angles, {small}^2 pixels", partial(
        correlate_cuda.scored, device, field, made), 20 * made.turns / 2 * 16.0 * small**2, flops, 3)  # fmt: skip
    seen = rng.standard_normal((side // 4, side // 4)).astype(np.float32)
    weights = {name: np.zeros(shape, np.float32) for name, shape in network.shapes().items()}
    fine = {"stem": 2, "fine": 2, "join2": 2, "back2": 2, "head": 2, "down1": 4, "middle": 4, "join1": 4, "back1": 4}
    per = [2.0 * one.inputs * one.outputs * one.side**2 / fine.get(one.name, 8) ** 2 for one in network.LAYERS]
    yield Case(f"the network of pick neural, {side // 4}^2 pixels", partial(
        network_cuda.log_odds, device, seen, weights), 0.0, sum(per) * seen.size, 3)  # fmt: skip
