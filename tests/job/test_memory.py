"""What does not fit is refused with the figures."""

import subprocess
import sys
from pathlib import Path

import pytest

from spa.errors import DeviceError
from spa.job import memory


def test_figures() -> None:
    there = memory.available()
    assert there is not None and there > 2**20
    memory.require(2**20, "a little")
    with pytest.raises(DeviceError, match=r"everything needs 1048576.0 GiB of memory; .* GiB are free"):
        memory.require(2**50, "everything")


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "max").write_text("5000\n")
    (tmp_path / "now").write_text("1000\n")
    monkeypatch.setattr(memory, "CGROUPS", ((str(tmp_path / "max"), str(tmp_path / "now")),))
    monkeypatch.setattr(memory, "kept", lambda: 500)
    assert memory.available() == 4500
    (tmp_path / "max").write_text("max\n")
    assert (memory.available() or 0) > 4000


AGAIN = """
import resource, numpy
from spa.job import memory
def faults():
    numpy.ones(100 * 2**20, numpy.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
memory.reuse()
faults()
before = faults()
print(max(faults() for _ in range(5)) - before)
"""


def test_a_large_array_takes_the_memory_of_the_last() -> None:
    """Its pages are not cleared once more: none of them is met for the first time."""
    found = subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 10  # each time 50 at least, were they pages of the largest size


KEPT = """
import numpy
from spa.job import memory
memory.reuse()
numpy.ones(300 * 2**20, numpy.uint8)
before = memory.kept()
held = numpy.ones(200 * 2**20, numpy.uint8)
print(before - memory.kept(), before)
"""


def test_memory_that_is_kept_can_be_had() -> None:
    """What has been freed is still the process's, and counts until it is taken again."""
    found = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    taken, kept = map(int, found.stdout.split())
    assert abs(taken - 200 * 2**20) < 2**20 and kept >= 300 * 2**20


PAGES = """
import resource, sys, numpy
from spa.job import memory
memory.reuse()
slow = int(sys.argv[1])
if slow >= 0:
    memory._SLOW = slow
before = resource.getrusage(resource.RUSAGE_SELF)
memory.ready(64 * 2**20)
kept = memory.kept()
some = [numpy.ones(2**20, numpy.uint8) for _ in range(60)]
after = resource.getrusage(resource.RUSAGE_SELF)
large = sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages"))
print(kept, after.ru_minflt - before.ru_minflt, after.ru_maxrss - before.ru_maxrss, large)
"""


@pytest.mark.parametrize(("slow", "taken"), [(10**12, 31), (0, 1)])
def test_large_pages_are_taken_while_they_come_fast_and_what_was_never_used_is_not_kept(slow: int, taken: int) -> None:
    found = subprocess.run([sys.executable, "-c", PAGES, str(slow)], capture_output=True, text=True, check=True)
    kept, faults, grown, large = map(int, found.stdout.split())
    assert kept < (taken + 1) * 2**21 and grown < 72 * 2**10
    if large < 2**11 * taken:
        pytest.skip("the system gives no large pages, or has too few at hand")
    assert kept >= taken * 2**21
    assert (faults < 2000) if taken > 1 else (faults > 12000)  # small ones: 15 thousand
