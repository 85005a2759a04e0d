"""Epochs of both halves: where particles lie, what the network makes of it, and the density that goes with it.

In a step the coordinates of some particles go towards the likeliest, the network learns from coordinates drawn by their
posterior (a variational training: the noise put into the coordinates is what the images leave open), and what they say
of the density is kept; after the epoch the density takes one of Newton's steps.
"""

from dataclasses import dataclass

import numpy as np

from spa.abinit.compact import rescaled
from spa.flex import density as densities
from spa.flex import network, rigid
from spa.flex.latents import stepped, whitened
from spa.flex.network import Shape
from spa.flex.scene import shell_weight, slopes
from spa.refine.problem import Workers
from spa_plugins.refine_flex.inputs import Problem, Start

BATCH = 128  # particles of a step
BENT = 8  # of them, whose motion's rigidity is looked at
STILL = 3  # epochs at first in which coordinates stay
RATE = (2e-3, 2e-4)  # of the network, at first and at the end
NEWTON = 0.6  # of the density's step, at most
SAMPLE = 128  # particles of a half by which a step's length is judged


@dataclass(frozen=True, eq=False)
class State:
    """After an epoch: z (n, q) and spread (n, q, q) of particles among the motions of their half; of the halves weights
    (2, p), the trainer's memory (2, 2, p) and density (2, n, n, n) in the training's box; steps taken; misfit (2,) and
    bend (2,): mean of the particles' misfit and of what their motion costs."""

    iteration: int
    steps: int
    z: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    memory: np.ndarray
    density: np.ndarray
    misfit: np.ndarray
    bend: np.ndarray


def shape_of(problem: Problem) -> Shape:
    """Of the networks."""
    mesh = problem.scenes[0].mesh
    return Shape(problem.settings.latents, len(mesh.vertices), mesh.edge)


def stream(problem: Problem, *keys: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the keys alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(problem.settings.seed, spawn_key=keys)))


def first_state(problem: Problem, start: Start) -> State:
    """The consensus, and no motion yet."""
    shape = shape_of(problem)
    weights = np.stack([network.fresh(shape, stream(problem, 1, 0))] * 2)  # both halves from the same
    box = problem.scenes[1].views.images.band.box
    density = np.stack([rescaled(problem.consensus, box)] * 2).astype(np.float32)
    memory = np.zeros((2, 2, shape.size), np.float32)
    return State(0, 0, start.mean, start.spread, weights, memory, density, np.zeros(2), np.zeros(2))


def trained(problem: Problem, state: State, workers: Workers) -> State:
    """After one more epoch."""
    halves = [_half(problem, state, number, workers) for number in (0, 1)]
    z, spread = state.z.copy(), state.spread.copy()
    for number, one in enumerate(halves):
        rows = problem.half(number)
        z[rows], spread[rows] = one.z, one.spread
    misfit, bend = np.array([one.misfit for one in halves]), np.array([one.bend for one in halves])
    weights, memory, density = (np.stack([getattr(one, name) for one in halves]) for name in
                                ("weights", "memory", "density"))  # fmt: skip
    return State(state.iteration + 1, state.steps + halves[0].steps, z, spread, weights, memory, density, misfit, bend)


@dataclass(eq=False)
class _Half:
    """What an epoch changes of a half; z and spread of its rows."""

    z: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    memory: np.ndarray
    density: np.ndarray
    steps: int = 0
    misfit: float = 0.0
    bend: float = 0.0


def _half(problem: Problem, state: State, number: int, workers: Workers) -> _Half:
    scene = problem.scenes[0 if state.iteration < problem.settings.coarse else 1]
    rows, shape = problem.half(number), shape_of(problem)
    now = _Half(state.z[rows], state.spread[rows], state.weights[number], state.memory[number], state.density[number])
    box = scene.views.images.band.box
    values = scene.body.values(rescaled(now.density, box))
    stiff = rigid.stiffness(scene.mesh, scene.body.cell, np.maximum(values, 0))
    rng = stream(problem, 2, state.iteration, number)
    batches = np.array_split(rng.permutation(len(rows)), max(1, len(rows) // BATCH))
    total = np.zeros(len(values), np.float32)
    settings = problem.settings
    for at in batches:
        mine = rows[at]
        if state.iteration >= STILL:
            found = stepped(scene, mine, values, lambda z: network.moves(shape, now.weights, z), now.z[at], workers,
                            rng.choice([-1.0, 1.0]))  # fmt: skip
            now.z[at], now.spread[at] = found.mean, found.spread
        noise = rng.standard_normal((len(at), settings.latents, 1))
        drawn = now.z[at] + (np.linalg.cholesky(now.spread[at]) @ noise)[..., 0]
        layers = network.forward(shape, now.weights, drawn)
        moves = layers[-1].reshape(len(at), -1, 3)
        found_slopes = slopes(scene, mine, values, moves, workers)
        cost, bend = rigid.energy(scene.mesh, stiff, moves[:BENT], workers.map)
        slope = found_slopes.moves
        slope[: len(bend)] += np.float32(settings.rigidity * len(at) / len(bend)) * bend
        gradient = network.backward(shape, now.weights, layers, slope / len(at))
        now.steps += 1
        rate = _rate((state.iteration + now.steps / len(batches)) / settings.epochs)
        now.weights, now.memory = network.adam(now.weights, now.memory, gradient, state.steps + now.steps, rate)
        total += found_slopes.density
        now.misfit += float(found_slopes.misfit.sum()) / len(rows)
        now.bend += settings.rigidity * float(cost.mean()) / len(batches)
    some = np.arange(len(rows))[:: max(1, len(rows) // SAMPLE)]
    posed = densities.Posed(scene, rows[some], now.z[some], lambda z: network.moves(shape, now.weights, z))
    _restored(problem, posed, now, rows, values, total, workers)
    _standardised(shape, now, state.iteration >= STILL)
    return now


def _rate(done: float) -> float:
    first, last = RATE
    return float(last + (first - last) * 0.5 * (1 + np.cos(np.pi * min(done, 1))))


def _restored(problem: Problem, posed: densities.Posed, now: _Half, rows: np.ndarray, values: np.ndarray,
              slope: np.ndarray, workers: Workers) -> None:  # fmt: skip
    """The density after one of Newton's steps from an epoch's slopes, no longer than a sample of particles bears.

    The step takes views to be spread evenly: where many are alike it would go far beyond the least misfit.
    """
    scene = posed.scene
    weight = shell_weight(scene, rows, workers)
    prior = densities.prior_weight(weight, problem.curve)
    slope = slope + densities.held(scene, values, prior)
    step = densities.relieved(scene, slope, weight + prior)
    fall = -float(np.dot(slope.astype(np.float64), step))
    bend = densities.bend(posed, values, step, workers) * len(rows) / len(posed.rows)
    bend += float(np.dot(step.astype(np.float64), densities.held(scene, step, prior)))
    size = NEWTON if NEWTON * bend < 2 * fall else max(fall, 0.0) / max(bend, 1e-30)  # else the misfit would grow
    values = values + np.float32(size) * step
    now.density = rescaled(scene.body.volume(values), len(now.density))


def _standardised(shape: Shape, now: _Half, moved: bool) -> None:
    """Coordinates of mean 0 and covariance one, and motions of mean 0, without a change to what images see."""
    if moved:
        centre, root = whitened(now.z, now.spread)
        inverse = np.linalg.inv(root)
        now.z = (now.z - centre) @ inverse.T
        now.spread = inverse @ now.spread @ inverse.T
        now.weights = network.recoordinated(shape, now.weights, centre, root)
    now.weights = network.centred(shape, now.weights, now.z)
