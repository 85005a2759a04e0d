"""The emulated device is no kinder than a card: kernels with faults that small arrays hide end the program there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu import emulated

FAULTS = """
extern "C" __global__ void sound(float* x, int n) {
    __shared__ float last;
    if (threadIdx.x == blockDim.x - 1) last = x[n - 1];
    __syncthreads();
    if (threadIdx.x < n) x[threadIdx.x] = last;
}
extern "C" __global__ void beyond(float* x, int n) { x[threadIdx.x ? n + 3 : 0] = x[0]; }
extern "C" __global__ void before(float* x, int n) { x[0] = x[threadIdx.x ? -4 : 0]; }
extern "C" __global__ void large(float* x, int n) { x[0] = (float)(n * 2147483647); }
extern "C" __global__ void crooked(float* x, int n) { x[0] = ((const float4*)(x + 1))[0].x; }
extern "C" __global__ void split(float* x, int n) {
    if (threadIdx.x % 2)
        __syncthreads();
    else
        __syncthreads();
}
extern "C" __global__ void alone(float* x, int n) { if (threadIdx.x < 3) __syncthreads(); }
extern "C" __global__ void fresh(float* x, int n) {
    __shared__ float sum;
    if (threadIdx.x == 0) sum += 1;
    __syncthreads();
    x[0] = sum;
}
extern "C" __global__ void raced(float* x, int n) {
    __shared__ float sums[64];
    sums[threadIdx.x] = threadIdx.x ? sums[threadIdx.x - 1] + 1 : 1;
    __syncthreads();
    x[0] = sums[63];
}
"""
RUN = """
import sys
from pathlib import Path
import numpy as np
from tests.gpu import emulated
device = emulated.device()
x = [device.array(np.arange(1024, dtype=np.float32)) for _ in range(2)]  # whose ends are guarded, and whose beginnings
for one in x:
    device.run(Path(sys.argv[1]), sys.argv[2], (2, 3), 64, one, np.int32(1024))
print(sorted({float(one.get()[0]) for one in x}))
"""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not emulated.there():
        pytest.skip("no g++ here: kernels cannot be emulated")
    path = tmp_path_factory.mktemp("faults") / "faults.cu"
    path.write_text(FAULTS)
    return path


def ran(faults: Path, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", RUN, str(faults), name], capture_output=True, text=True)


def test_what_is_sound_runs(faults: Path) -> None:
    assert ran(faults, "sound").stdout == "[1023.0]\n"


@pytest.mark.parametrize("name", ["beyond", "before", "large", "crooked", "split", "alone"])
def test_faults_end_the_program(faults: Path, name: str) -> None:
    assert ran(faults, name).returncode < 0  # by a signal


@pytest.mark.parametrize("name, hoped", [("fresh", 1.0), ("raced", 64.0)])
def test_luck_is_not_had(faults: Path, name: str, hoped: float) -> None:
    done = ran(faults, name)
    assert done.returncode == 0 and done.stdout != f"[{hoped}]\n", done.stderr


def test_parameters_are_those_of_the_kernel() -> None:
    """A word too many, or of another width, is seen."""
    import numpy as np

    from spa.volume.insert_cuda import SOURCE

    device = emulated.device()
    x = device.zeros(4)
    for words in ((x, np.int32(1), x, np.int32(2)), (x, np.int32(1)), (x, np.float64(1), x)):
        with pytest.raises(AssertionError, match="its parameters are PiP, not"):
            device.run(SOURCE, "add", (1, 1), 32, *words)
