"""The header of an MRC file (MRC2014): parsed with care, made sane.

Source: Cheng et al., J. Struct. Biol. 192 (2015) 146.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa import __version__
from spa.errors import ReadError
from spa.installed import part

HEADER_BYTES = 1024
HEADER_DTYPE: Any = part("mrcfile.dtypes").HEADER_DTYPE
DTYPES = {0: "i1", 1: "i2", 2: "f4", 4: "c8", 6: "u2", 12: "f2"}
MODES = {np.dtype(name): mode for mode, name in DTYPES.items()}
FOUR_BIT = 101
_PIECE = 2**15  # pixels that are counted together: they stay in the cache


@dataclass(frozen=True)
class Header:
    """shape: (nz, ny, nx); pixel_size in angstroms, 0 where the file does not say; offset: bytes before the pixels;
    origin: x, y, z (angstroms) of the first voxel, where models that are fitted to the map count from."""

    shape: tuple[int, int, int]
    mode: int
    pixel_size: float
    offset: int = HEADER_BYTES
    order: str = "<"
    volume: bool = False
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype("u1") if self.mode == FOUR_BIT else np.dtype(self.order + DTYPES[self.mode])

    @property
    def row_bytes(self) -> int:
        nx = self.shape[2]
        return (nx + 1) // 2 if self.mode == FOUR_BIT else nx * self.dtype.itemsize

    @property
    def bytes(self) -> int:
        """What the pixels take."""
        return self.shape[0] * self.shape[1] * self.row_bytes


class Statistics:
    """Smallest, largest, mean and standard deviation of pixels that come in pieces, in the order they come."""

    def __init__(self) -> None:
        self.n, self.low, self.high, self.sum, self.squares = 0, np.inf, -np.inf, 0.0, 0.0

    def add(self, pixels: np.ndarray) -> None:
        flat = np.ascontiguousarray(pixels.real if pixels.dtype.kind == "c" else pixels).reshape(-1)
        self.n += flat.size
        self.low, self.high = min(self.low, float(flat.min())), max(self.high, float(flat.max()))
        for start in range(0, flat.size, _PIECE):
            piece = flat[start : start + _PIECE].astype(np.float64)
            self.sum += float(piece.sum())
            self.squares += float(piece @ piece)

    @property
    def mean(self) -> float:
        return self.sum / self.n if self.n else 0.0

    @property
    def rms(self) -> float:
        return float(np.sqrt(max(0.0, self.squares / self.n - self.mean**2))) if self.n else 0.0


def parsed(path: Path, raw: bytes) -> Header:
    """The header in a file's first bytes; ReadError where it is none, or makes no sense."""
    if len(raw) < HEADER_BYTES:
        raise ReadError(f"{path}: not an MRC file: {len(raw)} bytes, its header alone is {HEADER_BYTES}")
    for order in "<>":
        fields = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(order))[0]
        nx, ny, nz, mode = (int(fields[name]) for name in ("nx", "ny", "nz", "mode"))
        if 0 <= mode < 256 and min(nx, ny, nz) > 0 and max(nx, ny, nz) < 2**24 and int(fields["nsymbt"]) >= 0:
            break
    else:
        raise ReadError(f"{path}: not an MRC file: its header makes no sense")
    if mode not in DTYPES and mode != FOUR_BIT:
        known = ", ".join(map(str, [*DTYPES, FOUR_BIT]))
        raise ReadError(f"{path}: MRC mode {mode} is not one that is read here ({known})")
    # a stack of images: space group 0, or a file of many images that says so by its sampling
    volume = int(fields["ispg"]) != 0 and nz > 1
    pixel_size = _pixel_size(fields)
    start = HEADER_BYTES + int(fields["nsymbt"])
    return Header((nz, ny, nx), mode, pixel_size, start, order, volume, _origin(fields, pixel_size))


def _pixel_size(fields: np.void) -> float:
    """Cell over sampling along x; 0 where the header does not say."""
    cell, sampling = float(fields["cella"]["x"]), int(fields["mx"])
    if sampling <= 0 or not np.isfinite(cell) or cell <= 0:
        return 0.0
    # the cell is a float32: the quotient is rounded to what that can tell, so that 1.5 comes back as 1.5
    return float(f"{cell / sampling:.7g}")


def _origin(fields: np.void, pixel_size: float) -> tuple[float, float, float]:
    """Of the first voxel, angstroms: the origin, or else the voxel that it is."""
    x, y, z = (float(fields["origin"][axis]) for axis in "xyz")
    if not any((x, y, z)) or not np.isfinite([x, y, z]).all():
        x, y, z = (int(fields[name]) * pixel_size for name in ("nxstart", "nystart", "nzstart"))
    return x, y, z


def dtype_for(dtype: np.dtype) -> np.dtype:
    """What pixels of a type are stored as: itself where MRC has a mode for it, otherwise float32."""
    dtype = dtype.newbyteorder("=")
    if dtype in MODES:
        return dtype.newbyteorder("<")
    if dtype.kind in "fiub":
        return np.dtype("<f4")
    raise ValueError(f"no MRC mode for {dtype}")


def header_of(
    shape: tuple[int, ...], dtype: np.dtype, pixel_size: float, volume: bool, statistics: Statistics, label: str | None,
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> np.ndarray:  # fmt: skip
    """A header record for (nz, ny, nx) pixels; volume: a map, not a stack of images; label: beside the program's;
    origin: x, y, z (angstroms) of the first voxel."""
    header = np.zeros((), HEADER_DTYPE.newbyteorder("<"))
    nz, ny, nx = shape
    header["nx"], header["ny"], header["nz"], header["mode"] = nx, ny, nz, MODES[dtype.newbyteorder("=")]
    # of a stack, the sampling along z is 1 and the cell one pixel deep (MRC2014)
    header["mx"], header["my"], header["mz"] = nx, ny, nz if volume else 1
    header["cella"] = (nx * pixel_size, ny * pixel_size, (nz if volume else 1) * pixel_size)
    header["cellb"] = (90, 90, 90)
    header["origin"] = origin
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
