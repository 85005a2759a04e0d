"""Particle images as the jobs take them: checked once, streamed in batches, bad ones named and left out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from spa.errors import DataError, SpaError
from spa.image.aberrations import Aberrations, coma, summed
from spa.io import mrc
from spa.io.stacks import ImageSource, parse_name
from spa.io.star import Table, Tables
from spa.job.halves import half_sets as half_sets
from spa.job.pool import in_order
from spa.job.run import Run
from spa.model.optics import Optics, one_pixel_size, optics_groups, require_groups
from spa.model.particles import Particles, particles_of
from spa.model.poses import eulers
from spa.model.twice import REMEDY, repeated
from spa.model.upgrade import is_old, upgraded

if TYPE_CHECKING:
    from spa.job.extraction import Extracted
    from spa.job.subtraction import Lenses, Subtracted

    Source = ImageSource | Extracted | Subtracted

BATCH_BYTES = 2**25  # of images that a thread reads and works on at once, at most
SHARES, FEWEST = 8, 32  # batches that a small set is in, if they have so many images, for threads to share
Made = TypeVar("Made")


def _both(rows: np.ndarray, images: np.ndarray) -> Any:
    return rows, images


@dataclass(frozen=True, eq=False)
class ParticleSet:
    """The rows of data_particles whose files stand: one box (even, pixels), one pixel size (angstroms).

    tables: the document with just these rows; voltage (kV), cs (mm), contrast: (n,) of each row's optics group;
    group (n,): optics groups numbered from 0; aberrations: of each of them.
    """

    tables: Tables
    particles: Particles
    source: "Source"
    box: int
    pixel_size: float
    voltage: np.ndarray
    cs: np.ndarray
    contrast: np.ndarray
    group: np.ndarray
    aberrations: tuple[Aberrations, ...]

    def __len__(self) -> int:
        return len(self.particles)

    def shifts(self, rows: np.ndarray) -> np.ndarray:
        """Where the particles of rows lie in their images (n, 2), pixels from the centre."""
        return -self.particles.origin[rows] / self.pixel_size

    def batches(self, run: Run, work: Callable[[np.ndarray, np.ndarray], Made] = _both) -> Iterator[Made]:
        """work(rows, images (m, box, box) float32) of batches, by default both of them: read and worked on in the
        run's threads, given in order, with a bar; images that cannot be used are named and left out."""
        share = max(FEWEST, -(-len(self) // SHARES))
        size = max(1, min(share, BATCH_BYTES // (4 * self.box**2)))
        starts = range(0, len(self), size)

        def done(start: int) -> tuple[list[SpaError], list[Made]]:
            rows, images, errors = self.usable(np.arange(start, min(start + size, len(self))))
            return errors, [work(rows, images)] if len(rows) else []

        came = False
        with in_order(run.threads) as mapped:
            for errors, made in run.progress(mapped(done, starts), total=len(starts), unit="batch", label="reading"):
                for error in errors:
                    run.leave_out(error)
                came = came or bool(made)
                yield from made
        if not came:
            raise DataError(f"{self.tables['particles'].where}: none of its {len(self)} images can be used")

    def usable(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[SpaError]]:
        """Those of rows whose images can be used, the images (m, box, box) float32, and what is wrong with others."""
        try:
            return rows, self._read(rows), []
        except DataError:
            return self._one_by_one(rows)

    def _read(self, rows: np.ndarray) -> np.ndarray:
        """Images of rows; DataError for one that is not finite or has no contrast."""
        images = self.source.read(rows)
        flat = np.flatnonzero(images.min(axis=(1, 2)) == images.max(axis=(1, 2)))
        if flat.size:
            name = self.source.names[rows[flat[0]]]
            raise DataError(f"image {name} has no contrast: all its pixels are {images[flat[0], 0, 0]:g}")
        return images

    def _one_by_one(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[SpaError]]:
        good, images, errors = [], [], []
        for row in rows:
            try:
                images.append(self._read(np.array([row]))[0])
                good.append(row)
            except SpaError as error:
                errors.append(error)
        return np.array(good, np.int64), np.array(images, np.float32).reshape(-1, self.box, self.box), errors

    def table(self, rows: np.ndarray) -> Table:
        """The particles' table with only these rows."""
        return self.tables["particles"].take(rows)


def open_particles(run: Run, tables: Tables, ctf: bool = True) -> ParticleSet:
    """The particles of a table, with what can be known before any image is read checked.

    A stack that is missing, truncated, no MRC, or shorter than the table says is named and its rows are left out
    (status 1; --strict: at once).
    DataError: no rows, mixed pixel sizes or boxes, another box than rlnImageSize, an odd box, CTF-premultiplied images,
    columns missing.
    """
    tables = upgraded(tables) if is_old(tables) else tables
    require_images(tables)
    _require_pixel_size(tables)
    tables = _without_bad_files(run, tables)
    particles = particles_of(tables, ctf)
    _say_repeated(run, tables["particles"])
    groups = optics_groups(tables)
    where = tables["particles"].where
    require_groups(groups, particles.optics_group, where)
    pixel_size = one_pixel_size({g: groups[g] for g in np.unique(particles.optics_group)}, where)
    _refuse_premultiplied(tables)

    def of_rows(name: str) -> np.ndarray:
        return np.array([getattr(groups[g], name) for g in particles.optics_group], float)

    voltage, cs, contrast = (of_rows(name) for name in ("voltage", "cs", "contrast"))
    used = np.unique(particles.optics_group)
    group = np.searchsorted(used, particles.optics_group)
    aberrations = tuple(aberrations_of(groups[number]) for number in used.tolist())
    source = _source(run, tables, particles, (voltage, cs, contrast, group, aberrations), pixel_size)
    if source.box % 2:
        raise DataError(f"{source.paths[0]}: a box of {source.box} pixels; an even one is needed")
    _require_image_size(tables, [groups[number] for number in used.tolist()], source)
    _compare_pixel_sizes(run, tables, pixel_size, source)
    return ParticleSet(tables, particles, source, source.box, pixel_size, voltage, cs, contrast, group, aberrations)


def require_images(tables: Tables) -> None:
    """DataError where particles are places in micrographs alone."""
    table = tables["particles"]
    if "rlnImageName" not in table and "rlnCoordinateX" in table:
        raise DataError(f"{table.where} has no column rlnImageName: picks are to be cut out by spa extract particles")


def aberrations_of(optics: Optics) -> Aberrations:
    """What a group's columns say beyond the CTF, its beam tilt among the odd aberrations."""
    tilt = coma(optics.beam_tilt, optics.cs, optics.voltage) if any(optics.beam_tilt) else ()
    return Aberrations(summed(optics.odd, tilt), optics.even, optics.magnification)


def aberrations_by_row(tables: Tables) -> tuple[np.ndarray, tuple[Aberrations, ...]]:
    """For each row of data_particles the place (n,) of its group's aberrations; none where there is no data_optics."""
    table = tables["particles"]
    if "optics" not in tables:
        return np.zeros(len(table), np.int64), (Aberrations(),)
    groups, numbers = optics_groups(tables), table.ints("rlnOpticsGroup")
    require_groups(groups, numbers, table.where)
    return np.searchsorted(sorted(groups), numbers), tuple(aberrations_of(groups[one]) for one in sorted(groups))


def _source(run: Run, tables: Tables, particles: Particles, optics: "Lenses", pixel_size: float) -> "Source":
    """The images as they lie in the stacks, or less what a ``data_subtraction`` takes off as they are read."""
    if "subtraction" not in tables:
        return _originals(tables, particles)
    from spa.job import subtraction  # with the sciences that it stands on

    return subtraction.source(run, tables, particles, optics, pixel_size, _originals(tables, particles))


def _originals(tables: Tables, particles: Particles) -> "ImageSource | Extracted":
    """The images as they lie in the stacks, or as ``data_extraction`` cuts them out of the micrographs."""
    if not _is_virtual(tables):
        return ImageSource(list(particles.names))
    from spa.job import extraction

    return extraction.source(tables, list(particles.names))


def _is_virtual(tables: Tables) -> bool:
    """Whether the images lie in the micrographs themselves; a job that wrote stacks may have named those since."""
    table = tables["particles"]
    if "extraction" not in tables or "rlnMicrographName" not in table:
        return False
    return parse_name(str(table.text("rlnImageName")[0]))[1] == table.text("rlnMicrographName")[0]


def _without_bad_files(run: Run, tables: Tables) -> Tables:
    table = tables["particles"]
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    parsed = [parse_name(name) for name in table.text("rlnImageName")]
    paths = np.array([path for _, path in parsed], object)
    index = np.array([index for index, _ in parsed])
    keep, virtual = np.ones(len(table), bool), _is_virtual(tables)
    for path in dict.fromkeys(paths):
        here = paths == path
        try:
            there = mrc.read_header(path).shape[0]
        except SpaError as error:
            if here.all():
                raise
            run.leave_out(error, int(here.sum()))
            keep &= ~here
            continue
        if virtual:  # the number of a particle, not of an image in the file
            continue
        beyond = here & ((index < 0) | (index >= there))
        if beyond.any():
            text = f"{path}: image {index[beyond][0] + 1} is asked for, and it has {there}"
            run.leave_out(DataError(f"{table.where} row {np.flatnonzero(beyond)[0] + 1}: {text}"), int(beyond.sum()))
            keep &= ~beyond
    if not keep.any():
        raise DataError(f"{table.where}: none of its images can be read")
    return tables if keep.all() else tables.with_block("particles", table.take(keep))


def _say_repeated(run: Run, table: Table) -> None:
    """A particle that is there twice counts twice, and makes the map more like itself than it is."""
    again = np.flatnonzero(repeated(table))
    if again.size:
        run.warn(f"{table.where} row {again[0] + 1}: its image is in a row before it; {again.size} rows are such and "
                 f"count twice: {REMEDY} takes them out")  # fmt: skip


def _require_pixel_size(tables: Tables) -> None:
    """Of the images themselves: that of the micrographs is another one where boxes were cropped."""
    optics = tables["optics"]
    if "rlnImagePixelSize" not in optics:
        raise DataError(f"{optics.where} has no column rlnImagePixelSize, the pixel size of the images")


def _require_image_size(tables: Tables, groups: list[Optics], source: "Source") -> None:
    """A table written for images of another box has another pixel size too, more often than not."""
    said = next((one.image_size for one in groups if one.image_size not in (None, source.box)), None)
    if said is not None:
        where, there = tables["optics"].where, f"those of {source.paths[0]} are {source.box} pixels wide"
        raise DataError(f"{where}: rlnImageSize is {said}, {there}; is rlnImagePixelSize that of these images?")


def _compare_pixel_sizes(run: Run, tables: Tables, pixel_size: float, source: "Source") -> None:
    """Say where a stack's header has another pixel size than the table; 0 and 1 are of programs that do not know."""
    said = source.pixel_size
    if said > 0 and abs(said - 1) > 1e-3 and abs(said / pixel_size - 1) > 0.01:
        run.warn(f"{source.paths[0]} says {said:g} A a pixel, {tables['optics'].where} {pixel_size:g} A, which is used")


def _refuse_premultiplied(tables: Tables) -> None:
    optics = tables["optics"]
    name = "rlnCtfDataAreCtfPremultiplied"
    if name in optics and np.any(optics.ints(name)):
        raise DataError(f"{optics.where}: {name} is 1; images that are multiplied by their CTF cannot be used")


def pose_columns(matrices: np.ndarray, shifts: np.ndarray, pixel_size: float) -> dict[str, np.ndarray]:
    """RELION's columns for poses (n, 3, 3) and the particle's shifts (n, 2) in pixels: origins are minus the shift."""
    angles = np.rad2deg(eulers(matrices))
    return {
        "rlnAngleRot": angles[:, 0], "rlnAngleTilt": angles[:, 1], "rlnAnglePsi": angles[:, 2],
        "rlnOriginXAngst": -shifts[:, 0] * pixel_size, "rlnOriginYAngst": -shifts[:, 1] * pixel_size,
    }  # fmt: skip
