"""What is imaged: a map, atoms or a phantom, as a transform that can be projected."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from spa.errors import DataError
from spa.image import fft
from spa.volume.density import centred, density, in_ice
from spa.volume.masks import distances
from spa.volume.phantom import phantom
from spa.volume.symmetry import canonical, operators
from spa.volume.transform import PADDING, Transform, in_box, resampled, transform

LARGEST = 2500  # angstroms across, for a phantom: its residues grow with the volume
DIAMETER_SHARE = 0.6  # of the box, for a phantom whose diameter is not given
AGREES = 0.9  # correlation with its average over a group, of a map that has that symmetry
EDGE_SHARE = 0.1  # of the peak: where a map is taken to end


class MapSource(Protocol):
    """A map with its pixel size (angstroms), as `spa.io.mrc.read` gives it."""

    @property
    def data(self) -> np.ndarray: ...
    @property
    def pixel_size(self) -> float: ...
    @property
    def origin(self) -> tuple[float, float, float]: ...


class AtomSource(Protocol):
    """Atoms as `spa.io.atoms.read` gives them."""

    @property
    def positions(self) -> np.ndarray: ...
    @property
    def bfactors(self) -> np.ndarray: ...
    @property
    def occupancies(self) -> np.ndarray: ...
    @property
    def kinds(self) -> np.ndarray: ...
    @property
    def elements(self) -> tuple[str, ...]: ...
    @property
    def scattering(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Broken:
    """What is left of a broken particle, as a transform; missing: the share of its density that is not there."""

    source: Transform
    missing: float


@dataclass(frozen=True, eq=False)
class Specimen:
    """volume (box, box, box) at pixel_size; its transform; diameter (angstroms) of what is in it.

    agreement: correlation of the map with its average over the point group; 1 where none was taken. broken: forms in
    which a share of the particles is. origin: x, y, z (angstroms) of the volume's first voxel where the atoms or the
    map that it was made of count from.
    """

    volume: np.ndarray
    pixel_size: float
    source: Transform
    diameter: float
    agreement: float = 1.0
    broken: tuple[Broken, ...] = ()
    share: float = 0.0
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def drawn(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count,) the form of each particle: 0 is whole, others are numbers of broken ones, from 1."""
        forms = rng.integers(1, len(self.broken) + 1, count) if self.broken else np.zeros(count, int)
        return np.where(rng.random(count) < self.share, forms, 0)

    def of_form(self, form: int) -> "Specimen":
        """What particles of a form show."""
        return replace(self, source=self.broken[form - 1].source) if form else self

    def missing(self, forms: np.ndarray) -> np.ndarray:
        """(n,) the share of its density that each particle lacks."""
        return np.array([0.0, *(one.missing for one in self.broken)])[forms]


def grid_for(given: MapSource | AtomSource | None, box: int | None, pixel_size: float | None) -> tuple[int, float]:
    """Box and pixel size where they are not asked for: a map's own; 1.5 times a model at 2.5 angstroms; 96 pixels."""
    if given is None:
        return box or 96, pixel_size or 2.5
    if hasattr(given, "positions"):
        pixel = pixel_size or 2.5
        reach = 2 * np.linalg.norm(given.positions - given.positions.mean(0), axis=1).max()
        return box or fft.good_size(int(np.ceil(1.5 * reach / pixel))), pixel
    pixel = pixel_size or given.pixel_size
    return box or fft.good_size(int(round(given.data.shape[-1] * given.pixel_size / pixel))), pixel


def memory_for(box: int) -> int:
    """Bytes at the peak of making a specimen: the spectrum of its padded map, and some copies of the map itself."""
    return 10 * (PADDING * box) ** 3


def made(
    given: MapSource | AtomSource | None, box: int, pixel_size: float, group: str, diameter: float | None,
    rng: np.random.Generator, threads: int = 1,
) -> Specimen:  # fmt: skip
    """The specimen of a map, of atoms, or (None) of the built-in phantom, which alone takes diameter and rng."""
    group = canonical(group)
    if given is None:
        return of_phantom(box, pixel_size, group, diameter, rng)
    make = of_atoms if hasattr(given, "positions") else of_map
    return make(given, box, pixel_size, group, threads)  # type: ignore[arg-type]


