"""The image model against images that RELION projected: every sign that a program may get wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spa.image.ctf import Lens
from spa.io import mrc, stacks, star
from spa.model.optics import optics_groups
from spa.model.particles import Particles, particles_of
from spa.model.poses import matrices
from spa.simulate.optics import Defocus
from spa.simulate.particles import clean_images
from spa.simulate.specimen import Specimen
from spa.volume.transform import transform

SETS = ["groel", "ribosome"]
NOISE = 24.0  # standard deviation in the stacks' units


class Set:
    """One set: its particles, its images (read when asked for), and the model of them."""

    def __init__(self, folder: Path) -> None:
        tables = star.read(folder / "truth.star")
        self.folder, self.particles = folder, particles_of(tables)
        optics = next(iter(optics_groups(tables).values()))
        self.lens, self.pixel_size = Lens(optics.voltage, optics.cs, optics.contrast), optics.pixel_size
        volume = mrc.read(folder / "truth.mrc").data.astype(np.float32)
        self.specimen = Specimen(volume, self.pixel_size, transform(volume, self.pixel_size), 0.0)

    def images(self, rows: np.ndarray) -> np.ndarray:
        names = [f"{name.split('@')[0]}@{self.folder / name.split('@')[1]}" for name in self.particles.names[rows]]
        images = stacks.ImageSource(names).read(np.arange(len(rows))).astype(float)
        return images - images.mean((1, 2), keepdims=True)

    def model(self, rows: np.ndarray, **changed: np.ndarray) -> np.ndarray:
        p: Particles = replace(self.particles, **changed)
        defocus = Defocus(p.defocus_u[rows], p.defocus_v[rows], p.defocus_angle[rows])
        poses = matrices(*p.euler[rows].T)
        box = len(self.specimen.volume)
        images = clean_images(self.specimen, poses, p.origin[rows], self.lens, defocus, box, self.pixel_size)
        return images - images.mean((1, 2), keepdims=True)

    def misfit(self, rows: np.ndarray, scale: float, **changed: np.ndarray) -> float:
        """Half the squared distance in units of the noise: the negative log-likelihood."""
        return float(((self.images(rows) - scale * self.model(rows, **changed)) ** 2).sum() / (2 * NOISE**2))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


@pytest.fixture(scope="module", params=SETS)
def data(request: pytest.FixtureRequest, shared_data: Path) -> Set:
    return Set(shared_data / "sim" / request.param)


def test_what_the_model_leaves_is_the_noise_alone(data: Set) -> None:
    """The correlation with the noisy images is what noise of the stated variance allows, to a few per mille."""
    rows = np.arange(80)
    images, model = data.images(rows), data.model(rows)
    scale = (images * model).sum() / (model**2).sum()
    assert scale > 0  # density-positive particles are white
    rest = (images - scale * model).var() / NOISE**2
    assert rest == pytest.approx(1, abs=0.01)
    signal = (scale * model).var() / NOISE**2
    assert correlation(images, model) == pytest.approx(np.sqrt(signal / (signal + rest)), rel=0.01)


def test_every_other_sign_fits_worse(data: Set) -> None:
    rows = np.arange(40)
    p, images = data.particles, data.images(rows)
    right = correlation(images, data.model(rows))
    mirrored = p.euler * [1, -1, 1] + [0, np.pi, 0]
    wrong = {
        "origin": {"origin": -p.origin}, "origin's axes": {"origin": p.origin[:, ::-1]},
        "rot": {"euler": p.euler * [-1, 1, 1]}, "psi": {"euler": p.euler * [1, 1, -1]},
        "tilt": {"euler": p.euler * [1, -1, 1]}, "hand": {"euler": mirrored},
        "inverse": {"euler": -p.euler[:, ::-1]},
        "defocus": {"defocus_u": -p.defocus_u, "defocus_v": -p.defocus_v},
    }  # fmt: skip
    for name, changed in wrong.items():
        assert correlation(images, data.model(rows, **changed)) < right - 0.02, name


def test_the_centre_is_pixel_half_n(data: Set) -> None:
    """A pixel off in either direction fits worse."""
    rows = np.arange(40)
    images = data.images(rows)
    right = correlation(images, data.model(rows))
    for step in ([1, 0], [-1, 0], [0, 1], [0, -1]):
        moved = data.particles.origin + np.array(step) * data.pixel_size
        assert correlation(images, data.model(rows, origin=moved)) < right


def test_the_astigmatism_turns_from_x_to_y(data: Set) -> None:
    """The angle as it stands beats its mirror image and its right angle by units of log-likelihood."""
    p = data.particles
    sine = np.abs(np.sin(2 * p.defocus_angle)) * (p.defocus_u - p.defocus_v)
    rows = np.sort(np.argsort(-sine)[:120])
    images, model = data.images(rows), data.model(rows)
    scale = float((images * model).sum() / (model**2).sum())
    right = data.misfit(rows, scale)
    assert data.misfit(rows, scale, defocus_angle=-p.defocus_angle) > right + 6
    assert data.misfit(rows, scale, defocus_angle=p.defocus_angle + np.pi / 2) > right + 20
