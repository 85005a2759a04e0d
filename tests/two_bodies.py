"""Particles of two bodies: A, and B that turns and moves against it, each particle in its own way.

``python tests/two_bodies.py DIR --n 1000 --snr 0.1 --turn 5 --move 3`` writes particles.star (poses of A), body.star
(the same images with poses of B), a.mrc, b.mrc (at rest), both.mrc, mask_a.mrc, mask_b.mrc and DIR/particles.mrcs.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from spa.image.ctf import Lens
from spa.io import mrc, star
from spa.job.particles import pose_columns
from spa.model.poses import matrices
from spa.simulate.optics import Defocus, draw_defocus, draw_views
from spa.simulate.particles import clean_images, noise_level
from spa.simulate.specimen import Specimen, of_map
from spa.volume.density import density
from spa.volume.masks import soft_mask
from spa.volume.phantom import phantom
from spa.volume.rotations import from_rotation_vectors

LENS = Lens(300.0, 2.7, 0.1)


@dataclass(frozen=True, eq=False)
class Bodies:
    """Maps and masks (box, box, box); clean images of both bodies and of each; poses (n, 3, 3), shifts (n, 2) px;
    scale (n,) of both bodies in the images."""

    pixel_size: float
    maps: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]
    images: np.ndarray
    clean: dict[str, np.ndarray]
    poses: dict[str, np.ndarray]
    shifts: dict[str, np.ndarray]
    defocus: Defocus
    half: np.ndarray
    scale: np.ndarray


def make(
    n: int = 200, box: int = 64, pixel_size: float = 4.0, snr: float = 0.1, turn: float = 0.0, move: float = 0.0,
    seed: int = 0, sizes: tuple[float, float] = (110.0, 80.0), spread: float = 0.0,
) -> Bodies:  # fmt: skip
    """snr of both bodies together; turn (degrees) and move (angstroms): standard deviations of B's own motion about
    the middle between the bodies, each axis; sizes: diameters, angstroms; spread: of the particles' grey scale."""
    rng = np.random.default_rng(seed)
    away = 0.42 * sum(sizes)
    centres = {"a": np.array([-0.35 * away, 0.1 * away, 0.0]), "b": np.array([0.65 * away, -0.05 * away, 0.1 * away])}
    maps = {name: _body(size, centres[name], box, pixel_size, rng) for name, size in zip("ab", sizes)}
    masks = {name: soft_mask(one, pixel_size, None, 12.0, 4.0, 10.0)[0] for name, one in maps.items()}
    poses, shifts = {"a": matrices(*draw_views(n, rng).T)}, {"a": rng.normal(0, 1.5, (n, 2))}
    hinge = (0.35 * centres["a"] + 0.65 * centres["b"]) / pixel_size
    own = from_rotation_vectors(np.deg2rad(turn) * rng.standard_normal((n, 3)))
    step = move / pixel_size * rng.standard_normal((n, 3))
    poses["b"] = poses["a"] @ own
    shifts["b"] = shifts["a"] + np.einsum("nij,nj->ni", poses["a"], hinge - own @ hinge + step)[:, :2]
    defocus = draw_defocus(n, 8000, 20000, 200, rng)
    specimens = {name: _specimen(one, pixel_size) for name, one in maps.items()}
    origins = {name: -one * pixel_size for name, one in shifts.items()}
    clean = {name: clean_images(specimens[name], poses[name], origins[name], LENS, defocus, box, pixel_size)
             for name in "ab"}  # fmt: skip
    sigma = noise_level(clean["a"] + clean["b"], sum(sizes) / pixel_size, snr)
    clean = {name: one / sigma for name, one in clean.items()}
    maps = {name: (one / sigma).astype(np.float32) for name, one in maps.items()}
    scale = 1 + spread * rng.standard_normal(n)
    both = clean["a"] + clean["b"]
    images = (scale[:, None, None] * both + rng.standard_normal(both.shape)).astype(np.float32)
    return Bodies(pixel_size, maps, masks, images, clean, poses, shifts, defocus, 1 + rng.permutation(n) % 2, scale)


def _body(size: float, centre: np.ndarray, box: int, pixel_size: float, rng: np.random.Generator) -> np.ndarray:
    p = phantom("C1", size, rng)
    return density(p.positions + centre, p.bfactors, p.occupancies, p.kinds, p.scattering, box, pixel_size)


def _specimen(volume: np.ndarray, pixel_size: float) -> Specimen:
    map_ = SimpleNamespace(data=volume, pixel_size=pixel_size, origin=(0.0, 0.0, 0.0))
    return of_map(map_, len(volume), pixel_size, "C1")


def write(made: Bodies, folder: Path) -> Path:
    """The files that the module's docstring names; particles.star."""
    folder.mkdir(parents=True, exist_ok=True)
    n, box = made.images.shape[:2]
    mrc.write(folder / "particles.mrcs", made.images, made.pixel_size)
    for name in "ab":
        mrc.write(folder / f"{name}.mrc", made.maps[name], made.pixel_size)
        mrc.write(folder / f"mask_{name}.mrc", made.masks[name], made.pixel_size)
    mrc.write(folder / "both.mrc", made.maps["a"] + made.maps["b"], made.pixel_size)
    optics = star.Table.of(
        rlnOpticsGroupName=["opticsGroup1"], rlnOpticsGroup=[1], rlnVoltage=[300.0], rlnSphericalAberration=[2.7],
        rlnAmplitudeContrast=[0.1], rlnMicrographPixelSize=[made.pixel_size / 2],
        rlnMicrographOriginalPixelSize=[made.pixel_size / 2], rlnImagePixelSize=[made.pixel_size], rlnImageSize=[box],
        rlnImageDimensionality=[2], rlnCtfDataAreCtfPremultiplied=[0],
    )  # fmt: skip
    rng = np.random.default_rng(5)
    common = {
        "rlnImageName": [f"{i + 1:06d}@{folder / 'particles.mrcs'}" for i in range(n)],
        "rlnMicrographName": "made.mrc", "rlnCoordinateX": np.rint(rng.uniform(200, 3000, n)),
        "rlnCoordinateY": np.rint(rng.uniform(200, 3000, n)), "rlnOpticsGroup": np.ones(n, int),
        "rlnDefocusU": made.defocus.u, "rlnDefocusV": made.defocus.v,
        "rlnDefocusAngle": np.rad2deg(made.defocus.angle), "rlnRandomSubset": made.half,
    }  # fmt: skip
    for file, name in (("particles.star", "a"), ("body.star", "b")):
        table = star.Table.of(**common, **pose_columns(made.poses[name], made.shifts[name], made.pixel_size))
        star.write(star.Tables({"optics": optics, "particles": table}), folder / file)
    return folder / "particles.star"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    for name, kind, default in (("n", int, 1000), ("box", int, 64), ("pixel-size", float, 4.0), ("snr", float, 0.1),
                                ("turn", float, 5.0), ("move", float, 3.0), ("seed", int, 0),
                                ("spread", float, 0.0), ("size-a", float, 110), ("size-b", float, 80)):  # fmt: skip
        words.add_argument(f"--{name}", type=kind, default=default)
    given = vars(words.parse_args())
    folder, sizes = given.pop("folder"), (given.pop("size_a"), given.pop("size_b"))
    write(make(**given, sizes=sizes), folder)


if __name__ == "__main__":
    main()
