"""The parts of an iteration, each by its law."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.image.disc import disc
from spa.refine import expectation, halfmaps, loop, maximisation, plan
from spa.refine.data import background_power, smooth_spectrum, soft_disc
from spa.refine.problem import Workers
from spa.refine.settings import columns_bytes, searches
from spa.search import exhaustive, orientations
from spa.volume.fsc import fsc
from spa.volume.symmetry import operators


def test_laplace_weights_are_volumes_under_gaussians() -> None:
    hessian = 1e6 * np.stack([4 * np.eye(5), np.eye(5)])[None]
    weight, root = expectation.laplace(np.array([[0.0, 0.0]]), hessian)
    assert weight[0] == pytest.approx([1 / 33, 32 / 33], rel=1e-4)
    assert np.allclose(root[0, 0] @ root[0, 0].T, np.eye(5) / 4e6, rtol=1e-4)


def test_an_empty_reference_leaves_every_turn_as_likely() -> None:
    """Its modes have the volume of SO(3), (2 pi)^(3/2) / sqrt(det) = 8 pi^2, and no direction that stands out."""
    _, root = expectation.laplace(np.zeros((1, 1)), np.diag([0.0, 0, 0, 9, 9])[None, None])
    spread = np.linalg.det(root[0, 0, :3, :3] @ root[0, 0, :3, :3].T)
    assert (2 * np.pi) ** 1.5 * np.sqrt(spread) == pytest.approx(8 * np.pi**2)


def test_laplace_leaves_out_what_is_not_there() -> None:
    weight, root = expectation.laplace(np.array([[3.0, -np.inf]]), np.stack([np.eye(5), np.zeros((5, 5))])[None])
    assert weight[0] == pytest.approx([1, 0]) and not root[0, 1].any()


def test_draws_have_the_covariance_of_their_mode() -> None:
    rng = np.random.default_rng(0)
    square = rng.standard_normal((5, 5)) * 0.01
    poses = expectation.no_poses(2000, 1)
    poses.weight[:] = 1
    poses.root[:] = np.linalg.cholesky(square @ square.T + 1e-4 * np.eye(5))
    drawn = maximisation.samples(poses, np.arange(2000), maximisation.Spread(draws=2), (1,))
    wanted = (poses.root[0, 0] @ poses.root[0, 0].T)[3:, 3:]
    assert np.allclose(np.cov(drawn.shifts.T), wanted, rtol=0.2, atol=2e-5)
    assert np.allclose(drawn.shifts[0::2], -drawn.shifts[1::2])  # antithetic
    assert drawn.weights.sum() == pytest.approx(2000)


def test_entropy_counts_modes() -> None:
    poses = expectation.no_poses(3, 4)
    poses.weight[:] = [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]]
    assert poses.entropy() == pytest.approx([0, np.log(2), np.log(4)])


def test_the_best_mode_alone_has_full_weight() -> None:
    poses = expectation.no_poses(3, 2)
    poses.weight[:] = [0.4, 0.6]
    best = maximisation.samples(poses, np.arange(3), maximisation.Spread(draws=0, best_only=True), (0,))
    assert np.array_equal(best.rows, [0, 1, 2]) and np.all(best.weights == 1)


def test_background_power_is_that_of_the_noise() -> None:
    rng = np.random.default_rng(1)
    images = (2 * rng.standard_normal((60, 48, 48))).astype(np.float32)
    images += 30 * soft_disc(48, 9, 2)  # a strong particle within the circle
    power = background_power(images, disc(48, 23), 14)
    assert np.allclose(power.mean(axis=0)[2:], 4, rtol=0.15)


def test_a_circle_that_fills_the_box_is_refused() -> None:
    with pytest.raises(ValueError, match="no background"):
        background_power(np.zeros((1, 32, 32), np.float32), disc(32, 15), 30)


def test_spectra_are_safe_to_divide_by() -> None:
    safe = smooth_spectrum(np.array([[0.0, 3.0, 0.0, 2.0]]))
    assert np.all(safe > 0) and safe[0, 0] == 3


def test_the_prior_falls_as_the_fsc_rises(planted: Callable) -> None:
    case = planted(n=40)
    poses = expectation.no_poses(40)
    poses.weight[:, 0] = 1
    rows = np.arange(40)
    (sums,) = maximisation.accumulate(
        case.problem.images, poses, [rows], 10, case.noise, maximisation.Spread(0), (0,), Workers()
    )
    low, high = (maximisation.wiener_prior(sums, np.full(21, level))[5] for level in (0.2, 0.9))
    assert high < low


def test_directions_that_few_views_show_do_not_hide_what_others_do(planted: Callable) -> None:
    """The half maps' FSC foretells no less than the map has where nine in ten views lie in one cone."""
    n, rng = 1000, np.random.default_rng(0)
    widest = np.where(np.arange(n) < 0.9 * n, 0.5, np.pi / 2)
    tilt = np.arccos(1 - rng.uniform(0, 1, n) * (1 - np.cos(widest)))
    views = Rotation.from_euler("ZYZ", np.stack([rng.uniform(0, 7, n), tilt, rng.uniform(0, 7, n)], 1))
    case = planted(n=n, snr=0.1, poses=views.as_matrix().transpose(0, 2, 1))
    images, solvent = case.problem.images, case.problem.solvent
    halves = [np.flatnonzero(images.half == half) for half in (0, 1)]
    poses = expectation.given_poses(case.poses, case.shifts)
    sums = maximisation.accumulate(
        images, poses, halves, 18, case.noise, maximisation.Spread(0), (0,), Workers()
    )
    found = maximisation.regularised(case.problem, sums, Workers())
    true = fsc(maximisation.joint_map(case.problem, sums, found, Workers()) * solvent, case.volume * solvent)
    foretold = np.sqrt(maximisation.joint_fsc(found.curve))
    assert np.all(foretold[3:17] > true[3:17] - 0.05)


