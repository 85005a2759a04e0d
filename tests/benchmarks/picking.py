"""spa's pickers against RELION's on the same micrographs: CPU seconds of both, and the recall of both.

    python tests/benchmarks/picking.py MICROGRAPHS.star TRUTH.star DIAMETER [--templates STACK] [--only blob|template]

MICROGRAPHS has the CTF (`spa ctf patch`), TRUTH the coordinates of `spa simulate micrographs` or an expert. Each
program runs with one thread; without --templates the blob pickers alone are compared. Templates are class averages,
protein bright. RELION's template mode takes minutes a micrograph.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from spa.io import mrc, star


def spent(words: list[object]) -> float:
    """CPU seconds of a command, user and system."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as installed
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=kept)
    if done.returncode not in ((0, 1) if words[0] == "spa" else (0,)):  # 1: some left out
        sys.exit(f"{words[0]}: status {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def points(table: star.Table) -> np.ndarray:
    return np.stack([table.floats("rlnCoordinateX"), table.floats("rlnCoordinateY")], axis=1)


def recall(truth: star.Table, found: dict[str, np.ndarray], radius: float) -> str:
    """Of the true particles, those with a pick within ``radius`` pixels; and picks a true particle."""
    names = np.array([Path(name).stem for name in truth.text("rlnMicrographName")])
    hits = total = 0
    for stem in np.unique(names):
        here = points(truth)[names == stem]
        total += len(here)
        if len(found.get(stem, ())):
            hits += int((cKDTree(found[stem]).query(here)[0] <= radius).sum())
    picks = sum(map(len, found.values()))
    return f"recall {hits / total:.3f}, {picks / total:.2f} picks a true particle"


def of_spa(path: Path) -> dict[str, np.ndarray]:
    table = star.read(path)["particles"]
    stems = np.array([Path(name).stem for name in table.text("rlnMicrographName")])
    return {stem: points(table)[stems == stem] for stem in np.unique(stems)}


def of_relion(folder: Path, ending: str) -> dict[str, np.ndarray]:
    files = folder.rglob(f"*_{ending}.star")
    return {file.stem.removesuffix(f"_{ending}"): points(star.read(file)[""]) for file in files}


def commands(args: argparse.Namespace, folder: Path, kind: str) -> tuple[list[object], list[object]]:
    """The same picking by spa and by RELION."""
    spa: list[object] = ["spa", "pick", kind, args.micrographs, "-d", folder / "S", "-o", folder / "s.star",
                         "--threads", 1, "-q"]  # fmt: skip
    relion: list[object] = ["relion_autopick", "--i", args.micrographs, "--odir", f"{folder}/R/", "--pickname", kind]
    if kind == "blob":
        sizes = 0.9 * args.diameter, 1.1 * args.diameter
        return [*spa, "--diameter", *sizes], [*relion, "--LoG", "--LoG_diam_min", sizes[0], "--LoG_diam_max", sizes[1]]
    size = mrc.read_header(args.templates).pixel_size
    return [*spa, "--diameter", args.diameter, "--templates", args.templates, "--psi-step", 5], [
        *relion, "--ref", args.templates, "--angpix_ref", size, "--invert", "--ctf", "--ang", 5, "--lowpass", 20,
        "--particle_diameter", args.diameter, "--threshold", 0.1, "--min_distance", args.diameter / 2,
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs")
    parser.add_argument("truth")
    parser.add_argument("diameter", type=float)
    parser.add_argument("--templates")
    parser.add_argument("--only", choices=["blob", "template"])
    args = parser.parse_args()
    truth, tables = star.read(args.truth)["particles"], star.read(args.micrographs)
    pixel_size = tables["optics"].floats("rlnMicrographPixelSize")[0]
    count, radius = len(tables["micrographs"]), 0.2 * args.diameter / pixel_size
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for kind in ["blob", "template"] if args.templates else ["blob"]:
        if args.only not in (None, kind):
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ours, theirs = commands(args, folder, kind)
            times = spent(ours), spent(theirs)
            found = of_spa(folder / "s.star"), of_relion(folder / "R", kind)
        for program, cpu, picks in zip(("spa", "relion"), times, found):
            print(f"{kind:9} {program:7} {cpu / count:7.2f} CPU s a micrograph; {recall(truth, picks, radius)}")
        print(f"{kind:9} spa takes 1/{times[1] / times[0]:.1f} of RELION's time")


if __name__ == "__main__":
    main()
