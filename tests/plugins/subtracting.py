"""Calls of `spa subtract signal` on the files of `two_bodies`, and how much of each body they leave."""

from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.testing import Result, run_spa
from tests import two_bodies
from tests.plugins import spoiled
from tests.two_bodies import Bodies

N, BOX, PIXEL = 60, 48, 5.0


def subtract(folder: Path, out: Path, *more: object, table: Path | None = None) -> Result:
    return run_spa("subtract", "signal", table or folder / "particles.star", "-d", out, "-o", out / "s.star",
                   "--mask", folder / "mask_a.mrc", *more)  # fmt: skip


def done(folder: Path, out: Path, *more: object, table: Path | None = None) -> star.Tables:
    result = subtract(folder, out, *more, table=table)
    assert result.status == 0, result.stderr
    return star.read(out / "s.star")


def images(tables: star.Tables) -> np.ndarray:
    """As every job reads them."""
    stack = open_particles(Run("some job", {}), tables)
    return stack.source.read(np.arange(len(stack)))


def amplitudes(pixels: np.ndarray, bodies: Bodies) -> np.ndarray:
    """How much of A and of B is in the images, by least squares over all of them."""
    parts = [one - one.mean(axis=(1, 2), keepdims=True) for one in (bodies.clean["a"], bodies.clean["b"])]
    design = np.stack([one.ravel() for one in parts], axis=1)
    return np.linalg.lstsq(design, (pixels - pixels.mean(axis=(1, 2), keepdims=True)).ravel(), rcond=None)[0]


ONE = "--map"


def without(folder: Path, to: Path, *columns: str, **changed: object) -> Path:
    return spoiled.particles(folder / "particles.star", to / "w.star", *columns, **changed)


def made_bodies() -> Bodies:
    return two_bodies.make(N, BOX, PIXEL, snr=0.3, spread=0.1)


def written(bodies: Bodies, folder: Path) -> Path:
    """A folder with the files of `two_bodies.write`, and half maps: both bodies with noise."""
    two_bodies.write(bodies, folder)
    write_halves(bodies, folder)
    return folder


def write_halves(bodies: Bodies, folder: Path) -> None:
    """half1.mrc, half2.mrc: both bodies with noise."""
    rng = np.random.default_rng(3)
    both = bodies.maps["a"] + bodies.maps["b"]
    for half in (1, 2):
        noise = 0.02 * both.max() * rng.standard_normal(both.shape).astype(np.float32)
        mrc.write(folder / f"half{half}.mrc", both + noise, PIXEL)
