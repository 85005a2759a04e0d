"""How often a map from nothing is right, and its symmetry found: phantoms of several point groups, several seeds.

    python tests/benchmarks/abinit.py [--groups C1 C5 D7 O] [--seeds 5] [--images 1000] [--snr 0.08]
    python tests/benchmarks/abinit.py --set DIR --group D7 --diameter 170

Every run has its own seed for the simulation and for all that `spa abinit model --symmetry auto` draws; or the images
of a folder as `spa simulate particles` leaves it are taken. A map is right where its FSC with the truth, once laid upon
it in whichever hand, is above 0.5 to 20 A or finer. CPU seconds are of the whole command, children included.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from spa.io import mrc
from spa.symmetry import align
from spa.testing import run_spa
from spa.volume.fsc import crossing

PIXEL, BOX, RIGHT = 3.0, 80, 20.0


def simulated(folder: Path, group: str, seed: int, images: int, snr: float) -> float:
    """Particles of a phantom in folder; its diameter (angstroms)."""
    diameter = 0.62 * BOX * PIXEL
    made = run_spa("simulate", "particles", "-d", folder, "-o", folder / "s.star", "--symmetry", group, "--box", BOX,
                   "--pixel-size", PIXEL, "--n", images, "--snr", snr, "--seed", seed,
                   "--specimen-diameter", diameter)  # fmt: skip
    assert made.status == 0, made.stderr
    return 1.1 * diameter


def resolution(truth: Path, found: Path) -> float:
    """Where the FSC of a map with the truth falls below 0.5, one laid on the other, angstroms."""
    a, b = mrc.read(truth), mrc.read(found)
    box, band = len(a.data), int(len(a.data) * a.pixel_size / (0.5 * RIGHT))
    band = min(band, box // 2 - 2)
    fit = align.fit(a.data, b.data, min(band, int(box * a.pixel_size / RIGHT)))
    return box * a.pixel_size / crossing(align.shell_correlation(a.data, b.data, fit, band), 0.5)


def one(source: Path, work: Path, diameter: float, seed: int, starts: int) -> tuple[str, float, float]:
    """The group found, the resolution against the truth, and the CPU seconds of a run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [sys.executable, "-m", "spa.cli", "abinit", "model", "particles.star", "-d", str(work), "--symmetry",
             "auto", "--diameter", f"{diameter:g}", "--seed", str(seed), "--seeds", str(starts), "--threads", "1",
             "-o", str(work.with_suffix(".star"))]  # fmt: skip
    done = subprocess.run(words, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    group = re.search(r"sphere\), ([CDTOI]\d*)", done.stderr)
    return group[1] if group else "?", resolution(source / "truth.mrc", work / "class001.mrc"), spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--groups", nargs="+", default=["C1", "C5", "D7", "O"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--snr", type=float, default=0.08)
    parser.add_argument("--set", type=Path, help="a folder with particles.star and truth.mrc, in place of phantoms")
    parser.add_argument("--group", help="of the set")
    parser.add_argument("--diameter", type=float, help="of the set's particle, angstroms")
    asked = parser.parse_args()
    right = same = runs = 0
    print("group  seed  found    FSC 0.5   CPU s", flush=True)
    for group in [asked.group] if asked.set else asked.groups:
        for seed in range(asked.seeds):
            with tempfile.TemporaryDirectory() as name:
                source, diameter = (asked.set, asked.diameter) if asked.set else (Path(name) / "s", 0.0)
                if not asked.set:
                    diameter = simulated(source, group, seed, asked.images, asked.snr)
                found, reached, spent = one(source.resolve(), Path(name) / "a", diameter, seed, asked.starts)
            right, same, runs = right + (reached <= RIGHT), same + (found == group), runs + 1
            print(f"{group:6s} {seed:4d}  {found:6s} {reached:7.1f} A {spent:7.1f}", flush=True)
    print(f"{right} of {runs} right within {RIGHT:g} A, {same} of {runs} with their symmetry found")


if __name__ == "__main__":
    main()
