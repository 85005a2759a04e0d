"""Maps that poses are searched against are means over what poses may be; maps that are looked at are of modes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from spa.refine import expectation, halfmaps, loop, maximisation, plan
from spa.refine.problem import ALONE


def test_modes_are_drawn_about_once_they_are_climbed_and_nothing_else_smooths(planted: Callable) -> None:
    case = planted(n=8)
    start = loop.first_state(case.problem, [case.volume], case.noise)
    climbed = replace(start, moved=0.01)
    assert halfmaps.draws(case.problem, start) == 0
    assert halfmaps.draws(case.problem, climbed) == maximisation.DRAWS
    assert halfmaps.draws(replace(case.problem, smoothing=lambda *halves: halves), climbed) == 0


def test_the_last_maps_are_of_modes_as_they_are(planted: Callable) -> None:
    """And stand with their FSC beside poses that were found in others."""
    case = planted(n=60)
    poses = expectation.given_poses(case.poses, case.shifts)
    poses.root[...] = 0.1 * np.eye(5)
    start = replace(loop.first_state(case.problem, [case.volume], case.noise), searched=np.ones(60, bool), radius=8)
    found, parts = replace(start, poses=[poses]), plan.everything(case.problem)
    drawn = halfmaps.summed(case.problem, found, ALONE, parts, 1.0, maximisation.DRAWS)
    plain = halfmaps.summed(case.problem, replace(found, passes=1e9), ALONE, parts, 1.0)
    assert plain.done and drawn.halves is not None and plain.halves is not None
    assert not np.allclose(drawn.halves, plain.halves, atol=1e-3)
    last = halfmaps.undrawn(case.problem, found, replace(drawn, passes=7.0), ALONE, parts, 1.0)
    for name in ("maps", "halves", "curves", "joint"):
        np.testing.assert_array_equal(getattr(last, name), getattr(plain, name))
    assert last.passes == 7.0
