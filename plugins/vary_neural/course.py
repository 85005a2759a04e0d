"""From a table to trained networks and what they tell: a start, epochs with a checkpoint after each, a reading."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from spa.errors import UsageError
from spa.io.star import Tables
from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe.iterations import checkpoint, resumed
from spa.recipe.posed import Given
from spa.refine.problem import Workers
from spa.vary import clusters, paths
from spa_plugins.vary_neural import field, inputs, training
from spa_plugins.vary_neural.inputs import Asked, Start
from spa_plugins.vary_neural.reading import Reading, reading


@dataclass(frozen=True, eq=False)
class Found:
    """What the job tells; bound (epochs,): mean over images in each; groups: clusters; curve (knots, q)."""

    given: Given
    start: Start
    reading: Reading
    bound: np.ndarray
    groups: clusters.Clusters | None
    curve: np.ndarray

    @property
    def asked(self) -> Asked:
        assert isinstance(self.given.asked, Asked)
        return self.given.asked


def learned(run: Run, tables: Tables, settings: dict[str, Any]) -> Found:
    """Everything that is computed."""
    asked = Asked.of(settings)
    if asked.width % 2:
        raise UsageError(f"--width {asked.width}: a multiple of 2 is wanted")
    device = field.on_device(run.device)
    given = inputs.read(run, tables, asked)
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads)
        start = inputs.start(run, given, workers)
        state, made = _trained(run, start, asked, device)
        network = made(torch.from_numpy(state.weights).to(device))
        torch.set_num_threads(1)
        found = reading(start, network, settings["shuffles"], workers)
    groups = None
    if asked.clusters:
        groups = clusters.mixture(found.found.mean, found.found.spread, asked.clusters, run.rng("clusters"))
    curve = paths.unfolded(found.found.mean, found.found.spread, run.rng("path"))
    return Found(given, start, found, state.bound, groups, curve)


def _trained(run: Run, start: Start, asked: Asked, device: str) -> tuple[training.State, field.Made]:
    features = start.material.features.shape[1]
    shape = field.Shape(asked.latent, features, asked.maps, asked.width, asked.layers, field.fast_half(device))
    rng = run.rng("weights")
    made = field.made(shape, inputs.points(start.problem.prior.region, asked.width // 2, rng), device)
    count = len(start.problem.views)
    weights = field.fresh(shape, rng)
    state = resumed(run, training.State, lambda one: one.images == count and len(one.weights) == shape.size)
    if state is None:
        state = training.first_state(weights, count)
    epochs = asked.epochs or training.enough(len(start.material.rows))
    course = training.Course(epochs=epochs, rate=asked.rate, beta=asked.beta, start=start.problem.settings.start,
                             seed=asked.seed)  # fmt: skip
    with ThreadPoolExecutor(run.threads) as pool:
        while state.iteration < epochs:
            state = training.epoch(start.material, state, course, made, pool, device)
            run.note(f"epoch {state.iteration}: {state.bound[-1]:+.2f} log units a particle over the mean")
            checkpoint(run, state)
    return state, made
