"""spa's own driver, PyCUDA, and its calls of cuFFT and cuBLAS, on a card of software: streams as late and as early as a
card may be, two devices, and no more memory than there is."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu import software

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if software.missing():
        pytest.skip(software.missing())
    folder = tmp_path_factory.mktemp("card")
    software.card(folder)
    return folder


def python(card: Path, code: str, **more: str) -> subprocess.CompletedProcess[str]:
    code = f"from tests.gpu import software\nsoftware.used()\nimport numpy as np\n{code}"
    environment = {**software.environment(card), **more}
    return subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("eager", [False, True])
def test_everything_for_a_card_runs(card: Path, eager: bool) -> None:
    """What `pytest -m gpu` would do on a card, of what is quick."""
    quick = ["tests/gpu", "tests/search", "tests/volume", "tests/ctffit", "tests/image", "tests/picking"]
    words = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", "-m", "gpu", *quick]
    environment = {**software.environment(card), **({"SPA_CARD_EAGER": "1"} if eager else {})}
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "SKIPPED" not in done.stdout, done.stdout
    assert not done.stderr, done.stderr


def test_uploads_are_of_what_was_there(card: Path) -> None:
    """The host's memory may be changed at once, be the copy small or large, and however many are on their way."""
    code = """
from spa.gpu.device import open_device
device = open_device("cuda")
for size in (1000, 2**21):
    x = np.zeros(size, np.float32)
    there = []
    for k in range(200 if size == 1000 else 3):
        x[:] = k
        there.append(device.array(x))
    x[:] = -1
    assert all((one.get() == k).all() for k, one in enumerate(there))
empty = device.empty(0, 3)
empty.set(np.empty((0, 3), np.float32))
print("as it was", empty.get().shape)
"""
    done = python(card, code)
    assert done.stdout == "as it was (0, 3)\n" and not done.stderr, done.stderr


def test_memory_is_counted_and_given_back(card: Path) -> None:
    """What the pool holds is free; what is not to be had is one line; a transform takes its room from the pool."""
    code = """
from spa.errors import DeviceError
from spa.gpu import fft
from spa.gpu.device import open_device
device = open_device("cuda")
total = device.driver.memory()[1]
half = device.empty(total // 8)
assert device.free() < 0.6 * total, device.free()
del half
assert device.free() > 0.9 * total, device.free()
other = device.empty(total * 3 // 16)  # which needs what the pool holds
spectrum = fft.rfft(device.zeros(2, 8, 8), 2)
try:
    device.empty(total)
except DeviceError as error:
    print(error)
"""
    done = python(card, code, SPA_CARD_MEMORY=str(2**26))
    assert done.stdout == "first: 0.2 GiB wanted, 0.0 GiB are free\n" and not done.stderr, done.stderr


def test_two_devices_in_threads(card: Path) -> None:
    """Each thread has the context of the device that it works on, and arrays may go in another one."""
    code = """
from concurrent.futures import ThreadPoolExecutor
from spa.gpu.device import Device, open_device
from spa.volume.insert_cuda import SOURCE, THREADS
devices = [open_device(f"cuda:{k}") for k in (0, 1, 0, 1)]
assert devices[0].driver is devices[2].driver and devices[0].driver.name != devices[1].driver.name

def work(number):
    device = devices[number % 4]
    with device.current():
        a, b = (device.array(np.full((50, 4), value, np.float32)) for value in (number, 1000))
        device.run(SOURCE, "add", (1, 1), THREADS, a, np.int32(50), b)
        return b, b.get()

with ThreadPoolExecutor(4) as pool:
    found = list(pool.map(work, range(40)))
assert all((values == 1000 + k).all() for k, (_, values) in enumerate(found))
del found
print("done")
"""
    for eager in ({}, {"SPA_CARD_EAGER": "1"}):
        done = python(card, code, **eager)
        assert done.stdout == "done\n" and not done.stderr, done.stderr


def test_a_refinement_on_two_devices(card: Path, tmp_path: Path) -> None:
    """From file to map: threads, streams, pools and libraries of both; the map is that of one, but for roundings."""
    code = """
import os, sys
from spa.cli.main import run
from spa.io import mrc
os.chdir(sys.argv[1])
made = run("simulate particles -d . -o p.star --n 40 --box 32 --pixel-size 4 --symmetry C3 --snr 2 -q".split())
words = "refine homo p.star --reference truth.mrc --lowpass 24 --symmetry C3 --iterations 1 --threads 2 -q -d"
for device in ("cuda:1", "cuda:0,1"):
    made = made or run([*words.split(), device, "-o", "o.star", "--device", device])
one, two = (np.asarray(mrc.read(f"{device}/half1.mrc").data, np.float64) for device in ("cuda:1", "cuda:0,1"))
print(made, np.abs(one - two).max() < 1e-4 * np.abs(one).max())
"""
    for eager in ({}, {"SPA_CARD_EAGER": "1"}):
        done = python(card, code.replace("sys.argv[1]", repr(str(tmp_path))), **eager)
        assert done.stdout == "0 True\n", done.stdout + done.stderr
        assert "PyCUDA" not in done.stderr and "terminate" not in done.stderr


def test_doctor_lists_both(card: Path) -> None:
    done = python(card, "from spa.cli import doctor\nfor line in doctor.cards(): print(*line)")
    assert "first, 2.0 GiB free of 2.0 GiB, compute capability 9.0" in done.stdout, done.stderr
    assert "second" in done.stdout and "cuBLAS and cuFFT by ctypes" in done.stdout
