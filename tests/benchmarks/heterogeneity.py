"""Sets with known variation for `vary linear`: a swinging Fab, a missing subunit, and nothing that varies.

``python tests/benchmarks/heterogeneity.py swing DIR --model 1igy.cif.gz`` writes DIR/truth.star (poses, spaTruth: the
angle of each particle's Fab, degrees, in bins) and DIR/particles.mrcs; ``twist`` is a phantom whose ends turn against
each other by those angles; ``missing`` has a ring of five phantom subunits of which one is not there in 5 % of the
particles (spaTruth 1); ``nothing`` is one structure.  A share --junk of the images shows noise alone (spaJunk 1).
``score LATENTS`` prints how the latents follow spaTruth.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from spa.image.ctf import Lens
from spa.io import atoms, mrc, star
from spa.job.particles import pose_columns
from spa.model.poses import matrices
from spa.simulate.optics import Defocus, draw_defocus, draw_views
from spa.simulate.particles import clean_images, noise_level
from spa.simulate.specimen import Specimen, of_map
from spa.volume.density import density, in_ice
from spa.volume.phantom import phantom
from spa.volume.rotations import from_rotation_vectors

LENS = Lens(300.0, 2.7, 0.1)


def swing(model: str, box: int, pixel_size: float, bins: np.ndarray) -> list[Specimen]:
    """The antibody of a model with one Fab turned by each angle (degrees) about the hinge, across the Y's plane."""
    given = atoms.read(model, None)
    at = given.positions - given.positions.mean(axis=0)
    centres, label = _three(at)
    span = [np.linalg.norm(np.delete(centres, k, 0)[0] - np.delete(centres, k, 0)[1]) for k in range(3)]
    arm = int(np.argmin(span))  # the domain that lies farthest from the middle of the other two
    rest = centres[[k for k in range(3) if k != arm]].mean(axis=0)
    hinge = 0.5 * (centres[arm] + rest) + 0.0 * centres.mean(axis=0)
    normal = np.cross(centres[arm] - rest, centres[(arm + 1) % 3] - centres[(arm + 2) % 3])
    normal /= np.linalg.norm(normal)
    weights = in_ice(given.scattering, given.elements)
    out = []
    for angle in bins:
        turn = from_rotation_vectors(np.deg2rad(angle) * normal[None])[0]
        moved = at.copy()
        moved[label == arm] = (at[label == arm] - hinge) @ turn.T + hinge
        volume = density(moved, given.bfactors, given.occupancies, given.kinds, weights, box, pixel_size)
        out.append(_specimen(volume, pixel_size))
    return out


