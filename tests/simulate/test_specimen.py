"""Specimens: a map, atoms or a phantom, on the grid that was asked for."""

from dataclasses import dataclass

import numpy as np
import pytest

from spa.errors import DataError, UsageError
from spa.simulate.specimen import extent, grid_for, made
from spa.volume.fsc import fsc
from spa.volume.masks import soft_sphere
from spa.volume.phantom import phantom
from spa.volume.symmetry import operators
from spa.volume.transform import resampled, transform

RNG = np.random.default_rng(0)


@dataclass
class Map:
    data: np.ndarray
    pixel_size: float
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass
class Atoms:
    positions: np.ndarray
    bfactors: np.ndarray
    occupancies: np.ndarray
    kinds: np.ndarray
    scattering: np.ndarray
    elements: tuple[str, ...] = ("C", "N")


def some_atoms() -> Atoms:
    p = phantom("C1", 90, np.random.default_rng(0))
    return Atoms(p.positions + 40, p.bfactors, p.occupancies, p.kinds, p.scattering)


def some_map() -> Map:
    volume = np.random.default_rng(1).standard_normal((32, 32, 32)) * soft_sphere(32, 8, 3)
    return Map((volume + 2 * soft_sphere(32, 8, 3)).astype(np.float32), 4.0)


def test_grids_where_none_is_asked_for() -> None:
    assert grid_for(None, None, None) == (96, 2.5)
    assert grid_for(some_map(), None, None) == (32, 4.0)
    assert grid_for(some_map(), None, 2.0) == (64, 2.0)
    box, pixel = grid_for(some_atoms(), None, None)
    assert pixel == 2.5 and 1.5 * 75 < box * pixel < 1.7 * 95
    assert grid_for(some_map(), 40, 3.0) == (40, 3.0)


def test_a_map_on_its_own_grid_is_used_as_it_is() -> None:
    given = some_map()
    assert np.array_equal(made(given, 32, 4.0, "C1", None, RNG).volume, given.data)


def test_a_map_is_resampled() -> None:
    given = some_map()
    finer = made(given, 64, 2.0, "C1", None, RNG)
    back = resampled(finer.source, 32, 4.0)
    assert fsc(back, given.data)[1:15].min() > 0.999


@pytest.mark.parametrize("kind", ["map", "atoms"])
def test_the_group_is_averaged_in(kind: str) -> None:
    given = some_map() if kind == "map" else some_atoms()
    volume = made(given, 40, 4.0, "C4", None, RNG).volume
    turned = resampled(transform(volume, 4.0), 40, 4.0, operators("C4")[1:2])
    assert np.abs(turned - volume).max() < 5e-3 * np.abs(volume).max()


def test_agreement_is_one_for_a_map_that_has_the_symmetry() -> None:
    first = made(some_map(), 32, 4.0, "C4", None, RNG)
    assert first.agreement < 0.9
    assert made(Map(first.volume, 4.0), 32, 4.0, "C2", None, RNG).agreement == pytest.approx(1, abs=1e-3)


def middle(volume: np.ndarray, pixel_size: float, origin: tuple[float, float, float]) -> np.ndarray:
    """The centre of mass, x, y, z, where the origin says that the first voxel lies."""
    places = np.indices(volume.shape)[::-1].reshape(3, -1)
    return (places * volume.ravel()).sum(1) / volume.sum() * pixel_size + origin


GRIDS = pytest.mark.parametrize(("box", "pixel_size"), [(40, 4.0), (75, 2.0)])


@GRIDS
def test_what_fits_a_map_fits_the_specimen_of_it(box: int, pixel_size: float) -> None:
    where = np.indices((32, 32, 32)) - np.reshape([17, 18, 19], (3, 1, 1, 1))
    given = Map(np.exp(-((where / 3) ** 2).sum(0)).astype(np.float32), 4.0, (-20.0, 7.0, 31.0))
    found = made(given, box, pixel_size, "C1", None, RNG)
    there = middle(given.data, given.pixel_size, given.origin)
    assert np.abs(middle(found.volume, pixel_size, found.origin) - there).max() < 0.1


@GRIDS
def test_atoms_fit_the_specimen_of_them(box: int, pixel_size: float) -> None:
    given = some_atoms()
    found = made(given, box, pixel_size, "C1", None, RNG)
    highest = np.argwhere(found.volume > 0.5 * found.volume.max())[:, ::-1] * pixel_size + found.origin
    apart = np.linalg.norm(highest[:, None] - given.positions, axis=2).min(axis=1)
    assert np.median(apart) < 2


def test_threads_do_not_change_the_average() -> None:
    one, two = (made(some_map(), 32, 4.0, "C4", None, RNG, threads).volume for threads in (1, 2))
    assert np.array_equal(one, two)


def test_atoms_are_centred() -> None:
    volume = made(some_atoms(), 48, 3.0, "C1", None, RNG).volume
    x = np.arange(48) - 24
    positive = np.maximum(volume, 0)
    centre = [(x * positive.sum(axes)).sum() / positive.sum() for axes in ((1, 2), (0, 2), (0, 1))]
    assert np.abs(centre).max() < 1


def test_a_phantom_has_its_diameter() -> None:
    specimen = made(None, 48, 3.0, "D2", 100.0, np.random.default_rng(0))
    assert specimen.diameter == 100
    assert 75 < extent(specimen.volume) * 3.0 < 125


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="larger --box"):
        made(some_atoms(), 20, 2.0, "C1", None, RNG)
    with pytest.raises(DataError, match="does not fit"):
        made(None, 32, 2.0, "C1", 100.0, RNG)
    with pytest.raises(DataError, match="no pixel size"):
        made(Map(some_map().data, 0.0), 32, 2.0, "C1", None, RNG)
    with pytest.raises(DataError, match="cubic"):
        made(Map(some_map().data[:16], 2.0), 32, 2.0, "C1", None, RNG)
    with pytest.raises(DataError, match="no positive density"):
        made(Map(-np.ones((16, 16, 16), np.float32), 2.0), 16, 2.0, "C1", None, RNG)
    with pytest.raises(UsageError, match="Q7"):
        made(None, 32, 2.0, "Q7", None, RNG)
