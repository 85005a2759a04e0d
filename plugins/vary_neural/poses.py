"""Poses found together with what varies: from nothing, then in volumes of a decoder that has learned at those poses.

A map from nothing gives every image the pose that fits the mean. Where volumes differ, that pose is pulled towards what
the mean shows; an image searched again in volumes of several kinds is free of it. Decoder and poses take turns, each
held while the other moves (the class of cryoDRGN2: Zhong et al., ICCV 2021, and DRGN-AI: Levy et al. 2024); the search
is exhaustive in a low band and climbs from its best orientations in growing bands.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from spa.abinit.plan import extent_of
from spa.errors import UsageError
from spa.io import arrays
from spa.io.star import Tables
from spa.job.pool import mapping
from spa.job.run import Run
from spa.model.poses import matrices
from spa.recipe.abinit import inputs
from spa.recipe.abinit.course import FOLDER, Course
from spa.recipe.abinit.ended import posed
from spa.recipe.posed import Given
from spa.refine import expectation
from spa.refine.classes import evidence
from spa.refine.expectation import Poses, Task
from spa.refine.problem import Workers
from spa.refine.settings import searches
from spa.search.orientations import angles_between
from spa.search.prior import Prior
from spa.vary import clusters
from spa.vary.decoder import Decoder
from spa.vary.views import Views
from spa.volume.fsc import crossing

FINEST = 12.0  # angstroms: of the start from nothing
KINDS = 6  # volumes that every image is searched in
MOVE = 10.0  # angstroms: particles lie so far from where they were found, at most
FAR = np.deg2rad(10)
BEYOND = 2  # shells past the agreement of the halves that are searched
ONE = np.eye(3)[None]


@dataclass(frozen=True, eq=False)
class Turned:
    """Of every image: pose (n, 3, 3) and where the particle lies (n, 2), pixels of the compact box; moved: the share
    of images that turned far in the last search; radius: shells of that."""

    poses: np.ndarray
    shifts: np.ndarray
    moved: float
    radius: int


def begun(run: Run, tables: Tables, diameter: float | None, seeds: int) -> Tables:
    """The table with poses of one map from nothing."""
    if diameter is None:
        raise UsageError("--abinit: it needs --diameter")
    given = inputs.read(run, tables, 1, "C1", diameter, max(FINEST, 2.0 * _pixel(tables)), None)
    with mapping(run.threads) as pool:
        found = Course(run, given, pool).outcome(seeds).state.found
    assert found is not None
    return given.stack.tables.with_block("particles", posed(given, found))


def _pixel(tables: Tables) -> float:
    return float(tables["optics"].floats("rlnImagePixelSize").max()) if "optics" in tables else 1.0


def first(given: Given) -> Turned:
    """As the table has them."""
    euler = given.stack.particles.euler[given.rows]
    return Turned(matrices(*euler.T), np.array(given.posed.shifts), 1.0, 0)


def searched(
    views: Views, volumes: np.ndarray, curve: np.ndarray, diameter: float, before: Turned, rng: np.random.Generator,
    workers: Workers,
) -> Turned:  # fmt: skip
    """Every image in every volume (k, n, n, n), where its evidence is greatest; views are centred as `before` says;
    curve (n//2+1,): FSC of halves, as far as which the search goes."""
    images, n = views.images, len(views)
    radius = int(min(crossing(curve, 0.143) + BEYOND, images.band.radius))
    extent, reach = extent_of(diameter, images.band.box * images.pixel_size), MOVE / images.pixel_size
    search = searches(extent, radius)[1]
    prior = Prior(np.zeros((n, 2)), reach / 2)
    best, top = expectation.given_poses(before.poses, np.zeros((n, 2))), np.full(n, -np.inf)
    for volume in volumes:
        source = workers.engine.reference(volume, radius)
        task = Task(images, source, radius, views.noise, ONE, prior, extent, reach, workers.engine)
        look = expectation.wide_pass(task, search, rng, best)
        queue = workers.engine.blocks(images, np.arange(n), radius)
        found, logs = expectation.no_poses(n), np.full(n, -np.inf)
        for rows, modes in zip(queue, workers.looks(look, queue)):
            found.write(rows, modes)
            logs[rows] = evidence(modes)
        best, top = _better(best, found, logs > top), np.maximum(top, logs)
    number = best.weight.argmax(axis=1)
    poses, shifts = best.poses[np.arange(n), number], best.shifts[np.arange(n), number]
    moved = float((angles_between(before.poses, poses) > FAR).mean())
    return Turned(poses, before.shifts + shifts, moved, radius)


def _better(old: Poses, new: Poses, here: np.ndarray) -> Poses:
    """Modes of the new where `here` (n,), of the old elsewhere."""

    def chosen(name: str) -> np.ndarray:
        a, b = getattr(old, name), getattr(new, name)
        return np.where(here.reshape(-1, *[1] * (a.ndim - 1)), b, a)

    return Poses(*(chosen(name) for name in Poses.__dataclass_fields__))


def reposed(given: Given, turned: Turned) -> Given:
    """The images, as they were read, at other poses."""
    images = given.posed.images
    seen = images.seen_from(np.arange(len(images)), turned.poses)
    return replace(given, posed=replace(given.posed, poses=seen, shifts=turned.shifts))


def kinds(decoder: Decoder, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(k, n, n, n) volumes in the middles of clusters of coordinates z (n, q)."""
    number = clusters.kmeans(z, KINDS, rng).number
    return np.stack([decoder.volume(np.median(z[number == k], axis=0)) for k in np.unique(number)])


def keep(run: Run, number: int, turned: Turned) -> None:
    """The poses after a round, for --resume."""
    arrays.write(_path(run, number), {one.name: np.asarray(getattr(turned, one.name)) for one in fields(turned)})
    run.checkpoint()


def kept(run: Run, number: int) -> Turned | None:
    """The poses after a round of an earlier run, with --resume."""
    if not run.resume or not _path(run, number).exists():
        return None
    held = arrays.read(_path(run, number))
    return Turned(held["poses"], held["shifts"], float(held["moved"]), int(held["radius"]))


def _path(run: Run, number: int) -> Path:
    assert run.outdir is not None
    return run.outdir / FOLDER / f"poses{number}.npz"
