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


WORK = {  # what a job that is done in a second works with, and what it does without
    "spa_plugins.pick_blob.picking": ("scipy", "numba", "matplotlib"),
    "spa_plugins.extract_particles.extraction": ("scipy", "numba", "matplotlib"),
    "spa_plugins.motion_patch.session": ("scipy.ndimage", "scipy.optimize", "spa.refine", "spa.search", "matplotlib"),
    "spa_plugins.ctf_patch.estimate": ("spa.refine", "spa.search", "matplotlib"),
}


@pytest.mark.parametrize("module", WORK)
def test_short_jobs_start_without_what_they_do_not_use(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {WORK[module]!r} if name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"


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
