"""What half maps of pure noise have in common: the FSC beyond the start's shells against what chance allows.

    python tests/benchmarks/pure_noise.py [--seeds 4] [--box 64] [--jobs homo C3 relaxed nu]

For each job the mean over seeds of the FSC in each shell from that of the start on, its root mean square, and the
scatter that chance gives, sqrt(g / (4 pi k^2 f)): g copies of each image in the map, f the mask's part of the box. A
tie between the halves would lift the mean; shells beyond the band that is reconstructed are 0.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.testing import run_spa

PIXEL, DIAMETER, START = 3.0, 0.9, 0.19  # angstroms; of the box; of the box's shells
JOBS = {"homo": ("homo", 1, ()), "C3": ("homo", 3, ("--symmetry", "C3")), "nu": ("nu", 1, ()),
        "relaxed": ("homo", 3, ("--relax-symmetry", "C3"))}  # fmt: skip


def curve(folder: Path, job: str, box: int, seed: int) -> np.ndarray:
    """The FSC of the half maps of one refinement."""
    kind, _, words = JOBS[job]
    width = box * PIXEL
    result = run_spa("refine", kind, "particles.star", "-d", folder / job, "-o", folder / "o.star", "--seed", seed,
                     "--lowpass", width / round(START * box), "--diameter", DIAMETER * width, "--iterations", 4,
                     "--reference", "truth.mrc", *words, cwd=folder)  # fmt: skip
    assert result.status == 0, result.stderr
    return star.read(folder / job / "fsc.star")["fsc"].floats("rlnGoldStandardFsc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--box", type=int, default=64)
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    asked = parser.parse_args()
    found: dict[str, list[np.ndarray]] = {job: [] for job in asked.jobs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = run_spa("simulate", "particles", "-d", folder, "-o", folder / "s.star", "--box", asked.box,
                       "--pixel-size", PIXEL, "--n", asked.images,
                       "--specimen-diameter", 0.85 * DIAMETER * asked.box * PIXEL)  # fmt: skip
        assert made.status == 0, made.stderr
        for seed in range(asked.seeds):
            noise = np.random.default_rng(seed).standard_normal((asked.images, asked.box, asked.box))
            mrc.write(folder / "particles.mrcs", noise.astype(np.float32), PIXEL)
            for job in asked.jobs:
                found[job].append(curve(folder, job, asked.box, seed))
    first = round(START * asked.box)
    shells = np.arange(first, first + 8)
    part = np.pi / 6 * DIAMETER**3
    print("shell        " + "".join(f"{shell:8d}" for shell in shells))
    for job, curves in found.items():
        values = np.array(curves)[:, shells]
        chance = np.sqrt(JOBS[job][1] / (4 * np.pi * shells**2 * part))
        rms = np.sqrt((values**2).mean(axis=0))
        for word, line in (("mean", values.mean(axis=0)), ("rms", rms), ("chance", chance)):
            print(f"{job:8s}{word:6s}" + "".join(f"{one:8.3f}" for one in line))


if __name__ == "__main__":
    main()
