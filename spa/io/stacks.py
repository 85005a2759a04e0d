"""Images named ``000001@stack.mrcs``, read in batches."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.io import mrc, pixels

_HELD = 16  # compressed stacks, which are read whole, at once


def parse_name(name: str) -> tuple[int, str]:
    """``"000003@a/b.mrcs"`` -> (2, "a/b.mrcs"); a bare path is image 0."""
    number, at, path = name.partition("@")
    if not at or not number.isdigit():
        return 0, name
    return int(number) - 1, path


def image_name(index: int, path: str | Path) -> str:
    """(2, "a/b.mrcs") -> ``"000003@a/b.mrcs"``."""
    return f"{index + 1:06d}@{path}"


class ImageSource:
    """Images by name, in the order of the names; square and of one box size.

    names: ``"000001@path/stack.mrcs"`` or a bare path of a single image, relative to the folder one works in.
    All headers are read at the start: DataError where a stack has another box or fewer images than a name asks
    for, MissingInput and ReadError as in ``mrc.read_header``. ``read`` may be called from several threads.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        if not self.names:
            raise DataError("no images to read: the table has no rows")
        parsed = [parse_name(str(name)) for name in self.names]
        self._index = np.array([index for index, _ in parsed], np.int64)
        self.paths, self._file = distinct([path for _, path in parsed])
        self._headers = [mrc.read_header(path) for path in self.paths]
        self._held: dict[int, np.ndarray] = {}
        self._lock = threading.Lock()
        self.box = self._one_box()
        self.pixel_size = self._headers[0].pixel_size
        self._require_in_range()

    def __len__(self) -> int:
        return len(self.names)

    def read(self, indices: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """float32 (n, box, box), in the order asked for; DataError naming the row where an image has a NaN.

        Pixels beyond ``pixels.LARGEST`` are refused in the same way.
        """
        rows = np.arange(len(self))[indices] if isinstance(indices, slice) else np.asarray(indices, np.int64)
        images = np.empty((len(rows), self.box, self.box), np.float32)
        for file in np.unique(self._file[rows]).tolist():
            here = np.flatnonzero(self._file[rows] == file)
            here = here[np.argsort(self._index[rows[here]], kind="stable")]
            images[here] = self._sections(file, self._index[rows[here]])
        self._require_finite(images, rows)
        return images

    def _sections(self, file: int, index: np.ndarray) -> np.ndarray:
        path = self.paths[file]
        if not mrc.compressed(path):
            return mrc.sections(Path(path), self._headers[file], index)
        with self._lock:
            if file not in self._held:
                if len(self._held) >= _HELD:  # the oldest goes; a batch that reads from it keeps it alive
                    self._held.pop(next(iter(self._held)))
                self._held[file] = mrc.read(path).data.reshape(self._headers[file].shape)
            return self._held[file][index]

    def _one_box(self) -> int:
        box = self._headers[0].shape[2]
        for path, header in zip(self.paths, self._headers):
            if header.shape[1] != header.shape[2]:
                raise DataError(f"{path}: images of {header.shape[2]} x {header.shape[1]} pixels, not square")
            if header.shape[2] != box:
                raise DataError(f"{path}: a box of {header.shape[2]} pixels, but {self.paths[0]} has {box}")
        return box

    def _require_in_range(self) -> None:
        there = np.array([header.shape[0] for header in self._headers])[self._file]
        bad = np.flatnonzero((self._index < 0) | (self._index >= there))
        if bad.size:
            row = int(bad[0])
            path = self.paths[self._file[row]]
            raise DataError(f"row {row + 1} asks for image {self._index[row] + 1} of {path}, which has {there[row]}")

    def _require_finite(self, images: np.ndarray, rows: np.ndarray) -> None:
        if pixels.peak(images) <= pixels.LARGEST:
            return
        for image, row in zip(images, rows):
            if not np.isfinite(image).all():
                raise DataError(f"row {row + 1}: image {self.names[row]} has pixels that are not finite (NaN)")
            pixels.require_finite(image, f"row {row + 1}: image {self.names[row]}")


def distinct(paths: list[str]) -> tuple[list[str], np.ndarray]:
    """The paths that differ, in the order they come, and which of them each entry is."""
    number: dict[str, int] = {}
    which = [number.setdefault(path, len(number)) for path in paths]
    return list(number), np.array(which, np.int64)
