"""From a table with poses to the images, the mesh, and where each particle starts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, rankdata

from spa.abinit.compact import rescaled
from spa.class3d.prior import prior
from spa.errors import DataError, UsageError
from spa.flex import mesh as meshes
from spa.flex.scene import Scene, fit, looked, narrowed, scene, seen, without
from spa.gpu.device import Device
from spa.io.star import Tables
from spa.job.run import Run
from spa.recipe import latents, varying
from spa.recipe.posed import Given
from spa.refine.problem import Workers
from spa.vary import clusters, components, paths
from spa.vary.joint import joint
from spa.vary.views import Contrast, Views
from spa.volume.masks import soft_mask
from spa.volume.slices import regridded

SAMPLE = 1000  # particles by which rigidity is measured
GRID = 12  # floats at a point of the oversampled grid: sums of both halves and their transforms
REACH, SOFT = 8.0, 8.0  # angstroms that the mask made here reaches beyond the map, and of its edge


@dataclass(frozen=True, kw_only=True)
class Asked(varying.Band):
    """The options, as the user gave them; lengths in angstroms."""

    latent: int
    across: int
    rigidity: float
    train_resolution: float
    start_resolution: float
    epochs: int
    iterations: int
    no_contrast: bool
    frames: int


def asked(settings: dict[str, Any]) -> Asked:
    """From all options of the command."""
    return Asked.of({**settings, "focus_mask": None, "min_resolution": None})


@dataclass(frozen=True)
class Settings:
    """latents; epochs, `coarse` in the start's band; rigidity, log units; iterations of the density at the end."""

    latents: int
    epochs: int
    coarse: int
    rigidity: float
    iterations: int
    seed: int


@dataclass(frozen=True, eq=False)
class Start:
    """Coordinates that particles start from: mean (n, q), covariance (n, q, q)."""

    mean: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True, eq=False)
class Problem:
    """views of all images in the whole band; scenes of the start's, the training's and the whole band; consensus
    (n, n, n) within the mask, the FSC curve of its halves there, and the mask (n, n, n), of the whole band's box."""

    views: Views
    contrast: Contrast
    scenes: tuple[Scene, Scene, Scene]
    consensus: np.ndarray
    curve: np.ndarray
    mask: np.ndarray
    settings: Settings

    def half(self, number: int) -> np.ndarray:
        """Rows of a half-set."""
        return np.flatnonzero(self.views.images.half == number)


def read(run: Run, tables: Tables, asked: Asked) -> Given:
    """Images and poses."""
    if asked.start_resolution < asked.train_resolution:
        raise UsageError(f"--start-resolution {asked.start_resolution:g}: it is finer than --train-resolution "
                         f"{asked.train_resolution:g}")  # fmt: skip
    table = tables["particles"]
    if f"{latents.LATENT}1" in table:
        latents.means(table), latents.spreads(table)
    if asked.max_resolution > asked.train_resolution:
        raise UsageError(f"--max-resolution {asked.max_resolution:g}: it is coarser than --train-resolution "
                         f"{asked.train_resolution:g}")  # fmt: skip
    given = varying.read(run, tables, asked, GRID)
    if given.posed.images.shell_of(asked.start_resolution) < 4:
        raise UsageError(f"--start-resolution {asked.start_resolution:g}: next to nothing is left in this box")
    return given


