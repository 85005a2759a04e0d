"""The frames of a movie on a device: the twin of `spa_plugins.motion_patch.movie.Pixels`."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.gpu.feed import fed
from spa.io import movies
from spa.motion import bad, bad_cuda, frames_cuda
from spa_plugins.motion_patch.camera import Reference
from spa_plugins.motion_patch.movie import require_few, require_pixels

SHARE = 0.5  # of the device's memory that is free: what frames as they come may take


class PixelsOnDevice:
    """The frames that are used, gain applied, bad pixels filled, as arrays on a device; as often as they are asked for.

    They are read when this is made, if the host is to hold them. All else needs the device to be current.
    """

    def __init__(
        self, device: Device, movie: movies.Movie, reference: Reference, bounds: tuple[int, int], hold: bool
    ) -> None:
        self.movie, self.reference, self.bounds = movie, reference, bounds
        self._device, self._filling = device, bad.Filling(reference.bad)
        self._kind = frames_cuda.kind_of(movie.dtype)
        self._read = np.stack(list(self._decoded())) if hold else None
        self._there: Array | None = None

    def _decoded(self) -> Iterator[np.ndarray]:
        return (frame.astype(self._kind, copy=False) for frame in self.movie.frames(*self.bounds))

    def _sent(self) -> Iterator[Array]:
        """Frames as they come, from where they are: on the device, on the host, or still in their file."""
        if self._there is not None:
            for number in range(len(self._there)):
                yield self._there.rows(number, number + 1).shaped(*self.movie.shape)
            return
        source = self._decoded() if self._read is None else self._read
        count, (ny, nx) = self.bounds[1] - self.bounds[0], self.movie.shape
        fits = count * ny * nx * self._kind.itemsize < SHARE * self._device.free()
        kept = self._device.empty(count, ny, nx, dtype=self._kind) if fits else None
        yield from fed(self._device, source, kept)
        if kept is not None:
            self._there, self._read = kept, None

    @cached_property
    def _total(self) -> Array:
        total = self._device.zeros(*self.movie.shape)
        for frame in self._sent():
            frames_cuda.added(frame, total)
        return total

    @cached_property
    def total(self) -> np.ndarray:
        """The sum of the frames as they come, on the host. DataError where it is no image."""
        return require_pixels(self._total.get(), self.movie)

    @property
    def _gain(self) -> Array | None:
        gain = self.reference.gain
        if gain is None:
            return None
        if self.reference not in self._device.kept:
            self._device.kept[self.reference] = self._device.array(gain)
        return self._device.kept[self.reference]

    def find_hot(self) -> np.ndarray:
        """Mask (ny, nx) of pixels that nobody knew to be bad; from now on they are filled too."""
        known = self.reference.bad
        hot = require_few(bad_cuda.outliers(self._total, self._gain, known), self.movie)
        self._filling = bad.Filling(known | hot)
        return hot

    def frames(self, standing: int = 1) -> Iterator[Array]:
        """Frames (ny, nx) float32 in order, each an array of its own: all of them stand."""
        places = self._device.array(self._filling.places, np.int32) if len(self._filling.places) else None
        for number, frame in enumerate(self._sent(), self.bounds[0]):
            yield frames_cuda.corrected(frame, self._gain, self._filling, places, number)
