"""Both halves' components as one set, weighted by how far they agree, and every image's coordinates in it."""

from dataclasses import dataclass

import numpy as np

from spa.refine.maximisation import joint_fsc
from spa.refine.problem import Workers
from spa.vary.components import Problem, State, aligned_with
from spa.vary.latent import Latent, apart, posterior, whitened
from spa.vary.views import moments
from spa.volume.fsc import fsc
from spa.volume.shells import apply_radial


@dataclass(frozen=True, eq=False)
class Joint:
    """maps (q + 1, n, n, n): the mean and components of unit latent variance, weighted by the FSC of the halves.

    halves (2, q + 1, n, n, n): those of either half in the same frame, unweighted; curves (q + 1, n//2+1).
    latent: of all images; share (q,): of the variance that components explain.
    """

    maps: np.ndarray
    halves: np.ndarray
    curves: np.ndarray
    latent: Latent
    share: np.ndarray


def joint(problem: Problem, state: State, workers: Workers) -> Joint:
    """Of the last state."""
    radius = problem.views.images.band.radius
    halves = aligned_with(state.maps)
    maps = halves.mean(axis=0)
    rows = np.arange(len(problem.views))
    for final in (False, True):  # the second time with the weight that the halves' agreement gives each component
        seen = moments(problem.views, rows, maps, radius, workers)
        matrix = apart(seen, problem.contrast)
        matrix = matrix @ whitened(seen.turned(matrix), problem.contrast)[0]
        matrix = matrix @ _by_power(np.tensordot(matrix.T, maps, 1))
        halves = np.stack([np.tensordot(matrix.T, one, 1) for one in halves]).astype(np.float32)
        maps = np.tensordot(matrix.T, maps, 1).astype(np.float32)
        if not final:
            curves = np.stack(list(workers.map(lambda pair: curve(pair[0], pair[1], radius), zip(*halves))))
            maps = np.stack(list(workers.map(lambda one: apply_radial(one[0], joint_fsc(one[1])), zip(maps, curves))))
    latent = posterior(seen.turned(matrix), problem.contrast)
    maps, halves, latent = _signed(maps, halves, latent)
    curves = np.stack(list(workers.map(lambda pair: curve(pair[0], pair[1], radius), zip(*halves))))
    power = (maps[1:].astype(np.float64) ** 2).sum(axis=(1, 2, 3))
    return Joint(maps, halves, curves, latent, power / max(power.sum(), 1e-30))


def curve(a: np.ndarray, b: np.ndarray, radius: int) -> np.ndarray:
    """FSC of two maps; 0 beyond the band, and where noise makes it negative."""
    curve = np.maximum(fsc(a, b), 0)
    curve[radius + 1 :] = 0
    curve[0] = curve[1]
    return curve


def _by_power(maps: np.ndarray) -> np.ndarray:
    """The rotation (q + 1, q + 1) after which components (of unit latent variance) are orthogonal, strongest first."""
    flat = maps[1:].reshape(len(maps) - 1, -1).astype(np.float64)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    out = np.eye(len(maps))
    out[1:, 1:] = vectors[:, np.argsort(-values)]
    return out


def _signed(maps: np.ndarray, halves: np.ndarray, latent: Latent) -> tuple[np.ndarray, np.ndarray, Latent]:
    """The same with the sign of each component chosen so that its latents' longer tail is positive."""
    skew = (latent.mean**3).mean(axis=0)
    sign = np.r_[1.0, np.where(skew < 0, -1.0, 1.0)]
    own = sign[1:]
    turned = Latent(
        latent.mean * own, latent.spread * own[:, None] * own, latent.evidence, latent.first * sign,
        latent.second * sign[:, None] * sign,
    )  # fmt: skip
    column = sign[:, None, None, None].astype(np.float32)
    return maps * column, halves * column, turned

