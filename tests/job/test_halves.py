"""Half-sets: even, kept, and shared by particles that overlap."""

from types import SimpleNamespace

import numpy as np
import pytest

from spa.io import star
from spa.job.halves import half_sets
from spa.job.run import Run
from spa.model import overlaps


def tables(xy: np.ndarray, micrograph: np.ndarray) -> star.Tables:
    optics = star.Table.of(rlnOpticsGroup=[1], rlnMicrographPixelSize=[2.0])
    particles = star.Table.of(rlnMicrographName=[f"m{m}.mrc" for m in micrograph], rlnCoordinateX=xy[:, 0],
                              rlnCoordinateY=xy[:, 1], rlnOpticsGroup=[1] * len(xy))  # fmt: skip
    return star.Tables({"optics": optics, "particles": particles})


def rows(count: int, half: np.ndarray | None = None) -> SimpleNamespace:
    names = np.array([f"{i + 1:06d}@s.mrcs" for i in range(count)], object)
    return SimpleNamespace(names=names, half=np.zeros(count, np.int64) if half is None else half)


def pairs_apart(half: np.ndarray, document: star.Tables, distance: float) -> int:
    where = overlaps.places(document["particles"], document["optics"])
    assert where is not None
    near = (np.hypot(*(where[:, None, 1:] - where[None, :, 1:]).transpose(2, 0, 1)) < distance) & (
        where[:, None, 0] == where[None, :, 0]
    )
    return int((near & (half[:, None] != half[None])).sum())


@pytest.fixture
def crowd() -> star.Tables:
    """Pairs that overlap, over four micrographs."""
    rng = np.random.default_rng(1)
    first = rng.uniform(0, 4000, (150, 2))
    xy = np.concatenate([first, first + rng.uniform(-20, 20, (150, 2))])
    return tables(xy, np.tile(np.arange(150) % 4, 2))


def test_particles_that_overlap_share_a_half(crowd: star.Tables) -> None:
    half = half_sets(Run("some job", {}), rows(300), crowd, 120.0)
    assert pairs_apart(half, crowd, 120.0) == 0
    assert abs(int((half == 0).sum()) - 150) <= 6
    assert pairs_apart(half_sets(Run("some job", {}), rows(300)), crowd, 120.0) > 50


def test_the_draw_is_the_same_every_time_and_another_with_another_seed(crowd: star.Tables) -> None:
    first, again, other = (half_sets(Run("job", {"seed": s}), rows(300), crowd, 120.0) for s in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_halves_that_are_there_are_kept_and_draw_their_neighbours(crowd: star.Tables) -> None:
    given = np.zeros(300, np.int64)
    given[:100] = 1 + np.arange(100) % 2
    half = half_sets(Run("some job", {}), rows(300, given), crowd, 120.0)
    assert (half[:100] == given[:100] - 1).all()
    assert (half[150:250] == half[:100]).mean() > 0.9


def test_where_all_hang_together_the_nearest_share_and_the_halves_are_even() -> None:
    line = np.column_stack([np.arange(60) * 40.0 + np.arange(60) % 2 * 15, np.zeros(60)])
    document = tables(line, np.zeros(60, int))
    half = half_sets(Run("some job", {}), rows(60), document, 120.0)
    assert abs(int((half == 0).sum()) - 30) <= 1 and pairs_apart(half, document, 52.0) == 0


def test_micrographs_do_not_touch_each_other() -> None:
    where = np.array([[0, 0, 0], [1, 1, 1], [1, 5, 5], [2, 900, 3]], float)
    cluster = overlaps.linked(where, 10.0)
    assert cluster[1] == cluster[2] and len(set(cluster.tolist())) == 3


def test_a_table_without_places_is_drawn_evenly() -> None:
    optics, particles = (star.Table.of(rlnOpticsGroup=[1] * count) for count in (1, 10))
    bare = star.Tables({"optics": optics, "particles": particles})
    assert half_sets(Run("some job", {}), rows(10), bare, 100.0).sum() == 5
