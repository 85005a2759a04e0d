"""A refinement whose coefficients do not fit: they go to a file, are read in order, and give the same bytes.

    python tests/benchmarks/spill.py [--images 1000] [--box 128] [--iterations 1]

The same `refine homo` twice: with all of this machine's memory, and told that there is room for its maps alone. Of
each: CPU seconds, the largest anonymous memory (`own`: what must stay) and file-backed memory (`mapped`: what the
kernel may drop), MiB, sampled every 20 ms; and of the blocks of images that are read, the share that lies after the
block before (each pass goes from the first image of a half to its last).
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from spa.volume.insert import accumulator_bytes

# runs in the job's process
WATCH = """
import atexit, json, os, threading, time
from spa.job import memory
from spa.refine.data import Images
if os.environ["ROOM"]:
    memory.available = lambda: int(os.environ["ROOM"])
most, rows_read = {"RssAnon": 0, "RssFile": 0}, []
def sample():
    while True:
        for line in open("/proc/self/status"):
            name = line.split(":")[0]
            if name in most: most[name] = max(most[name], int(line.split()[1]) // 1024)
        time.sleep(0.02)
threading.Thread(target=sample, daemon=True).start()
block = Images.block
def noted(self, rows, *rest):
    rows_read.append((int(rows[0]), int(rows[-1]), int(self.half[rows[0]])))
    return block(self, rows, *rest)
Images.block = noted
atexit.register(lambda: json.dump({"most": most, "rows": rows_read}, open(os.environ["NOTES"], "w")))
from spa.cli.main import main
main()
"""


def refined(asked: argparse.Namespace, folder: Path, room: int | None) -> str:
    """What a run took, in words, and the hash of its map."""
    words = f"refine homo data/particles.star -v -d out -o out.star --reference data/truth.mrc --lowpass 30" \
            f" --diameter 200 --threads 1 --iterations {asked.iterations}"  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", WATCH, *words.split()], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "NOTES": "notes.json", "ROOM": str(room or "")})  # fmt: skip
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    notes = json.loads((folder / "notes.json").read_text())
    pieces = notes["rows"]
    forward = [second[0] > first[1] for first, second in zip(pieces, pieces[1:])]
    said = [line for line in done.stderr.splitlines() if "coefficients go to a file" in line]
    digest = hashlib.sha256((folder / "out/map.mrc").read_bytes()).hexdigest()[:12]
    return (f"{cpu:.1f} CPU-s, own {notes['most']['RssAnon']}, mapped {notes['most']['RssFile']}, map {digest},"
            f" {len(pieces)} pieces, {sum(forward) / max(len(forward), 1):.0%} onward {said}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--box", type=int, default=128)
    parser.add_argument("--iterations", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = f"simulate particles -q -d data -o made.star --n {asked.images} --box {asked.box} --pixel-size 2.5" \
                " --snr 0.3 --specimen-diameter 180"  # fmt: skip
        subprocess.run([sys.executable, "-m", "spa.cli", *words.split()], cwd=folder, check=True)
        maps = 2 * accumulator_bytes(asked.box, asked.box // 2 - 1) + 48 * asked.box**3
        print("in memory:", refined(asked, folder, None), flush=True)
        print("spilled:  ", refined(asked, folder, maps + 1), flush=True)


if __name__ == "__main__":
    main()
