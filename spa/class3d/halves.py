"""The maps of classes: both halves of each, their FSC, and the sum weighted by it."""

from dataclasses import dataclass

import numpy as np

from spa.class3d.loop import Problem, State, summed
from spa.refine.maximisation import joint_fsc, raw_prior
from spa.refine.problem import Workers
from spa.volume import insert as into
from spa.volume.fsc import fsc
from spa.volume.shells import apply_radial


@dataclass(frozen=True, eq=False)
class Maps:
    """Of k classes: halves (k, 2, n, n, n) unfiltered, joint (k, n, n, n) weighted by the FSC curves (k, n//2+1)."""

    halves: np.ndarray
    joint: np.ndarray
    curves: np.ndarray


def class_maps(problem: Problem, state: State, consensus: np.ndarray, solvent: np.ndarray, workers: Workers) -> Maps:
    """Of a state that has seen all images; consensus (n, n, n) is what its maps are differences from.

    The halves share the assignment of images to classes, which all images made.
    """
    found = problem.found
    radius = found.images.band.radius
    rows = [problem.rows[found.images.half[problem.rows] == half] for half in (0, 1)]
    sums = [summed(found, mine, state.posterior[mine].astype(float), radius, workers) for mine in rows]
    halves, curves, joint = [], [], []
    for pair in zip(*sums):
        raw = [consensus + into.solve(one, raw_prior(one)) for one in (*pair, pair[0].plus(pair[1]))]
        curve = fsc(raw[0] * solvent, raw[1] * solvent)
        curve[radius + 1 :] = 0
        halves.append(raw[:2])
        curves.append(curve)
        joint.append(apply_radial(raw[2], joint_fsc(curve)))
    return Maps(np.array(halves), np.stack(joint), np.stack(curves))
