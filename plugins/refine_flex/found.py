"""What training leaves: particles among both halves' motions, what these are worth, and the density without them."""

from dataclasses import dataclass

import numpy as np

from spa.abinit.compact import rescaled
from spa.class3d.consensus import Posed, consensus
from spa.flex import density as densities
from spa.flex import network
from spa.flex.latents import Flow, Posterior, settled
from spa.flex.motion import Common, Motion, common, motion
from spa.flex.scene import fit, looked, seen, shell_weight
from spa.job.run import Run
from spa.recipe.posed import Given
from spa.refine.maximisation import joint_fsc
from spa.refine.problem import Workers
from spa.vary import clusters, paths
from spa.volume.fsc import fsc
from spa.volume.shells import apply_radial
from spa_plugins.refine_flex.inputs import Problem
from spa_plugins.refine_flex.training import State, shape_of

FLOOR = 0.05  # of a shell's mean weight, added for half maps
CLEAR, CLEAR_HALF = 3, 2  # standard errors that the gain is above nothing, of all particles and of each half's
RIGID = 6  # turns of the density that does not move, in the training's band


@dataclass(frozen=True, eq=False)
class Found:
    """common: coordinates of all particles; gain: what a half's motions add to the log evidence of each particle of the
    other half (n,); halves (2, M) densities in the whole band's mesh; curve and rigid (n//2+1,): FSC of the halves in
    the mask, with motions and without; way (knots, q): the curve through the crowd."""

    given: Given
    problem: Problem
    common: Common
    scale: np.ndarray
    motion: Motion
    gain: np.ndarray
    flows: tuple[Flow, Flow]
    halves: np.ndarray
    curve: np.ndarray
    rigid: np.ndarray
    way: np.ndarray

    def volume(self, values: np.ndarray) -> np.ndarray:
        """The map (n, n, n) of a density, weighted by the FSC."""
        return apply_radial(self.problem.scenes[2].body.volume(values), joint_fsc(self.curve))

    def gained(self, number: int | None = None) -> tuple[float, float]:
        """Mean gain of a particle, and its standard error; number: of those of a half alone."""
        gain = self.gain if number is None else self.gain[self.problem.half(number)]
        return float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))

    @property
    def moves(self) -> bool:
        """Whether motions explain particles that they were not made of, in either half: where one alone varies, the
        other half's motions, of noise, explain some of that."""
        mean, error = self.gained()
        return mean > CLEAR * error and all(one > CLEAR_HALF * doubt for one, doubt in map(self.gained, (0, 1)))


def flow_of(problem: Problem, state: State, number: int) -> Flow:
    """Of a half."""
    shape, weights = shape_of(problem), state.weights[number]
    return lambda z: network.moves(shape, weights, z)


def found(run: Run, given: Given, problem: Problem, state: State, workers: Workers) -> Found:
    """Everything that is computed after the last epoch."""
    scene, rows = problem.scenes[1], np.arange(len(problem.views))
    flows = flow_of(problem, state, 0), flow_of(problem, state, 1)
    values = [scene.body.values(one) for one in state.density]
    starts = [_starts(problem, state, number) for number in (0, 1)]
    pair = tuple(settled(scene, rows, values[k], flows[k], starts[k], workers) for k in (0, 1))
    both: tuple[Posterior, Posterior] = (pair[0], pair[1])
    gain = np.empty(len(rows))
    for number in (0, 1):
        other = problem.half(1 - number)
        gain[other] = both[number].evidence[other] + _rigid(problem, number, other, values[number], workers)
    run.note(f"motions of one half add {gain.mean():.2f} log units to a particle of the other")
    mass = np.bincount(scene.body.corners.ravel(), (scene.body.shares * np.maximum(values[0], 0)[:, None]).ravel(),
                       minlength=len(scene.mesh.vertices))  # fmt: skip
    shared = common(both, flows[0], mass / mass.sum())
    how = motion(flows, both)
    halves = np.stack([_sharp(run, problem, state, number, both[number], workers) for number in (0, 1)])
    whole = problem.scenes[2]
    curve = _curve(problem, *(whole.body.volume(one) * problem.mask for one in halves))
    still = Posed(problem.views.images, problem.views.poses, np.zeros((len(rows), 2)))
    rigid = consensus(still, problem.views.noise, problem.mask, workers).curve
    way = curve_through(shared, run.rng("path"))
    scale = (both[0].scale + both[1].scale) / 2
    return Found(given, problem, shared, scale, how, gain, flows, halves, curve, rigid, way)


