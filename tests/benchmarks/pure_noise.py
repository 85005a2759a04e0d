"""What half maps of pure noise have in common: the FSC beyond the start's shells against what chance allows.

    python tests/benchmarks/pure_noise.py [--seeds 4] [--box 64] [--jobs homo C3 relaxed nu hetero local fsc]

For each job the mean over seeds of the FSC in each shell from that of the start on, its root mean square, and the
scatter that chance gives, sqrt(g / (4 pi k^2 f)): g copies of each image in the map, f the mask's part of the box. A
tie between the halves would lift the mean; shells beyond the band that is reconstructed are 0. `hetero` is the better
of two classes in each shell; `local` begins at poses that have nothing to do with the images, and may say so: 0; `fsc`
is what `post fsc` makes of the half maps that `refine homo` leaves, its curve corrected for a mask of its own.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.testing import run_spa
from spa.volume.masks import soft_sphere

PIXEL, DIAMETER, START = 3.0, 0.9, 0.19  # angstroms; of the box; of the box's shells
MAP = ("--reference", "truth.mrc")
JOBS = {"homo": ("homo", 1, ()), "C3": ("homo", 3, ("--symmetry", "C3")), "nu": ("nu", 1, ()),
        "relaxed": ("homo", 3, ("--relax-symmetry", "C3")), "hetero": ("hetero", 1, MAP),
        "local": ("local", 1, ()), "fsc": ("homo", 1, ())}  # fmt: skip


def curve(folder: Path, job: str, box: int, seed: int) -> np.ndarray:
    """The FSC of the half maps of one refinement."""
    kind, _, words = JOBS[job]
    width = box * PIXEL
    posed, free = ["truth.star", "--mask", "mask.mrc"], ["particles.star", "--diameter", DIAMETER * width]
    source = posed if job == "local" else free
    result = run_spa("refine", kind, *source, *MAP, *words, "-d", folder / job, "-o", folder / "o.star", "--seed", seed,
                     "--lowpass", width / round(START * box), "--iterations", 4, cwd=folder)  # fmt: skip
    if job == "local" and result.status == 65 and "do not have the map's signal" in result.stderr:
        return np.zeros(box // 2 + 1)
    assert result.status == 0, result.stderr
    if job == "fsc":
        result = run_spa("post", "fsc", folder / "o.star", "-d", folder / "post", "-o", folder / "p.star")
        assert result.status == 0, result.stderr
        return star.read(folder / "post/fsc.star")["fsc"].floats("rlnFourierShellCorrelationCorrected")
    curves = sorted((folder / job).glob("*fsc.star"))
    return np.max([star.read(path)["fsc"].floats("rlnGoldStandardFsc") for path in curves], axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--box", type=int, default=64)
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    asked = parser.parse_args()
    first = round(START * asked.box)
    shells = np.arange(first, first + 8)
    part = np.pi / 6 * DIAMETER**3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = run_spa("simulate", "particles", "-d", folder, "-o", folder / "s.star", "--box", asked.box,
                       "--pixel-size", PIXEL, "--n", asked.images,
                       "--specimen-diameter", 0.85 * DIAMETER * asked.box * PIXEL)  # fmt: skip
        assert made.status == 0, made.stderr
        mrc.write(folder / "mask.mrc", soft_sphere(asked.box, DIAMETER * asked.box / 2 - 3, 3), PIXEL)
        print("shell        " + "".join(f"{shell:8d}" for shell in shells), flush=True)
        for job in asked.jobs:
            curves = []
            for seed in range(asked.seeds):
                noise = np.random.default_rng(seed).standard_normal((asked.images, asked.box, asked.box))
                mrc.write(folder / "particles.mrcs", noise.astype(np.float32), PIXEL)
                curves.append(curve(folder, job, asked.box, seed))
            values = np.array(curves)[:, shells]
            chance = np.sqrt(JOBS[job][1] / (4 * np.pi * shells**2 * part))
            rms = np.sqrt((values**2).mean(axis=0))
            for word, line in (("mean", values.mean(axis=0)), ("rms", rms), ("chance", chance)):
                print(f"{job:8s}{word:6s}" + "".join(f"{one:8.3f}" for one in line), flush=True)


if __name__ == "__main__":
    main()
