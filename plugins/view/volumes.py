"""Maps for the browser's graphics card: half floats, on a grid that looks smooth and is not too large."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.io import mrc, pixels
from spa.job.maps import BLOCK, CLASS, NAME, ROLE
from spa.plot.surface import surface_level
from spa.volume.slices import regridded
from spa.web.page import Picture, Query
from spa_plugins.view.inputs import Shelf, of_kind

LARGEST, LEAST = 320, 128  # voxels a side that are sent at most, and up to which a small map is made finer
_ROLES = ("map", "half1", "half2", "mask", "local", "component", "series")


@dataclass(frozen=True)
class Map:
    """A file, what it is (map, half1, mask …; "" where nothing says), and of which class."""

    path: str
    role: str = ""
    number: int = 1
    mask: str | None = None


class Maps:
    """Maps by number."""

    def __init__(self, shelf: Shelf) -> None:
        found: dict[str, Map] = {}
        for tables in of_kind(shelf.tables, BLOCK):
            table = tables[BLOCK]
            rows = list(zip(table.text(NAME).tolist(), table.text(ROLE).tolist(), table.ints(CLASS).tolist()))
            masks = {number: name for name, role, number in rows if role == "mask"}
            for name, role, number in sorted(rows, key=lambda row: (_order(row[1]), row[2])):
                if role in _ROLES:
                    found.setdefault(name, Map(name, role, number, masks.get(number) if role != "mask" else None))
        for name in (*shelf.maps, *_of_classes(shelf)):
            found.setdefault(name, Map(name))
        self.maps = list(found.values())

    def __len__(self) -> int:
        return len(self.maps)

    def facts(self) -> list[dict[str, Any]]:
        """Name, role and class of each."""
        several = len({one.number for one in self.maps}) > 1
        return [{"name": one.path, "role": one.role, "class": one.number if several and one.role else None}
                for one in self.maps]  # fmt: skip

    def volume(self, query: Query) -> Picture:
        """The map ``number`` as little-endian half floats, x fastest, at most ``most`` voxels a side.

        Values are divided by the largest magnitude, which the facts tell, with the size of a voxel and a level.
        """
        one = self.maps[query.whole("number", len(self.maps))]
        most = max(32, query.whole("most", LARGEST + 1, LARGEST))
        data, pixel = read(one.path)
        level = self._level(one, data)
        sent = fitted(data, most)
        scale, voxel = max(float(np.abs(sent).max()), 1e-30), pixel * max(data.shape) / max(sent.shape)
        facts = {
            "shape": sent.shape, "voxel": voxel, "scale": scale, "level": level,
            "mean": float(data.mean()), "sd": float(data.std()), "box": data.shape, "pixel": pixel,
            "reach": _reach(sent, level) * voxel, "ends": [float(v) for v in (sent.min(), sent.max())],
            "grey": [float(v) for v in np.percentile(sent[:: 1 + sent.shape[0] // 64], (0.5, 99.9))],
        }  # fmt: skip
        return Picture((sent / np.float32(scale)).astype("<f2").tobytes(), "application/octet-stream", facts)

    def _level(self, one: Map, data: np.ndarray) -> float:
        """Where its surface looks like a particle."""
        if one.role == "mask" or (data.min() >= 0 and data.max() <= 1 and (data == 0).mean() > 0.3):
            return 0.5 * float(data.max())
        mask = read(one.mask)[0] if one.mask and Path(one.mask).exists() else None
        return surface_level(data, mask if mask is not None and mask.shape == data.shape else None)


def _reach(volume: np.ndarray, level: float) -> float:
    """Voxels from the centre within which all but specks of what is above the level lies."""
    step = -(-max(volume.shape) // 64)
    where = np.argwhere(volume[::step, ::step, ::step] > level) * step - np.array(volume.shape) // 2
    if not len(where):
        return max(volume.shape) / 2
    return float(np.percentile(np.linalg.norm(where, axis=1), 99)) + step


def _order(role: str) -> int:
    return _ROLES.index(role) if role in _ROLES else len(_ROLES)


def _of_classes(shelf: Shelf) -> list[str]:
    """Maps that tables of classes name."""
    names: Sequence[str] = [
        name for block in ("classes", "model_classes") for tables in of_kind(shelf.tables, block)
        for name in tables[block].get_text("rlnReferenceImage", "").tolist()
    ]  # fmt: skip
    return [name for name in dict.fromkeys(names) if name and "@" not in name]


def read(path: str) -> tuple[np.ndarray, float]:
    """float32 (nz, ny, nx) and angstroms a voxel (1 where the header does not say). As `mrc.read`, and DataError."""
    image = mrc.read(path)
    data = np.asarray(image.data, np.float32) if image.data.dtype.kind != "c" else image.data
    if data.ndim != 3 or data.dtype.kind == "c":
        raise DataError(f"{path}: not a map")
    pixels.require_finite(data, path)
    return data, image.pixel_size or 1.0


def fitted(volume: np.ndarray, most: int) -> np.ndarray:
    """The map on a grid of at most so many voxels a side; one of few is made finer, so that it looks smooth."""
    side, cubic = max(volume.shape), len(set(volume.shape)) == 1
    if cubic and side % 2 == 0 and (side > most or 2 * side <= min(most, 2 * LEAST)):
        return regridded(volume, most - most % 2 if side > most else 2 * side)
    return binned(volume, -(-side // most))


def binned(volume: np.ndarray, factor: int) -> np.ndarray:
    """Means over factor voxels along each side; what is left over at the end is cut off."""
    if factor == 1:
        return volume
    nz, ny, nx = (n // factor for n in volume.shape)
    cut = volume[: nz * factor, : ny * factor, : nx * factor]
    return cut.reshape(nz, factor, ny, factor, nx, factor).mean((1, 3, 5), dtype=np.float32)