def curve_through(shared: Common, rng: np.random.Generator) -> np.ndarray:
    """(knots, q): the curve through the crowd, in the coordinates that halves agree in, and at the middle of others:
    of those images say next to nothing, and a curve is led astray."""
    sure = shared.agreed
    way = paths.curve(shared.mean[:, sure], shared.spread[:, sure][:, :, sure], rng)
    out = np.zeros((len(way), len(sure)))
    out[:, sure] = way
    return out


def place(found: Found) -> tuple[np.ndarray, np.ndarray]:
    """(n,) how far along the curve through the crowd particles are, and its error."""
    return paths.along(found.way, *clusters.likelihoods(found.common.mean, found.common.spread))


def _starts(problem: Problem, state: State, number: int) -> np.ndarray:
    """(n, q) where particles start among a half's motions: its own where they are, the others' turned so that their
    motions become this half's (both have covariance one)."""
    own, other = problem.half(number), problem.half(1 - number)
    z = state.z.copy()
    sample = z[own[:: max(1, len(own) // 400)]]
    ways = []
    for half in (number, 1 - number):
        moves = flow_of(problem, state, half)(sample).reshape(len(sample), -1)
        ways.append(np.linalg.lstsq(sample, moves - moves.mean(axis=0), rcond=None)[0])
    u, _, v = np.linalg.svd(ways[1] @ ways[0].T)
    z[other] = z[other] @ (u @ v)
    return z


def _rigid(problem: Problem, number: int, other: np.ndarray, values: np.ndarray, workers: Workers) -> np.ndarray:
    """(m,) misfit of the other half's particles under a half's density that does not move: that of its motions, or the
    one that its own particles have if they do not move, whichever fits better."""
    scene, own = problem.scenes[1], problem.half(number)
    still = np.zeros((1, len(scene.mesh.vertices), 3), np.float32)
    weight = shell_weight(scene, own, workers)
    posed = densities.Posed(scene, own, np.zeros((len(own), 1)), lambda z: np.repeat(still, len(z), axis=0))
    prior = densities.prior_weight(weight, problem.curve)
    *_, fixed = densities.solved(posed, values, prior, weight, RIGID, workers)

    def misfit(density: np.ndarray) -> np.ndarray:
        def one(rows: np.ndarray) -> np.ndarray:
            return fit(scene, *looked(scene, rows), seen(scene, rows, density, posed.flow(rows))).misfit

        return np.concatenate(list(workers.map(one, scene.blocks(other))))

    return min((misfit(density) for density in (values, fixed)), key=lambda one: float(one.sum()))


def _sharp(run: Run, problem: Problem, state: State, number: int, posterior: Posterior, workers: Workers) -> np.ndarray:
    """The density (M,) of a half in the whole band."""
    scene, rows = problem.scenes[2], problem.half(number)
    weight = shell_weight(scene, rows, workers)
    values = scene.body.values(rescaled(state.density[number], scene.body.box))
    posed = densities.Posed(scene, rows, posterior.mean[rows], flow_of(problem, state, number))
    floor, count = FLOOR * weight + 1e-6 * weight.max(), problem.settings.iterations
    turns = densities.solved(posed, values, floor, weight, count, workers)
    *_, sharp = run.progress(turns, count, "iteration")
    return sharp


def _curve(problem: Problem, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    curve = fsc(first, second)
    curve[problem.views.images.band.radius + 1 :] = 0
    return curve
