"""A card of software, for tests alone: what spa, PyCUDA and ctypes ask of NVIDIA's libraries is answered by card.cpp
and libraries.cpp, and kernels are those of the emulated device. It has two devices.

    python -m tests.gpu.software pytest -m gpu

runs a command, and what it starts, on it.
"""

import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.gpu import emulated

HERE = Path(__file__).parent
HEADERS = [Path(home) / "include" for home in (os.environ.get("CUDA_HOME", "/usr/local/cuda"), "/usr/local/cuda")]
MARK = "SPA_SOFTWARE_CARD"


def missing() -> str:
    """What there is not, of what a driver of software is made from."""
    if not find_spec("pycuda"):
        return "no PyCUDA here"
    return "" if emulated.there() and any((one / "cuda.h").exists() for one in HEADERS) else "no cuda.h or no g++ here"


def entry_points() -> list[str]:
    """All functions of the driver."""
    there = next(one for one in HEADERS if (one / "cuda.h").exists())
    words = ["g++", "-E", "-x", "c", "-include", "cuda.h", "-include", "cudaProfiler.h", "-I", str(there), "-"]
    header = subprocess.run(words, input="", capture_output=True, text=True, check=True).stdout
    names = sorted(set(re.findall(r"\bCUresult\s+(cu[A-Z]\w*)\s*\(", header)))
    assert len(names) > 300
    return names


def driver(folder: Path, source: str, *more: str) -> None:
    """libcuda.so.1 in a folder: functions of C or C++, and all others, which answer that there is no device."""
    rest = "".join(f"int {name}(void) {{ return 100; }}\n" for name in entry_points() if f"int {name}(" not in source)
    text = folder / "driver.cpp"
    text.write_text(f'{source}\nextern "C" {{\n{rest}}}\n')
    words = ["g++", "-O2", "-std=c++17", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", *more]
    subprocess.run([*words, "-o", str(folder / "libcuda.so.1"), str(text), "-ldl"], check=True)


def card(folder: Path) -> None:
    """The libraries of a card of software in a folder."""
    driver(folder, (HERE / "card.cpp").read_text())
    words = ["g++", "-O2", "-std=c++17", "-shared", "-fPIC", str(HERE / "libraries.cpp"), f"-L{folder}"]
    subprocess.run([*words, "-l:libcuda.so.1", "-o", str(folder / "libcublas.so.13")], check=True)
    (folder / "libcufft.so.12").symlink_to("libcublas.so.13")


def environment(folder: Path) -> dict[str, str]:
    """Of a process that has the card in a folder."""
    return {**os.environ, "LD_LIBRARY_PATH": str(folder), "SPA_GPU_LIBRARIES": "ctypes", MARK: "1"}


def used() -> None:
    """In a process that has such a card: kernels are the emulated device's."""
    from spa.gpu import compile as compiling

    if os.environ.get(MARK):
        compiling.compiler = lambda: ("g++", "0")  # type: ignore[assignment]
        compiling.cubin = lambda source, capability: emulated.library(source)  # type: ignore[assignment]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        card(Path(folder))
        return subprocess.run(sys.argv[1:], env=environment(Path(folder))).returncode


if __name__ == "__main__":
    sys.exit(main())
