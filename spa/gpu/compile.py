"""Kernels from the .cu beside a module: compiled by nvcc at first use, and kept by content in the user's cache."""

import hashlib
import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from spa.errors import DeviceError

ROOT = Path(__file__).parents[2]  # what #include "spa/..." is relative to
OPTIONS = ("-O3", "-std=c++17")
_INCLUDE = re.compile(r'^\s*#include\s+"(spa/[^"]+)"', re.MULTILINE)


def cache_folder() -> Path:
    """Where compiled kernels are kept: SPA_CACHE_DIR, or else spa in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("SPA_CACHE_DIR") or Path(home) / "spa") / "cuda"


def sources(path: Path) -> list[Path]:
    """A .cu and all of spa that it includes, each once."""
    found, queue = [], [path]
    while queue:
        one = queue.pop()
        if one not in found:
            found.append(one)
            queue += [ROOT / name for name in _INCLUDE.findall(one.read_text())]
    return found


def fingerprint(path: Path, *more: str) -> str:
    """Of a .cu, what it includes, and more: equal where the compiled kernel is."""
    digest = hashlib.sha256("\0".join(more).encode())
    for one in sources(path):
        digest.update(one.read_bytes())
    return digest.hexdigest()[:24]


def toolkit() -> Path:
    """The folder of the CUDA toolkit: CUDA_HOME or CUDA_PATH, or where it is put."""
    return Path(os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda")


@lru_cache(maxsize=1)
def compiler() -> tuple[str, str]:
    """The nvcc that there is, and its version; DeviceError where there is none."""
    nvcc = shutil.which("nvcc") or shutil.which("nvcc", path=str(toolkit() / "bin"))
    if nvcc is None:
        raise DeviceError("--device cuda: no nvcc on PATH or in CUDA_HOME; kernels are compiled with the CUDA toolkit")
    try:
        text = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise DeviceError(f"--device cuda: {nvcc} does not run: {error}") from None
    found = re.search(r"release ([\d.]+)", text)
    return nvcc, found.group(1) if found else "?"


def cubin(path: Path, capability: tuple[int, int]) -> Path:
    """The compiled file of a .cu for a compute capability."""
    nvcc, version = compiler()
    arch = f"sm_{capability[0]}{capability[1]}"
    kept = cache_folder() / f"{path.stem}-{fingerprint(path, arch, version, *OPTIONS)}.{arch}.cubin"
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
    words = [nvcc, "-cubin", f"-arch={arch}", *OPTIONS, "-I", str(ROOT), "-o", str(part), str(path)]
    made = subprocess.run(words, capture_output=True, text=True)
    if made.returncode:
        part.unlink(missing_ok=True)
        reason = (made.stderr or made.stdout).strip().splitlines()
        raise DeviceError(f"--device cuda: nvcc {version} cannot compile {path.name} for {arch}: "
                          f"{reason[0] if reason else 'it says nothing'}")  # fmt: skip
    part.replace(kept)
    return kept
