"""B-factors planted in simulated particles and what `spa post bfactor` finds; its predictions and what more gave.

    python bfactor.py [--n 6000] [--box 64] [--pixel-size 1.5] [--snr 0.02] [--bfactor 0 100 200] [--seed 1]

What is found at 0 is the particle's own: its atoms' B-factors and form factors let its spectrum fall, and the farther
out a shell is the fewer slices meet in it. "due" is the same line through what the particle's own spectrum, the planted
B-factor and that thinning give for the same numbers of particles, with one constant, the noise, taken from the largest.
Lines are also drawn through the smaller subsets (up to a quarter of the particles), and the resolution that they
foretell for all is held against the one that all gave.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.volume.shells import power
from spa_plugins.post_bfactor.line import fitted


def spa(folder: Path, *words: object) -> None:
    done = subprocess.run(["spa", *map(str, words)], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"spa {words[0]} {words[1]}: status {done.returncode}\n{done.stderr[-2000:]}")


def due(folder: Path, planted: float, counts: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Angstroms that so many particles give by the spectrum of the truth; the constant is the largest set's."""
    truth = mrc.read(folder / "P" / "truth.mrc")
    spectrum = power(truth.data)
    fine = np.linspace(2, len(spectrum) - 1, 4000)
    squared = (fine / (len(truth.data) * truth.pixel_size)) ** 2
    ratio = np.interp(fine, np.arange(len(spectrum)), np.log(spectrum)) - planted * squared / 2 - np.log(fine)
    place = 1 / np.sqrt(squared)
    best = float(np.median(found[counts == counts.max()]))
    level = ratio[np.abs(place - best).argmin()] + np.log(counts.max()) - np.log(counts)
    return np.array([place[np.flatnonzero(ratio >= one)[-1]] for one in level])


def measured(planted: float, args: argparse.Namespace, folder: Path) -> float:
    spa(folder, "simulate", "particles", "-d", "P", "-o", "p.star", "--symmetry", "D2", "--box", args.box,
        "--pixel-size", args.pixel_size, "--n", args.n, "--snr", args.snr, "--bfactor", planted, "--seed", args.seed,
        "--specimen-diameter", 0.55 * args.box * args.pixel_size)  # fmt: skip
    spa(folder, "post", "bfactor", "P/truth.star", "-d", "B", "-o", "b.star", "--symmetry", "D2", "--diameter",
        0.62 * args.box * args.pixel_size, "--threads", 1)  # fmt: skip
    tables = star.read(folder / "B" / "bfactor.star")
    counts, found = (tables["subsets"].floats(name) for name in ("spaParticles", "spaResolution"))
    line = f"planted {planted:g}: "
    value = float("nan")
    if "bfactor" in tables:
        value, error = (float(tables["bfactor"].floats(name)[0]) for name in ("spaBfactor", "spaBfactorError"))
        line += f"found {value:.0f} +- {error:.0f} A^2"
        free = found > 2.2 * args.pixel_size
        own = fitted(counts[free], due(folder, planted, counts, found)[free], np.random.default_rng(1))
        line += f", due {own.bfactor:.0f}; " if own else "; "
    few = (counts <= args.n / 4) & (found > 2.2 * args.pixel_size)
    early = fitted(counts[few], found[few], np.random.default_rng(1))
    best = float(np.median(found[counts == counts.max()]))
    foretold = f"{early.resolution(counts.max()):.2f} A foretold" if early else "nothing foretold"
    print(f"{line}from up to {args.n // 4} particles {foretold}, {best:.2f} A found with {args.n}", flush=True)
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=6000)
    parser.add_argument("--box", type=int, default=64)
    parser.add_argument("--pixel-size", type=float, default=1.5)
    parser.add_argument("--snr", type=float, default=0.02)
    parser.add_argument("--bfactor", type=float, nargs="+", default=[0.0, 100.0, 200.0])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    values = []
    for planted in args.bfactor:
        with tempfile.TemporaryDirectory() as name:
            values.append(measured(planted, args, Path(name)))
    apart = ", ".join(f"{found:.0f} for {planted:g}" for found, planted in zip(np.diff(values), np.diff(args.bfactor)))
    print(f"differences: {apart}")


if __name__ == "__main__":
    main()
