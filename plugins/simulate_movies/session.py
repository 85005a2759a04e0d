"""A data collection of movies: what they share, and one of them made and written."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa.image.ctf import Lens
from spa.io import eer_code, mrc, tiff
from spa.io.star import Table, Tables
from spa.io.whole import whole
from spa.model.poses import matrices
from spa.simulate import movies as making
from spa.simulate.micrographs import Film, laid, placed, projected
from spa.simulate.optics import Defocus, draw_views
from spa.simulate.particles import clean_images, signal_variance
from spa.simulate.specimen import Specimen

SAMPLE = 64  # projections that set the contrast
ENDINGS = {"tiff": ".tif", "mrc": ".mrcs", "eer": ".eer"}
ICE, ICE_PIXEL = 0.03, 2.5  # what the ice takes from the beam, rms of pixels of so many angstroms
FRACTION = 32  # frames of an EER camera in one of the movie's, as it is read if nothing else is said
_COORDINATES = ("rlnCoordinateX", "rlnCoordinateY", "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


@dataclass(frozen=True, eq=False)
class Session:
    """What all movies share. scale: of the specimen's projections, to shares of the beam; ice: share, rms; gap in A.

    stray: how far particles go on their own, and within which length alike, angstroms.
    """

    specimen: Specimen
    lens: Lens
    camera: making.Camera
    journey: making.Journey
    shape: tuple[int, int]
    particles: int
    gap: float
    scale: float
    ice: float
    bfactor: float
    gain: np.ndarray
    hot: np.ndarray
    dead: np.ndarray
    stray: tuple[float, float] = (0.0, 1.0)


def scale_for(specimen: Specimen, contrast: float, rng: np.random.Generator) -> float:
    """What makes the rms of a projection over its circle the share of the beam that is asked for."""
    box, still = len(specimen.volume), Defocus(*np.zeros((3, SAMPLE)))
    flat = Lens(300.0, 0.0, 1.0)  # without defocus and aberrations: the projection itself
    poses = matrices(*draw_views(SAMPLE, rng).T)
    images = clean_images(specimen, poses, np.zeros((SAMPLE, 2)), flat, still, box, specimen.pixel_size)
    return contrast / np.sqrt(signal_variance(images, specimen.diameter / specimen.pixel_size))


def ice_for(pixel_size: float) -> float:
    """Rms of pixels (angstroms) of ice whose power at a frequency is the same with fine pixels as with coarser ones."""
    return ICE * max(1.0, ICE_PIXEL / pixel_size)


def bad_pixels(count: int, shape: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Indices of hot and of dead pixels, half each."""
    drawn = rng.choice(shape[0] * shape[1], count, replace=False)
    return drawn[: count // 2], drawn[count // 2 :]


def made(session: Session, defocus: Defocus, stem: Path, kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """Write a movie and its truth; its files and the columns of its particles."""
    specimen, camera, (ny, nx) = session.specimen, session.camera, session.shape
    radius = specimen.diameter / 2 / camera.pixel_size
    points = placed(session.particles, (ny, nx), 2 * radius + session.gap / camera.pixel_size, radius, rng)
    views = draw_views(len(points), rng)
    path = making.wandered(session.journey, camera, rng)
    film = Film((ny, nx), camera.pixel_size, 1.0, 0.0, 0.0)
    own = making.strayed(points, *session.stray, camera, rng)
    forms = specimen.drawn(len(points), rng.spawn(1)[0])
    spectra = session.scale * projected(specimen, matrices(*views.T), film, forms)
    ice = session.ice * rng.standard_normal((ny, nx), np.float32)

    def contrast(number: int) -> np.ndarray:
        return laid(spectra, points + own[:, number], film) + ice

    frames = making.frames(contrast, not own.any(), path, session.lens, defocus, camera, session.gain, session.hot,
                           session.dead, session.bfactor, rng)  # fmt: skip
    name = stem.with_suffix(ENDINGS[kind])
    _write(name, frames, camera.pixel_size, rng)
    shifts = stem.with_name(f"{stem.name}_shifts.npy")
    places = (points[:, None] + own) / (nx, ny)
    along = np.stack([path.at(places[:, number])[:, number] for number in range(camera.frames)])
    moved = along + np.moveaxis(own, 0, 1)
    with whole(shifts) as part, part.open("wb") as stream:
        np.save(stream, moved.astype(np.float32))
    columns = dict(zip(_COORDINATES, (*points.T, *np.rad2deg(views).T)))
    if specimen.broken:
        columns["spaMissing"] = specimen.missing(forms)
    truth = stem.with_name(f"{stem.name}_truth.star")
    known = Table.of(**columns, rlnDefocusU=float(defocus.u[0]), rlnDefocusV=float(defocus.v[0]),
                     rlnDefocusAngle=float(np.rad2deg(defocus.angle[0])))  # fmt: skip
    if len(points):
        from spa.io import star

        star.write(Tables({"particles": known}), truth)
    return {"file": str(name), "shifts": str(shifts), "truth": str(truth) if len(points) else "",
            "columns": {key: values.tolist() for key, values in columns.items()},
            "moved": float(np.sqrt((path.whole[-1] ** 2).sum()) * camera.pixel_size)}  # fmt: skip


def _write(name: Path, frames: Iterator[np.ndarray], pixel_size: float, rng: np.random.Generator) -> None:
    if name.suffix == ".eer":
        with whole(name) as part:
            eer_code.write(part, frames, FRACTION, rng.spawn(1)[0])  # the counts stay those of other files
        return
    if name.suffix == ".tif":
        with whole(name) as part:
            tiff.write(part, frames)
        return
    first = next(frames)
    with mrc.StackWriter(name, None, first.shape, pixel_size, np.int16) as stack:
        stack.write(first)
        for frame in frames:
            stack.write(frame)
