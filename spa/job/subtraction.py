"""Subtraction as tables say it: ``data_subtraction`` and the columns beside it, and images subtracted on reading.

Jobs that open particles need to know nothing of it: the images come without the signal that was to go.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from spa.errors import DataError
from spa.image.aberrations import Aberrations
from spa.io.stacks import ImageSource
from spa.io.star import Table, Tables
from spa.job import maps
from spa.job.extraction import Extracted
from spa.job.run import Run
from spa.model.numbers import sensible
from spa.model.particles import Particles
from spa.model.poses import matrices
from spa.subtract.views import BLOCK as TOGETHER
from spa.subtract.views import Signal, Views, images, signal, views
from spa.subtract.window import windows

Lenses = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[Aberrations, ...]]
"""kV, mm, amplitude contrast and group (n,) of each row, and the groups' aberrations."""

Images = ImageSource | Extracted

BLOCK = "subtraction"
ORIGINAL = "rlnImageOriginalName"
POSE = ("spaSubtractRot", "spaSubtractTilt", "spaSubtractPsi")
ORIGIN = ("spaSubtractOriginX", "spaSubtractOriginY")
WINDOW = ("spaSubtractWindowX", "spaSubtractWindowY")
CENTRE = ("spaSubtractCentreX", "spaSubtractCentreY", "spaSubtractCentreZ")
SCALE, HALF = "spaSubtractScale", "spaSubtractHalf"
COLUMNS = (ORIGINAL, *POSE, *ORIGIN, *WINDOW, SCALE, HALF)


@dataclass(frozen=True)
class Subtraction:
    """maps: what is taken off, one file or one a half-set; virtual: on reading, not in the stacks.

    image_size and pixel_size (angstroms): of the original images; box: of the window in their pixels; centre: the
    map's voxel x y z that the window's centre shows, from the map's own.
    """

    maps: tuple[str, ...]
    virtual: bool
    image_size: int
    pixel_size: float
    box: int
    centre: tuple[float, float, float]

    def table(self) -> Table:
        """``data_subtraction``."""
        return Table.pairs(
            spaSubtractMap1=self.maps[0], spaSubtractMap2=self.maps[-1], spaSubtractVirtual=self.virtual,
            spaSubtractImageSize=self.image_size, spaSubtractPixelSize=self.pixel_size, spaSubtractBox=self.box,
            **dict(zip(CENTRE, self.centre)),
        )  # fmt: skip


def described(tables: Tables) -> Subtraction | None:
    """What ``data_subtraction`` says; None where there is none. DataError for one that makes no sense."""
    if BLOCK not in tables:
        return None
    table = tables[BLOCK]
    if len(table) != 1:
        raise DataError(f"{table.where} has {len(table)} rows, where one is wanted")
    names = [str(table.text(name)[0]) for name in ("spaSubtractMap1", "spaSubtractMap2")]
    x, y, z = (float(sensible(table, name)[0]) for name in CENTRE)
    found = Subtraction(
        tuple(dict.fromkeys(names)), bool(table.ints("spaSubtractVirtual")[0]),
        int(table.ints("spaSubtractImageSize")[0]), float(sensible(table, "spaSubtractPixelSize")[0]),
        int(table.ints("spaSubtractBox")[0]), (x, y, z),
    )  # fmt: skip
    sizes = found.image_size, found.box
    if found.pixel_size <= 0 or min(sizes) < 2 or found.box > found.image_size or any(size % 2 for size in sizes):
        raise DataError(
            f"{table.where}: a window of {found.box} of {found.image_size} pixels of {found.pixel_size:g} A"
        )
    return found


