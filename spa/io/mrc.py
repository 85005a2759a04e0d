"""MRC files (MRC2014): read memory-mapped, written whole with a sane header.

Source: Cheng et al., J. Struct. Biol. 192 (2015) 146. Modes 0 (signed bytes), 1, 2, 4, 6, 12 and, read only,
101 (packed 4-bit); both byte orders; extended headers are skipped; ``.gz`` and ``.bz2`` are read.
"""

import bz2
import gzip
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE

from spa import __version__
from spa.errors import DataError, MissingInput, ReadError
from spa.io.whole import whole

HEADER_BYTES = 1024
LARGEST = 1e10  # no image has such pixels; beyond, the powers of their sums overflow float32
_DTYPES = {0: "i1", 1: "i2", 2: "f4", 4: "c8", 6: "u2", 12: "f2"}
_MODES = {np.dtype(name): mode for mode, name in _DTYPES.items()}
_FOUR_BIT = 101
_COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open}


@dataclass(frozen=True)
class Header:
    """shape: (nz, ny, nx); pixel_size in angstroms, 0 where the file does not say; offset: bytes before the pixels."""

    shape: tuple[int, int, int]
    mode: int
    pixel_size: float
    offset: int = HEADER_BYTES
    order: str = "<"
    volume: bool = False

    @property
    def dtype(self) -> np.dtype:
        return np.dtype("u1") if self.mode == _FOUR_BIT else np.dtype(self.order + _DTYPES[self.mode])

    @property
    def row_bytes(self) -> int:
        nx = self.shape[2]
        return (nx + 1) // 2 if self.mode == _FOUR_BIT else nx * self.dtype.itemsize

    @property
    def bytes(self) -> int:
        """What the pixels take."""
        return self.shape[0] * self.shape[1] * self.row_bytes


@dataclass(frozen=True)
class Image:
    """data: (ny, nx) or (nz, ny, nx), memory-mapped where it can be (read only); pixel_size in angstroms."""

    data: np.ndarray
    pixel_size: float
    path: Path


def read_header(path: str | Path) -> Header:
    """The header alone. Raises MissingInput, ReadError (not MRC, garbage, truncated)."""
    path = Path(path)
    try:
        with _open(path) as stream:
            raw = stream.read(HEADER_BYTES)
        size = None if path.suffix in _COMPRESSED else path.stat().st_size
    except FileNotFoundError as error:
        raise MissingInput(f"{path}: no such file") from error
    except (OSError, EOFError) as error:
        raise ReadError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    header = _parsed(path, raw)
    if size is not None:
        _require_bytes(path, size, header)
    return header