def of_map(given: MapSource, box: int, pixel_size: float, group: str, threads: int = 1) -> Specimen:
    """A map, resampled to the box and pixel size that are asked for and averaged over the point group."""
    data = np.asarray(given.data, np.float32)
    if data.ndim != 3 or len(set(data.shape)) != 1:
        raise DataError(f"a cubic map is needed, not {' x '.join(map(str, data.shape))}")
    if given.pixel_size <= 0:
        raise DataError("the map's header has no pixel size")
    centre = np.asarray(given.origin) + len(data) // 2 * given.pixel_size
    data = in_box(data, given.pixel_size, box, pixel_size, apart=1e-4, threads=threads)
    return replace(_specimen(data, pixel_size, group, threads), origin=_origin(centre, box, pixel_size))


def of_atoms(given: AtomSource, box: int, pixel_size: float, group: str, threads: int = 1) -> Specimen:
    """Atoms about their centre of scattering, in ice, averaged over the point group; DataError for a small box."""
    weights = given.scattering[:, 0].sum(1)[given.kinds] * given.occupancies
    positions = centred(given.positions, weights)
    centre = given.positions[0] - positions[0]
    reach = 2 * float(np.linalg.norm(positions, axis=1).max())
    if reach > box * pixel_size:
        side = box * pixel_size
        raise DataError(f"the model is {reach:.0f} angstroms across, the box {side:.0f}: choose a larger --box")
    scattering = in_ice(given.scattering, given.elements)
    volume = density(positions, given.bfactors, given.occupancies, given.kinds, scattering, box, pixel_size)
    return replace(_specimen(volume, pixel_size, group, threads, reach), origin=_origin(centre, box, pixel_size))


def _origin(centre: np.ndarray, box: int, pixel_size: float) -> tuple[float, float, float]:
    """Of a box whose centre (its pixel box//2) lies there, all in angstroms."""
    x, y, z = (float(one) for one in centre - box // 2 * pixel_size)
    return x, y, z


def of_phantom(
    box: int, pixel_size: float, group: str, diameter: float | None, rng: np.random.Generator
) -> Specimen:
    """A made-up protein of the point group; without a diameter, 0.6 of the box."""
    across = diameter or DIAMETER_SHARE * box * pixel_size
    if across > box * pixel_size:
        raise DataError(f"a phantom {across:.0f} angstroms across does not fit a box of {box * pixel_size:.0f}")
    if across > LARGEST:
        raise DataError(f"a phantom is {LARGEST} angstroms across at most, not {across:.0f}")
    made = phantom(group, across, rng)
    volume = density(
        made.positions, made.bfactors, made.occupancies, made.kinds, made.scattering, box, pixel_size
    )
    return _specimen(volume, pixel_size, "C1", 1, across)


def _specimen(
    volume: np.ndarray, pixel_size: float, group: str, threads: int, diameter: float | None = None
) -> Specimen:
    """The specimen of a map that is averaged over the group here (a phantom has its symmetry already: C1)."""
    agreement = 1.0
    if group != "C1":
        plain, source = volume, transform(volume, pixel_size, threads)
        volume = resampled(source, len(volume), pixel_size, operators(group), threads)
        del source
        agreement = _correlation(plain, volume)
    across = diameter or extent(volume) * pixel_size
    return Specimen(volume, pixel_size, transform(volume, pixel_size, threads), across, agreement)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (one - np.float32(one.mean(dtype=np.float64)) for one in (a, b))
    return float(np.vdot(a, b) / np.sqrt(float(np.vdot(a, a)) * float(np.vdot(b, b))))


def extent(volume: np.ndarray) -> float:
    """Diameter (pixels) of the sphere about the centre outside which no voxel exceeds 10 % of the highest."""
    peak = float(volume.max())
    if not peak > 0:
        raise DataError("the map has no positive density")
    return 2 * float(distances(len(volume))[volume > EDGE_SHARE * peak].max())
