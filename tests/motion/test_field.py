"""The field: polynomials and paths fitted to what patches say."""

import numpy as np
import pytest

from spa.motion import field, relion
from spa.motion.field import Field, Prior, Told

N = 16


@pytest.fixture
def basis():
    return field.basis_for(N, 1.5, (5, 5))


def bending(basis, seed: int = 0, size: float = 1.0) -> Field:
    rng = np.random.default_rng(seed)
    local = np.zeros((len(basis.degrees), basis.paths.shape[1], 2))
    local[:, 0] = size * rng.normal(size=(len(basis.degrees), 2)) / basis.degrees.sum(1)[:, None] ** 2
    whole = np.cumsum(rng.normal(size=(N, 2)) * np.exp(-np.arange(N) / 5)[:, None], axis=0)
    return Field(basis, whole - whole[0], local)


def grid(side: int) -> np.ndarray:
    at = np.linspace(-0.8, 0.8, side)
    return np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)


def test_a_field_is_found_again_whatever_constants_patches_add(basis) -> None:
    known, rng = bending(basis), np.random.default_rng(1)
    moved = known.at(grid(5)) + rng.normal(size=(25, 1, 2)) * 5
    found, prior = field.fitted(basis, Told(grid(5), moved, np.full((25, N), 1e4)), Prior(), 4)
    assert prior.local > 0.05
    apart = found.at(grid(7)) - known.at(grid(7))
    assert np.sqrt(((apart - apart.mean(1, keepdims=True)) ** 2).mean()) < 0.02


def test_it_begins_at_rest(basis) -> None:
    moved = bending(basis).at(grid(5))
    found, _ = field.fitted(basis, Told(grid(5), moved, np.full((25, N), 100.0)), Prior(), 2)
    assert np.abs(found.at(grid(3))[:, 0]).max() < 1e-6


def test_noise_on_a_still_specimen_is_not_followed(basis) -> None:
    rng = np.random.default_rng(2)
    told = Told(grid(5), rng.normal(size=(25, N, 2)), np.full((25, N), 1.0))
    found, _ = field.fitted(basis, told, Prior(), 4)
    local = found.at(grid(5))
    assert np.sqrt(((local - local.mean(0)) ** 2).sum(-1).mean()) < 0.15


def test_patches_that_say_nothing_do_no_harm(basis) -> None:
    known = bending(basis)
    weights = np.full((25, N), 1e4)
    weights[::3] = 0
    moved = known.at(grid(5))
    moved[::3] = 99
    found, _ = field.fitted(basis, Told(grid(5), moved, weights), Prior(), 3)
    apart = found.at(grid(5)) - known.at(grid(5))
    assert np.sqrt(((apart - apart.mean(1, keepdims=True)) ** 2).mean()) < 0.03


@pytest.mark.parametrize("patches, terms", [((1, 1), 0), ((2, 2), 2 + 1), ((1, 5), 3), ((4, 4), 9)])
def test_few_patches_tell_of_few_slopes(patches, terms) -> None:
    assert len(field.basis_for(N, 1.0, patches).degrees) == terms


def test_relion_s_model_is_the_field_where_it_can_be(basis) -> None:
    """A quadratic in space and cubic in time goes through its coefficients unchanged, with RELION's sign."""
    coefficients = np.random.default_rng(3).normal(size=(2, 18)) * np.tile([1e-2, 1e-3, 1e-5], 6)
    coefficients[:, :3] = 0
    shifts = np.cumsum(np.random.default_rng(4).normal(size=(N, 2)), axis=0)
    wanted = relion.Model(shifts - shifts[0], coefficients)

    class Exact(Field):
        def at(self, points: np.ndarray) -> np.ndarray:
            return wanted.displacements(np.asarray(points) / 2)

    found = relion.model_of(Exact(basis, np.zeros((N, 2)), np.zeros((len(basis.degrees), 1, 2))))
    np.testing.assert_allclose(found.shifts, wanted.shifts, atol=1e-8)
    np.testing.assert_allclose(found.coefficients, coefficients, atol=1e-8)
    np.testing.assert_allclose(wanted.displacements(np.zeros((1, 2)))[0], -wanted.shifts)


def test_motion_is_counted_early_and_late() -> None:
    shifts = np.array([[0, 0], [3, 4], [3, 5], [6, 5.0]])
    assert relion.accumulated(shifts, 2.0, np.array([2, 4, 6, 8.0]), 4.0) == pytest.approx((18, 11, 7))  # half a step
    assert relion.accumulated(shifts, 2.0, np.array([5, 10, 15, 20.0]), 4.0) == pytest.approx((18, 3, 15))
    assert relion.accumulated(shifts, 2.0, np.array([52, 54, 56, 58.0]), 4.0) == pytest.approx((18, 0, 18))
    assert relion.accumulated(shifts, 2.0, np.zeros(4), 4.0) == pytest.approx((18, 18, 0))  # not known
