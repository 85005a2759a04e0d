"""One movie: read, its bad pixels found, aligned and summed, with as little of it in memory as there is room for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from spa.errors import DataError
from spa.io import movies, pixels
from spa.motion import bad, dose, frames, power
from spa.motion.align import Alignment, Exposure, align
from spa.motion.sums import BATCH, Wanted
from spa.motion.ways import HOST, Ways
from spa_plugins.motion_patch.camera import Reference
from spa_plugins.motion_patch.inputs import Settings

if TYPE_CHECKING:
    from spa_plugins.motion_patch.pixels_cuda import PixelsOnDevice

FEWEST = 3
PROGRAM = 2**28  # bytes of the program itself, its libraries and small arrays


@dataclass(frozen=True, eq=False)
class Result:
    """images: sum, and as asked for plain, even, odd; power: amplitude spectrum (side, side) and its pixel size."""

    images: dict[str, np.ndarray]
    alignment: Alignment
    hot: np.ndarray
    first: int
    doses: np.ndarray
    power: tuple[np.ndarray, float] | None


def chosen(movie: movies.Movie, settings: Settings) -> tuple[int, int]:
    """The frames that are used, from the first to before the last, counted from 0. DataError."""
    last = movie.count if settings.last < 1 else min(settings.last, movie.count)
    if last - settings.first + 1 < FEWEST:
        raise DataError(f"{movie.path}: {movie.count} frames: too few from --first-frame {settings.first} "
                        f"to --last-frame {settings.last}")  # fmt: skip
    return settings.first - 1, last


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak of one movie: with all its frames held, and with frames read again when they are needed."""

    held: int
    again: int


def memory_for(movie: movies.Movie, settings: Settings, exposure: Exposure) -> Memory:
    """The plan of a movie."""
    count, area = _size(movie, settings)
    factor, stack = frames.factor_for(exposure.pixel_size), _stack(movie, settings, exposure)
    always = 9  # sum, gain and bad pixels
    aligned = always + 8 + 3 * count / factor**2  # a frame as it comes, its gain; small frames and their spectra
    summed = always + 4 * (stack + 1 + BATCH)
    finished = always + 4 * (stack + 5)  # transforms, there and back, with the buffers of their plans
    most = int(area * max(aligned, summed, finished)) + PROGRAM
    held = count * area * movie.dtype.itemsize
    return Memory(most + held, most)


def _size(movie: movies.Movie, settings: Settings) -> tuple[int, int]:
    """Frames that are used, and pixels of each."""
    first, last = chosen(movie, settings)
    return last - first, movie.shape[0] * movie.shape[1]


def _stack(movie: movies.Movie, settings: Settings, exposure: Exposure) -> int:
    """Images that sums are kept in."""
    first, last = chosen(movie, settings)
    doses = exposure.doses(last - first, first)
    rank = dose.factors(doses, exposure.pixel_size, exposure.voltage).rank if settings.dose_weight else 1
    return rank * (1 + settings.halves) + 1 + settings.plain


def memory_beside(movie: movies.Movie, settings: Settings, exposure: Exposure) -> tuple[Memory, int]:
    """The plan of a movie on a device: of the host's memory, and of the device's without frames as they come."""
    count, area = _size(movie, settings)
    small = count / frames.factor_for(exposure.pixel_size) ** 2
    frame = 2 * 4  # two on their way
    aligned = 9 + frame + 8 + 9 * small  # sum, gain, bad pixels; a frame and its rows; small frames and their spectra
    summed = 4 + frame + small + 4 * (_stack(movie, settings, exposure) + BATCH + 5)  # transforms, and their plans
    host = 9 + 4 * (2 + 2 * settings.halves + settings.plain)  # sum, gain and bad pixels; what is written
    held = count * area * movie.dtype.itemsize
    return Memory(int(area * host) + PROGRAM + held, int(area * host) + PROGRAM), int(area * max(aligned, summed))


