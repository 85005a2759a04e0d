"""From a table to trained networks and what they tell: a start, epochs with a checkpoint after each, a reading."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from spa.errors import UsageError
from spa.io.star import Tables
from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe import torch_device
from spa.recipe.iterations import checkpoint, resumed
from spa.recipe.posed import Given
from spa.refine.problem import Workers
from spa.vary import clusters, paths
from spa_plugins.vary_neural import field, inputs, poses, training
from spa_plugins.vary_neural.inputs import Asked, Start
from spa_plugins.vary_neural.poses import Turned
from spa_plugins.vary_neural.reading import Reading, decoder, guessed, reading

SHORT = 0.4  # of the epochs, between searches of poses
STILL = 0.01  # of the particles turn in a search: it is the last


@dataclass(frozen=True, eq=False)
class Found:
    """What the job tells; bound (epochs,): mean over images in each; groups: clusters; curve (knots, q);
    turned: the poses, where they were found here."""

    given: Given
    start: Start
    reading: Reading
    bound: np.ndarray
    groups: clusters.Clusters | None
    curve: np.ndarray
    turned: Turned | None

    @property
    def asked(self) -> Asked:
        assert isinstance(self.given.asked, Asked)
        return self.given.asked


def learned(run: Run, tables: Tables, settings: dict[str, Any]) -> Found:
    """Everything that is computed."""
    asked = Asked.of(settings)
    if asked.width % 2:
        raise UsageError(f"--width {asked.width}: a multiple of 2 is wanted")
    device = torch_device.named(run.device)
    if asked.abinit:
        tables = poses.begun(run, tables, asked.diameter, asked.seeds)
    given = inputs.read(run, tables, asked)
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads)
        turned = None
        if asked.abinit:
            given, turned = _joined(run, tables, given, asked, device, workers)
        start = inputs.start(run, given, workers)
        network, bound = _trained(run, start, asked, device, asked.rounds if asked.abinit else 0)
        found = reading(start, network, settings["shuffles"], workers)
    groups = None
    if asked.clusters:
        groups = clusters.mixture(found.found.mean, found.found.spread, asked.clusters, run.rng("clusters"))
    curve = paths.unfolded(found.found.mean, found.found.spread, run.rng("path"))
    return Found(given, start, found, bound, groups, curve, turned)


def _joined(
    run: Run, tables: Tables, given: Given, asked: Asked, device: str, workers: Workers
) -> tuple[Given, Turned]:
    """Decoder and poses in turns; the images at the last poses."""
    turned = poses.first(given)
    short = replace(asked, epochs=max(1, round(SHORT * (asked.epochs or training.enough(len(given.rows))))))
    for number in range(asked.rounds):
        held = poses.kept(run, number + 1)
        if held is None:
            start = inputs.start(run, given, workers)
            network, _ = _trained(run, start, short, device, number)
            rng = run.rng("poses", str(number))
            volumes = poses.kinds(decoder(start, network), guessed(start, network), rng)
            assert asked.diameter
            problem = start.problem
            held = poses.searched(problem.views, volumes, problem.curve, asked.diameter, turned, rng, workers)
            poses.keep(run, number + 1, held)
            given = inputs.read(run, tables, asked)  # as they are: a stopped run that goes on has the same
        turned, given = held, poses.reposed(given, held)
        resolution = given.posed.images.resolution_of(held.radius)
        run.note(f"round {number + 1}: poses searched to {resolution:.1f} A in {poses.KINDS} volumes, "
                 f"{held.moved:.1%} of the particles turned by more than 10 degrees")  # fmt: skip
        if held.moved < STILL:
            break
    return given, turned


def _trained(
    run: Run, start: Start, asked: Asked, device: str, number: int
) -> tuple[field.Network, np.ndarray]:
    """The network after its epochs, at the poses of a round, and the mean bound of an image in each."""
    features = start.material.features.shape[1]
    shape = field.Shape(asked.latent, features, asked.maps, asked.width, asked.layers, field.fast_half(device))
    rng = run.rng("weights")
    made = field.made(shape, inputs.points(start.problem.prior.region, asked.width // 2, rng), device)
    count = len(start.problem.views)
    weights = field.fresh(shape, rng)
    state = resumed(run, training.State, lambda one: one.images == count and len(one.weights) == shape.size)
    if state is None or state.round != number:
        state = training.first_state(weights, count, number)
    epochs = asked.epochs or training.enough(len(start.material.rows))
    course = training.Course(epochs=epochs, rate=asked.rate, beta=asked.beta, start=start.problem.settings.start,
                             seed=asked.seed)  # fmt: skip
    with ThreadPoolExecutor(run.threads) as pool:
        while state.iteration < epochs:
            state = training.epoch(start.material, state, course, made, pool, device)
            run.note(f"epoch {state.iteration}: {state.bound[-1]:+.2f} log units a particle over the mean")
            checkpoint(run, state)
    torch.set_num_threads(1)
    return made(torch.from_numpy(state.weights).to(device)), state.bound
