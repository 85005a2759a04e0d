"""Starts around known poses, and what is found from them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.refine import near
from spa.refine.expectation import Task
from spa.refine.plan import chosen
from spa.search.orientations import angles_between
from spa.search.prior import Prior
from spa.volume.slices import reference


def test_starts_fill_the_reach_of_the_prior() -> None:
    """Every turn within two deviations has a start within half a diagonal of the lattice; narrow priors need one."""
    step, sigma = np.deg2rad(10), np.deg2rad(8)
    turns = near.starts(sigma, step)
    assert (turns[0] == 0).all() and np.linalg.norm(turns, axis=1).max() <= near.REACH * sigma + 1e-9
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (2000, 3)) * near.REACH * sigma
    points = points[np.linalg.norm(points, axis=1) < near.REACH * sigma - 0.87 * step]
    away = np.linalg.norm(points[:, None] - turns, axis=2).min(axis=1)
    assert len(points) > 20 and away.max() <= 0.87 * step
    assert len(near.starts(np.deg2rad(2), step)) == 1


def known(planted, degrees: float, pixels: float, prior: tuple[float, float], n: int = 60):
    """A planted refinement whose prior has the poses pushed off at random."""
    made = planted(n=n)
    rng = np.random.default_rng(5)
    push = Rotation.from_rotvec(np.deg2rad(degrees) * rng.standard_normal((n, 3))).as_matrix()
    shifts = made.shifts + pixels * rng.standard_normal((n, 2))
    expected = Prior(shifts, prior[1], push @ made.poses, np.deg2rad(prior[0]))
    return made, replace(made.problem, prior=expected)


@pytest.mark.parametrize(("degrees", "pixels"), [(2, 0.5), (8, 2)], ids=["near", "far"])
def test_pushed_poses_are_found(planted, degrees: float, pixels: float) -> None:
    made, problem = known(planted, degrees, pixels, (degrees, pixels))
    images = problem.images
    source = reference(made.volume, images.band.radius)
    task = Task(images, source, images.band.radius, made.noise, problem.settings.operators, problem.prior,
                problem.extent, 5.0)  # fmt: skip
    found = near.near_pass(task)(np.arange(len(images)))
    before = np.rad2deg(angles_between(problem.prior.poses, made.poses))
    after = np.rad2deg(angles_between(found.poses[:, 0], made.poses))
    assert np.median(after) < 1.5 and np.quantile(after, 0.95) < 4 < 1.3 * before.max()
    assert np.median(np.linalg.norm(found.shifts[:, 0] - made.shifts, axis=1)) < 0.3


def test_the_prior_holds_what_the_image_does_not_say(planted) -> None:
    """Without signal the poses stay where they are expected."""
    made, problem = known(planted, 0, 0, (0.5, 0.2))
    images = replace(problem.images, planes=0 * problem.images.planes)
    task = Task(images, reference(1e-3 * made.volume, 12), 12, made.noise, problem.settings.operators, problem.prior,
                problem.extent, 5.0)  # fmt: skip
    found = near.near_pass(task)(np.arange(len(images)))
    assert np.rad2deg(angles_between(found.poses[:, 0], made.poses)).max() < 0.1


def test_all_images_take_part_from_the_start(planted) -> None:
    made, problem = known(planted, 2, 0.5, (2, 1), n=700)
    start = near.first_state(problem, np.stack([made.volume] * 2), 8, made.noise)
    assert sum(map(len, chosen(problem, start))) == 700


@pytest.mark.parametrize("scale", [0.4, 3.0])
def test_grey_scale_at_known_poses(planted, scale: float) -> None:
    """Of a part of a map whose other part the images do not have, or have."""
    made = planted(n=100)
    other = np.roll(made.volume, (4, 0, 0), (0, 1, 2))
    images, known = made.problem.images, (made.poses, made.shifts, 15, made.noise)
    part = made.volume / np.float32(scale)
    assert near.fitted_scales(images, [part], *known) == pytest.approx([scale], rel=0.03)
    assert near.fitted_scales(images, [part, other], *known) == pytest.approx([scale, 0], rel=0.05, abs=0.05)
    rest = (made.volume - 0.3 * other, 0.3 * other)
    assert near.fitted_scales(images, list(rest), *known) == pytest.approx([1, 1], rel=0.1)
