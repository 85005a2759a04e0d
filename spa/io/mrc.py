"""MRC files (MRC2014): read memory-mapped, written whole with a sane header.

Source: Cheng et al., J. Struct. Biol. 192 (2015) 146. Modes 0 (signed bytes), 1, 2, 4, 6, 12 and, read only,
101 (packed 4-bit); both byte orders; extended headers are skipped; ``.gz`` and ``.bz2`` are read.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from spa.errors import ReadError, missing
from spa.io.filed import read_into, runs
from spa.io.header import FOUR_BIT, HEADER_BYTES, Header, Statistics, dtype_for, header_of, parsed
from spa.io.whole import whole

_COMPRESSED = {".gz": "gzip", ".bz2": "bz2"}  # modules, loaded where there is such a file


@dataclass(frozen=True)
class Image:
    """data: (ny, nx) or (nz, ny, nx), memory-mapped where it can be (read only as a rule); pixel_size in angstroms;
    origin: x, y, z (angstroms) of the first voxel."""

    data: np.ndarray
    pixel_size: float
    path: Path
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)


def read_header(path: str | Path) -> Header:
    """The header alone. Raises MissingInput, ReadError (not MRC, garbage, truncated)."""
    path = Path(path)
    try:
        with _open(path) as stream:
            raw = stream.read(HEADER_BYTES)
        size = None if path.suffix in _COMPRESSED else path.stat().st_size
    except FileNotFoundError as error:
        raise missing(path) from error
    except (OSError, EOFError) as error:
        raise ReadError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    header = parsed(path, raw)
    if size is not None:
        _require_bytes(path, size, header)
    return header


def read(path: str | Path, private: bool = False) -> Image:
    """An image, stack or volume. Raises MissingInput, ReadError (not MRC, garbage, truncated).

    private: its pixels may be changed; the file's are not.
    """
    path = Path(path)
    header = read_header(path)
    if path.suffix in _COMPRESSED:
        data = _decompressed(path, header)
    else:
        shape = (*header.shape[:2], header.row_bytes // header.dtype.itemsize)
        data = np.memmap(path, header.dtype, "c" if private else "r", header.offset, shape)
    if header.mode == FOUR_BIT:
        data = unpacked(data, header.shape[2])
    data = data[0] if header.shape[0] == 1 and not header.volume else data
    return Image(data, header.pixel_size, path, header.origin)


def sections(path: Path, header: Header, index: np.ndarray) -> np.ndarray:
    """Sections (m, ny, nx) of an uncompressed stack, in its own type: read one by one, for where all of it is much.

    Nothing stays open, as thousands of stacks would. Raises MissingInput, ReadError.
    """
    shape = (len(index), header.shape[1], header.row_bytes // header.dtype.itemsize)
    found, each = np.empty(shape, header.dtype), header.bytes // header.shape[0]
    try:
        with open(path, "rb", buffering=0) as stream:
            for start, first, count in runs(index):
                read_into(found[start : start + count], stream.fileno(), header.offset + first * each, path)
    except FileNotFoundError as error:
        raise missing(path) from error
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror}") from error
    return unpacked(found, header.shape[2]) if header.mode == FOUR_BIT else found


def compressed(path: str | Path) -> bool:
    """Whether a file is read whole or not at all, by its name."""
    return Path(path).suffix in _COMPRESSED


def unpacked(packed: np.ndarray, width: int) -> np.ndarray:
    """Mode 101: two pixels a byte, the first in the low four bits; (…, (width + 1) // 2) -> (…, width) uint8."""
    pixels = np.empty((*packed.shape[:-1], 2 * packed.shape[-1]), np.uint8)
    np.bitwise_and(packed, 15, out=pixels[..., 0::2])
    np.right_shift(packed, 4, out=pixels[..., 1::2])
    return pixels[..., :width]


def write(
    path: str | Path, data: np.ndarray, pixel_size: float, label: str | None = None, volume: bool | None = None,
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> None:  # fmt: skip
    """Write an image, a stack or a volume, whole or not at all.

    2-D is an image; 3-D is a volume (space group 1) unless ``volume`` is False or the name ends in ``.mrcs`` (a stack).
    float64 and int32/int64 are written as float32; int8, int16, uint16, float16 as they are. origin: x, y, z
    (angstroms) of the first voxel, where models that are fitted to a map count from.
    """
    path = Path(path)
    volume = data.ndim == 3 and path.suffix != ".mrcs" if volume is None else volume
    data = np.ascontiguousarray(data, dtype_for(data.dtype))
    statistics = Statistics()
    for section in data.reshape(-1, *data.shape[-2:]):
        statistics.add(section)
    shape = data.reshape(-1, *data.shape[-2:]).shape
    header = header_of(shape, data.dtype, pixel_size, volume, statistics, label, origin)
    with whole(path) as part, part.open("wb") as stream:
        stream.write(header.tobytes())
        stream.write(data.data)


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
        self.dtype, self.pixel_size, self.label = dtype_for(np.dtype(dtype)), float(pixel_size), label
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
        header = header_of((self.written, *self.box), self.dtype, self.pixel_size, False, self._statistics, self.label)
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
    return import_module(_COMPRESSED[path.suffix]).open(path, "rb") if path.suffix in _COMPRESSED else open(path, "rb")


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