def read(path: str | Path) -> Image:
    """An image, stack or volume. Raises MissingInput, ReadError (not MRC, garbage, truncated)."""
    path = Path(path)
    header = read_header(path)
    if path.suffix in _COMPRESSED:
        data = _decompressed(path, header)
    else:
        shape = (*header.shape[:2], header.row_bytes // header.dtype.itemsize)
        data = np.memmap(path, header.dtype, "r", header.offset, shape)
    if header.mode == _FOUR_BIT:
        data = unpacked(data, header.shape[2])
    data = data[0] if header.shape[0] == 1 and not header.volume else data
    return Image(data, header.pixel_size, path)


def require_finite(array: np.ndarray, name: str) -> None:
    """DataError where there is a NaN, an infinity, or a number so large (``LARGEST``) that no image has it."""
    if array.dtype.kind in "fc" and not np.isfinite(np.sum(array, dtype=np.promote_types(array.dtype, np.float64))):
        bad = array.size - int(np.count_nonzero(np.isfinite(array)))
        if bad:
            raise DataError(f"{name}: {bad} of {array.size} pixels are not finite (NaN or infinity)")
    if array.dtype.kind == "f" and (most := peak(array)) > LARGEST:
        raise DataError(f"{name}: pixels as large as {most:.1g}; no image has such")


def peak(array: np.ndarray) -> float:
    """The largest absolute value; NaN where there is one."""
    return float(max(array.max(initial=0), -array.min(initial=0)))


def require_contrast(array: np.ndarray, name: str) -> None:
    """DataError where all pixels have one value."""
    if array.size and array.min() == array.max():
        raise DataError(f"{name}: no contrast: all its pixels are {array.flat[0]:g}")


def unpacked(packed: np.ndarray, width: int) -> np.ndarray:
    """Mode 101: two pixels a byte, the first in the low four bits; (…, (width + 1) // 2) -> (…, width) uint8."""
    pixels = np.empty((*packed.shape[:-1], 2 * packed.shape[-1]), np.uint8)
    np.bitwise_and(packed, 15, out=pixels[..., 0::2])
    np.right_shift(packed, 4, out=pixels[..., 1::2])
    return pixels[..., :width]


def write(
    path: str | Path, data: np.ndarray, pixel_size: float, label: str | None = None, volume: bool | None = None,
) -> None:  # fmt: skip
    """Write an image, a stack or a volume, whole or not at all.

    2-D is an image; 3-D is a volume (space group 1) unless ``volume`` is False or the name ends in ``.mrcs`` (a stack).
    float64 and int32/int64 are written as float32; int8, int16, uint16, float16 as they are.
    """
    path = Path(path)
    volume = data.ndim == 3 and path.suffix != ".mrcs" if volume is None else volume
    data = np.ascontiguousarray(data, _dtype_for(data.dtype))
    statistics = Statistics()
    for section in data.reshape(-1, *data.shape[-2:]):
        statistics.add(section)
    header = _header(data.reshape(-1, *data.shape[-2:]).shape, data.dtype, pixel_size, volume, statistics, label)
    with whole(path) as part, part.open("wb") as stream:
        stream.write(header.tobytes())
        stream.write(data.data)


class Statistics:
    """Smallest, largest, mean and standard deviation of pixels that come in pieces, in the order they come."""

    def __init__(self) -> None:
        self.n, self.low, self.high, self.sum, self.squares = 0, np.inf, -np.inf, 0.0, 0.0

    def add(self, pixels: np.ndarray) -> None:
        pixels = pixels.real if pixels.dtype.kind == "c" else pixels
        self.n += pixels.size
        self.low, self.high = min(self.low, float(pixels.min())), max(self.high, float(pixels.max()))
        self.sum += float(np.sum(pixels, dtype=np.float64))
        flat = pixels.astype(np.float32 if pixels.dtype.kind == "f" else np.float64, copy=False).ravel()
        self.squares += float(np.sum(np.square(flat, dtype=np.float64)))

    @property
    def mean(self) -> float:
        return self.sum / self.n if self.n else 0.0

    @property
    def rms(self) -> float:
        return float(np.sqrt(max(0.0, self.squares / self.n - self.mean**2))) if self.n else 0.0


class StackWriter:
    """Streams images into ``NAME.part`` and renames on close; a context manager: an error leaves no file.

    n: how many images there will be (None: as many as come, at least one); box: (ny, nx) or one side; dtype: what is
    stored (float32, float16, int8 …).
    """

    def __init__(
        self, path: str | Path, n: int | None, box: int | tuple[int, int], pixel_size: float, dtype: Any = np.float32,
        label: str | None = None,
    ) -> None:  # fmt: skip
        self.path, self.n = Path(path), n
        self.box = (box, box) if isinstance(box, int | np.integer) else tuple(box)
        self.dtype, self.pixel_size, self.label = _dtype_for(np.dtype(dtype)), float(pixel_size), label
        self.written, self._statistics = 0, Statistics()
        self._whole = whole(self.path)
        self._part = self._whole.__enter__()
        self._stream = self._guarded(lambda: open(self._part, "wb"))  # noqa: SIM115
        self._guarded(lambda: self._stream.write(bytes(HEADER_BYTES)))

    def write(self, images: np.ndarray) -> None:
        """Add one image (ny, nx) or several (n, ny, nx)."""
        images = np.ascontiguousarray(images, self.dtype).reshape(-1, *self.box)
        if self.n is not None and self.written + len(images) > self.n:
            raise ValueError(f"{self.path}: more than the {self.n} images that were said to come")
        if len(images):
            self._statistics.add(images)
            self._guarded(lambda: self._stream.write(images.data))
        self.written += len(images)

    def close(self) -> None:
        """Write the header and rename; ValueError if images are missing."""
        if self.written != (self.n or max(1, self.written)):
            self._abandon(ValueError(f"{self.path}: {self.written} images of the {self.n} that were said to come"))
        header = _header((self.written, *self.box), self.dtype, self.pixel_size, False, self._statistics, self.label)
        self._guarded(lambda: (self._stream.seek(0), self._stream.write(header.tobytes()), self._stream.close()))
        self._whole.__exit__(None, None, None)

    def __enter__(self) -> "StackWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
        elif not self._stream.closed:
            self._stream.close()
            os.unlink(self._part)

    def _guarded(self, action: Any) -> Any:
        try:
            return action()
        except OSError as error:
            self._abandon(error)

    def _abandon(self, error: BaseException) -> None:
        """Close, take the half file away, and raise (OSError comes out as WriteError)."""
        stream = getattr(self, "_stream", None)
        if stream is not None:
            with suppress(OSError):
                stream.close()
        self._whole.__exit__(type(error), error, error.__traceback__)
        raise error


def _open(path: Path) -> IO[bytes]:
    return _COMPRESSED.get(path.suffix, open)(path, "rb")  # type: ignore[operator]


def _decompressed(path: Path, header: Header) -> np.ndarray:
    try:
        with _open(path) as stream:
            stream.seek(header.offset)
            raw = stream.read(header.bytes)
    except (OSError, EOFError) as error:
        raise ReadError(f"{path}: cannot be decompressed: {error}") from error
    _require_bytes(path, header.offset + len(raw), header)
    return np.frombuffer(raw, header.dtype).reshape(*header.shape[:2], -1)


def _require_bytes(path: Path, there: int, header: Header) -> None:
    wanted = header.offset + header.bytes
    if there < wanted:
        raise ReadError(f"{path}: truncated: {there} bytes of the {wanted} that its header promises")


def _parsed(path: Path, raw: bytes) -> Header:
    if len(raw) < HEADER_BYTES:
        raise ReadError(f"{path}: not an MRC file: {len(raw)} bytes, its header alone is {HEADER_BYTES}")
    for order in "<>":
        fields = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(order))[0]
        nx, ny, nz, mode = (int(fields[name]) for name in ("nx", "ny", "nz", "mode"))
        if 0 <= mode < 256 and min(nx, ny, nz) > 0 and max(nx, ny, nz) < 2**24 and int(fields["nsymbt"]) >= 0:
            break
    else:
        raise ReadError(f"{path}: not an MRC file: its header makes no sense")
    if mode not in _DTYPES and mode != _FOUR_BIT:
        known = ", ".join(map(str, [*_DTYPES, _FOUR_BIT]))
        raise ReadError(f"{path}: MRC mode {mode} is not one that is read here ({known})")
    # a stack of images: space group 0, or a file of many images that says so by its sampling
    volume = int(fields["ispg"]) != 0 and nz > 1
    return Header((nz, ny, nx), mode, _pixel_size(fields), HEADER_BYTES + int(fields["nsymbt"]), order, volume)


