"""What compiling costs the first run of each job: CPU seconds beyond those of the same run with a warm cache.

    python tests/benchmarks/warm_start.py [--jobs "refine homo" ...] [--functions 0.1]

Each job is run twice on tiny data, first with an empty NUMBA_CACHE_DIR, then with what the first left there. Under each
job stand the functions that took longest to compile: seconds of their own, without those that they had compiled for
them. What is beyond their sum is numba's own start, once a process that compiles anything.
"""

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

# runs in the job's process: notes every compilation, inner ones taken out of the outer's time
NOTE = """
import atexit, json, os, sys, time
from numba.core import event
class Note(event.Listener):
    open, done = [], []
    def on_start(self, it): self.open.append([time.process_time(), 0.0])
    def on_end(self, it):
        start, inner = self.open.pop()
        took = time.process_time() - start
        if self.open: self.open[-1][1] += took
        function = it.data["dispatcher"].py_func
        self.done.append((f"{function.__module__}.{function.__name__}", took - inner))
note = Note()
event.register("numba:compile", note)
atexit.register(lambda: json.dump(note.done, open(os.environ["NOTES"], "w")))
from spa.cli.main import main
main()
"""
JOBS = {
    "refine homo": "Images/particles.star --reference Images/truth.mrc --iterations 2 --diameter 130",
    "refine homo, D2": "Images/particles.star --reference Images/truth.mrc --iterations 2 --diameter 130 --symmetry D2",
    "refine nu": "Images/particles.star --reference Images/truth.mrc --iterations 2 --diameter 130",
    "refine local": "refined.star --iterations 2",
    "reconstruct": "refined.star",
    "refine hetero": "Images/particles.star --reference Images/truth.mrc --reference Images/truth.mrc --iterations 3",
    "classify 2d": "Images/particles.star --classes 2 --diameter 130 --iterations 4",
    "classify 3d": "refined.star --classes 2 --iterations 2",
    "abinit model": "Images/particles.star --diameter 130 --seeds 1",
    "vary linear": "refined.star --components 1 --iterations 2",
    "refine flex": "refined.star --latent 1 --epochs 1",
    "subtract signal": "refined.star --mask Images/odd.mrc",
    "optics aberrations": "refined.star",
    "optics defocus": "refined.star",
    "symmetry detect": "--map Images/truth.mrc",
    "post orientation": "refined.star",
    "post local": "refined.star",
    "motion patch": "Movies/movies.star",
    "ctf patch": "Micrographs/micrographs.star",
    "pick blob": "Micrographs/truth_micrographs.star --diameter 100 150",
    "pick template": "Micrographs/truth_micrographs.star --map Images/truth.mrc --symmetry D2 --diameter 130",
    "simulate movies": "--n 1 --size 512 512 --frames 6",
}  # fmt: skip
DATA = (
    "simulate particles -d Images -o made.star --n 150 --box 48 --pixel-size 4 --symmetry D2 --specimen-diameter 120"
    " --odd-subunit missing --snr 1",
    "simulate micrographs -d Micrographs -o made.star --n 1 --size 512 512 --specimen-diameter 120",
    "simulate movies -d Movies -o made.star --n 1 --size 512 512 --frames 6 --specimen-diameter 120",
    "refine homo Images/particles.star -d Refined -o refined.star --reference Images/truth.mrc --iterations 3",
)
PRINTS = {"symmetry detect"}  # have no folder


def run(words: list[str], cache: Path, folder: Path) -> float:
    """CPU seconds of a job in a process of its own."""
    notes = {"NUMBA_CACHE_DIR": str(cache), "NOTES": str(folder / "notes.json")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", NOTE, *words, "-q", "--threads", "1"], cwd=folder,
                          env={**os.environ, **notes}, capture_output=True, text=True)  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(f"spa {' '.join(words)}: status {done.returncode}\n{done.stderr[-1000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS), metavar="JOB")
    parser.add_argument("--functions", type=float, default=0.1, help="least seconds of a function that is listed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for line in DATA:
            run(shlex.split(line), folder / "cache", folder)
        print("job                   first   again  compiling")
        for count, job in enumerate(asked.jobs):
            words = [*job.split(",")[0].split(), *shlex.split(JOBS[job]), "-o", "made.star"]
            times, notes = [], []
            for turn in ("first", "again"):
                place = [] if job in PRINTS else ["-d", f"{turn}{count}"]
                times.append(run([*words, *place], folder / f"cache{count}", folder))
                notes.append(json.loads((folder / "notes.json").read_text()))
            print(f"{job:20s} {times[0]:6.2f} {times[1]:7.2f} {times[0] - times[1]:10.2f}", flush=True)
            if notes[1]:
                print("  compiled again:", sorted({function for function, _ in notes[1]}))
            spent = sorted(notes[0], key=lambda note: -note[1])
            for function, took in spent:
                if took >= asked.functions:
                    print(f"  {took:5.2f} {function}")


if __name__ == "__main__":
    main()
