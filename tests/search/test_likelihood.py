"""The score is the log-likelihood; its derivatives are right; the true pose scores highest."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spa.image import amx
from spa.image.disc import disc
from spa.search import exhaustive, newton, orientations
from spa.search.images import Block, ramps
from spa.search.prior import Prior
from spa.volume.masks import soft_sphere
from spa.volume.slices import reference, slices
from spa.volume.symmetry import operators

BOX, RADIUS, N = 48, 16, 12
C1 = operators("C1")
FLAT = Prior(np.zeros((N, 2)), 1e6)


@pytest.fixture(scope="module")
def problem() -> dict:
    rng = np.random.default_rng(0)
    volume = gaussian_filter(rng.standard_normal((BOX,) * 3), 1.6) * soft_sphere(BOX, 14, 4)
    source = reference((15 * volume).astype(np.float32), RADIUS)
    band = disc(BOX, RADIUS)
    poses = Rotation.random(N, random_state=1).as_matrix()
    shifts = rng.normal(0, 1.5, (N, 2))
    ctf = np.sin(0.4 + 0.02 * band.shell**2)[None] * rng.uniform(0.8, 1.2, (N, 1))
    cut = slices(source, poses, band.kx, band.ky)
    model = ctf * (cut[:, 0] + 1j * cut[:, 1]) * np.exp(-2j * np.pi / BOX * (shifts @ np.stack([band.kx, band.ky])))
    noise = rng.standard_normal((2, N, len(band))) * np.sqrt(0.5)
    x = np.stack([model.real + noise[0], model.imag + noise[1]], axis=1)
    block = Block(band, x.astype(np.float32), ctf.astype(np.float32))
    return {"source": source, "block": block, "poses": poses, "shifts": shifts, "band": band}


def log_likelihood(problem: dict, row: int, pose: np.ndarray, shift: np.ndarray) -> float:
    """-|X - CTF P|^2 + |X|^2 by a direct sum in double precision."""
    block, band = problem["block"], problem["band"]
    cut = slices(problem["source"], pose[None], band.kx, band.ky)[0].astype(float)
    model = block.ctf[row] * (cut[0] + 1j * cut[1]) * np.conj(ramps(np.float32(shift)[None], band.kx, band.ky, BOX)[0])
    x = block.x[row, 0].astype(float) + 1j * block.x[row, 1]
    return float((np.abs(x) ** 2).sum() - (np.abs(x - model) ** 2).sum())


def test_the_exhaustive_score_is_the_direct_sum(problem: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amx, "there", lambda: False)
    grid = orientations.grid(0.6, C1, np.random.default_rng(2))
    band = problem["band"]
    columns = exhaustive.columns(grid, slices(problem["source"], grid, band.kx, band.ky))
    found = exhaustive.search(problem["block"], columns, orientations.shift_grid(1.0, 3.0), 1e6, 3)
    for row in range(4):
        pose, shift = grid[found.pose[row, 0]].astype(float), found.shift[row, 0]
        assert found.score[row, 0] == pytest.approx(log_likelihood(problem, row, pose, shift), rel=1e-3)
    assert np.all(np.diff(found.score, axis=1) <= 0)


@pytest.mark.skipif(not amx.there(), reason="no tile unit")
def test_scores_of_the_tile_unit_are_those_of_rounded_numbers(problem: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    grid, shifts = orientations.grid(0.6, C1, np.random.default_rng(2)), orientations.shift_grid(1.0, 3.0)
    cut = slices(problem["source"], grid, problem["band"].kx, problem["band"].ky)
    some = exhaustive.search(problem["block"], exhaustive.columns(grid, cut), shifts, 2.0, len(grid))
    monkeypatch.setattr(amx, "there", lambda: False)
    exact = exhaustive.search(problem["block"], exhaustive.columns(grid, cut), shifts, 2.0, len(grid))
    found, wanted = (np.take_along_axis(one.score, one.pose.argsort(axis=1), 1) for one in (some, exact))
    terms = np.einsum("nck,jck->nj", problem["block"].matched() ** 2, cut**2)  # each is rounded twice, 2^-9 at most
    assert (np.abs(found - wanted) / (2 * 2**-8 * np.sqrt(terms))).max() < 2.5
    assert (np.abs(found - wanted) / (2 * 2**-8 * np.sqrt(terms))).mean() > 0.01  # and it is this that was tried


def test_candidates_are_the_best_of_all(problem: dict) -> None:
    grid = orientations.grid(0.6, C1, np.random.default_rng(2))
    band = problem["band"]
    columns = exhaustive.columns(grid, slices(problem["source"], grid, band.kx, band.ky))
    some = exhaustive.search(problem["block"], columns, orientations.shift_grid(1.0, 3.0), 2.0, 5)
    every = exhaustive.search(problem["block"], columns, orientations.shift_grid(1.0, 3.0), 2.0, len(grid))
    assert np.array_equal(some.score, every.score[:, :5])


def refined(problem: dict, poses: np.ndarray, shifts: np.ndarray, iterations: int, sigma: float = 1e6) -> newton.Modes:
    n = len(poses)
    return newton.refine(
        problem["source"], problem["block"], poses[:, None], shifts[:, None], np.zeros((n, 1)),
        [newton.Stage(RADIUS, iterations, 1, 0.3, 3.0)], Prior(np.zeros((n, 2)), sigma), C1,
    )  # fmt: skip


def test_log_p_is_the_direct_sum(problem: dict) -> None:
    modes = refined(problem, problem["poses"], problem["shifts"], 0)
    for row in range(3):
        wanted = log_likelihood(problem, row, problem["poses"][row], problem["shifts"][row])
        assert modes.logp[row, 0] == pytest.approx(wanted, rel=1e-4)


def test_the_hessian_is_the_curvature_of_log_p(problem: dict) -> None:
    """Gauss-Newton's matrix against finite differences at the maximum, within what the residual adds."""
    modes = refined(problem, problem["poses"], problem["shifts"], 8)
    for row in range(3):
        pose, shift = modes.poses[row, 0], modes.shifts[row, 0]
        for axis, step in ((0, 0.01), (2, 0.01), (3, 0.1), (4, 0.1)):
            values = []
            for sign in (-1, 0, 1):
                w, t = np.zeros(3), shift.copy()
                if axis < 3:
                    w[axis] = sign * step
                else:
                    t[axis - 3] += sign * step
                values.append(log_likelihood(problem, row, orientations.turned(pose[None], w[None])[0], t))
            curvature = -(values[0] - 2 * values[1] + values[2]) / step**2
            assert modes.hessian[row, 0, axis, axis] == pytest.approx(curvature, rel=0.35)


