"""Classes at fixed poses: residuals, spans, mixtures and worth, on planted maps."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spa.class3d import apart, consensus, loop, mixture, plan, scores, subspace
from spa.class3d.consensus import Posed
from spa.class3d.loop import Problem
from spa.class3d.prior import prior
from spa.class3d.settings import Settings
from spa.image.ctf import Lens, chi_terms
from spa.image.disc import disc
from spa.refine.data import Images
from spa.refine.problem import Workers
from spa.volume.masks import soft_sphere
from spa.volume.slices import reference, slices

BOX, N = 32, 400
HANDS = Workers()


def planted(apart_by: float, seed: int = 0) -> tuple[Posed, np.ndarray, np.ndarray]:
    """Images of two maps, 2 : 1, their classes, and the noise; apart_by: size of what the maps differ in."""
    rng = np.random.default_rng(seed)
    sphere = soft_sphere(BOX, 10, 3)
    common, extra = (gaussian_filter(rng.standard_normal((BOX,) * 3), 1.5) * sphere for _ in range(2))
    extra *= np.linalg.norm(common) / np.linalg.norm(extra) * apart_by
    band = disc(BOX, BOX // 2 - 1)
    poses = Rotation.random(N, random_state=seed).as_matrix()
    shifts = rng.normal(0, 1.0, (N, 2))
    number = (np.arange(N) % 3 == 0).astype(int)
    defocus = rng.uniform(8000, 20000, N)
    chi = chi_terms(Lens(300, 2.7, 0.1), defocus, defocus, np.zeros(N), np.zeros(N))
    planes = np.zeros((N, 2, len(band)), np.float32)
    images = Images(band, 5.0, planes, chi, np.zeros(N), np.zeros(N, int), rng.permutation(N) % 2)
    cut = np.stack([slices(reference(common + k * extra, band.radius), poses, band.kx, band.ky) for k in (0, 1)])
    cut = cut[number, np.arange(N)]
    turn = np.exp(-2j * np.pi / BOX * (shifts @ np.stack([band.kx, band.ky])))
    model = (cut[:, 0] + 1j * cut[:, 1]) * images.ctf(np.arange(N), len(band)) * turn
    model *= np.sqrt(1.0 / (np.abs(model) ** 2).mean())
    noise = rng.standard_normal((2, N, len(band))) / np.sqrt(2)
    planes[:, 0], planes[:, 1] = model.real + noise[0], model.imag + noise[1]
    return Posed(images, poses, shifts), number, np.ones((1, band.radius + 1))


def problem_of(posed: Posed, noise: np.ndarray, hands: Workers = HANDS, **settings: object) -> Problem:
    sphere = soft_sphere(BOX, 11, 3)
    whole = consensus.consensus(posed, noise, sphere, hands)
    found, volume = consensus.residuals(posed, whole.volume * sphere, noise, hands)
    told = Settings(**{"classes": 2, "start": 10, "iterations": 8, "seed": 0, **settings})  # type: ignore[arg-type]
    return Problem(found, np.arange(len(found)), prior(volume, sphere, sphere, 0.05), told)


@pytest.fixture(scope="module")
def two() -> tuple[Problem, np.ndarray]:
    posed, number, noise = planted(0.5)
    return problem_of(posed, noise), number


def alike(a: np.ndarray, b: np.ndarray) -> float:
    return apart.adjusted_rand(np.asarray(a), np.asarray(b))


def test_residuals_are_noise_and_the_difference(two: tuple[Problem, np.ndarray]) -> None:
    problem, _ = two
    noise = problem.found.noise[0, 2:]
    assert 0.95 < noise.mean() < 1.3
    assert np.abs(problem.found.scale.mean() - 1) < 0.02 and problem.found.scale.std() < 0.1


def test_a_body_that_is_missing_is_no_grey_scale_where_all_else_was_subtracted() -> None:
    """A quarter of the particles lack it: a scale of each would say so, and leave nothing to tell them apart by."""
    rng = np.random.default_rng(4)
    norm, there = rng.uniform(5, 25, 4000), np.arange(4000) % 4 > 0
    cross = np.where(there, 4 / 3, 0.0) * norm + rng.normal(0, np.sqrt(norm / 2))
    own, even = (consensus.scales(cross, norm, one).of(cross, norm) for one in (False, True))
    np.testing.assert_allclose(even, 1, atol=1e-6)
    assert own[~there].mean() < 0.3 < 1.2 < own[there].mean()


def test_a_grey_scale_is_found_and_noise_is_not_taken_for_one() -> None:
    rng = np.random.default_rng(0)
    norm, true = rng.uniform(200, 400, 5000), rng.normal(0.8, 0.1, 5000)
    cross = norm * true + rng.normal(0, np.sqrt(norm / 2))
    found = consensus.scales(cross, norm)
    assert found.mean == pytest.approx(0.8, abs=0.01) and found.variance == pytest.approx(0.01, rel=0.15)
    assert np.std(found.of(cross, norm) * found.mean - true) < np.std(cross / norm - true)
    still = consensus.scales(norm * 0.8 + rng.normal(0, np.sqrt(norm / 2)), norm)
    assert still.variance < 5e-4


def test_moments_are_the_likelihood_of_any_combination(two: tuple[Problem, np.ndarray]) -> None:
    problem, _ = two
    rng = np.random.default_rng(1)
    maps = gaussian_filter(rng.standard_normal((2, BOX, BOX, BOX)), (0, 2, 2, 2)).astype(np.float32)
    rows, z = np.arange(20), np.array([0.7, -1.3])
    radius = problem.found.images.band.radius
    linear, quadratic = scores.moments(problem.found, rows, [reference(one, radius) for one in maps], radius)
    one, square = scores.moments(problem.found, rows, [reference(np.tensordot(z, maps, 1), radius)], radius)
    np.testing.assert_allclose(linear @ z, one[:, 0], rtol=2e-3, atol=1e-3 * np.abs(one).max())
    np.testing.assert_allclose(np.einsum("i,nij,j->n", z, quadratic, z), square[:, 0, 0], rtol=2e-3)


def test_the_first_component_tells_the_classes(two: tuple[Problem, np.ndarray]) -> None:
    problem, number = two
    space = subspace.components(
        problem.found, problem.rows, problem.prior, 2, 10, subspace.Cycles(plan.CYCLES, plan.STILL),
        np.random.default_rng(0), HANDS,
    )  # fmt: skip
    mean, spread = space.coordinates()
    assert abs(np.corrcoef(mean[:, 0], number)[0, 1]) > 0.8
    covariance = spread.mean(axis=0) + mean.T @ mean / len(mean)
    np.testing.assert_allclose(covariance, np.eye(2), atol=0.05)
    found = mixture.mixture(space, 2, 5, np.random.default_rng(1))
    assert alike(found.posterior.argmax(axis=1), number) > 0.7
    more = mixture.mixture(space, 2, 15, np.random.default_rng(1))
    assert more.evidence.mean() >= found.evidence.mean() - 1e-9


@pytest.mark.parametrize("random", [False, True])
def test_classes_are_found_from_either_start(random: bool) -> None:
    posed, number, noise = planted(0.5)
    state = loop.settled(problem_of(posed, noise, random=random, starts=3), HANDS)
    assert alike(state.number, number) > 0.85
    assert state.sizes.sum(axis=1).tolist() == [N] * state.iteration
    np.testing.assert_allclose(state.posterior.sum(axis=1), 1, atol=1e-5)


def test_classes_that_there_are_help_the_other_half_and_others_do_not(two: tuple[Problem, np.ndarray]) -> None:
    found = apart.worth(two[0], HANDS)
    assert found.evidence > 10 * found.least and found.agreement > 0.6
    assert (found.entropy >= 0).all() and (found.entropy <= np.log(2) + 1e-9).all()
    posed, _, noise = planted(0.0)
    none = apart.worth(problem_of(posed, noise), HANDS)
    assert none.evidence < none.least and none.agreement < 0.1


def test_what_lies_outside_the_region_is_not_seen(two: tuple[Problem, np.ndarray]) -> None:
    problem, number = two
    region = np.roll(soft_sphere(BOX, 3, 2), (12, 12, 12), (0, 1, 2))
    blind = loop.settled(replace(problem, prior=replace(problem.prior, region=region)), HANDS)
    assert alike(blind.number, number) < 0.2
    assert np.abs(blind.maps[:, region == 0]).max() == 0


def test_iterations_see_growing_shares_and_then_all() -> None:
    told = Settings(2, 8, 6, 0)
    rows = np.arange(3 * plan.sample_size(told))
    seen = [plan.chosen(rows, told, i) for i in range(4)]
    assert len(seen[0]) == plan.sample_size(told) and len(seen[1]) == 2 * len(seen[0]) and len(seen[2]) == len(rows)
    assert set(seen[0]) <= set(seen[1])
    assert len(plan.chosen(rows, replace(told, iterations=1), 0)) == len(rows)


def test_the_adjusted_rand_index_of_known_partitions() -> None:
    a = np.array([0, 0, 0, 1, 1, 1])
    assert alike(a, 1 - a) == 1
    assert alike(a, np.array([0, 0, 1, 1, 2, 2])) == pytest.approx(0.24242424)  # Hubert & Arabie's formula by hand
    assert abs(alike(np.arange(10000) % 2, np.random.default_rng(0).integers(0, 3, 10000))) < 0.01
