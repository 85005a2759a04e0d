"""CPU seconds and memory of `spa optics aberrations` and `spa optics defocus` as the table grows.

    python optics.py [--rows 2000 12000] [--images 400] [--box 256] [--pixel-size 1.06] [--resolution 3] [--keep DIR]

A phantom's images (SNR 0.05, defocus wrong by up to 500 A, a beam tilt) and half maps that agree to the resolution. The
tables repeat the rows of the stack: what reading 100 000 images from a disk takes is not in the figures, only copying
those that the system's cache holds. One thread. The difference of two tables is what a particle costs, and what
is left is what a job costs at all (maps, scales from a sample, the start).
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.volume.shells import apply_radial, power

HALVES = ["--half1", "h1.mrc", "--half2", "h2.mrc"]
JOBS = {"aberrations": [], "defocus": [], "defocus, astigmatism": ["--astigmatism", "micrograph"]}


def call(folder: Path, *words: object) -> tuple[float, float, str]:
    """CPU seconds, peak MiB and the last words of a command."""
    script = ("import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
              "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
              "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024); sys.exit(done.returncode)")  # fmt: skip
    command = [sys.executable, "-c", script, *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command[3:])}: status {done.returncode}\n{done.stderr[-2000:]}")
    seconds, peak = done.stdout.split()[-2:]
    return float(seconds), float(peak), (done.stderr.strip().splitlines() or [""])[-1]


def make(folder: Path, args: argparse.Namespace) -> None:
    """P/, t.star with the poses, and half maps."""
    call(folder, "spa", "simulate", "particles", "-d", "P", "-o", "p.star", "--n", args.images, "--box", args.box,
         "--pixel-size", args.pixel_size, "--snr", 0.05, "--defocus-error", 500, "--beam-tilt", 0.3, -0.2,
         "--seed", args.seed)  # fmt: skip
    rng, truth = np.random.default_rng(args.seed), mrc.read(folder / "P/truth.mrc").data
    signal = np.sqrt(power(truth))
    at = round(args.box * args.pixel_size / args.resolution)
    noise = signal[at] * np.sqrt(6 / args.box**3) * (np.arange(len(signal)) / at) ** 2
    for half in (1, 2):
        grain = apply_radial(rng.standard_normal(truth.shape).astype(np.float32), noise)
        mrc.write(folder / f"h{half}.mrc", np.asarray(truth + grain, np.float32), args.pixel_size)


def table(folder: Path, rows: int) -> str:
    """A table of so many rows: true poses, the user's defocus, the stack's rows again and again."""
    known, given = (star.read(folder / path) for path in ("P/truth.star", "P/particles.star"))
    defocus = {name: given["particles"].floats(name) for name in ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")}
    all_rows = known["particles"].with_columns(**defocus)
    again = all_rows.take(np.arange(rows) % len(all_rows))
    films = [f"{name}_{turn}" for name, turn in zip(again.text("rlnMicrographName"), np.arange(rows) // len(all_rows))]
    tables = given.with_block("particles", again.with_columns(rlnMicrographName=films))
    star.write(tables, folder / f"t{rows}.star")
    return f"t{rows}.star"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs=2, default=[2000, 12000])
    for name, number in (("images", 400), ("box", 256), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--pixel-size", type=float, default=1.06)
    parser.add_argument("--resolution", type=float, default=3.0)
    parser.add_argument("--job", action="append", choices=JOBS)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = args.keep or Path(name)
        folder.mkdir(exist_ok=True)
        if not (folder / "h2.mrc").exists():
            make(folder, args)
        few, many = (table(folder, rows) for rows in args.rows)
        for job in args.job or JOBS:
            words = ["spa", "optics", job.split(",")[0], *HALVES, *JOBS[job], "-d", "D", "--threads", 1]
            first, _, _ = call(folder, *words, few, "-o", "few.star")
            second, peak, said = call(folder, *words, many, "-o", "many.star")
            each = (second - first) / (args.rows[1] - args.rows[0])
            print(f"{job:20} {1e3 * each:.2f} ms a particle, {first - each * args.rows[0]:.1f} s beside that: "
                  f"{1e5 * each + first - each * args.rows[0]:.0f} CPU-s for 100 000; {peak:.0f} MiB; {said}",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
