"""Who transforms and multiplies on a card: CuPy where it is installed, else cuFFT and cuBLAS by ctypes.

Both work in the primary context and on our stream, and what memory they need while they work is the pool's; arrays are
row-major, cuBLAS reads them as their transposes.
"""

import ctypes
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from spa.errors import DeviceError
from spa.gpu.array import Array
from spa.gpu.compile import toolkit
from spa.gpu.names import EXTRA

_FLOAT, _SUM, _TF32 = 0, 68, 77  # CUDA_R_32F, CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32
_NO, _YES, _ANY = 0, 1, -1  # CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_GEMM_DEFAULT
_R2C, _C2R = 0x2A, 0x2C
PLANS = 16
NAMES = {"cublas": ("libcublas.so.13", "libcublas.so.12", "libcublas.so"),
         "cufft": ("libcufft.so.12", "libcufft.so.11", "libcufft.so")}  # fmt: skip


class Library(Protocol):
    """x, out, a, b are arrays on the device; nothing is waited for."""

    name: str

    def rfft(self, x: Array, out: Array, axes: int) -> None: ...
    def irfft(self, x: Array, out: Array, axes: int) -> None: ...
    def gemm(self, a: Array, b: Array, out: Array, exact: bool, across: bool) -> None: ...


Allocate = Callable[[int], Any]  # so many bytes of the device's pool; int() of it is their address


def chosen() -> str:
    """cupy or ctypes: what SPA_GPU_LIBRARIES says, else the first that there is; DeviceError for anything else."""
    said = os.environ.get("SPA_GPU_LIBRARIES") or ("cupy" if importlib.util.find_spec("cupy") else "ctypes")
    if said not in ("cupy", "ctypes"):
        raise DeviceError(f"SPA_GPU_LIBRARIES is {said}: it is cupy or ctypes")
    return said


def library(stream: int, allocate: Allocate) -> Library:
    """What is chosen, on a stream (its handle); DeviceError names what brings one."""
    return (Cupy if chosen() == "cupy" else Plain)(stream, allocate)


class Cupy:
    """CuPy's cuFFT plans and cuBLAS."""

    def __init__(self, stream: int, allocate: Allocate) -> None:
        try:
            import cupy
            from cupy.cuda import cublas, device
        except Exception as error:  # CuPy raises its own kinds where it does not fit the CUDA that there is
            raise DeviceError(
                f"--device cuda: CuPy is there and cannot be loaded ({error}); mend or remove it, or set "
                "SPA_GPU_LIBRARIES=ctypes"
            ) from None
        self.cupy, self.cublas = cupy, cublas
        self.stream = cupy.cuda.ExternalStream(stream)
        self.name = f"CuPy {cupy.__version__}"
        self._allocate = allocate
        with self._here():
            self.handle = device.get_cublas_handle()

    @contextmanager
    def _here(self) -> Iterator[None]:
        """Our stream, and our pool: CuPy's own would keep what it once had from ours."""
        with self.stream, self.cupy.cuda.using_allocator(self._memory):
            yield

    def _memory(self, nbytes: int) -> Any:
        held = self._allocate(max(1, nbytes))
        return self.cupy.cuda.MemoryPointer(self.cupy.cuda.UnownedMemory(int(held), nbytes, held), 0)

    def rfft(self, x: Array, out: Array, axes: int) -> None:
        with self._here():
            found = self.cupy.fft.rfftn(self.cupy.asarray(x), axes=tuple(range(-axes, 0)))
            self.cupy.asarray(out)[...] = found

    def irfft(self, x: Array, out: Array, axes: int) -> None:
        with self._here():
            found = self.cupy.fft.irfftn(
                self.cupy.asarray(x), s=out.shape[-axes:], axes=tuple(range(-axes, 0)), norm="forward"
            )
            self.cupy.asarray(out)[...] = found

    def gemm(self, a: Array, b: Array, out: Array, exact: bool, across: bool) -> None:
        one, kept, call = ctypes.c_float(1), ctypes.c_float(across), _call(a, b, across)
        with self._here():
            self.cublas.setStream(self.handle, self.stream.ptr)
            self.cublas.gemmEx(
                self.handle, *call.turns, *call.sizes, ctypes.addressof(one), b.pointer, _FLOAT, call.steps[0],
                a.pointer, _FLOAT, call.steps[1], ctypes.addressof(kept), out.pointer, _FLOAT, call.sizes[0],
                _SUM if exact else _TF32, _ANY,
            )  # fmt: skip


def found(name: str) -> ctypes.CDLL:
    """libcublas or libcufft: on the loader's path, in NVIDIA's packages or the toolkit; DeviceError where it is not."""
    places: list[str] = list(NAMES[name])
    spec = importlib.util.find_spec("nvidia")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        places += [str(path) for path in sorted(Path(folder).glob(f"*/lib/lib{name}.so.*"))]
    places += [str(toolkit() / "lib64" / one) for one in NAMES[name]]
    for place in places:
        try:
            return ctypes.CDLL(place)
        except OSError:
            continue
    raise DeviceError(f"--device cuda: neither CuPy nor lib{name} can be found: {EXTRA}")