class Pixels:
    """The frames of a movie that are used, gain applied, bad pixels filled: as often as they are asked for."""

    def __init__(self, movie: movies.Movie, reference: Reference, bounds: tuple[int, int], hold: bool) -> None:
        self.movie, self.reference, self.bounds = movie, reference, bounds
        self._filling = bad.Filling(reference.bad)
        self._held: np.ndarray | None = None
        self.total = self._sum(hold)

    def _sum(self, hold: bool) -> np.ndarray:
        """The sum of the frames as they come; they are held if there is room."""
        total = np.zeros(self.movie.shape, np.float32)
        if hold:
            self._held = np.empty((self.bounds[1] - self.bounds[0], *self.movie.shape), self.movie.dtype)
        for number, frame in enumerate(self.movie.frames(*self.bounds)):
            if self._held is not None:
                self._held[number] = frame
                frame = self._held[number]  # its rows one after another
            bad.add(frame, total)
        return require_pixels(total, self.movie)

    def find_hot(self) -> np.ndarray:
        """Mask (ny, nx) of pixels that nobody knew to be bad; from now on they are filled too."""
        known = self.reference.bad
        total = self.total if self.reference.gain is None else self.total * self.reference.gain
        hot = require_few(bad.outliers(total, known), self.movie)
        self.reference = replace(self.reference, bad=known | hot)
        self._filling = bad.Filling(known | hot)
        return hot

    def frames(self, standing: int = 1) -> Iterator[np.ndarray]:
        """Frames (ny, nx) float32 in order, in as many arrays as are to stand at once, used again and again."""
        source = self._held if self._held is not None else self.movie.frames(*self.bounds)
        images = cycle(np.empty((standing, *self.movie.shape), np.float32))
        for number, (frame, image) in enumerate(zip(source, images), self.bounds[0]):
            self._filling.corrected(frame, self.reference.gain, number, image)
            yield image


def require_pixels(total: np.ndarray, movie: movies.Movie) -> np.ndarray:
    """The sum of a movie's frames as they come. DataError where it is no image."""
    pixels.require_finite(total, str(movie.path))
    pixels.require_contrast(total, str(movie.path))
    return total


def require_few(hot: np.ndarray, movie: movies.Movie) -> np.ndarray:
    """A mask of hot pixels. DataError where it has too many."""
    if hot.mean() > 0.1:
        raise DataError(f"{movie.path}: {hot.mean():.0%} of its pixels are far from those around them")
    return hot


def done(source: "Pixels | PixelsOnDevice", settings: Settings, exposure: Exposure, ways: Ways = HOST) -> Result:
    """Align and sum a movie whose sum of frames has been seen."""
    first, last = source.bounds
    hot = source.find_hot()
    factor = frames.factor_for(exposure.pixel_size)
    found = align(
        ways.reduced(source.frames(), last - first, factor), factor, settings.patches, exposure, first,
        settings.bfactor, ways,
    )  # fmt: skip
    doses = exposure.doses(last - first, first)
    weighted = None
    if settings.dose_weight:
        weighted = dose.factors(doses, exposure.pixel_size, exposure.voltage)
    groups = power.groups(last - first, exposure.dose, settings.power_dose) if settings.power_dose else ()
    sums = ways.sums(found.field, source.movie.shape, Wanted(weighted, settings.plain, settings.halves, groups))
    spectrum = ways.spectrum(source.movie.shape, exposure.pixel_size)
    standing = min(BATCH, max((end - start for start, end in groups), default=BATCH))
    for image in sums.add(source.frames(standing)):
        spectrum.add(image)
    images = sums.finished(binned(source.movie.shape, settings.bin))
    seen = (spectrum.amplitude(), spectrum.pixel_size) if groups else None
    return Result(images, found, hot, first, doses, seen)


def binned(shape: tuple[int, int], factor: float) -> tuple[int, int]:
    """The shape (ny, nx) of a frame with fewer pixels: even, as near to the factor as can be."""
    if factor == 1:
        return shape
    ny, nx = (max(2, 2 * round(size / factor / 2)) for size in shape)
    return ny, nx
