"""Who transforms and multiplies on a card: CuPy where it can be imported, else cuFFT and cuBLAS by ctypes.

Both work in the primary context and on our stream; arrays are row-major, cuBLAS reads them as their transposes.
"""

import ctypes
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from spa.errors import DeviceError
from spa.gpu.array import Array
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


def library(stream: int) -> Library:
    """The first that there is, on a stream (its handle); DeviceError names what brings one."""
    if importlib.util.find_spec("cupy"):
        return Cupy(stream)
    return Plain(stream)


class Cupy:
    """CuPy's cuFFT plans and cuBLAS."""

    def __init__(self, stream: int) -> None:
        try:
            import cupy
            from cupy.cuda import cublas, device
        except Exception as error:  # CuPy raises its own kinds where it does not fit the CUDA that there is
            raise DeviceError(
                f"--device cuda: CuPy is there and cannot be loaded ({error}); mend or remove it"
            ) from None
        self.cupy, self.cublas = cupy, cublas
        self.stream = cupy.cuda.ExternalStream(stream)
        self.name = f"CuPy {cupy.__version__}"
        with self.stream:
            self.handle = device.get_cublas_handle()

    def rfft(self, x: Array, out: Array, axes: int) -> None:
        with self.stream:
            found = self.cupy.fft.rfftn(self.cupy.asarray(x), axes=tuple(range(-axes, 0)))
            self.cupy.asarray(out)[...] = found

    def irfft(self, x: Array, out: Array, axes: int) -> None:
        with self.stream:
            found = self.cupy.fft.irfftn(
                self.cupy.asarray(x), s=out.shape[-axes:], axes=tuple(range(-axes, 0)), norm="forward"
            )
            self.cupy.asarray(out)[...] = found

    def gemm(self, a: Array, b: Array, out: Array, exact: bool, across: bool) -> None:
        one, kept, call = ctypes.c_float(1), ctypes.c_float(across), _call(a, b, across)
        with self.stream:
            self.cublas.setStream(self.handle, self.stream.ptr)
            self.cublas.gemmEx(
                self.handle, *call.turns, *call.sizes, ctypes.addressof(one), b.pointer, _FLOAT, call.steps[0],
                a.pointer, _FLOAT, call.steps[1], ctypes.addressof(kept), out.pointer, _FLOAT, call.sizes[0],
                _SUM if exact else _TF32, _ANY,
            )  # fmt: skip


def found(name: str) -> ctypes.CDLL:
    """libcublas or libcufft: on the loader's path, or in NVIDIA's packages; DeviceError where it is not."""
    places: list[str] = list(NAMES[name])
    spec = importlib.util.find_spec("nvidia")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        places += [str(path) for path in sorted(Path(folder).glob(f"*/lib/lib{name}.so.*"))]
    for place in places:
        try:
            return ctypes.CDLL(place)
        except OSError:
            continue
    raise DeviceError(f"--device cuda: neither CuPy nor lib{name} can be found: {EXTRA}")


class Plain:
    """cuFFT and cuBLAS themselves."""

    def __init__(self, stream: int) -> None:
        self.cublas, self.cufft = found("cublas"), found("cufft")
        self.stream = ctypes.c_void_p(stream)
        self.handle = ctypes.c_void_p()
        _check(self.cublas.cublasCreate_v2(ctypes.byref(self.handle)), "cublasCreate")
        _check(self.cublas.cublasSetStream_v2(self.handle, self.stream), "cublasSetStream")
        version = ctypes.c_int()
        self.cufft.cufftGetVersion(ctypes.byref(version))
        self.name = f"cuBLAS and cuFFT {version.value} by ctypes"
        self._plans: dict[tuple, ctypes.c_int] = {}

    def plan(self, shape: tuple[int, ...], batch: int, kind: int) -> ctypes.c_int:
        """A plan, kept while it is among the last PLANS that were used: each has memory of its own on the card."""
        key = shape, batch, kind
        found = self._plans.pop(key) if key in self._plans else self._planned(shape, batch, kind)
        self._plans[key] = found
        if len(self._plans) > PLANS:
            oldest = self._plans.pop(next(iter(self._plans)))
            _check(self.cufft.cufftDestroy(oldest), "cufftDestroy")
        return found

    def _planned(self, shape: tuple[int, ...], batch: int, kind: int) -> ctypes.c_int:
        plan, sides = ctypes.c_int(), (ctypes.c_int * len(shape))(*shape)
        none = ctypes.c_void_p()
        made = self.cufft.cufftPlanMany(ctypes.byref(plan), len(shape), sides, none, 1, 0, none, 1, 0, kind, batch)
        _check(made, f"cufftPlanMany {shape} x {batch}")
        _check(self.cufft.cufftSetStream(plan, self.stream), "cufftSetStream")
        return plan

    def rfft(self, x: Array, out: Array, axes: int) -> None:
        plan = self.plan(x.shape[-axes:], int(np.prod(x.shape[:-axes])), _R2C)
        _check(self.cufft.cufftExecR2C(plan, _at(x), _at(out)), "cufftExecR2C")

    def irfft(self, x: Array, out: Array, axes: int) -> None:
        plan = self.plan(out.shape[-axes:], int(np.prod(out.shape[:-axes])), _C2R)
        _check(self.cufft.cufftExecC2R(plan, _at(x), _at(out)), "cufftExecC2R")

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
