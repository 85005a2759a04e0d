"""The E-step: planted cells are found, scores are those of the direct sum, sums those of the best cells."""

from dataclasses import replace

import numpy as np
import pytest

from spa.class2d import coarse, kernels
from spa.class2d.expect import Expectation, expect
from spa.class2d.model import Model
from spa.class2d.plane import Plane, resampled
from spa.class2d.sampling import levels

from .conftest import BOX, DIAMETER, PIXEL, Planted


def made(planted: Planted, radius: int, amplitude: float = 1.0, window: float = np.inf) -> Model:
    plane = Plane(BOX, radius)
    grids = plane.grids(resampled(amplitude * planted.shapes, plane.small))
    grid = levels(BOX, DIAMETER / PIXEL, radius, 5.0, 0.5)
    prior = np.log(np.full(3, 1 / 3))
    return Expectation(plane, planted.images, grid, prior, planted.noise, 3.0, 5.0, window).model_of(grids)


def unseen(planted: Planted) -> tuple[np.ndarray, np.ndarray]:
    n = len(planted.images)
    return np.zeros((n, 2), np.float32), np.zeros(n, bool)


def turn_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(np.rad2deg(np.angle(np.exp(1j * (a - b)))))


@pytest.mark.parametrize("radius", [10, 20])
def test_planted_class_angle_and_shift_are_found(planted: Planted, radius: int) -> None:
    rows = np.arange(100)
    found = expect(planted.images, rows, made(planted, radius), *unseen(planted))
    assert (found.cls == planted.cls[rows]).mean() > 0.97
    right = found.cls == planted.cls[rows]
    assert np.median(turn_error(found.psi, planted.psi[rows])[right]) < 10
    assert np.median(np.abs(found.shift - planted.shift[rows])[right]) < 1


def test_posteriors_sum_to_one(planted: Planted) -> None:
    found = expect(planted.images, np.arange(32), made(planted, 20), *unseen(planted))
    assert np.allclose(found.occupancy.sum(1), 1, atol=1e-4) and (found.best <= 1.0001).all()


def test_images_are_likelier_with_a_particle_than_without_and_noise_is_not(planted: Planted) -> None:
    found = expect(planted.images, np.arange(64), made(planted, 20), *unseen(planted))
    nothing = expect(planted.images, np.arange(64), made(planted, 20, amplitude=-1.0), *unseen(planted))
    assert np.median(found.gain) > 10 and np.median(nothing.gain) < 0


def test_averages_of_nothing_make_images_as_likely_as_nothing(planted: Planted) -> None:
    """The evidence is against a whole prior: over classes, angles and shifts, however narrow these are."""
    model = made(planted, 10, amplitude=0.0)
    for sigma in (1.0, 3.0):
        found = expect(planted.images, np.arange(16), replace(model, shift_sigma=sigma), *unseen(planted))
        assert np.allclose(found.gain, 0, atol=1e-3)


def test_the_evidence_does_not_depend_on_how_many_classes_share_an_average(planted: Planted) -> None:
    model = made(planted, 20)
    twice = replace(model, grids=[replace(grid, refs=np.concatenate([grid.refs] * 2)) for grid in model.grids],
                    log_prior=np.log(np.full(6, 1 / 6)).astype(np.float32))  # fmt: skip
    one, two = (expect(planted.images, np.arange(32), m, *unseen(planted)) for m in (model, twice))
    assert np.median(np.abs(one.gain - two.gain)) < 0.02  # some keep fewer of their cells


def test_a_window_around_the_truth_finds_the_same(planted: Planted) -> None:
    rows, known = np.arange(48), np.ones(len(planted.images), bool)
    free = expect(planted.images, rows, made(planted, 20), *unseen(planted))
    near = expect(planted.images, rows, made(planted, 20, window=3.0), planted.shift.astype(np.float32), known)
    assert (free.cls == near.cls).mean() > 0.97 and np.abs(free.shift - near.shift).max() < 1.5


def test_cell_scores_are_the_direct_sum(planted: Planted) -> None:
    m = made(planted, 20)
    grid, images = m.grids[-1], planted.images
    count = grid.refs.shape[-1]
    x, c = images.planes[:2, :, :count], images.ctf(np.arange(2), count)
    cells = np.array([[0, 1, 3, 2, 2], [1, 2, len(m.grids[0].level.psi) - 1, 1, 3]], np.int32)
    y, c2 = np.ascontiguousarray(x * c[:, None]), np.ascontiguousarray(c * c)
    scores = kernels.cell_scores(y, c2, grid.refs, grid.ramps[0], grid.ramps[1], cells)
    half = grid.level.half
    for (image, cls, psi, iy, ix), row in zip(cells, scores):
        for child in range(8):
            turn, dy, dx = child // 4, child // 2 % 2, child % 2
            j = 2 * psi + turn
            p = grid.refs[cls, j % half, 0] + 1j * (-1 if j >= half else 1) * grid.refs[cls, j % half, 1]
            ty, tx = grid.level.shift[2 * iy + dy], grid.level.shift[2 * ix + dx]
            ramp = np.exp(2j * np.pi / BOX * (images.band.kx[:count] * tx + images.band.ky[:count] * ty))
            z = (x[image, 0] + 1j * x[image, 1]) * ramp
            direct = (np.abs(z) ** 2 - np.abs(z - c[image] * p) ** 2).sum()
            assert np.isclose(row[child], direct, rtol=1e-3, atol=1e-2)


def test_best_scores_finds_what_a_plain_search_finds() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 3, 5, 7)).astype(np.float32)
    base, prior = rng.normal(size=(3, 7)).astype(np.float32), rng.normal(size=(3, 5)).astype(np.float32)
    cells, scores = np.empty((300, 3), np.int32), np.empty(300, np.float32)
    n = kernels.best_scores(a, b, base, prior, np.float32(2.0), 100, cells, scores)
    full = np.concatenate([a + b, a - b], 2) + np.tile(base, 2)[:, None] + prior[:, :, None]
    kept = full >= full.reshape(3, -1).max(1)[:, None, None] - 2
    assert n == kept.sum() and np.allclose(full[tuple(cells[:n].T)], scores[:n], atol=1e-5)


def test_best_scores_never_gives_more_than_asked_for() -> None:
    a, base, prior = (np.zeros(shape, np.float32) for shape in ((2, 4, 50), (2, 50), (2, 4)))
    cells, scores = np.empty((20, 3), np.int32), np.empty(20, np.float32)
    n = kernels.best_scores(a, a, base, prior, np.float32(5.0), 10, cells, scores)
    assert n == 20 and set(cells[:, 0]) == {0, 1}


def test_strongest_keeps_the_best_of_each_image() -> None:
    image = np.repeat([0, 1], 100)
    scores = np.tile(np.arange(100.0), 2)
    kept = coarse.strongest(image, scores)
    assert len(kept) == 2 * coarse.KEPT and (np.diff(kept) > 0).all() and scores[kept].min() == 100 - coarse.KEPT
