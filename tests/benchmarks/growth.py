"""How a whole `spa refine homo` grows with images, box and orientations: CPU seconds beside the operations counted.

    python tests/benchmarks/growth.py [--images 500 1000 2000 4000] [--boxes 48 64 96 128] [--groups C1 C2 D2 D7]
                                      [--of images boxes groups] [--plot FILE]

One thread; each line is a refinement of a phantom (SNR 0.3, from 40 A) in a process of its own, in which these count
what they do and the CPU time that they take: the matrix products of the exhaustive pass (`gemm`: 2 a product),
Gauss-Newton (`newton`: 250 a coefficient and pose), insertion (`insert`: 90 a coefficient and sample) and 3-D
transforms (`fft`: 2.5 n log2 n). What is left is reading, slices, weights, tables, and the program's
start. `peak` is the process's memory, `plan` what it was planned to hold, both in MiB; the interpreter with its
libraries is 190 of the peak.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# runs in the job's process: [operations, CPU seconds] of each part
COUNT = """
import atexit, json, math, os, resource, time
from spa.image import fft
from spa.job import room
from spa.search import exhaustive, newton
from spa.refine.engine import Cpu
from spa.volume import insert
spent = {part: [0.0, 0.0] for part in ("gemm", "newton", "insert", "fft")}
plan = []
def counted(part, function, operations):
    def call(*args, **named):
        start = time.thread_time()
        out = function(*args, **named)
        spent[part][0] += operations(*args)
        spent[part][1] += time.thread_time() - start
        return out
    return call
def products(block, columns, shifts, *rest):
    return 2 * len(block) * len(columns.poses) * len(block.kx) * (2 * len(shifts) + 1)
def points(source, block, rows, poses, shifts, radius):
    return 250 * len(rows) * block.band.count(radius)
def cells(sums, samples, values, *rest):
    return 90 * len(samples.rows) * values.shape[2]
def waves(volume, *rest):
    side = volume.shape[0]
    return 2.5 * side**3 * 3 * math.log2(side)
def coefficients(run, n, wanted, rest, *words):
    plan.append(wanted + rest)
    return planned(run, n, wanted, rest, *words)
Cpu.search = staticmethod(counted("gemm", exhaustive.search, products))
newton.evaluate = counted("newton", newton.evaluate, points)
insert.insert = counted("insert", insert.insert, cells)
fft.rfft3, fft.irfft3 = counted("fft", fft.rfft3, waves), counted("fft", fft.irfft3, waves)
planned, room.coefficients = room.coefficients, coefficients
def told():
    used = resource.getrusage(resource.RUSAGE_SELF)
    json.dump({"parts": spent, "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024,
               "plan": sum(plan) / 2**20}, open(os.environ["NOTES"], "w"))
atexit.register(told)
from spa.cli.main import main
main()
"""
WIDTH, PARTS = 240.0, ("gemm", "newton", "insert", "fft")  # of the box, angstroms, whatever its pixels


def refined(images: int, box: int, group: str, folder: Path) -> dict:
    """What one refinement of simulated images took."""
    pixel = WIDTH / box
    words = f"simulate particles -q -d data -o made.star --n {images} --box {box} --pixel-size {pixel} --snr 0.3" \
            f" --symmetry {group} --specimen-diameter 140"  # fmt: skip
    subprocess.run([sys.executable, "-m", "spa.cli", *words.split()], cwd=folder, check=True)
    words = f"refine homo data/particles.star -q -d out -o out.star --reference data/truth.mrc --lowpass 40" \
            f" --symmetry {group} --diameter 160 --threads 1"  # fmt: skip
    subprocess.run([sys.executable, "-c", COUNT, *words.split()], cwd=folder, check=True,
                   env={**os.environ, "NOTES": "notes.json"})  # fmt: skip
    return json.loads((folder / "notes.json").read_text())


def line(images: int, box: int, group: str, found: dict) -> str:
    parts = [found["parts"][part] for part in PARTS]
    total = sum(count for count, _ in parts)
    rest = found["cpu"] - sum(took for _, took in parts)
    shown = "".join(f" {took:6.2f}{count / 1e9:7.1f}{count / max(took, 1e-9) / 1e9:6.1f}" for count, took in parts)
    return (f"{images:6d} {box:4d} {group:>5s} {found['cpu']:7.2f} {total / 1e9:8.0f}{shown} {rest:6.2f}"
            f" {found['peak']:6.0f} {found['plan']:6.0f}")  # fmt: skip


def cases(asked: argparse.Namespace) -> list[tuple[int, int, str]]:
    """One of images, box and group changes, the others are the smallest of their kinds but twice."""
    images, box, group = asked.images[min(1, len(asked.images) - 1)], asked.boxes[0], asked.groups[0]
    found = [(n, box, group) for n in asked.images if "images" in asked.of]
    found += [(images, side, group) for side in asked.boxes if "boxes" in asked.of]
    found += [(images, box, name) for name in asked.groups if "groups" in asked.of]
    return list(dict.fromkeys(found))


def draw(rows: list[tuple[tuple[int, int, str], dict]], path: str) -> None:
    """CPU seconds against operations, of the whole and of each part, with a line of equal rate."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 5), layout="constrained")
    whole = [(sum(count for count, _ in found["parts"].values()), found["cpu"]) for _, found in rows]
    axes.loglog(*zip(*whole), "ko", label="whole run")
    for part, mark in zip(PARTS, "sv^d"):
        axes.loglog(*zip(*(found["parts"][part] for _, found in rows)), mark, label=part, alpha=0.7)
    least, most = min(count for count, _ in whole), max(count for count, _ in whole)
    axes.loglog([least, most], [whole[0][1] * least / whole[0][0], whole[0][1] * most / whole[0][0]], "k:",
                label="in proportion")  # fmt: skip
    axes.set(xlabel="floating point operations", ylabel="CPU seconds")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[500, 1000, 2000, 4000])
    parser.add_argument("--boxes", type=int, nargs="+", default=[48, 64, 96, 128])
    parser.add_argument("--groups", nargs="+", default=["C1", "C2", "D2", "D7"])
    parser.add_argument("--of", nargs="+", choices=["images", "boxes", "groups"], default=["images", "boxes", "groups"])
    parser.add_argument("--plot")
    asked = parser.parse_args()
    print("                   whole run" + "".join(f"  {part:^18s}" for part in PARTS))
    print("images  box group   CPU-s   GFLOP" + "   CPU-s  GFLOP  GF/s" * 4 + "   rest   peak   plan")
    rows = []
    for case in cases(asked):
        with tempfile.TemporaryDirectory() as name:
            found = refined(*case, Path(name))
        rows.append((case, found))
        print(line(*case, found), flush=True)
    if asked.plot:
        draw(rows, asked.plot)


if __name__ == "__main__":
    main()
