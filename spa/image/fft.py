"""Real transforms by FFTW; the only module that imports pyfftw.

Spectra are unnormalised forward, normalised backward (numpy's convention), float32/complex64.
"""

import sys
import threading
from functools import lru_cache

import numpy as np

_SPARED = [name for name in ("scipy.fftpack", "dask") if name not in sys.modules]
# pyfftw would import them, 0.15 s, for interfaces that are not used here
sys.modules.update(dict.fromkeys(_SPARED))  # type: ignore[arg-type]
try:
    import pyfftw
finally:
    for _name in _SPARED:
        del sys.modules[_name]

_BAND = 64  # rows
_planning = threading.Lock()  # FFTW plans are not made safely by two threads
_local = threading.local()


@lru_cache(maxsize=256)
def good_size(n: int) -> int:
    """The smallest even size >= n that has only factors 2, 3, 5 and 7."""
    size = n + n % 2
    while True:
        rest = size
        for factor in (2, 3, 5, 7):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 2


def _plan(kind: str, shape: tuple[int, ...], axes: tuple[int, ...], threads: int) -> pyfftw.FFTW:
    """A plan with its own buffers, kept per thread and used again; kind: forward, backward, or of complex lines: along
    (forward) and back."""
    plans = _local.__dict__.setdefault("plans", {})
    key = (kind, shape, axes, threads)
    if key not in plans:
        half = shape[:-1] + (shape[-1] // 2 + 1,)
        image, spectrum, line = (shape, "float32"), (half, "complex64"), (shape, "complex64")
        forms = {"forward": (image, spectrum), "backward": (spectrum, image), "along": (line, line),
                 "back": (line, line)}  # fmt: skip
        with _planning:
            source, target = (pyfftw.empty_aligned(*form) for form in forms[kind])
            plans[key] = pyfftw.FFTW(
                source, target, axes=axes, threads=threads,
                direction="FFTW_BACKWARD" if kind in ("backward", "back") else "FFTW_FORWARD",
                flags=("FFTW_ESTIMATE",),
            )  # fmt: skip
        if len(plans) > 24:
            plans.pop(next(iter(plans)))
    return plans[key]


def lines(kind: str, shape: tuple[int, int], axis: int) -> pyfftw.FFTW:
    """Transforms along one axis of a plane: input_array is filled, execute() called, output_array read, unnormalised.

    kind: along or back (complex, forward or backward), forward or backward (real). The arrays are this thread's until
    it asks for lines again.
    """
    return _plan(kind, shape, (axis,), 1)


def _large(kind: str, data: np.ndarray, shape: tuple[int, ...], threads: int) -> np.ndarray:
    half = shape[:-1] + (shape[-1] // 2 + 1,)
    source = pyfftw.empty_aligned(data.shape, data.dtype)
    source[...] = data
    target = pyfftw.empty_aligned(half if kind == "forward" else shape,
        "complex64" if kind == "forward" else "float32")  # fmt: skip
    with _planning:
        plan = pyfftw.FFTW(source, target, axes=(0, 1, 2), threads=threads,
            flags=("FFTW_ESTIMATE", "FFTW_DESTROY_INPUT"),
            direction="FFTW_FORWARD" if kind == "forward" else "FFTW_BACKWARD")  # fmt: skip
    return plan() if kind == "forward" else plan(normalise_idft=True)


def _run(kind: str, data: np.ndarray, shape: tuple[int, ...], ndim: int, threads: int) -> np.ndarray:
    core, lead = shape[-ndim:], shape[:-ndim]
    if ndim == 3 and not lead:  # large: no kept buffers
        return _large(kind, data, core, threads)
    flat = data.reshape((-1,) + data.shape[-ndim:])
    plan = _plan(kind, core, tuple(range(ndim)), threads)
    out = np.empty((len(flat),) + plan.output_shape, plan.output_dtype)
    for one, result in zip(flat, out):
        plan.input_array[...] = one
        result[...] = plan() if kind == "forward" else plan(normalise_idft=True)
    return out.reshape(lead + plan.output_shape)


def rfft2(images: np.ndarray, threads: int = 1) -> np.ndarray:
    """Half spectra (..., ny, nx//2+1) complex64 of images (..., ny, nx)."""
    images = np.asarray(images, np.float32)
    return _run("forward", images, images.shape, 2, threads)


def rfft2_left(images: np.ndarray, columns: int) -> np.ndarray:
    """The first ``columns`` columns of `rfft2`, (..., ny, columns): of small frequencies along x, for much less work.

    Rows are transformed a band at a time, and of their spectra only those columns, as rows, along y.
    """
    images = np.asarray(images, np.float32)
    ny, nx = images.shape[-2:]
    band = _plan("forward", (min(_BAND, ny), nx), (1,), 1)
    down = _plan("along", (columns, ny), (1,), 1)
    out = np.empty((*images.shape[:-2], ny, columns), np.complex64)
    for image, result in zip(images.reshape(-1, ny, nx), out.reshape(-1, ny, columns)):
        for start in range(0, ny, _BAND):
            rows = image[start : start + _BAND]
            band.input_array[: len(rows)] = rows
            down.input_array[:, start : start + len(rows)] = band()[: len(rows), :columns].T
        result[...] = down().T
    return out


def irfft2(spectra: np.ndarray, nx: int, threads: int = 1) -> np.ndarray:
    """Images (..., ny, nx) float32 of half spectra (..., ny, nx//2+1)."""
    spectra = np.asarray(spectra, np.complex64)
    return _run("backward", spectra, spectra.shape[:-1] + (nx,), 2, threads)


def rfft3(volume: np.ndarray, threads: int = 1) -> np.ndarray:
    """Half spectrum (nz, ny, nx//2+1) complex64 of a volume (nz, ny, nx)."""
    volume = np.asarray(volume, np.float32)
    return _run("forward", volume, volume.shape, 3, threads)


def irfft3(spectrum: np.ndarray, nx: int, threads: int = 1) -> np.ndarray:
    """Volume (nz, ny, nx) float32 of its half spectrum."""
    spectrum = np.asarray(spectrum, np.complex64)
    return _run("backward", spectrum, spectrum.shape[:-1] + (nx,), 3, threads)