class Plan(NamedTuple):
    """cuFFT's handle, and the bytes that it needs while it works."""

    handle: ctypes.c_int
    nbytes: int


class Plain:
    """cuFFT and cuBLAS themselves."""

    def __init__(self, stream: int, allocate: Allocate) -> None:
        self.cublas, self.cufft = found("cublas"), found("cufft")
        self.stream, self._allocate = ctypes.c_void_p(stream), allocate
        self.handle = ctypes.c_void_p()
        _check(self.cublas.cublasCreate_v2(ctypes.byref(self.handle)), "cublasCreate")
        _check(self.cublas.cublasSetStream_v2(self.handle, self.stream), "cublasSetStream")
        version = ctypes.c_int()
        self.cufft.cufftGetVersion(ctypes.byref(version))
        self.name = f"cuBLAS and cuFFT {version.value} by ctypes"
        self._plans: dict[tuple, Plan] = {}

    def plan(self, shape: tuple[int, ...], batch: int, kind: int) -> Plan:
        """A plan, kept while it is among the last PLANS that were used."""
        key = shape, batch, kind
        found = self._plans.pop(key) if key in self._plans else self._planned(shape, batch, kind)
        self._plans[key] = found
        if len(self._plans) > PLANS:
            oldest = self._plans.pop(next(iter(self._plans)))
            _check(self.cufft.cufftDestroy(oldest.handle), "cufftDestroy")
        return found

    def _planned(self, shape: tuple[int, ...], batch: int, kind: int) -> Plan:
        """Of packed arrays; sizes of 64 bits: 2^31 coefficients and more are planned by no other call."""
        plan, sides, nbytes = ctypes.c_int(), (ctypes.c_longlong * len(shape))(*shape), ctypes.c_size_t()
        none, zero, one = ctypes.c_void_p(), ctypes.c_longlong(0), ctypes.c_longlong(1)
        _check(self.cufft.cufftCreate(ctypes.byref(plan)), "cufftCreate")
        _check(self.cufft.cufftSetAutoAllocation(plan, 0), "cufftSetAutoAllocation")
        made = self.cufft.cufftMakePlanMany64(
            plan, len(shape), sides, none, one, zero, none, one, zero, kind, ctypes.c_longlong(batch),
            ctypes.byref(nbytes),
        )  # fmt: skip
        _check(made, f"cufftMakePlanMany64 {shape} x {batch}")
        _check(self.cufft.cufftSetStream(plan, self.stream), "cufftSetStream")
        return Plan(plan, nbytes.value)

    def rfft(self, x: Array, out: Array, axes: int) -> None:
        self._transform(self.cufft.cufftExecR2C, _R2C, x, out, x.shape, axes)

    def irfft(self, x: Array, out: Array, axes: int) -> None:
        self._transform(self.cufft.cufftExecC2R, _C2R, x, out, out.shape, axes)

    def _transform(self, work: Any, kind: int, x: Array, out: Array, shape: tuple[int, ...], axes: int) -> None:
        """shape: of the real one. The room that it takes may be given to what is queued after it."""
        plan = self.plan(shape[-axes:], prod(shape[:-axes]), kind)
        room = self._allocate(max(1, plan.nbytes))
        _check(self.cufft.cufftSetWorkArea(plan.handle, ctypes.c_void_p(int(room))), "cufftSetWorkArea")
        _check(work(plan.handle, _at(x), _at(out)), "cufftExec")

    def gemm(self, a: Array, b: Array, out: Array, exact: bool, across: bool) -> None:
        one, kept, call = ctypes.c_float(1), ctypes.c_float(across), _call(a, b, across)
        _check(self.cublas.cublasGemmEx(
            self.handle, *call.turns, *call.sizes, ctypes.byref(one), _at(b), _FLOAT, call.steps[0], _at(a), _FLOAT,
            call.steps[1], ctypes.byref(kept), _at(out), _FLOAT, call.sizes[0], _SUM if exact else _TF32, _ANY,
        ), "cublasGemmEx")  # fmt: skip


class _Call(NamedTuple):
    """What cuBLAS, which reads columns, is told: whether b and a are turned, n, m, k, and their rows' lengths."""

    turns: tuple[int, int]
    sizes: tuple[int, int, int]
    steps: tuple[int, int]


def _call(a: Array, b: Array, across: bool) -> _Call:
    """Of a (m, k) b (n, k)^T or, across, of a (k, m)^T b (k, n)."""
    if across:
        (k, m), n = a.shape, b.shape[1]
        return _Call((_NO, _YES), (n, m, k), (n, m))
    (m, k), n = a.shape, len(b)
    return _Call((_YES, _NO), (n, m, k), (k, k))


def _at(array: Array) -> Any:
    return ctypes.c_void_p(array.pointer)


def _check(status: int, what: str) -> None:
    if status:
        raise DeviceError(f"{what} failed with status {status}")
