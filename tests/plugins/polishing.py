"""Movies whose particles stray, made for `spa polish particles`, and how near what it finds is to the truth."""

from pathlib import Path

import numpy as np

from spa.io import star
from spa.io.star import Table
from spa.testing import Result, run_spa

BOX, PIXEL = 48, 3.0


TRUTH = ("rlnCoordinateX", "rlnCoordinateY", "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnDefocusU", "rlnDefocusV",
         "rlnDefocusAngle")  # fmt: skip


def noisy(volume: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(volume.shape)
    return (volume + 0.02 * volume.std() * noise).astype(np.float32)


LIKE = ("--dose", 2, "--particles", 30, "--gap", 5, "--ice", 0.04, "--contrast", 0.25, "--local", 2, "--drift", 8,
        "--jitter", 0.02, "--stray", 6, "--stray-length", 300, "--bad-pixels", 30, "--defocus", 12000,
        15000)  # fmt: skip


def spa(folder: Path, *words: object) -> None:
    done = run_spa(*words, cwd=folder)
    assert done.status == 0, done.stderr


def placed(folder: Path, motion: str, source: str, out: str) -> None:
    """OUT: the micrographs of motion with particles at their true places and poses, their origins not 0."""
    tables, parts = star.read(folder / motion), []
    for name in tables["micrographs"].text("rlnMicrographName"):
        known = star.read(folder / source / f"{Path(name).stem}_truth.star")["particles"].select(TRUTH)
        parts.append(known.with_columns(rlnMicrographName=str(name), rlnOpticsGroup=1))
    table = Table.concat(parts)
    count = np.arange(len(table))
    table = table.with_columns(rlnRandomSubset=count % 2 + 1, rlnOriginXAngst=3.0 * (count % 3 - 1),
                               rlnOriginYAngst=0.0, spaOwn=[f"a{i}" for i in count])  # fmt: skip
    star.write(tables.with_block("particles", table), folder / out)


def polish(folder: Path, out: str, *more: object, table: str = "p.star") -> Result:
    maps = () if "--map" in more else ("--half1", "half1.mrc", "--half2", "half2.mrc")
    words = ("polish", "particles", table, "-d", out, "-o", f"{out}.star", "--max-resolution", 7)
    return run_spa(*words, *maps, *more, cwd=folder)


def errors(folder: Path, out: Path, stem: str, own: str = "", pixel_size: float = PIXEL) -> tuple[float, float]:
    """Rms error of tracks and of the motion that was known, at the particles, pixels; constants taken off.

    own: what follows the folders' names.
    """
    from spa.recipe import motion

    truth = np.load(folder / f"S{own}/{stem}_shifts.npy").transpose(1, 0, 2)
    known = star.read(folder / f"S{own}/{stem}_truth.star")["particles"]
    places = np.stack([known.floats("rlnCoordinateX"), known.floats("rlnCoordinateY")], axis=1)
    before = motion.read(folder / f"M{own}/{stem}.star").displacements(places)
    tables = star.read(next(file for file in (out / "tracks").rglob(f"{stem}_tracks.star")
                            if file.parent.name in ("tracks", f"M{own}")))  # fmt: skip
    names = [str(number) for number in range(tables["general"].ints("rlnParticleNumber")[0])]
    after = np.stack([np.stack([tables[name].floats(f"rlnOrigin{axis}Angst") for axis in "XY"], 1) for name in names])

    def rms(found: np.ndarray) -> float:
        apart = found - truth
        return float(np.sqrt(((apart - apart.mean(1, keepdims=True)) ** 2).sum(-1).mean()))

    return rms(after / pixel_size), rms(before)


def agreed(folder: Path, table: str) -> dict[int, float]:
    """How well defocus is told by the images of each optics group: the mean of its error."""
    spa(folder, "optics", "defocus", table, "-d", "D", "-o", "d.star", "--map", "S/truth.mrc", "--range", 100,
        "--max-resolution", 7)  # fmt: skip
    found = star.read(folder / "d.star")["particles"]
    group, error = found.ints("rlnOpticsGroup"), found.floats("spaDefocusError")
    return {number: float(error[group == number].mean()) for number in np.unique(group).tolist()}
