"""EER movies: each frame of the camera is a list of electrons; so many of them make one frame here.

A frame is a run-length code, lowest bit first: the number of empty pixels before the next electron (all ones: as many
and no electron), then where in its pixel the electron fell, along x and along y. Source: Guo et al., IUCrJ 7 (2020)
860, and the format's description (7 bits and 2 + 2 in compression 65001, 8 in 65000, as tags say in 65002). Electrons
are counted on a grid of 1, 2 or 4 times the camera's pixels, never interpolated.
"""

from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np

from spa.compiled import kernel
from spa.errors import DataError, ReadError
from spa.io import tiff

_BITS = {65000: (8, 2, 2), 65001: (7, 2, 2)}
_TAGS = (65007, 65008, 65009)  # of compression 65002: bits of the run, of x and of y
_i8, _u1, _u2 = numba.int64, numba.uint8, numba.uint16


@dataclass(frozen=True)
class Frame:
    """Where a frame's bytes lie, and how many bits its numbers have."""

    spans: tuple[tuple[int, int], ...]
    bits: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Events:
    """An EER file: frames of the camera, of which ``fraction`` make one; upsample: 1, 2 or 4."""

    path: Path
    raw: tuple[Frame, ...]
    camera: tuple[int, int]
    fraction: int
    upsample: int

    @property
    def count(self) -> int:
        """Whole fractions; what is left at the end is dropped."""
        return len(self.raw) // self.fraction

    @property
    def shape(self) -> tuple[int, int]:
        return self.camera[0] * self.upsample, self.camera[1] * self.upsample

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8 if self.fraction < 256 else np.uint16)

    def frame(self, number: int) -> np.ndarray:
        """Electrons (ny, nx) of one fraction. ReadError where the code runs over the frame."""
        image = np.zeros(self.shape, self.dtype)
        add = add_events if self.dtype.itemsize == 1 else add_events_wide
        first = number * self.fraction
        with open(self.path, "rb") as file:
            for at, frame in enumerate(self.raw[first : first + self.fraction], first + 1):
                data = b"".join(_part(file, *span) for span in frame.spans)
                packed = np.frombuffer(data + bytes(8), np.uint8)
                if not add(packed, 8 * len(data), *frame.bits, self.upsample, image):
                    raise ReadError(f"{self.path}: frame {at} of the camera's {len(self.raw)}: its code makes no sense")
        return image


def _part(file, at: int, length: int) -> bytes:  # type: ignore[no-untyped-def]
    file.seek(at)
    return file.read(length)


def read(path: str | Path, fraction: int, upsample: int) -> Events:
    """Which frames are in an EER file. ReadError (truncated, not EER), DataError (fewer frames than one fraction)."""
    path = Path(path)
    with tiff.opened(path) as pages:
        pages = [page for page in pages if int(page.compression) in (*_BITS, 65002)]
        if not pages:
            raise ReadError(f"{path}: no frame of electrons (EER) in it")
        raw = tuple(Frame(tuple(zip(page.dataoffsets, page.databytecounts)), _bits(path, page)) for page in pages)
        camera = (pages[0].imagelength, pages[0].imagewidth)
    if len(raw) < fraction:
        raise DataError(f"{path}: {len(raw)} frames of the camera, fewer than the {fraction} that make one here")
    if upsample > 2 ** min(raw[0].bits[1:]):
        raise DataError(f"{path}: its electrons are not known to a {upsample}th of a pixel")
    return Events(path, raw, camera, fraction, upsample)


def _bits(path: Path, page) -> tuple[int, int, int]:  # type: ignore[no-untyped-def]
    known = _BITS.get(int(page.compression))
    if known:
        return known
    found = tuple(int(page.tags.valueof(tag, default=-1)) for tag in _TAGS)
    if not (0 < found[0] <= 16 and 0 <= found[1] <= 8 and 0 <= found[2] <= 8):
        raise ReadError(f"{path}: the bits of its code are not said, or {found}")
    return found  # type: ignore[return-value]


def _add(data, end, run_bits, x_bits, y_bits, upsample, image):  # type: ignore[no-untyped-def]
    width, height = image.shape[1] // upsample, image.shape[0] // upsample
    total = width * height
    most = (1 << run_bits) - 1
    step = run_bits + x_bits + y_bits
    zoom = 0
    while (1 << zoom) < upsample:
        zoom += 1
    at = place = 0
    while at + run_bits <= end and place < total:
        byte = at >> 3
        word = _i8(data[byte]) | _i8(data[byte + 1]) << 8 | _i8(data[byte + 2]) << 16
        word |= _i8(data[byte + 3]) << 24 | _i8(data[byte + 4]) << 32
        word >>= at & 7
        run = word & most
        place += run
        if run == most:
            at += run_bits
            continue
        if place >= total or at + step > end:
            break
        inside = word >> run_bits
        x, y = place % width, place // width
        if zoom:
            fine_x = (inside & ((1 << x_bits) - 1)) ^ (1 << (x_bits - 1))  # two's complement, from the centre
            fine_y = ((inside >> x_bits) & ((1 << y_bits) - 1)) ^ (1 << (y_bits - 1))
            x = (x << zoom) | (fine_x >> (x_bits - zoom))
            y = (y << zoom) | (fine_y >> (y_bits - zoom))
        image[y, x] += 1
        place += 1
        at += step
    return place <= total


add_events = kernel(
    numba.boolean(numba.types.Array(_u1, 1, "C", readonly=True), _i8, _i8, _i8, _i8, _i8, _u1[:, ::1])
)(_add)
"""Add the electrons of one frame's code to an image; False where the code goes on beyond the frame."""
add_events_wide = kernel(
    numba.boolean(numba.types.Array(_u1, 1, "C", readonly=True), _i8, _i8, _i8, _i8, _i8, _u2[:, ::1])
)(_add)