def _pixel_size(fields: np.void) -> float:
    """Cell over sampling along x; 0 where the header does not say."""
    cell, sampling = float(fields["cella"]["x"]), int(fields["mx"])
    if sampling <= 0 or not np.isfinite(cell) or cell <= 0:
        return 0.0
    # the cell is a float32: the quotient is rounded to what that can tell, so that 1.5 comes back as 1.5
    return float(f"{cell / sampling:.7g}")


def _dtype_for(dtype: np.dtype) -> np.dtype:
    dtype = dtype.newbyteorder("=")
    if dtype in _MODES:
        return dtype.newbyteorder("<")
    if dtype.kind in "fiub":
        return np.dtype("<f4")
    raise ValueError(f"no MRC mode for {dtype}")


def _header(
    shape: tuple[int, ...], dtype: np.dtype, pixel_size: float, volume: bool, statistics: Statistics, label: str | None,
) -> np.ndarray:  # fmt: skip
    header = np.zeros((), HEADER_DTYPE.newbyteorder("<"))
    nz, ny, nx = shape
    header["nx"], header["ny"], header["nz"], header["mode"] = nx, ny, nz, _MODES[dtype.newbyteorder("=")]
    # of a stack, the sampling along z is 1 and the cell one pixel deep (MRC2014)
    header["mx"], header["my"], header["mz"] = nx, ny, nz if volume else 1
    header["cella"] = (nx * pixel_size, ny * pixel_size, (nz if volume else 1) * pixel_size)
    header["cellb"] = (90, 90, 90)
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    if statistics.n:
        header["dmin"], header["dmax"], header["dmean"] = statistics.low, statistics.high, statistics.mean
        header["rms"] = statistics.rms
    header["ispg"], header["nversion"] = int(volume), 20141
    header["map"], header["machst"] = b"MAP ", (0x44, 0x44, 0, 0)
    labels = [f"spa {__version__}", *([label] if label else [])]
    header["nlabl"] = len(labels)
    header["label"][: len(labels)] = [text[:80].ljust(80).encode("ascii", "replace") for text in labels]
    return header
