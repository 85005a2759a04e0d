"""A data collection: which micrographs there will be, and one of them made."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import UsageError
from spa.image.ctf import Lens
from spa.model.poses import matrices
from spa.simulate import junk
from spa.simulate.micrographs import RING, Film, Scene, exposed, placed
from spa.simulate.optics import Defocus, draw_defocus, draw_views, with_plate
from spa.simulate.particles import clean_images, noise_level
from spa.simulate.slab import Slab
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


@dataclass(frozen=True)
class Faults:
    """What is amiss with the specimen: tilts (least, most, radians), thickness of the ice in angstroms, strength of its
    crystalline ring, share of carbon, numbers of aggregates and of crystals on each micrograph."""

    tilt: tuple[float, float]
    thickness: float
    ice_ring: float
    carbon: float
    aggregates: int
    crystals: int

    @classmethod
    def of(cls, pixel_size: float, settings: dict[str, Any]) -> "Faults":
        """From all options of the command (tilt in degrees), for pixels of a size in angstroms. UsageError."""
        found = {field.name: settings[field.name] for field in fields(cls)}
        ice_ring, (least, most) = found["ice_ring"], found["tilt"]
        if ice_ring and pixel_size > 0.45 / RING:
            raise UsageError(f"--ice-ring: pixels of {pixel_size:g} A do not show {1 / RING:.2f} A; those of 1.5 A do")
        return cls(**{**found, "tilt": (float(np.radians(least)), float(np.radians(most)))})


@dataclass(frozen=True, eq=False)
class Session:
    """What all micrographs share; gap in angstroms."""

    specimen: Specimen
    lens: Lens
    film: Film
    particles: int
    gap: float
    faults: Faults


def planned(
    count: int, empty: int, bad: int, defocus: tuple[float, float], astigmatism: float, plate: tuple[float, float],
    rng: np.random.Generator,
) -> list[Plan]:  # fmt: skip
    """The micrographs in order: good ones, then empty, then bad; plate: least and greatest phase shift, radians."""
    drawn = with_plate(draw_defocus(count, *defocus, astigmatism, rng), plate, rng)
    good = count - empty - bad
    return [
        Plan(i, f"mic{i + 1:05d}", drawn.take(slice(i, i + 1)), empty=good <= i < good + empty, bad=i >= good + empty)
        for i in range(count)
    ]  # fmt: skip


def film_for(
    specimen: Specimen, lens: Lens, shape: tuple[int, int], snr: float, ice: float, bfactor: float,
    defocus: tuple[float, float], plate: tuple[float, float], rng: np.random.Generator,
) -> Film:  # fmt: skip
    """The exposure whose noise gives the signal-to-noise ratio, over the ranges of defocus and of phase shifts."""
    box, pixel_size = len(specimen.volume), specimen.pixel_size
    poses = matrices(*draw_views(SAMPLE, rng).T)
    drawn = with_plate(draw_defocus(SAMPLE, *defocus, 0.0, rng), plate, rng)
    clean = clean_images(specimen, poses, np.zeros((SAMPLE, 2)), lens, drawn, box, pixel_size, bfactor)
    return Film(shape, pixel_size, noise_level(clean, specimen.diameter / pixel_size, snr), ice, bfactor)


def picture(
    session: Session, plan: Plan, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, Any], Slab, np.ndarray | None]:
    """One micrograph (ny, nx); the columns of its particles: coordinates in pixels, angles in degrees, what each adds
    to the defocus; how it is tilted; and a mask (ny, nx) of its junk, None where there is none."""
    specimen, film, faults = session.specimen, session.film, session.faults
    radius = specimen.diameter / 2 / film.pixel_size
    count = 0 if plan.empty else session.particles
    slab = Slab(rng.uniform(*faults.tilt), rng.uniform(0, 2 * np.pi), faults.thickness)
    dirt = junk.drawn(faults.carbon, faults.aggregates, faults.crystals, film.shape, film.pixel_size, rng)
    points = placed(count, film.shape, 2 * radius + session.gap / film.pixel_size, radius, rng)
    points = points[junk.clear(dirt, points, radius)]
    depths = slab.depth(points, film.shape, film.pixel_size) + faults.thickness * rng.uniform(-0.5, 0.5, len(points))
    views = draw_views(len(points), rng)
    lumps = junk.members(dirt, 2 * radius, film.shape, rng)
    everything = np.vstack([points, lumps])
    poses = matrices(*np.vstack([views, draw_views(len(lumps), rng)]).T)
    all_depths = np.append(depths, slab.depth(lumps, film.shape, film.pixel_size))
    forms = specimen.drawn(len(everything), rng.spawn(1)[0])
    scene = Scene(everything, poses, all_depths, slab, dirt, faults.ice_ring, forms)
    image = exposed(specimen, scene, session.lens, plan.defocus, film, rng, drift=DRIFT if plan.bad else 0.0)
    rot, tilt, psi = np.rad2deg(views).T
    columns = {
        "rlnCoordinateX": points[:, 0], "rlnCoordinateY": points[:, 1],
        "rlnAngleRot": rot, "rlnAngleTilt": tilt, "rlnAnglePsi": psi, "deeper": depths,
    }  # fmt: skip
    if specimen.broken:
        columns["spaMissing"] = specimen.missing(forms[: len(points)])
    return image, columns, slab, junk.mask(dirt, 2 * radius, film.shape)


def truth_columns(made: list[tuple[Path, Plan, dict[str, Any]]]) -> dict[str, Any]:
    """Columns of all particles, from each micrograph's file, plan and columns."""
    counts = [len(columns["rlnCoordinateX"]) for _, _, columns in made]
    total = sum(counts)
    joined = {
        name: np.concatenate([columns[name] for _, _, columns in made])
        for name in made[0][2]
    }
    deeper, missing = joined.pop("deeper"), {name: joined.pop(name) for name in ("spaMissing",) if name in joined}
    return {
        "rlnMicrographName": np.repeat([str(path) for path, _, _ in made], counts),
        **joined,
        "rlnOriginXAngst": np.zeros(total), "rlnOriginYAngst": np.zeros(total),
        "rlnDefocusU": np.repeat([plan.defocus.u[0] for _, plan, _ in made], counts) + deeper,
        "rlnDefocusV": np.repeat([plan.defocus.v[0] for _, plan, _ in made], counts) + deeper,
        "rlnDefocusAngle": np.repeat([np.rad2deg(plan.defocus.angle[0]) for _, plan, _ in made], counts),
        "rlnOpticsGroup": np.ones(total, int),
    } | missing | (
        {"rlnPhaseShift": np.repeat([np.rad2deg(plan.defocus.shift[0]) for _, plan, _ in made], counts)}
         if any(plan.defocus.plate is not None for _, plan, _ in made) else {})  # fmt: skip