def problem(run: Run, given: Given, workers: Workers, device: Device | None = None) -> Problem:
    """The images without what does not move, the mesh and its voxels in each band; device: what projects these."""
    asked, images = given.asked, given.posed.images
    ready = varying.prepared(run, given, asked.no_contrast, workers)
    mask = ready.region if asked.mask else soft_mask(ready.consensus, images.pixel_size, None, 20.0, REACH, SOFT)[0]
    inside = mask > meshes.INSIDE
    if asked.mask and inside.sum() < meshes.LEAST:
        raise DataError(f"{asked.mask}: {inside.sum()} voxels in it are too few to bend ({meshes.LEAST} at least)")
    if inside.sum() < meshes.LEAST:
        raise DataError(f"{given.where}: nothing stands out of the map of all particles; name a --mask")
    lattice = meshes.mesh(mask, asked.across)
    without(ready.views, np.where(inside, 0, ready.consensus), workers)
    scenes = []
    for resolution in (asked.start_resolution, asked.train_resolution, 0.0):
        radius = images.shell_of(resolution) if resolution else images.band.radius
        views = narrowed(ready.views, radius) if resolution else ready.views
        grid = np.clip(regridded(mask, views.images.band.box), 0, 1)
        scenes.append(scene(views, lattice, meshes.body(lattice, grid), ready.contrast, device))
    rigidity = asked.rigidity * explained(scenes[1], ready.consensus, workers)
    coarse = max(1, round(2 * asked.epochs / 3))
    settings = Settings(asked.latent, asked.epochs, coarse, rigidity, asked.iterations, run.seed)
    run.say(f"{len(lattice.vertices)} vertices, {len(lattice.cells)} tetrahedra in cubes of "
            f"{lattice.edge * _width(given):.1f} A; {inside.mean():.1%} of the box bends")  # fmt: skip
    return Problem(ready.views, ready.contrast, (scenes[0], scenes[1], scenes[2]), ready.consensus * inside,
                   ready.curve, mask, settings)  # fmt: skip


def explained(found: Scene, volume: np.ndarray, workers: Workers) -> float:
    """Log likelihood (mean of a sample) that images gain by a map (n, n, n) which does not move."""
    rows = np.arange(len(found.views))[:: max(1, len(found.views) // SAMPLE)]
    values = found.body.values(rescaled(volume, found.body.box))

    def one(some: np.ndarray) -> np.ndarray:
        still = np.zeros((len(some), len(found.mesh.vertices), 3), np.float32)
        return fit(found, *looked(found, some), seen(found, some, values, still)).misfit

    return max(-float(np.concatenate(list(workers.map(one, found.blocks(rows)))).mean()), 1e-3)


def _width(given: Given) -> float:
    return given.posed.images.band.box * given.posed.images.pixel_size


def start(run: Run, given: Given, found: Problem, workers: Workers) -> Start:
    """From the table's latents, or from linear components of the start's band."""
    table = given.stack.table(given.rows)
    if f"{latents.LATENT}1" in table:
        mean, spread = latents.means(table), latents.spreads(table)
        run.say(f"starts from the table's {mean.shape[1]} latents")
    else:
        mean, spread = _linear(run, found, workers)
    return _fitted(mean, spread, found.settings.latents, run)


def _linear(run: Run, found: Problem, workers: Workers) -> tuple[np.ndarray, np.ndarray]:
    """Latents (n, q) and covariances of linear components, two at least: a large motion bends through them."""
    coarse, count = found.scenes[0].views, max(2, found.settings.latents)
    band = coarse.images.band
    mean, inside = rescaled(found.consensus, band.box), np.clip(regridded(found.mask, band.box), 0, 1)
    strength = prior(mean, inside, inside, 0.05)
    settings = components.Settings(count, "em", band.radius, 0, run.seed)
    curve = found.curve[: band.box // 2 + 1]
    posed = components.Problem(coarse, found.contrast, mean, inside, curve, strength, settings)
    latent = joint(posed, components.first_state(posed, workers), workers).latent
    run.say(f"starts from {count} linear components")
    return latent.mean, latent.spread


def _fitted(mean: np.ndarray, spread: np.ndarray, count: int, run: Run) -> Start:
    """As many coordinates as are wanted: the place along the crowd's curve for one of several, noise for more."""
    n, q = mean.shape
    if count == 1 and q > 1:
        way = paths.curve(mean, spread, run.rng("start"))
        place, error = paths.along(way, *clusters.likelihoods(mean, spread))
        rank = norm.ppf((rankdata(place) - 0.5) / n)
        slope = np.clip(1 / max(float(place.std()), 1e-6) * error, 0.05, 0.95)
        return Start((rank * np.sqrt(1 - slope**2))[:, None], slope[:, None, None] ** 2)
    if q >= count:
        return Start(mean[:, :count], spread[:, :count, :count])
    more = run.rng("start").standard_normal((n, count - q))
    wide = np.tile(np.eye(count) * 0.5, (n, 1, 1))
    wide[:, :q, :q] = spread
    return Start(np.concatenate([mean, np.sqrt(0.5) * more], axis=1), wide)
