"""With PyCUDA and a driver that has no card (a stub of libcuda made from cuda.h) all that is left is one line."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spa.cli import doctor
from spa.gpu import cards
from tests.gpu import software

ANSWERS = """
extern "C" {
int cuDriverGetVersion(int* v) { *v = 13000; return 0; }
int cuGetErrorString(int e, const char** s) { *s = "no device, says the stub"; return 0; }
int cuGetErrorName(int e, const char** s) { *s = "CUDA_ERROR_NO_DEVICE"; return 0; }
}
"""


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a libcuda.so.1 whose every function answers CUDA_ERROR_NO_DEVICE."""
    if software.missing():
        pytest.skip(software.missing())
    folder = tmp_path_factory.mktemp("stub")
    software.driver(folder, ANSWERS)
    return folder


def spa(stub: Path, *words: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "spa.cli", *words]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(stub)}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_what_needs_pycuda_is_imported(stub: Path) -> None:
    """Every module that names PyCUDA, and PyCUDA's own that they take."""
    code = "import pycuda.driver, pycuda.tools, spa.gpu.driver, spa.gpu.cards, spa.refine.engine_cuda; print('there')"
    done = spa(stub, code=code)
    assert done.stdout == "there\n", done.stderr


@pytest.mark.parametrize("job", ["refine homo", "refine local", "refine hetero", "classify 3d", "abinit model"])
def test_jobs_refuse_with_one_line(stub: Path, tmp_path: Path, job: str) -> None:
    more = ["--diameter", "100"] if job == "abinit model" else []
    (tmp_path / "in.star").write_text("data_particles\n\nloop_\n_rlnImageName\n1@a.mrcs\n")
    given = [str(tmp_path / "in.star"), "-d", str(tmp_path / "D"), "--device", "cuda", *more]
    done = spa(stub, *job.split(), *given)
    assert done.returncode == 69 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "the NVIDIA driver has no device" in done.stderr and "--device cpu" in done.stderr


def test_doctor_says_what_is_missing(stub: Path) -> None:
    done = spa(stub, "doctor")
    assert done.returncode == 0 and "the NVIDIA driver has no device" in done.stdout, done.stdout


def test_doctor_lists_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two cards one too old; what their driver says is read from PyCUDA."""
    context = SimpleNamespace(push=lambda: None, pop=lambda: None)

    def card(number: int) -> Any:
        capability = ((9, 0), (6, 1))[number]
        return SimpleNamespace(name=lambda: f"card {number}", compute_capability=lambda: capability,
                               retain_primary_context=lambda: context)  # fmt: skip

    card.count = lambda: 2  # type: ignore[attr-defined]
    cuda = SimpleNamespace(Device=card, get_driver_version=lambda: 13010, mem_get_info=lambda: (2**30, 2**32))
    monkeypatch.setattr("spa.gpu.driver.load", lambda: cuda)
    monkeypatch.setattr(cards, "serving", lambda: "a library")
    lines = dict(line[:2] for line in doctor.cards())
    assert lines["cuda:0"] == "card 0, 1.0 GiB free of 4.0 GiB, compute capability 9.0, driver for CUDA 13.1"
    assert "6.1 (too old)" in lines["cuda:1"] and lines["FFT, GEMM"] == "a library, on cards"