def test_a_joint_fsc_is_that_of_twice_the_images() -> None:
    assert maximisation.joint_fsc(np.array([1.0, 1 / 3, 0.0, -0.2])) == pytest.approx([1, 0.5, 0, 0])


def test_a_coarser_particle_supports_more_shells() -> None:
    cheap, wide = searches(0.7, 40)
    assert wide.step < cheap.step and wide.band > cheap.band
    assert searches(0.35, 40)[0].band == 2 * cheap.band
    assert searches(0.7, 5)[1].band == 5
    assert cheap.band <= 3 / cheap.step and wide.band <= 3 / wide.step


def test_a_run_whose_poses_still_come_to_rest_goes_on(planted: Callable) -> None:
    case = planted(n=40)
    problem, start = case.problem, loop.first_state(case.problem, [case.volume], case.noise)
    waited = replace(start, searched=np.ones(40, bool), iteration=5, best_shell=10, stalled=plan.PATIENCE)
    waited = replace(waited, wide=True, wandering=0.5, least=0.1, passes=6.0, sharpest=0.5, sharpness=0.5)
    assert not plan.decided(problem, replace(waited, moved=0.09), 10, share=1.0).done
    assert plan.decided(problem, replace(waited, moved=0.1), 10, share=1.0).done
    assert not plan.decided(problem, replace(waited, moved=0.1, sharpness=0.53), 10, share=1.0).done  # they sharpen
    limit = float(problem.settings.iterations)
    assert not plan.decided(problem, replace(waited, moved=0.09, passes=limit - 0.1), 10, share=1.0).done
    assert plan.decided(problem, replace(waited, moved=0.09, passes=limit), 10, share=1.0).done


def test_a_climb_ends_when_nothing_comes_of_it(planted: Callable) -> None:
    case = planted(n=40)
    start = loop.first_state(case.problem, [case.volume], case.noise)
    climbing = replace(start, searched=np.ones(40, bool), local=True, best_shell=10, stalled=0.5, least=0.1, passes=3.0)

    def ends(shell: int, **changed: float) -> bool:
        return plan.decided(case.problem, replace(climbing, **changed), shell, share=1.0).done

    assert ends(10, moved=0.1) and ends(10, moved=0.1, sharpest=0.5, sharpness=0.9)  # sharper: there are fewer modes
    assert not ends(10, moved=0.09) and not ends(10, moved=0.1, stalled=0.0) and not ends(11, moved=0.1)


def test_images_enter_at_all_their_modes_however_broad_posteriors_are(planted: Callable) -> None:
    """A map of best modes alone follows the noise that chose them: in a nearly symmetric particle, to a wrong map."""
    case = planted(n=60)
    start = replace(loop.first_state(case.problem, [case.volume], case.noise), searched=np.ones(60, bool), radius=8)
    both = expectation.given_poses(case.poses, case.shifts)
    both.poses[:, 1], both.shifts[:, 1], both.weight[:, :2] = case.poses[::-1], case.shifts[::-1], (0.6, 0.4)

    def made(poses: expectation.Poses, sharpness: float) -> np.ndarray:
        state = replace(start, poses=[poses], sharpness=sharpness)
        halves = halfmaps.summed(case.problem, state, Workers(), plan.everything(case.problem), 1.0).halves
        assert halves is not None
        return halves

    assert np.array_equal(made(both, 0.3), made(both, 0.9))
    assert not np.allclose(made(both, 0.3), made(expectation.given_poses(case.poses, case.shifts), 0.3), atol=1e-3)


def test_the_plan_knows_what_is_searched() -> None:
    band = disc(48, 23)
    for group in ("C1", "D2"):
        wide = searches(0.5, 23)[1]
        poses = orientations.grid(wide.step, operators(group), np.random.default_rng(0))
        count = band.count(wide.band)
        held = exhaustive.columns(poses, np.zeros((len(poses), 2, count), np.float32))
        rounded = held.packed.nbytes // 2  # as a tile unit takes them, where there is one
        assert columns_bytes(0.5, 23, len(operators(group))) == pytest.approx(
            held.packed.nbytes + held.power.nbytes + rounded, rel=0.1
        )
