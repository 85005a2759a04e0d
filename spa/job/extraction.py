"""Virtual extraction as tables say it: ``data_extraction``, and images cut out of the micrographs on reading.

Jobs that open particles need to know nothing of it: the images come as if they lay in stacks.
"""

import threading
from collections.abc import Sequence

import numpy as np

from spa.errors import DataError
from spa.image import lone
from spa.image.boxes import fits
from spa.image.extraction import Extraction
from spa.io import mrc, pixels
from spa.io.stacks import distinct, parse_name
from spa.io.star import Table, Tables
from spa.model.numbers import sensible
from spa.model.positions import coordinates

BLOCK = "extraction"
_OPEN = 256  # micrographs mapped at once


def block(how: Extraction) -> Table:
    """``data_extraction``."""
    return Table.pairs(
        spaExtractBox=how.box, spaExtractCrop=how.crop, spaExtractInvert=how.invert, spaExtractNormalise=how.normalise,
        spaExtractRamp=how.ramp, spaExtractBackground=how.background, spaExtractPad=how.pad,
    )  # fmt: skip


def described(tables: Tables) -> Extraction:
    """What ``data_extraction`` says; DataError for one that makes no sense."""
    table = tables[BLOCK]
    if len(table) != 1:
        raise DataError(f"{table.where} has {len(table)} rows, where one is wanted")
    box, crop = (int(table.ints(name)[0]) for name in ("spaExtractBox", "spaExtractCrop"))
    if not 2 <= crop <= box or box % 2 or crop % 2:
        raise DataError(f"{table.where}: boxes of {box} pixels cropped to {crop}; even numbers are wanted")
    switches = ("spaExtractInvert", "spaExtractNormalise", "spaExtractRamp", "spaExtractPad")
    invert, normalise, ramp, pad = (bool(table.ints(name)[0]) for name in switches)
    return Extraction(box, crop, invert, float(sensible(table, "spaExtractBackground")[0]), normalise, ramp, pad)


class Extracted:
    """Images cut out of their micrographs: read as an ``ImageSource`` is.

    names: ``"000012@micrograph.mrc"``, the number tells particles of a micrograph apart; centres (n, 2): x, y.
    """

    def __init__(self, names: Sequence[str], centres: np.ndarray, how: Extraction) -> None:
        self.names, self.how, self.box = list(names), how, how.crop
        self.paths, self._file = distinct([parse_name(str(name))[1] for name in self.names])
        self._centres = np.floor(centres + 0.5).astype(np.int64)
        header = mrc.read_header(self.paths[0])
        self.pixel_size = header.pixel_size * how.box / how.crop if abs(header.pixel_size - 1) > 1e-3 else 0.0
        self._maps: dict[int, np.ndarray] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.names)

    def read(self, indices: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """As ``ImageSource.read``; DataError naming a row whose box reaches over the edge or has no finite pixels."""
        rows = np.arange(len(self))[indices] if isinstance(indices, slice) else np.asarray(indices, np.int64)
        images = np.empty((len(rows), self.box, self.box), np.float32)
        for file in np.unique(self._file[rows]):
            here = np.flatnonzero(self._file[rows] == file)
            images[here] = self._cut(int(file), rows[here])
        return images

    def _cut(self, file: int, rows: np.ndarray) -> np.ndarray:
        micrograph, centres = self._micrograph(file), self._centres[rows]
        inside = fits(centres, 1 if self.how.pad else self.how.box, micrograph.shape)  # type: ignore[arg-type]
        if not inside.all():
            raise DataError(f"{self._told(rows[~inside][0])}: its box of {self.how.box} pixels reaches over the edge")
        with np.errstate(invalid="ignore", over="ignore"):
            images = self.how.images(micrograph, centres)
        if not pixels.peak(images) <= pixels.LARGEST:
            for image, row in zip(images, rows):
                pixels.require_finite(image, self._told(row))
        return images

    def _told(self, row: int) -> str:
        return f"row {row + 1}: image {self.names[row]}"

    def _micrograph(self, file: int) -> np.ndarray:
        with self._lock:
            if file not in self._maps:
                if len(self._maps) >= _OPEN:
                    self._maps.pop(next(iter(self._maps)))
                data = mrc.read(self.paths[file], private=True).data
                self._maps[file] = data = data[0] if data.ndim == 3 and len(data) == 1 else data
                if data.ndim == 2:
                    lone.fill(data, *lone.lone(data))
            if self._maps[file].ndim != 2:
                raise DataError(f"{self.paths[file]}: {len(self._maps[file])} images, where a micrograph is wanted")
            return self._maps[file]


def source(tables: Tables, names: Sequence[str]) -> Extracted:
    """The images of a table's rows, to be cut as ``data_extraction`` says."""
    table, how = tables["particles"], described(tables)
    other = next((name for name, at in zip(names, table.text("rlnMicrographName")) if parse_name(name)[1] != at), None)
    if other is not None:
        raise DataError(f"{table.where}: {other} does not lie in the row's rlnMicrographName, where "
                        f"{tables[BLOCK].where} would cut it out")  # fmt: skip
    return Extracted(names, coordinates(table), how)
