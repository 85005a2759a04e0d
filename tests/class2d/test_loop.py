"""The iterations: planted classes come apart, and the bytes depend on the seed alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from spa.class2d import average, loop, seeds
from spa.class2d.plane import Plane, resampled, slices, turns
from spa.class2d.schedule import Settings, batch_size

from .conftest import BOX, DIAMETER, PIXEL, Planted, plant


def settings(classes: int = 4, iterations: int = 8, batch: int = 10**6, seed: int = 1) -> Settings:
    return Settings(classes, DIAMETER / PIXEL, 5.0, 6, 20, iterations, 2, batch, seed)


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def classified(planted: Planted, s: Settings, mapped: Any = map) -> loop.State:
    state = loop.start(planted.images, s, planted.noise)
    for state in loop.iterations(planted.images, s, state, mapped):  # noqa: B007, B020
        pass
    return state


@pytest.fixture(scope="module")
def result(planted: Planted) -> loop.State:
    return classified(planted, settings())


def purity(cls: np.ndarray, truth: np.ndarray) -> float:
    return sum(np.bincount(truth[cls == c]).max() for c in np.unique(cls)) / len(cls)


def test_planted_classes_come_apart(planted: Planted, result: loop.State) -> None:
    assert purity(result.cls, planted.cls) > 0.95


def test_mini_batches_find_them_too(planted: Planted) -> None:
    found = classified(planted, settings(batch=100, iterations=12))
    assert purity(found.cls, planted.cls) > 0.9 and (found.seen >= 10).all()


def test_angles_within_a_class_are_the_planted_ones_up_to_one_turn(planted: Planted, result: loop.State) -> None:
    largest = np.bincount(result.cls).argmax()
    mine = (result.cls == largest) & (planted.cls == np.bincount(planted.cls[result.cls == largest]).argmax())
    assert abs(np.mean(np.exp(1j * (result.psi[mine] - planted.psi[mine])))) > 0.85


def test_noise_spectrum_stays_that_of_the_noise(result: loop.State) -> None:
    assert np.allclose(result.variance[0, 2:14], 1.0, atol=0.15)


def test_threads_do_not_change_the_bytes(planted: Planted, result: loop.State) -> None:
    with ThreadPoolExecutor(3) as pool:
        again = classified(planted, settings(), pool.map)
    for field in fields(loop.State):
        assert np.array_equal(getattr(again, field.name), getattr(result, field.name)), field.name


def test_going_on_from_a_state_gives_the_same(planted: Planted, result: loop.State) -> None:
    s = settings()
    passed: Iterator[loop.State] = loop.iterations(planted.images, s, loop.start(planted.images, s, planted.noise), map)
    middle = next(state for state in passed if state.iteration == 4)
    last = list(loop.iterations(planted.images, s, middle, map))[-1]
    assert np.array_equal(last.sums, result.sums) and np.array_equal(last.psi, result.psi)


def test_another_seed_is_another_run(planted: Planted, result: loop.State) -> None:
    assert not np.array_equal(classified(planted, settings(iterations=3, seed=2)).cls, result.cls)


def test_noise_alone_gains_nothing() -> None:
    blank = plant(160, amplitude=0.0)
    found = classified(blank, settings(classes=3, iterations=8))
    assert found.gain.mean() < 0


def test_annealing_goes_from_the_first_shell_to_the_limit() -> None:
    s = settings(iterations=30)
    bands = [s.radius(i, 25) for i in range(30)]
    assert bands[0] == s.first and bands[-1] == s.limit and (np.diff(bands) >= 0).all()


def test_the_band_stays_near_what_averages_show() -> None:
    assert settings(iterations=30).radius(29, 5) == 8


def test_batches_go_through_all_images_before_any_comes_again() -> None:
    s = settings(batch=30, iterations=12)
    seen = np.concatenate([s.rows(i, 120) for i in range(4)])
    assert np.array_equal(np.sort(seen), np.arange(120))
    assert len(s.rows(11, 120)) == 120


def test_few_images_are_taken_all_at_once() -> None:
    assert batch_size(700, 20) == 700 and batch_size(100_000, 50) == 5000


def test_full_classes_are_paired_with_empty_ones() -> None:
    assert seeds.pairs(np.array([0.01, 0.5, 0.19, 0.3, 0.0])) == [(1, 4), (3, 0)]
    assert seeds.pairs(np.array([0.4, 0.3, 0.3])) == []


def test_sums_of_assigned_images_average_to_the_planted_shape(planted: Planted) -> None:
    plane, rows = Plane(48, 20), np.flatnonzero(planted.cls == 2)
    fold = loop.fold_of(len(planted.images))[rows]
    sums = seeds.assigned_sums(
        planted.images, rows, fold, loop.FOLDS, plane, planted.noise, planted.psi[rows], planted.shift[rows]
    )  # fmt: skip
    found = average.averages(plane, sums[:, None], DIAMETER / PIXEL, 20).images[0]
    truth = resampled(planted.shapes, plane.small)[2]
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.95


def modelled(planted: Planted, s: Settings, state: loop.State, rows: np.ndarray) -> np.ndarray:
    """(n, K) complex: what a state says of images, before their CTF."""
    plane, band = Plane(BOX, state.radius), planted.images.band
    count = int(np.count_nonzero(np.hypot(band.kx, band.ky) < state.radius - 1))
    grids = plane.grids(loop.shown(planted.images, s, state)[1].images)
    turn = turns(plane, band, count, state.psi[rows])
    seen = np.stack([slices(grids[c : c + 1], plane.columns, turn.take(i))[0, 0]
                     for i, c in enumerate(state.cls[rows])])  # fmt: skip
    ramp = state.shift[rows] @ np.stack([band.kx, band.ky])[:, :count]
    return np.asarray((seen[:, 0] + 1j * seen[:, 1]) * np.exp(-2j * np.pi / BOX * ramp))


def test_centring_moves_averages_and_leaves_what_is_said_of_images(planted: Planted, result: loop.State) -> None:
    s, rows = settings(), np.arange(40)
    plane, away = Plane(BOX, result.radius), np.tile(np.float32([4, -3]), (4, 1))
    off = replace(result, sums=average.moved(plane, result.sums, away))
    there, _ = loop.shown(planted.images, s, off, 6.0)
    distance = [np.hypot(*average.off_centre(loop.shown(planted.images, s, one)[1].images).T).max()
                for one in (off, there)]  # fmt: skip
    assert distance[0] > 1 and distance[1] < 0.3 * distance[0]
    before, after = (modelled(planted, s, one, rows) for one in (off, there))
    assert abs(np.vdot(before, after)) > 0.98 * np.linalg.norm(before) * np.linalg.norm(after)
