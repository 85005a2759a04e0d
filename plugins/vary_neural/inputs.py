"""From a table with poses to what the networks learn from: views, a start, rows that teach, rows that judge."""

from dataclasses import dataclass

import numpy as np

from spa.class3d.prior import prior
from spa.errors import DataError
from spa.io.star import Tables
from spa.job.run import Run
from spa.recipe import varying
from spa.recipe.posed import Given
from spa.refine.problem import Workers
from spa.vary import clusters, components, normal, paths
from spa.vary.joint import Joint, joint
from spa.vary.latent import Latent
from spa.volume.slices import reference
from spa_plugins.vary_neural.settling import functions
from spa_plugins.vary_neural.training import Material

FEWEST = 50  # particles a latent
LINEAR = 6  # components of the start, at least
TAU = 0.05  # power of what varies, over that of the map, in the start
HELD, LEAST_HELD, MOST_HELD = 0.1, 400, 4000  # of the particles, and of them at least (if four times as many are
# there) and at most: they judge and do not teach


@dataclass(frozen=True, kw_only=True)
class Asked(varying.Band):
    """The options, as the user gave them; lengths in angstroms."""

    latent: int
    epochs: int | None
    maps: int
    width: int
    layers: int
    rate: float
    beta: float
    start_resolution: float
    clusters: int | None
    frames: int
    seed: int
    abinit: bool
    rounds: int
    seeds: int


def read(run: Run, tables: Tables, asked: Asked) -> Given:
    """Images and poses; enough of them for the latents that are asked for."""
    count = max(_linear(asked) + components.SPARE, functions(asked.latent)) + 1
    given = varying.read(run, tables, asked, max(normal.channels(count) + 2 * count + 6, asked.maps))
    if len(given.rows) < FEWEST * asked.latent:
        raise DataError(f"{given.where}: {len(given.rows)} particles are too few for --latent {asked.latent} "
                        f"({FEWEST} each at least)")  # fmt: skip
    return given


def _linear(asked: Asked) -> int:
    return max(LINEAR, asked.latent)


@dataclass(frozen=True, eq=False)
class Start:
    """The problem of a linear start and its end; material of the networks; held: rows that judge."""

    problem: components.Problem
    linear: Joint
    material: Material
    held: np.ndarray


def start(run: Run, given: Given, workers: Workers) -> Start:
    """Principal components at low resolution: they tell the encoder what images show."""
    asked, images = given.asked, given.posed.images
    ready = varying.prepared(run, given, False, workers)
    width, radius = images.band.box * images.pixel_size, images.band.radius
    coarse = int(np.clip(width / asked.start_resolution, 4, radius))
    settings = components.Settings(_linear(asked), "em", coarse, 0, asked.seed)
    strength = prior(ready.consensus, ready.sphere, ready.region, TAU)
    problem = components.Problem(
        ready.views, ready.contrast, ready.consensus, ready.solvent, ready.curve, strength, settings
    )
    run.note(f"a start by {_linear(asked)} principal components to {asked.start_resolution:g} A")
    linear = joint(problem, components.first_state(problem, workers), workers)
    rng = run.rng("held")
    held = np.sort(rng.permutation(len(images))[: _held(len(images))])
    rows = np.setdiff1d(np.arange(len(images)), held)
    filled = float((ready.region**2).mean())
    amplitude = np.sqrt(strength.density[: radius + 2] * filled)
    unknown = 2 / 3 * np.pi * radius**3 * filled
    source = reference(ready.consensus, radius)
    told = features(linear.latent, asked.latent, run.rng("path"))
    material = Material(ready.views, source, linear.latent.scale, told, rows, amplitude, unknown)
    return Start(problem, linear, material, held)


def _held(count: int) -> int:
    return int(min(max(HELD * count, min(LEAST_HELD, count / 4)), MOST_HELD))


def features(latent: Latent, count: int, rng: np.random.Generator) -> np.ndarray:
    """(n, p) what the encoder is told: where `count` coordinates start and their log errors, then all components'.

    One coordinate starts along the curve through all: along a component a large motion lies folded.
    """
    error = np.sqrt(np.diagonal(latent.spread, axis1=1, axis2=2))
    first, spread = latent.mean[:, :count], error[:, :count]
    if count == 1:
        way = paths.unfolded(latent.mean, latent.spread, rng)
        place, width = paths.along(way, *clusters.likelihoods(latent.mean, latent.spread))
        unit = max(float(place.std()), 1e-6)
        first, spread = ((place - place.mean()) / unit)[:, None], (width / unit)[:, None]
    logs = (np.log(np.clip(one, 1e-2, 1)) for one in (spread, error))
    return np.concatenate([first, next(logs), latent.mean, next(logs)], axis=1).astype(np.float32)


def points(region: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 3) x y z of places in the region (n, n, n), in radians for a cycle a box."""
    n = len(region)
    share = region.ravel().astype(np.float64)
    chosen = rng.choice(share.size, count, p=share / share.sum())
    at = np.stack(np.unravel_index(chosen, region.shape), axis=1)[:, ::-1] + rng.uniform(-0.5, 0.5, (count, 3))
    return 2 * np.pi * (at - n // 2) / n
