"""A data collection: which micrographs there will be, and one of them made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa.image.ctf import Lens
from spa.model.poses import matrices
from spa.simulate.micrographs import Film, exposed, placed
from spa.simulate.optics import Defocus, draw_defocus, draw_views
from spa.simulate.particles import clean_images, noise_level
from spa.simulate.specimen import Specimen

SAMPLE = 96  # projections that set the noise level
DRIFT = 25.0  # angstroms, of a bad micrograph


@dataclass(frozen=True)
class Plan:
    """One micrograph to make; defocus has one value each."""

    number: int
    name: str
    defocus: Defocus
    empty: bool
    bad: bool


@dataclass(frozen=True, eq=False)
class Session:
    """What all micrographs share; gap in angstroms."""

    specimen: Specimen
    lens: Lens
    film: Film
    particles: int
    gap: float
    crystals: int


def planned(
    count: int, empty: int, bad: int, defocus: tuple[float, float], astigmatism: float, rng: np.random.Generator
) -> list[Plan]:
    """The micrographs in order: good ones, then empty, then bad."""
    drawn = draw_defocus(count, *defocus, astigmatism, rng)
    good = count - empty - bad
    return [
        Plan(i, f"mic{i + 1:05d}", Defocus(drawn.u[i : i + 1], drawn.v[i : i + 1], drawn.angle[i : i + 1]),
             empty=good <= i < good + empty, bad=i >= good + empty)
        for i in range(count)
    ]  # fmt: skip


def film_for(
    specimen: Specimen, lens: Lens, shape: tuple[int, int], snr: float, ice: float, bfactor: float,
    defocus: tuple[float, float], rng: np.random.Generator,
) -> Film:  # fmt: skip
    """The exposure whose noise gives the signal-to-noise ratio, over the range of defocus."""
    box, pixel_size = len(specimen.volume), specimen.pixel_size
    poses = matrices(*draw_views(SAMPLE, rng).T)
    drawn = draw_defocus(SAMPLE, *defocus, 0.0, rng)
    clean = clean_images(specimen, poses, np.zeros((SAMPLE, 2)), lens, drawn, box, pixel_size, bfactor)
    return Film(shape, pixel_size, noise_level(clean, specimen.diameter / pixel_size, snr), ice, bfactor)


def picture(session: Session, plan: Plan, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, Any]]:
    """One micrograph (ny, nx) and the columns of its particles: coordinates in pixels, angles in degrees."""
    specimen, film = session.specimen, session.film
    radius = specimen.diameter / 2 / film.pixel_size
    count = 0 if plan.empty else session.particles
    points = placed(count, film.shape, 2 * radius + session.gap / film.pixel_size, radius, rng)
    views = draw_views(len(points), rng)
    drift, crystals = DRIFT if plan.bad else 0.0, session.crystals
    image = exposed(
        specimen, points, matrices(*views.T), session.lens, plan.defocus, film, rng, drift=drift, ice_crystals=crystals
    )
    rot, tilt, psi = np.rad2deg(views).T
    return image, {
        "rlnCoordinateX": points[:, 0], "rlnCoordinateY": points[:, 1],
        "rlnAngleRot": rot, "rlnAngleTilt": tilt, "rlnAnglePsi": psi,
    }  # fmt: skip


def truth_columns(made: list[tuple[Path, Plan, dict[str, Any]]]) -> dict[str, Any]:
    """Columns of all particles, from each micrograph's file, plan and columns."""
    counts = [len(columns["rlnCoordinateX"]) for _, _, columns in made]
    total = sum(counts)
    joined = {
        name: np.concatenate([columns[name] for _, _, columns in made])
        for name in ("rlnCoordinateX", "rlnCoordinateY", "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
    }
    return {
        "rlnMicrographName": np.repeat([str(path) for path, _, _ in made], counts),
        **joined,
        "rlnOriginXAngst": np.zeros(total), "rlnOriginYAngst": np.zeros(total),
        "rlnDefocusU": np.repeat([plan.defocus.u[0] for _, plan, _ in made], counts),
        "rlnDefocusV": np.repeat([plan.defocus.v[0] for _, plan, _ in made], counts),
        "rlnDefocusAngle": np.repeat([np.rad2deg(plan.defocus.angle[0]) for _, plan, _ in made], counts),
        "rlnOpticsGroup": np.ones(total, int),
    }  # fmt: skip
