"""Where a map comes to lie on another one of the same particle."""

from pathlib import Path

import numpy as np

from spa.errors import DataError, UsageError
from spa.io import mrc
from spa.io.mrc import Image
from spa.job import maps
from spa.job.pool import mapping
from spa.job.run import Run
from spa.symmetry import onto
from spa.symmetry.onto import Laid
from spa.volume.rotations import rotation_vectors
from spa.volume.transform import in_box

ALIKE = 0.5  # correlation, in shells of one strength, below which two maps are hardly of one particle
APART = 0.03  # of the other hand's, below which the hands of two maps are not told


def place_of(run: Run, image: Image, other: str, max_resolution: float | None) -> Laid:
    """How the map lies on the other, by what is coarser than a resolution (angstroms); DataError where that has another
    hand."""
    box, pixel = len(image.data), image.pixel_size
    target = maps.read(run, other)
    fixed = _like(run, target, image)
    radius = onto.shells(image.data)
    if max_resolution is not None:
        least = max(2 * pixel, 2 * target.pixel_size)
        if not least <= max_resolution <= box * pixel / 6:
            raise UsageError(f"--max-resolution {max_resolution:g}: {least:g} to {box * pixel / 6:g} A makes sense")
        radius = round(box * pixel / max_resolution)
    with mapping(run.threads) as pool:
        found = onto.laid_on(fixed, image.data, min(radius, box // 2 - 1), pool)
    hands = f"likeness {found.likeness:.2f} as it is, {found.other:.2f} turned inside out"
    if found.other > found.likeness + APART:
        raise DataError(f"{image.path} is of the other hand than {other} ({hands}): `spa symmetry flip` first")
    if found.other > found.likeness - APART:
        run.warn(f"{image.path} and {other} do not show whether they are of one hand ({hands})")
    if found.likeness < ALIKE:
        run.warn(f"{image.path} and {other} are hardly alike (likeness {found.likeness:.2f}): it may lie anyhow")
    return found


def origin(image: Image, other: str) -> tuple[float, float, float]:
    """Of a map's first voxel, angstroms, where its middle is that of the other: models fitted to that fit it, too."""
    header = mrc.read_header(other)
    inward = header.shape[0] // 2 * header.pixel_size - len(image.data) // 2 * image.pixel_size
    x, y, z = (one + inward for one in header.origin)
    return x, y, z


def draw(run: Run, path: str, laid: Image, other: str) -> None:
    """The other map, and this one as it lies now, on its grid."""
    from spa.plot.figure import save
    from spa.plot.pair import pair

    save(pair((Path(other).name, "laid on it"), (_like(run, maps.read(run, other), laid), laid.data),
              laid.pixel_size), path)  # fmt: skip


def _like(run: Run, target: Image, image: Image) -> np.ndarray:
    """A map on the grid of another."""
    box, pixel = len(image.data), image.pixel_size
    return in_box(target.data, target.pixel_size, box, pixel, apart=1e-4, threads=run.threads)


def words(found: Laid, image: Image) -> str:
    """How far it was turned and moved, and how well it lies."""
    turn = np.rad2deg(np.linalg.norm(rotation_vectors(found.frame)))
    moved = np.linalg.norm(found.centre) * image.pixel_size
    likeness = f"likeness {found.likeness:.2f}, of the other hand {found.other:.2f}"
    return f"turned by {turn:.1f} deg, moved by {moved:.1f} A; {likeness}"