def test_refinement_climbs_to_the_true_pose(problem: dict) -> None:
    rng = np.random.default_rng(4)
    start = orientations.turned(problem["poses"], rng.normal(0, 0.06, (N, 3)))
    modes = refined(problem, start, problem["shifts"] + rng.normal(0, 0.7, (N, 2)), 12)
    turn = orientations.angles_between(modes.poses[:, 0], problem["poses"])
    spread = np.sqrt(np.trace(np.linalg.inv(modes.hessian[:, 0])[:, :3, :3], axis1=1, axis2=2))
    assert np.all(turn < 5 * spread) and np.median(turn) < 0.03
    assert np.abs(modes.shifts[:, 0] - problem["shifts"]).max() < 0.8


def test_the_prior_pulls_shifts_to_their_centre(problem: dict) -> None:
    loose, tight = (refined(problem, problem["poses"], problem["shifts"], 6, sigma) for sigma in (1e6, 0.005))
    assert np.hypot(*tight.shifts[:, 0].T).mean() < 0.5 * np.hypot(*loose.shifts[:, 0].T).mean()


def test_duplicates_and_hopeless_candidates_go(problem: dict) -> None:
    poses = np.stack([problem["poses"]] * 2 + [orientations.turned(problem["poses"], np.full((N, 3), 0.9))], axis=1)
    shifts = np.stack([problem["shifts"]] * 3, axis=1)
    stages = [newton.Stage(RADIUS, 3, 3, 0.1, 1.0), newton.Stage(RADIUS, 2, 3, 0.1, 1.0)]
    modes = newton.refine(
        problem["source"], problem["block"], poses, shifts, np.zeros((N, 3)), stages, FLAT, C1, slack=14
    )
    assert ((modes.logp > -np.inf).sum(axis=1) == 1).mean() > 0.8


def test_copies_by_symmetry_are_duplicates(problem: dict) -> None:
    group = operators("C2")
    poses = np.stack([problem["poses"], problem["poses"] @ group[1]], axis=1)
    shifts = np.stack([problem["shifts"]] * 2, axis=1)
    stage = [newton.Stage(RADIUS, 0, 2, 0.1, 1.0)]
    with_group, without = (
        newton.refine(problem["source"], problem["block"], poses, shifts, np.zeros((N, 2)), stage, FLAT, g, slack=1e9)
        for g in (group, C1)
    )
    assert with_group.logp.shape[1] == 1 and without.logp.shape[1] == 2