class Subtracted:
    """Images less their signal, and the window of them that is wanted: read as an ImageSource is.

    offsets (n, 2): where the windows lie, whole pixels from the images' centres; window, box: their sides before and
    after Fourier cropping, in pixels.
    """

    def __init__(
        self, originals: Images, seen: Signal, who: Views, scale: np.ndarray, offsets: np.ndarray, window: int,
        box: int, threads: int = 1,
    ) -> None:  # fmt: skip
        side = seen.band.box
        if originals.box != side:
            raise DataError(f"{originals.paths[0]}: a box of {originals.box} pixels, but what is subtracted has {side}")
        self.originals, self.seen, self.who, self.scale = originals, seen, who, scale
        self.offsets, self.window, self.box, self.threads = offsets, window, box, threads
        self.names, self.paths = originals.names, originals.paths
        self.pixel_size = originals.pixel_size * window / box

    def __len__(self) -> int:
        return len(self.originals)

    def read(self, indices: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """As ``ImageSource.read``."""
        rows = np.arange(len(self))[indices] if isinstance(indices, slice) else np.asarray(indices, np.int64)
        return windows(self.whole(rows), self.offsets[rows], self.window, self.box)

    def whole(self, rows: np.ndarray) -> np.ndarray:
        """Images (n, N, N) of rows in their own box; one without contrast stays as it is, for the reader to name."""
        found = self.originals.read(rows)
        flat = found.min(axis=(1, 2)) == found.max(axis=(1, 2))
        model = self._models(rows)
        model *= np.where(flat, 0, self.scale[rows])[:, None, None].astype(np.float32)
        return found - model

    def _models(self, rows: np.ndarray) -> np.ndarray:
        """Images (n, N, N) of the signal in rows, made in threads."""
        blocks = [rows[start : start + TOGETHER] for start in range(0, len(rows), TOGETHER)] or [rows]
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(lambda part: images(self.seen, self.who.take(part)), blocks)))


def source(
    run: Run, tables: Tables, particles: Particles, optics: Lenses, pixel_size: float, originals: Images
) -> "Images | Subtracted":
    """The images of a table's rows as they are, or less what ``data_subtraction`` takes off."""
    told = described(tables)
    if told is None or not told.virtual:
        return originals
    table = tables["particles"]
    _require_originals(table)
    if "rlnDefocusU" not in table:
        raise DataError(f"{table.where} has no column rlnDefocusU, which a virtual subtraction needs")
    size = _stored_size(tables, told, pixel_size)
    found = [maps.read(run, path) for path in told.maps]
    for one in found:
        if len(one.data) != told.image_size or abs(one.pixel_size / told.pixel_size - 1) > 1e-3:
            raise DataError(f"{one.path}: {len(one.data)} pixels of {one.pixel_size:g} A, "
                            f"{tables[BLOCK].where} says {told.image_size} of {told.pixel_size:g} A")  # fmt: skip
    euler, origin = np.deg2rad(_columns(table, POSE)), _columns(table, ORIGIN)
    who = view_of(particles, optics, euler, origin, told.pixel_size, table.ints(HALF))
    seen = signal([one.data for one in found], told.pixel_size, run.threads)
    offsets = np.rint(_columns(table, WINDOW))
    return Subtracted(originals, seen, who, sensible(table, SCALE), offsets, told.box, size, run.threads)


def view_of(
    particles: Particles, optics: Lenses, euler: np.ndarray, origin: np.ndarray, pixel_size: float, half: np.ndarray
) -> Views:
    """Views of particles at angles (n, 3) radians and origins (n, 2) angstroms; half (n,): 1 or 2."""
    defocus = particles.defocus_u, particles.defocus_v, particles.defocus_angle
    poses = matrices(*euler.T)
    who = views(
        *optics[:3], defocus, particles.phase_shift, particles.bfactor, poses, -origin / pixel_size,
        np.clip(half, 1, 2) - 1,
    )  # fmt: skip
    return replace(who, group=optics[3], aberrations=optics[4])


def _columns(table: Table, names: Sequence[str]) -> np.ndarray:
    return np.stack([sensible(table, name) for name in names], axis=1)


def _require_originals(table: Table) -> None:
    """The images of the rows must be those that the subtraction speaks of."""
    names, originals = table.text("rlnImageName"), table.text(ORIGINAL)
    other = np.flatnonzero(names != originals)
    if other.size:
        row = int(other[0])
        raise DataError(
            f"{table.where} row {row + 1}: the subtraction is of {originals[row]}, not of {names[row]}; "
            "spa subtract signal --revert takes it back"
        )


def _stored_size(tables: Tables, told: Subtraction, pixel_size: float) -> int:
    """Side of the window after Fourier cropping, from the pixel size that the table gives the images."""
    size = told.box * told.pixel_size / pixel_size
    if abs(size - round(size)) > 1e-3 * size or round(size) % 2 or round(size) > told.box:
        raise DataError(f"{tables['optics'].where}: images of {pixel_size:g} A a pixel do not follow from windows of "
                        f"{told.box} pixels of {told.pixel_size:g} A")  # fmt: skip
    return round(size)
