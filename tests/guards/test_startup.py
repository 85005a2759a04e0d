"""Help is fast: no job's command imports anything heavy before it runs."""

import resource
import subprocess
import sys
from collections.abc import Sequence

import pytest

HEAVY = ("numpy", "scipy", "numba", "pyfftw", "mrcfile", "gemmi", "matplotlib", "tqdm", "threadpoolctl", "pandas",
         "torch")  # fmt: skip
LOADS_ALL = """
import sys
from importlib.abc import MetaPathFinder
from spa.cli import lazy, main

class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in HEAVY:
            raise ImportError(f"it imports {name} at its top; import it in the body")

sys.meta_path.insert(0, Refuse())
for name, job in main.program().registry.jobs.items():
    try:
        lazy.load(job)
    except Exception as error:
        print(f"spa {name}: {error}")
"""


def test_no_command_imports_science_before_it_runs() -> None:
    program = f"HEAVY = {HEAVY!r}\n{LOADS_ALL}"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stderr == "" and ran.stdout == "", ran.stdout + ran.stderr


def seconds(words: Sequence[str]) -> float:
    """CPU time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("words", ["--help", "pick --help", "pick blob --help", "refine homo --help", "--version"])
def test_help_takes_less_than_150_ms(words: str) -> None:
    bare = taken = float("inf")
    for _ in range(15):  # the least of some runs: the machine may be busy with something else
        bare = min(bare, seconds([sys.executable, "-c", "import click"]))
        taken = min(taken, seconds([sys.executable, "-m", "spa.cli", *words.split()]))
        if taken < max(0.150, 2.2 * bare):
            return
    raise AssertionError(f"{1000 * taken:.0f} ms (click alone {1000 * bare:.0f} ms)")
