"""What an image can know of its copy."""

from collections.abc import Callable

import numpy as np
import pytest

from spa.refine import expectation
from spa.refine.engine import CPU
from spa.relax import held
from spa.search.prior import Prior


@pytest.mark.parametrize("group", ["C4", "D4", "O"])
def test_a_missing_subunit_is_told_by_two_parts_of_what_tells_the_pose(puzzle: Callable, group: str) -> None:
    """Where it is missing, and where another map has it missing: each is one part of the particle's power."""
    case = puzzle(group, count=120, snr=0.5)
    copies, radius, n = len(case.turns), case.images.band.radius, len(case.images)
    block = case.images.block(np.arange(n), radius, case.noise)
    every = np.einsum("nij,gjk->ngik", case.truth, case.turns)
    source, nowhere = CPU.reference(case.volume, radius), np.zeros((n, copies, 2))
    logp = CPU.heights(source, block, every, nowhere, radius, Prior.flat(n))
    right, others = logp[:, 0], logp[:, 1:].mean(axis=1)
    poses = expectation.no_poses(n)
    poses.logp[:, 0], poses.weight[:, 0] = right, 1
    assert held.nats(poses, copies) == pytest.approx(np.median(right - others), rel=0.4)


def test_images_without_a_pose_say_nothing() -> None:
    assert held.nats(expectation.no_poses(3), 4) == -np.inf
