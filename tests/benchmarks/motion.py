"""CPU time, peak memory and error of `spa motion patch` and of RELION's own motion correction, on the same movie.

    python tests/benchmarks/motion.py MOVIE.tif --gain GAIN.mrc --pixel-size 1.6 --dose 1.5
                                      [--shifts S.npy --truth T.star]

Each runs on one thread, in a folder of its own, once for nothing, so that all that is compiled lies on disk (also
Python's bytecode, as of an installed program), and then a few times; the least sum of user and system time counts.
With the truth (as `spa simulate movies` writes it) the error is that of the trajectories at the particles. Needs
relion_run_motioncorr.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from spa.io import star
from spa.io.star import Table, Tables
from spa.recipe import motion as motion_star


def measured(words: list[str], folder: Path) -> tuple[float, float]:
    """CPU seconds and peak memory (MiB) of a command, in a process of its own."""
    code = ("import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, "
            "stderr=subprocess.PIPE); use = resource.getrusage(resource.RUSAGE_CHILDREN); "
            "sys.stderr.buffer.write(done.stderr) if done.returncode else None; "
            "print(use.ru_utime + use.ru_stime, use.ru_maxrss / 1024); sys.exit(done.returncode)")  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, env=kept)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def error(motion: Path, shifts: np.ndarray, truth: Table) -> float:
    """Rms error of the trajectories at the particles, pixels, but for a constant of each."""
    general = star.read(motion)["general"]
    nx, ny = (general.floats(f"rlnImageSize{axis}")[0] for axis in "XY")
    at = np.stack([truth.floats("rlnCoordinateX") / nx - 0.5, truth.floats("rlnCoordinateY") / ny - 0.5], axis=1)
    apart = np.moveaxis(motion_star.read(motion).model.displacements(at), 0, 1) - shifts
    return float(np.sqrt(((apart - apart.mean(0)) ** 2).sum(-1).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("movie", type=Path)
    parser.add_argument("--gain", type=Path, required=True)
    parser.add_argument("--pixel-size", type=float, required=True)
    parser.add_argument("--dose", type=float, required=True)
    parser.add_argument("--voltage", type=float, default=300)
    parser.add_argument("--patches", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shifts", type=Path)
    parser.add_argument("--truth", type=Path)
    asked = parser.parse_args()
    stem, pixel, dose = asked.movie.stem, str(asked.pixel_size), str(asked.dose)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / asked.movie.name).symlink_to(asked.movie.resolve())
        gain = str(asked.gain.resolve())
        optics = Table.of(
            rlnOpticsGroupName=["opticsGroup1"], rlnOpticsGroup=[1], rlnMicrographOriginalPixelSize=[pixel],
            rlnVoltage=[asked.voltage], rlnSphericalAberration=[2.7], rlnAmplitudeContrast=[0.1],
        )  # fmt: skip
        movies = Table.of(rlnMicrographMovieName=[asked.movie.name], rlnOpticsGroup=[1])
        star.write(Tables({"optics": optics, "movies": movies}), folder / "movies.star")
        side, group = str(asked.patches), str(max(1, round(4 / asked.dose)))
        ours = [sys.executable, "-m", "spa.cli", "motion", "patch", "movies.star", "-d", "ours", "--threads", "1",
                "--gain", gain, "--dose", dose, "--patches", side, "-q", "-o", "ours.star"]  # fmt: skip
        theirs = ["relion_run_motioncorr", "--i", "movies.star", "--o", "theirs/", "--use_own", "--j", "1",
                  "--patch_x", side, "--patch_y", side, "--bfactor", "150", "--gainref", gain, "--dose_weighting",
                  "--dose_per_frame", dose, "--angpix", pixel, "--voltage", str(asked.voltage),
                  "--grouping_for_ps", group, "--ps_size", "512"]  # fmt: skip
        (folder / "theirs").mkdir()
        for label, words, motion in (("spa", ours, "ours"), ("RELION", theirs, "theirs")):
            runs = [measured(words, folder) for _ in range(asked.repeats + 1)][1:]
            seconds, memory = min(runs)
            text = f"{label:7} {seconds:8.1f} CPU-s {memory:8.0f} MiB"
            if asked.shifts and asked.truth:
                known = star.read(asked.truth)["particles"]
                text += f"   rms {error(folder / motion / f'{stem}.star', np.load(asked.shifts), known):.3f} pixels"
            print(text, flush=True)
    print(f"(this process: {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.1f} s)")


if __name__ == "__main__":
    main()
