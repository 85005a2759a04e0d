"""`spa doctor`: what this installation computes with, and what it lacks."""

import os
import platform
import shutil
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spa import __version__
from spa.cli.registry import Registry, complaint

NEEDED = ("numpy", "scipy", "numba", "pyfftw", "mrcfile", "gemmi", "click", "pluggy", "tqdm", "threadpoolctl")
OPTIONAL = {
    "matplotlib": "figures: pip install 'spa[plot]'",
    "pycuda": "--device cuda: pip install 'spa[gpu-cuda13]' (CUDA 12: 'spa[gpu-cuda12]')",
    "pytest": "tests: pip install 'spa[test]'",
}
# jobs with kernels; a guard keeps it true
CUDA = (
    "abinit model", "classify 2d", "classify 3d", "ctf patch", "extract particles", "motion patch", "pick blob",
    "pick neural", "pick template", "pick topaz", "reconstruct", "refine flex", "refine hetero", "refine homo",
    "refine local", "refine nu", "train neural", "vary cryodrgn", "vary neural",
)  # fmt: skip

Line = tuple[str, str, bool]  # what, how it is, whether it hinders work


def packages() -> Iterator[Line]:
    """Versions of what is needed and what is optional."""
    for name in NEEDED:
        try:
            yield name, version(name), False
        except PackageNotFoundError:
            yield name, "missing, though spa needs it: pip install spa", True
    for name, purpose in OPTIONAL.items():
        try:
            yield name, version(name), False
        except PackageNotFoundError:
            yield name, f"absent ({purpose})", False


def libraries() -> Iterator[Line]:
    """The BLAS and the FFT that are loaded, and their threads."""
    try:
        import_module("numpy.linalg")
        found: list[dict[str, Any]] = import_module("threadpoolctl").threadpool_info()
    except ImportError as error:
        yield "BLAS", f"cannot be loaded: {error}", True
        return
    for pool in found:
        if pool["user_api"] == "blas":
            details = ", ".join(str(pool[key]) for key in ("version", "architecture") if pool.get(key))
            yield "BLAS", f"{pool['internal_api']} {details}, {pool['num_threads']} threads", False
    try:
        yield "FFT", f"{import_module('pyfftw').fftw_version} (pyfftw)", False
    except (ImportError, AttributeError) as error:
        yield "FFT", f"pyfftw cannot be loaded: {error}", True


def _meminfo(key: str) -> float:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 2**20
    return float("nan")


def machine() -> Iterator[Line]:
    """Cores, memory and the folder of compiled kernels."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "cores", f"{cores} for this process, {os.cpu_count()} in the machine", False
    try:
        yield "memory", f"{_meminfo('MemAvailable'):.1f} GiB free of {_meminfo('MemTotal'):.1f} GiB", False
    except OSError:
        yield "memory", "the system does not say", False
    yield kernels()


def kernels() -> Line:
    """Where numba keeps what it has compiled: beside the module, else in the user's cache."""
    places = [Path(__file__).parents[1], Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")]
    if os.environ.get("NUMBA_CACHE_DIR"):
        places = [Path(os.environ["NUMBA_CACHE_DIR"])]
    for place in places:
        if os.access(place, os.W_OK):
            return "numba cache", f"{place}: compiled kernels are kept", False
    return "numba cache", f"{places[-1]} cannot be written: set NUMBA_CACHE_DIR, or every run compiles anew", False


def devices() -> Iterator[Line]:
    """What stands between this machine and --device cuda."""
    yield "cpu", f"{platform.machine()}: every job runs on it", False
    nodes = sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))
    driver = Path("/proc/driver/nvidia/version").exists()
    state = f"devices {', '.join(nodes)}" if nodes else "no NVIDIA device" if driver else "no NVIDIA driver, no device"
    compiler = shutil.which("nvcc") or "no nvcc"
    yield "cuda", f"{', '.join(CUDA)} ({state}; {compiler})", False
    yield from cards()


def cards() -> Iterator[Line]:
    """Each card with its memory and compute capability, its driver, and what transforms and multiplies there."""
    from spa.errors import DeviceError
    from spa.gpu import cards as gpu

    try:
        driver, there = gpu.cards()
    except DeviceError as error:
        yield "cards", str(error).removeprefix("--device cuda: "), False
        return
    for card in there:
        memory = f"{card.free / 2**30:.1f} GiB free of {card.total / 2**30:.1f} GiB"
        capability = f"compute capability {card.capability[0]}.{card.capability[1]}{' (too old)' if card.old else ''}"
        yield f"cuda:{card.number}", f"{card.name}, {memory}, {capability}, driver for {driver}", False
    try:
        yield "FFT, GEMM", f"{gpu.serving()}, on cards", False
    except DeviceError as error:
        yield "FFT, GEMM", str(error).removeprefix("--device cuda: "), False


def lines(registry: Registry) -> Iterator[tuple[str, list[Line]]]:
    """Sections of the report."""
    python = f"{platform.python_version()} ({platform.platform()})"
    yield "spa", [("spa", __version__, False), ("python", python, False)]
    yield "machine", list(machine())
    yield "devices", list(devices())
    yield "libraries", list(libraries())
    yield "packages", list(packages())
    count = f"{len(registry.plugins)} plugins, {len(registry.jobs)} jobs"
    yield "plugins", [("found", count, False), *(("broken", complaint(plugin), True) for plugin in registry.broken)]
