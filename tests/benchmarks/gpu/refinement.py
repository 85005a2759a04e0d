"""`spa refine homo` of simulated particles from file to map on a card, and, if asked for, on this processor beside it.

    python tests/benchmarks/gpu/refinement.py FOLDER [--n 100000] [--distinct 5000] [--box 256] [--symmetry C1]
        [--snr 0.05] [--device cuda[:N,M]] [--cpu] [--threads N] [--emulated]

The aim: 100 000 particles of 256^2, C1, under 60 s on an H200. FOLDER gets the particles (26 GB for these; they are
made once, as `distinct` views that come again and again, each time under noise of its own) and is read once before the
clock starts, so that a cold disk is not timed. Printed: wall time from file to map, the resolution of its half maps in
a sphere, the FSC of the map with the truth there, and the share of poses within 2 degrees of the truth; with --cpu the
same of the processor, and where the FSC of both maps, which is to be above 0.99 up to that resolution, falls below it.
--emulated tries the script, small, without a card. RELION's community benchmark (105 247 particles of 360^2, Class3D,
K = 6, 25 iterations) takes 3 h 18 min on an A10G.

The budget of that minute, on 16 cores. Of the host, measured (CPU seconds of one thread), what threads share: reading,
transforming and checking an image 0.5 ms, 3 to 4 s for all; FSC of two maps 0.42 and outlines of two halves 2.0, 1 s an
iteration; half maps laid on one another, once or twice a run, 13, 2 s. On one thread: what the poses of 100 000 images
need, 1 s a pass (Laplace 0.47, draws 0.24, evidence, moves, the checkpoint); the table 2 s, imports 1 s.

Of the card, counted, not measured: coefficients sent once, 20 GB, 2 to 3 s as one thread fills pinned memory; a global
pass of 37 000 orientations, 30 shifts and 20 shells is 2.8e14 operations of TF32 (1 s at 70 % of the card's rate) and
0.9 TB of scores (0.3 s); a climb of 4 poses with 4 looks each reads 64 bytes for each of 20 000 coefficients, 2 TB of a
grid that no cache holds (1 to 2 s); insertion of 3 modes, drawn twice, is 8 atomic additions of 16 bytes for each of
25 000 coefficients, 1.2e11 (1 to 2 s). Eight to ten passes over all: 25 to 50 s, so that the host may not take more
than 10 to 20.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[3]))  # for the emulated device, which is of the tests

from spa.io import mrc, star
from spa.io.stacks import image_name
from spa.io.star import Table
from spa.job import pool
from spa.model.poses import matrices
from spa.search.orientations import angles_between
from spa.volume.fsc import crossing, fsc
from spa.volume.masks import soft_sphere

PIXEL = 1.2
CLEAN = 1e5  # times the signal-to-noise ratio that is asked for: that of the views
TOGETHER = 64  # images


def spa(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "spa.cli", *map(str, words)], check=True)


def emulated(*words: object) -> None:
    """The same in this process, on the emulated device."""
    from spa.cli.main import run
    from spa.gpu import device
    from tests.gpu.emulated import Emulated

    device._driver = lambda number, name: Emulated()  # type: ignore[assignment]
    if run([str(word) for word in words]):
        raise SystemExit("it failed")


def simulated(folder: Path, asked: argparse.Namespace) -> None:
    """Particles with known truth, made once."""
    if not (folder / "truth.star").exists():
        spa("simulate", "particles", "-d", folder / "views", "-o", folder / "views.star", "--box", asked.box, "--n",
            min(asked.n, asked.distinct), "--pixel-size", PIXEL, "--symmetry", asked.symmetry, "--snr",
            CLEAN * asked.snr, "--threads", asked.threads)  # fmt: skip
        repeated(folder, asked)


def repeated(folder: Path, asked: argparse.Namespace) -> None:
    """The views again and again under noise of variance 1, and their tables."""
    views = mrc.read(folder / "views" / "particles.mrcs").data
    scale = np.float32(1 / np.sqrt(CLEAN))
    stack, rows = folder / "particles.mrcs", np.arange(asked.n) % len(views)

    def noisy(start: int) -> np.ndarray:
        some = rows[start : start + TOGETHER]
        rng = np.random.Generator(np.random.SFC64([1, start]))
        return scale * views[some] + rng.standard_normal((len(some), *views.shape[1:]), np.float32)

    with mrc.StackWriter(stack, asked.n, asked.box, PIXEL) as writer, pool.in_order(asked.threads) as mapped:
        for images in mapped(noisy, range(0, asked.n, TOGETHER)):
            writer.write(images)
    for source, to in (("views.star", "p.star"), ("views/truth.star", "truth.star")):
        tables = star.read(folder / source)
        names = [image_name(number, stack) for number in range(asked.n)]
        table = tables["particles"].take(rows).with_columns(rlnImageName=names)
        star.write(tables.with_block("particles", table), folder / to)


def warmed(folder: Path) -> None:
    with open(folder / "particles.mrcs", "rb", buffering=0) as file:
        while file.read(2**24):
            pass


def refined(folder: Path, device: str, asked: argparse.Namespace) -> float:
    """Seconds from file to map."""
    out, start = folder / device.replace(":", "_"), time.perf_counter()
    start_at = min(40.0, PIXEL * asked.box / 3)  # angstroms
    (emulated if asked.emulated and device != "cpu" else spa)(
        "refine", "homo", folder / "p.star", "-d", out, "-o", out.with_suffix(".star"), "--reference",
        folder / "views" / "truth.mrc", "--lowpass", start_at, "--symmetry", asked.symmetry, "--device", device,
        "--threads", asked.threads,
    )  # fmt: skip
    return time.perf_counter() - start


def poses(table: Table) -> np.ndarray:
    return matrices(*np.deg2rad([table.floats(f"rlnAngle{name}") for name in ("Rot", "Tilt", "Psi")]))


def told(folder: Path, device: str, took: float, symmetry: str) -> np.ndarray:
    """Print what a run found, and give its map in a sphere."""
    out = folder / device.replace(":", "_")
    found, truth = (
        np.asarray(mrc.read(one).data, np.float32) for one in (out / "map.mrc", folder / "views" / "truth.mrc")
    )
    halves = [np.asarray(mrc.read(out / f"half{k}.mrc").data, np.float32) for k in (1, 2)]
    mask = soft_sphere(len(found), 0.32 * len(found), 6)
    shell = max(1, int(crossing(fsc(*(half * mask for half in halves)), 0.143)))
    line = (f"{device}: {took:.1f} s, {len(found) * PIXEL / shell:.2f} A, FSC with the truth there "
            f"{fsc(found * mask, truth * mask)[shell]:.3f}")  # fmt: skip
    if symmetry == "C1":
        tables = [star.read(one)["particles"] for one in (out.with_suffix(".star"), folder / "truth.star")]
        apart = np.rad2deg(angles_between(*(poses(table) for table in tables)))
        line += f", {(apart < 2).mean():.1%} of the poses within 2 degrees (median {np.median(apart):.2f})"
    print(line, flush=True)
    return found * mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--box", type=int, default=256)
    parser.add_argument("--symmetry", default="C1")
    parser.add_argument("--snr", type=float, default=0.05)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--distinct", type=int, default=5000)
    parser.add_argument("--emulated", action="store_true")
    parser.add_argument("--threads", type=int, default=16)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    simulated(asked.folder, asked)
    warmed(asked.folder)
    maps = []
    for device in [asked.device, *(["cpu"] if asked.cpu and asked.device != "cpu" else [])]:
        took = refined(asked.folder, device, asked)
        with threadpool_limits(asked.threads):
            maps.append(told(asked.folder, device, took, asked.symmetry))
    if len(maps) == 2:
        curve = fsc(*maps)
        print(f"FSC of both maps: first below 0.99 at {len(maps[0]) * PIXEL / crossing(curve, 0.99):.2f} A")


if __name__ == "__main__":
    main()
