"""`spa refine homo` of simulated particles from file to map on a card, and, if asked for, on this processor beside it.

    python tests/benchmarks/gpu/refinement.py FOLDER [--n 100000] [--box 256] [--symmetry C1] [--snr 0.05]
                                              [--device cuda[:N,M]] [--cpu] [--threads N]

The aim: 100 000 particles of 256^2, C1, under 60 s on an H200. FOLDER gets the particles (26 GB for these; they are
made once) and is read once before the clock starts, so that a cold disk is not timed. Printed: wall time from file to
map, the resolution of its half maps in a sphere, the FSC of the map with the truth there, and the share of poses within
2 degrees of the truth; with --cpu the same of the processor, and where the FSC of both maps, which is to be above 0.99
up to that resolution, falls below it. RELION's community benchmark (105 247 particles of 360^2, Class3D, K = 6, 25
iterations) takes 3 h 18 min on an A10G.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from spa.io import mrc, star
from spa.io.star import Table
from spa.model.poses import matrices
from spa.search.orientations import angles_between
from spa.volume.fsc import crossing, fsc
from spa.volume.masks import soft_sphere

PIXEL = 1.2


def spa(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "spa.cli", *map(str, words)], check=True)


def simulated(folder: Path, asked: argparse.Namespace) -> None:
    """Particles with known truth, made once."""
    if not (folder / "truth.star").exists():
        spa("simulate", "particles", "-d", folder, "-o", folder / "p.star", "--n", asked.n, "--box", asked.box,
            "--pixel-size", PIXEL, "--symmetry", asked.symmetry, "--snr", asked.snr)  # fmt: skip


def warmed(folder: Path) -> None:
    with open(folder / "particles.mrcs", "rb", buffering=0) as file:
        while file.read(2**24):
            pass


def refined(folder: Path, device: str, asked: argparse.Namespace) -> float:
    """Seconds from file to map."""
    out, start = folder / device.replace(":", "_"), time.perf_counter()
    start_at = min(40.0, PIXEL * asked.box / 3)  # angstroms
    spa("refine", "homo", folder / "p.star", "-d", out, "-o", out.with_suffix(".star"), "--reference",
        folder / "truth.mrc", "--lowpass", start_at, "--symmetry", asked.symmetry, "--device", device,
        "--threads", asked.threads)  # fmt: skip
    return time.perf_counter() - start


def poses(table: Table) -> np.ndarray:
    return matrices(*np.deg2rad([table.floats(f"rlnAngle{name}") for name in ("Rot", "Tilt", "Psi")]))


def told(folder: Path, device: str, took: float, symmetry: str) -> np.ndarray:
    """Print what a run found, and give its map in a sphere."""
    out = folder / device.replace(":", "_")
    found, truth = (np.asarray(mrc.read(one).data, np.float32) for one in (out / "map.mrc", folder / "truth.mrc"))
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
