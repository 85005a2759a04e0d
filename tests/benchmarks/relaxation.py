"""How many particles end in the right copy when a symmetry is relaxed: a ring, or a body, with one subunit missing.

    python tests/benchmarks/relaxation.py [--group C6] [--snr 0.05] [--images 1000] [--box 128] [--pixel-size 2.5]
                                          [--jobs homo nu local hetero plain]

From the true map low-passed to 40 A (`local`: from the poses that `homo` with the whole symmetry gives, `plain`: these
poses). A pose is right when it is nearer to the truth than to any of the truth's other copies; the copy that the
whole set calls the first is free, so it is chosen for the set, not for the particle.

Poses have to be found before copies can be: of 64^2 pixels of 4 A at this SNR an image has 21 nats for its pose even
against the true map to 15 A, and 5 against the start, where a search of all poses, shifts and copies asks for some 15.
"""

import argparse
import resource
import tempfile
from pathlib import Path

import numpy as np

from spa.io import star
from spa.io.star import Table
from spa.model.poses import matrices
from spa.testing import run_spa
from spa.volume.symmetry import operators


def poses(table: Table) -> np.ndarray:
    angles = [table.floats(f"rlnAngle{name}") for name in ("Rot", "Tilt", "Psi")]
    return matrices(*(np.deg2rad(angle) for angle in angles))


def right(found: np.ndarray, truth: np.ndarray, group: np.ndarray) -> tuple[float, float]:
    """Shares of poses in the right copy, and within 10 degrees of any copy."""
    copies = np.einsum("nij,gjk->ngik", truth, group)
    likeness = np.einsum("nij,ngij->ng", found, copies)  # the trace of the turn between: 1 + 2 cos(angle)
    nearest = likeness.argmax(axis=1)
    near = likeness.max(axis=1) > 1 + 2 * np.cos(np.deg2rad(10))
    return float(max(((nearest == g) & near).mean() for g in range(len(group)))), float(near.mean())


def job(name: str, asked: argparse.Namespace, folder: Path) -> None:
    """One refinement; its table is NAME.star."""
    common = ["-d", folder / name, "-o", folder / f"{name}.star", "--threads", 1]
    start = ["--reference", folder / "data/truth.mrc", "--lowpass", 40, "--diameter", asked.diameter]
    relax = ["--relax-symmetry", asked.group]
    words = {
        "plain": ["refine", "homo", "data/particles.star", *start, "--symmetry", asked.group],
        "homo": ["refine", "homo", "data/particles.star", *start, *relax],
        "nu": ["refine", "nu", "data/particles.star", *start, *relax],
        "local": ["refine", "local", "plain.star", *relax],
        "hetero": ["refine", "hetero", "data/particles.star", *start, *start[:2], *relax],
    }[name]
    result = run_spa(*words, *common, cwd=folder)
    assert result.status == 0, result.stderr
    print("   ", result.stderr.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--group", default="C6")
    parser.add_argument("--snr", type=float, default=0.05)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--box", type=int, default=128)
    parser.add_argument("--pixel-size", type=float, default=2.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", nargs="+", default=["plain", "homo", "nu", "local", "hetero"])
    asked = parser.parse_args()
    asked.diameter = 0.7 * asked.box * asked.pixel_size
    group = operators(asked.group)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = run_spa("simulate", "particles", "-d", folder / "data", "-o", folder / "s.star", "--n", asked.images,
                       "--box", asked.box, "--pixel-size", asked.pixel_size, "--symmetry", asked.group,
                       "--odd-subunit", "missing", "--snr", asked.snr, "--seed", asked.seed)  # fmt: skip
        assert made.status == 0, made.stderr
        truth = poses(star.read(folder / "data/truth.star")["particles"])
        for one in asked.jobs:
            before = resource.getrusage(resource.RUSAGE_SELF)
            job(one, asked, folder)
            after = resource.getrusage(resource.RUSAGE_SELF)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found = poses(star.read(folder / f"{one}.star")["particles"])
            print("{:8s} right copy {:.1%}, within 10 degrees of any {:.1%}, {:.0f} CPU-s".format(
                one, *right(found, truth, group), spent), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