def _three(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres (3, 3) and labels of three domains: k-means from the ends that lie farthest apart."""
    first = at[np.argmax((at**2).sum(axis=1))]
    second = at[np.argmax(((at - first) ** 2).sum(axis=1))]
    third = at[np.argmax(np.minimum(((at - first) ** 2).sum(axis=1), ((at - second) ** 2).sum(axis=1)))]
    centres = np.stack([first, second, third])
    for _ in range(100):
        label = ((at[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.stack([at[label == k].mean(axis=0) for k in range(3)])
    return centres, label


def twist(box: int, pixel_size: float, bins: np.ndarray, rng: np.random.Generator) -> list[Specimen]:
    """A phantom whose slices across z turn about z, by each angle (degrees) at one end and against it at the other."""
    made = phantom("C1", 0.6 * box * pixel_size, rng)
    at = made.positions
    share = at[:, 2] / np.abs(at[:, 2]).max()
    out = []
    for angle in bins:
        turn = from_rotation_vectors(np.deg2rad(angle) * share[:, None] * np.array([0.0, 0.0, 1.0]))
        moved = np.einsum("nab,nb->na", turn, at)
        out.append(_specimen(density(moved, made.bfactors, made.occupancies, made.kinds, made.scattering, box,
                                     pixel_size), pixel_size))  # fmt: skip
    return out


def missing(box: int, pixel_size: float, rng: np.random.Generator) -> list[Specimen]:
    """A ring of five different subunits, and the same without one of them."""
    units, reach = [], 0.22 * box * pixel_size
    for k in range(5):
        made = phantom("C1", 0.2 * box * pixel_size, rng)
        angle = 2 * np.pi * k / 5
        centre = reach * np.array([np.cos(angle), np.sin(angle), 0.0])
        units.append(density(made.positions + centre, made.bfactors, made.occupancies, made.kinds, made.scattering,
                             box, pixel_size))  # fmt: skip
    return [_specimen(sum(units), pixel_size), _specimen(sum(units[1:]), pixel_size)]


def _specimen(volume: np.ndarray, pixel_size: float) -> Specimen:
    map_ = SimpleNamespace(data=volume.astype(np.float32), pixel_size=pixel_size, origin=(0.0, 0.0, 0.0))
    return of_map(map_, len(volume), pixel_size, "C1")


def write(folder: Path, specimens: list[Specimen], kind: np.ndarray, truth: np.ndarray, box: int, pixel_size: float,
          snr: float, rng: np.random.Generator, contrast: float = 0.1, astray: float = 0.0,
          junk: float = 0.0) -> None:  # fmt: skip
    """Images of specimens[kind] at random poses; truth: a column of the table; contrast: standard deviation of grey
    scales; astray: of the errors of the table's defocus, angstroms; junk: share of images without a particle."""
    folder.mkdir(parents=True, exist_ok=True)
    n = len(kind)
    poses, origins = matrices(*draw_views(n, rng).T), 3.0 * rng.standard_normal((n, 2))
    defocus = draw_defocus(n, 8000, 20000, 200, rng)
    scale = np.maximum(1 + contrast * rng.standard_normal(n), 0.1)
    empty = rng.random(n) < junk
    scale[empty] = 0

    def clean(rows: np.ndarray, specimen: Specimen) -> np.ndarray:
        own = Defocus(defocus.u[rows], defocus.v[rows], defocus.angle[rows])
        return clean_images(specimen, poses[rows], origins[rows], LENS, own, box, pixel_size)

    middle = specimens[len(specimens) // 2]
    sigma = noise_level(clean(np.arange(min(n, 200)), middle), middle.diameter / pixel_size, snr)
    images = np.empty((n, box, box), np.float32)
    for number, specimen in enumerate(specimens):
        rows = np.flatnonzero(kind == number)
        for some in np.array_split(rows, max(1, len(rows) // 256)):
            images[some] = scale[some, None, None] * clean(some, specimen) / sigma
        mrc.write(folder / f"truth{number + 1:03d}.mrc", (specimen.volume / sigma).astype(np.float32), pixel_size)
    for image in images:
        image += rng.standard_normal(image.shape, np.float32)
    mrc.write(folder / "particles.mrcs", images, pixel_size)
    error = astray * rng.standard_normal(n)
    optics = star.Table.of(
        rlnOpticsGroupName=["opticsGroup1"], rlnOpticsGroup=[1], rlnVoltage=[300.0], rlnSphericalAberration=[2.7],
        rlnAmplitudeContrast=[0.1], rlnMicrographOriginalPixelSize=[pixel_size], rlnImagePixelSize=[pixel_size],
        rlnImageSize=[box], rlnImageDimensionality=[2], rlnCtfDataAreCtfPremultiplied=[0],
    )  # fmt: skip
    table = star.Table.of(
        rlnImageName=[f"{i + 1:06d}@{folder / 'particles.mrcs'}" for i in range(n)], rlnMicrographName="made.mrc",
        rlnOpticsGroup=np.ones(n, int), rlnDefocusU=defocus.u + error, rlnDefocusV=defocus.v + error,
        rlnDefocusAngle=np.rad2deg(defocus.angle), rlnRandomSubset=1 + rng.permutation(n) % 2, spaTruth=truth,
        spaJunk=empty.astype(int),
        **pose_columns(poses, -origins / pixel_size, pixel_size),
    )  # fmt: skip
    star.write(star.Tables({"optics": optics, "particles": table}), folder / "truth.star")


def score(path: str) -> None:
    """Spearman of each latent with the truth, and recall and precision of the rarer kind by clusters."""
    from scipy.stats import spearmanr

    table = star.read(path)["particles"]
    real = table.ints("spaJunk") == 0 if "spaJunk" in table else np.ones(len(table), bool)
    table = table.take(np.flatnonzero(real))
    truth, k = table.floats("spaTruth"), 1
    while f"spaLatent{k}" in table:
        print(f"latent {k}: Spearman {abs(spearmanr(table.floats(f'spaLatent{k}'), truth).statistic):.4f}")
        k += 1
    if "spaLatentCluster" in table and set(truth) == {0.0, 1.0}:
        cluster = table.ints("spaLatentCluster")
        for number in np.unique(cluster):
            here = cluster == number
            print(f"cluster {number}: {here.sum()}, recall {truth[here].sum() / truth.sum():.3f}, "
                  f"precision {truth[here].mean():.3f}")  # fmt: skip


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("what", choices=["swing", "twist", "missing", "nothing", "score"])
    words.add_argument("place")
    for name, kind, default in (("model", str, ""), ("n", int, 10000), ("box", int, 96), ("pixel-size", float, 2.5),
                                ("snr", float, 0.05), ("seed", int, 0), ("bins", int, 51),
                                ("contrast", float, 0.1), ("defocus-error", float, 0.0),
                                ("junk", float, 0.0)):  # fmt: skip
        words.add_argument(f"--{name}", type=kind, default=default)
    given = words.parse_args()
    rng = np.random.default_rng(given.seed)
    if given.what == "score":
        score(given.place)
        return
    if given.what in ("swing", "twist"):
        angles = np.linspace(-25, 25, given.bins)
        specimens = (swing(given.model, given.box, given.pixel_size, angles) if given.what == "swing"
                     else twist(given.box, given.pixel_size, angles, rng))  # fmt: skip
        kind = rng.integers(0, given.bins, given.n)
        truth = angles[kind]
    else:
        specimens = missing(given.box, given.pixel_size, rng)
        kind = (rng.random(given.n) < (0.05 if given.what == "missing" else 0)).astype(int)
        truth = kind.astype(float)
    write(Path(given.place), specimens, kind, truth, given.box, given.pixel_size, given.snr, rng, given.contrast,
          given.defocus_error, given.junk)  # fmt: skip


if __name__ == "__main__":
    main()
