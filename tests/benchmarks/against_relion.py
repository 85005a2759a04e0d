"""CPU seconds of `spa refine homo` and of RELION's auto-refinement on the same particles, from the same start.

    python against_relion.py PARTICLES TRUTH --symmetry D7 --diameter 170 --lowpass 40 [--iterations N] [--only spa]
    python against_relion.py --simulate 1200 --symmetry D7 --diameter 140 --lowpass 40

Image names are relative to the folder that this runs in. TRUTH is the map to start from (low-passed) and to be held
against: curves are means of the FSC within a sphere. RELION runs as its users run it: `relion_refine_mpi` with two
workers, split halves, `--auto_refine` from 7.5 degrees; the leading rank computes nothing (it waits in a busy loop) and
is not counted. With --iterations it is `relion_refine --K 1` for so many instead, to see that all runs, or to compare
the cost of an iteration: a whole run takes RELION tens of CPU minutes.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from spa.io import mrc
from spa.volume.fsc import fsc

# bash's `times`: the shell's own seconds, then those of its children (user and system)
RANK = '"$@"; status=$?; times > "$CPU_FOLDER/cpu.$OMPI_COMM_WORLD_RANK"; exit $status'
MPI = ["mpirun", "--oversubscribe", "-n", "3", "bash", "-c", RANK, "rank"]


def spent(command: list[str], folder: Path) -> tuple[float, float]:
    """CPU and wall seconds of a command and its children; of MPI ranks, where there are, all but the first."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    with (folder / "log").open("w") as log:
        done = subprocess.run(command, stdout=log, stderr=log, env={**os.environ, **root, "CPU_FOLDER": str(folder)})
    if done.returncode:
        sys.exit(f"{command[0]}: status {done.returncode}\n{(folder / 'log').read_text()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    ranks = [path for path in folder.glob("cpu.*") if path.suffix != ".0"]
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return sum(map(seconds, ranks)) if ranks else cpu, time.monotonic() - start


def seconds(path: Path) -> float:
    """The sum of what bash's `times` wrote."""
    return sum(60 * int(m) + float(s) for m, s in re.findall(r"(\d+)m([\d.]+)s", path.read_text()))


def spa_command(args: argparse.Namespace, folder: Path) -> list[str]:
    """`spa refine homo`, to its end."""
    words = ["spa", "refine", "homo", args.particles, "-d", folder, "-o", folder / "out.star",
             "--reference", args.truth, "--lowpass", args.lowpass, "--symmetry", args.symmetry,
             "--diameter", args.diameter, "--threads", 2]  # fmt: skip
    return list(map(str, words))


def relion_command(args: argparse.Namespace, folder: Path) -> list[str]:
    """RELION with the options that its interface offers by default, to its end or for so many iterations."""
    common = ["--i", args.particles, "--o", folder / "run", "--ref", args.truth, "--ini_high", args.lowpass,
              "--sym", args.symmetry, "--particle_diameter", args.diameter, "--firstiter_cc", "--ctf", "--pad", 2,
              "--flatten_solvent", "--zero_mask", "--norm", "--scale", "--oversampling", 1, "--healpix_order", 2,
              "--offset_range", 5, "--offset_step", 2, "--preread_images", "--j", 1]  # fmt: skip
    if args.iterations:
        words = ["relion_refine", "--K", 1, "--iter", args.iterations, "--tau2_fudge", 4, *common]
    else:
        words = [*MPI, "relion_refine_mpi", "--auto_refine", "--split_random_halves", "--low_resol_join_halves", 40,
                 "--auto_local_healpix_order", 4, *common]  # fmt: skip
    return list(map(str, words))


def against_truth(args: argparse.Namespace, path: Path) -> str:
    """Mean FSC of a map with the truth in a sphere of the diameter, and where it falls below 0.5."""
    truth, made = mrc.read(args.truth), mrc.read(path)
    n = len(truth.data)
    z, y, x = np.ogrid[:n, :n, :n]
    r = np.sqrt((z - n // 2) ** 2 + (y - n // 2) ** 2 + (x - n // 2) ** 2) * truth.pixel_size
    sphere = np.clip((args.diameter / 2 + 5 * truth.pixel_size - r) / (5 * truth.pixel_size), 0, 1)
    curve = fsc(np.asarray(truth.data) * sphere, np.asarray(made.data) * sphere)
    below = np.flatnonzero(curve < 0.5)
    shell = max(int(below[0]) - 1, 1) if below.size else n // 2
    return f"mean FSC with the truth {curve[1:].mean():.3f}, 0.5 at {n * truth.pixel_size / shell:.2f} A"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("particles", nargs="?")
    parser.add_argument("truth", nargs="?")
    parser.add_argument("--simulate", type=int, metavar="N", help="make N images of a phantom instead")
    parser.add_argument("--symmetry", default="C1")
    parser.add_argument("--diameter", type=float, required=True, help="of the mask, angstroms")
    parser.add_argument("--lowpass", type=float, default=40.0)
    parser.add_argument("--iterations", type=int, help="of RELION's classification, instead of a whole run")
    parser.add_argument("--only", choices=["spa", "relion"])
    args = parser.parse_args()
    if not args.simulate and not args.truth:
        parser.error("PARTICLES and TRUTH, or --simulate")
    return args


def simulated(args: argparse.Namespace, folder: Path) -> None:
    """Images of a phantom in boxes 1.5 times its diameter, at 2.5 A a pixel."""
    box = 8 * round(1.5 * args.diameter / 2.5 / 8)
    words = ["spa", "simulate", "particles", "-d", folder, "-o", folder / "in.star", "--n", args.simulate,
             "--box", box, "--pixel-size", 2.5, "--symmetry", args.symmetry, "--specimen-diameter", args.diameter,
             "--snr", 0.1]  # fmt: skip
    subprocess.run(list(map(str, words)), check=True)
    args.particles, args.truth = folder / "in.star", folder / "truth.mrc"


def main() -> None:
    args = options()
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / part for part in ("data", "spa", "relion")]
        for folder in folders:
            folder.mkdir()
        if args.simulate:
            simulated(args, folders[0])
        programs = {
            "spa": (spa_command, folders[1], "map.mrc"),
            "relion": (relion_command, folders[2], "run_class001.mrc"),
        }
        for program, (command, folder, made) in programs.items():
            if args.only in (None, program):
                cpu, wall = spent(command(args, folder), folder)
                if program == "relion" and args.iterations:
                    made = f"run_it{args.iterations:03d}_class001.mrc"
                print(f"{program}: {cpu:.1f} CPU s, {wall:.1f} s by the clock; {against_truth(args, folder / made)}",
                      flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
