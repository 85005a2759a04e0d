"""A detector's MTF from a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.io import star as stars
from spa.model.numbers import sensible
from spa.volume.sharpen import mtf_at

AT_ZERO = (0.9, 1.1)  # where an MTF begins
NYQUIST = 0.5  # of the detector's pixels; a table of those of super-resolution may go to 1


@dataclass(frozen=True, eq=False)
class Response:
    """frequency (m,) in 1/pixel of the detector, and the MTF (m,) there; path: the table's."""

    path: str
    frequency: np.ndarray
    value: np.ndarray

    def at(self, box: int, pixel_size: float, detector_pixel: float) -> np.ndarray:
        """In each shell of a map: (n//2+1,)."""
        return mtf_at(self.frequency, self.value, box, pixel_size, detector_pixel)

    def doubts(self, pixel_size: float, detector_pixel: float) -> Iterator[str]:
        """What may be wrong with it for a map, in words."""
        end, needed = float(self.frequency.max()), detector_pixel / pixel_size / 2
        if end < 0.98 * needed:
            yield (f"{self.path} ends at {detector_pixel / end:.2f} A, the map at {2 * pixel_size:.2f} A: "
                   "its last value is used beyond")  # fmt: skip
        if end > 1.5 * NYQUIST:
            yield (f"{self.path} goes to {end:g}: frequencies are in 1/pixel of the detector, of which "
                   "Nyquist's is 0.5, not in parts of Nyquist's")  # fmt: skip


def read(path: str | Path) -> Response:
    """From the first block of a STAR file, as those that come with RELION; DataError where it is no MTF."""
    table = next(iter(stars.read(path).blocks.values()))
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    frequency, value = (sensible(table, name) for name in ("rlnResolutionInversePixel", "rlnMtfValue"))
    if value.min() < 0:
        row = int(value.argmin())
        raise DataError(f"{table.where} row {row + 1}: rlnMtfValue is {value[row]:g}; it is not below 0")
    first = float(value[frequency.argmin()])
    if not AT_ZERO[0] <= first <= AT_ZERO[1]:
        raise DataError(f"{table.where}: rlnMtfValue begins with {first:g} at the lowest frequency; an MTF is 1 there")
    return Response(str(path), frequency, value)
