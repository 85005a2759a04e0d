"""What is drawn for each particle, and the tables that say it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa.image.aberrations import moved_defocus
from spa.simulate.optics import Defocus, draw_defocus, draw_views

JITTER = 100.0  # angstroms of defocus within a micrograph
NOISE_SPREAD = 0.25  # of the mean, between optics groups


@dataclass(frozen=True)
class Draws:
    """Arrays over particles: views (n, 3) radians, origins (n, 2) angstroms; noise is the standard deviation.

    error: of the defocus that a user has, angstroms; form: of each particle, 0 where it is whole.
    """

    views: np.ndarray
    origins: np.ndarray
    defocus: Defocus
    micrograph: np.ndarray
    group: np.ndarray
    half: np.ndarray
    noise: np.ndarray
    error: np.ndarray
    form: np.ndarray

    def defocus_of(self, rows: np.ndarray) -> Defocus:
        return Defocus(self.defocus.u[rows], self.defocus.v[rows], self.defocus.angle[rows])


def drawn(
    count: int, groups: int, per_micrograph: int, defocus: tuple[float, float], astigmatism: float, shift: float,
    rng: np.random.Generator, form: np.ndarray, error: float = 0.0,
) -> Draws:  # fmt: skip
    """Poses, origins, defocus, optics groups (whole micrographs), noise levels and half-sets of count particles."""
    micrograph = np.arange(count) // per_micrograph
    films = int(micrograph[-1]) + 1
    shared = draw_defocus(films, *defocus, astigmatism, rng)
    jitter = JITTER * rng.standard_normal(count)
    levels = 1 + NOISE_SPREAD * rng.uniform(-1, 1, groups) if groups > 1 else np.ones(1)
    group = (np.arange(films) % groups)[micrograph]
    return Draws(
        views=draw_views(count, rng),
        origins=shift * rng.standard_normal((count, 2)),
        defocus=Defocus(shared.u[micrograph] + jitter, shared.v[micrograph] + jitter, shared.angle[micrograph]),
        micrograph=micrograph, group=group, half=1 + rng.permutation(count) % 2, noise=levels[group],
        error=error * rng.uniform(-1, 1, count), form=form,
    )  # fmt: skip


def tables_of(draws: Draws, stack: Path, matrix: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
    """Columns of ``data_particles`` without the truth, and with it.

    matrix (2, 2): the magnification. A user's defocus is what fits the images as they lie, but for its error.
    """
    degrees = np.rad2deg(draws.views)
    true = draws.defocus.u, draws.defocus.v, draws.defocus.angle
    u, v, angle = true if np.array_equal(matrix, np.eye(2)) else moved_defocus(*true, np.linalg.inv(matrix))
    blind = {
        "rlnImageName": [f"{i + 1:06d}@{stack}" for i in range(len(draws.views))],
        "rlnMicrographName": [f"mic{i + 1:05d}.mrc" for i in draws.micrograph],
        "rlnDefocusU": u + draws.error, "rlnDefocusV": v + draws.error,
        "rlnDefocusAngle": np.rad2deg(angle), "rlnOpticsGroup": draws.group + 1,
    }  # fmt: skip
    truth = {
        **blind,
        "rlnDefocusU": true[0], "rlnDefocusV": true[1], "rlnDefocusAngle": np.rad2deg(true[2]),
        "rlnAngleRot": degrees[:, 0], "rlnAngleTilt": degrees[:, 1], "rlnAnglePsi": degrees[:, 2],
        "rlnOriginXAngst": draws.origins[:, 0], "rlnOriginYAngst": draws.origins[:, 1], "rlnRandomSubset": draws.half,
    }  # fmt: skip
    return blind, truth
