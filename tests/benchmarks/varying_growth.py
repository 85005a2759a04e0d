"""How `vary linear`, `vary neural` and `refine flex` grow with images, box and coordinates: CPU seconds and memory.

    python tests/benchmarks/varying_growth.py [--images 1000 2000 4000 10000] [--boxes 48 64 96] [--latents 1 3 6]
                                              [--jobs linear neural flex] [--threads N] [--plot FILE]

One of images, box and coordinates changes, the others are the first of theirs (of images the second). Each line is a
job in a process of its own on phantoms whose ends twist (`heterogeneity.py twist`): its CPU seconds, those of one of
its rounds (an iteration of `linear` in the whole band, an epoch of the others; two or three are done), what everything
but the rounds takes, its peak memory in MiB (190 of it are the interpreter and its libraries, with torch 430), and the
power of what was changed that the time has grown by since the line before.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import heterogeneity
import numpy as np

from spa.io import star

# runs in the job's process: CPU seconds of every round
COUNT = """
import atexit, json, os, time
rounds = []
def counted(function):
    def call(*args, **named):
        start = time.process_time()
        out = function(*args, **named)
        rounds.append(time.process_time() - start)
        return out
    return call
where = os.environ["ROUNDS"]
if where == "linear":
    from spa.vary import components as module
    module.iterated = counted(module.iterated)
elif where == "neural":
    from spa_plugins.vary_neural import training as module
    module.epoch = counted(module.epoch)
else:
    from spa_plugins.refine_flex import training as module
    module.trained = counted(module.trained)
def told():
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    json.dump({"rounds": rounds, "cpu": time.process_time(), "peak": int(peak) / 1024},
              open(os.environ["NOTES"], "w"))
atexit.register(told)
from spa.cli.main import main
main()
"""
WORDS = {
    "linear": "vary linear --components {latents} --iterations 2 --frames 2 --threads {threads}",
    "neural": "vary neural --latent {latents} --epochs 2 --frames 2 --threads {threads}",
    "flex": "refine flex --latent {latents} --epochs 3 --iterations 2 --frames 2 --threads {threads}",
}
WIDTH, SNR = 240.0, 0.5  # width of the box, angstroms, whatever its pixels


@dataclass(frozen=True)
class Case:
    """of: what changes in its series."""

    job: str
    of: str
    images: int
    box: int
    latents: int


@dataclass(frozen=True)
class Took:
    """CPU seconds of the whole and of a round (the last is of the most detail), MiB."""

    cpu: float
    round: float
    rest: float
    peak: float


def cases(asked: argparse.Namespace) -> list[Case]:
    images, box, latents = asked.images[min(1, len(asked.images) - 1)], asked.boxes[0], asked.latents[0]
    found = []
    for job in asked.jobs:
        found += [Case(job, "images", n, box, latents) for n in asked.images]
        found += [Case(job, "box", images, side, latents) for side in asked.boxes]
        found += [Case(job, "latents", images, box, q) for q in asked.latents]
    return found


def made(images: int, box: int, folder: Path) -> Path:
    """A table of so many particles."""
    place = folder / f"box{box}"
    if not place.exists():
        rng, angles = np.random.default_rng(0), np.linspace(-25, 25, 11)
        specimens = heterogeneity.twist(box, WIDTH / box, angles, rng)
        kind = rng.integers(0, len(angles), images)
        heterogeneity.write(place, specimens, kind, angles[kind], box, WIDTH / box, SNR, rng)
    tables = star.read(place / "truth.star")
    path = place / f"{images}.star"
    star.write(tables.with_block("particles", tables["particles"].take(np.arange(images))), path)
    return path


def took(case: Case, table: Path, threads: int, folder: Path) -> Took:
    """One run."""
    words = WORDS[case.job].format(latents=case.latents, threads=threads).split()
    words += [str(table), "-q", "-d", str(folder / "out"), "-o", str(folder / "out.star")]
    notes = folder / "notes.json"
    ran = subprocess.run([sys.executable, "-c", COUNT, *words], capture_output=True, text=True,
                         env={**os.environ, "NOTES": str(notes), "ROUNDS": case.job})  # fmt: skip
    if ran.returncode:
        sys.exit(ran.stderr)
    told = json.loads(notes.read_text())
    return Took(told["cpu"], told["rounds"][-1], told["cpu"] - sum(told["rounds"]), told["peak"])


def power(case: Case, before: tuple[Case, Took] | None, now: Took) -> str:
    """What power of the thing that changes the time has grown by."""
    if before is None or (before[0].job, before[0].of) != (case.job, case.of):
        return ""
    ratio = getattr(case, case.of) / getattr(before[0], case.of)
    one, rounds = (np.log(getattr(now, part) / getattr(before[1], part)) / np.log(ratio) for part in ("cpu", "round"))
    return f"{one:6.2f} {rounds:6.2f}"


def draw(rows: list[tuple[Case, Took]], path: str) -> None:
    """CPU seconds (above) and memory (below) of each job against what changes; dashed: one round."""
    from matplotlib import pyplot

    parts = ("images", "box", "latents")
    figure, axes = pyplot.subplots(2, 3, figsize=(10, 6), sharex="col", sharey="row", layout="constrained")
    for job in dict.fromkeys(case.job for case, _ in rows):
        for column, of in zip(axes.T, parts):
            mine = [(getattr(case, of), found) for case, found in rows if (case.job, case.of) == (job, of)]
            at = [one for one, _ in mine]
            (line,) = column[0].loglog(at, [found.cpu for _, found in mine], "o-", label=job)
            column[0].loglog(at, [found.round for _, found in mine], ".--", color=line.get_color())
            column[1].semilogx(at, [found.peak for _, found in mine], "o-", color=line.get_color())
            column[1].set(xlabel={"box": "box, pixels", "latents": "coordinates"}.get(of, of))
            column[1].set_xticks(at, [str(one) for one in at], minor=False)
            column[1].minorticks_off()
    axes[0, 0].set(ylabel="CPU seconds (dashed: a round)")
    axes[1, 0].set(ylabel="peak memory, MiB", ylim=(0, None))
    axes[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 2000, 4000, 10000])
    parser.add_argument("--boxes", type=int, nargs="+", default=[48, 64, 96])
    parser.add_argument("--latents", type=int, nargs="+", default=[1, 3, 6])
    parser.add_argument("--jobs", nargs="+", choices=list(WORDS), default=list(WORDS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--plot")
    asked = parser.parse_args()
    print("job    images  box latents   CPU-s  round   rest  peak MiB  power of all, of a round")
    rows: list[tuple[Case, Took]] = []
    known: dict[tuple[str, int, int, int], Took] = {}
    with tempfile.TemporaryDirectory() as name:
        made(max(asked.images), asked.boxes[0], Path(name))
        for case in cases(asked):
            key = case.job, case.images, case.box, case.latents
            if key not in known:
                known[key] = took(case, made(case.images, case.box, Path(name)), asked.threads, Path(name))
            now = known[key]
            grown = power(case, rows[-1] if rows else None, now)
            print(f"{case.job:6s} {case.images:6d} {case.box:4d} {case.latents:7d} {now.cpu:7.1f} {now.round:6.2f} "
                  f"{now.rest:6.1f} {now.peak:9.0f}  {grown}", flush=True)  # fmt: skip
            rows.append((case, now))
    if asked.plot:
        draw(rows, asked.plot)


if __name__ == "__main__":
    main()
