"""Real transforms by FFTW; the only module that imports pyfftw.

Spectra are unnormalised forward, normalised backward (numpy's convention), float32/complex64.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np

from spa.installed import part

pyfftw = part("pyfftw.pyfftw")  # its interfaces are not used here

TOGETHER = 2**17  # samples that are transformed at once: they stay in the cache, and threads seldom wait for each other
_BAND = 64  # rows of an image of which few columns are wanted that are transformed together
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


def _plan(kind: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """A plan with its own buffers, kept per thread and used again; kind: forward, backward, again (backward, into the
    image that forward takes), or of complex lines: along (forward) and back."""
    plans = _local.__dict__.setdefault("plans", {})
    key = (kind, shape, axes)
    if key not in plans:
        half = shape[:-1] + (shape[-1] // 2 + 1,)
        image, spectrum, line = (shape, "float32"), (half, "complex64"), (shape, "complex64")
        forms = {"forward": (image, spectrum), "backward": (spectrum, image), "again": (spectrum,),
                 "along": (line, line), "back": (line, line)}  # fmt: skip
        shared = [_plan("forward", shape, axes).input_array] if kind == "again" else []
        with _planning:
            source, target = [*(pyfftw.empty_aligned(*form) for form in forms[kind]), *shared]
            plans[key] = pyfftw.FFTW(
                source, target, axes=axes,
                direction="FFTW_BACKWARD" if kind in ("backward", "again", "back") else "FFTW_FORWARD",
                flags=("FFTW_ESTIMATE",),
            )  # fmt: skip
        if len(plans) > 24:
            plans.pop(next(iter(plans)))
    return plans[key]


def lines(kind: str, shape: tuple[int, ...], axis: int) -> Any:
    """Transforms along one axis of a plane, or of several: input_array is filled, execute() called, output_array read.

    They are not normalised.
    kind: along or back (complex, forward or backward), forward or backward (real). The arrays are this thread's until
    it asks for lines again.
    """
    return _plan(kind, shape, (axis,))


def plane(shape: tuple[int, int]) -> Any:
    """The forward transform of a plane (ny, nx), to be used as `lines`."""
    return _plan("forward", shape, (0, 1))


def planes(shape: tuple[int, int, int]) -> Any:
    """The forward transforms of planes (n, ny, nx), each in two dimensions, to be used as `lines`."""
    return _plan("forward", shape, (1, 2))


def plane_again(shape: tuple[int, int]) -> Any:
    """The backward transform, unnormalised, into the image that `plane` of that shape takes."""
    return _plan("again", shape, (0, 1))


def each(one: Callable[[int], None], count: int, threads: int) -> None:
    """Calls of 0 ... count - 1, by so many threads."""
    if threads == 1:
        for index in range(count):
            one(index)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(count)))


def _planes(kind: str, images: np.ndarray, out: np.ndarray, factor: float, threads: int) -> None:
    """Transforms of planes (n, ..., ...) in two dimensions into out, times a factor."""
    shape = images.shape[1:] if kind == "forward" else out.shape[1:]
    n = len(images)
    parts = -(-n // max(1, TOGETHER // (shape[0] * shape[1])))
    most = -(-n // parts) if n else 1

    def group(number: int) -> None:
        some = slice(most * number, min(most * (number + 1), n))
        plan = _plan(kind, (most, *shape), (1, 2)) if most > 1 else _plan(kind, shape, (0, 1))
        source, target = (one.reshape(most, *one.shape[-2:]) for one in (plan.input_array, plan.output_array))
        source[: some.stop - some.start] = images[some]
        plan.execute()
        np.multiply(target[: some.stop - some.start], np.float32(factor), out=out[some])

    each(group, parts, threads)


def _columns(kind: str, columns: np.ndarray, out: np.ndarray, threads: int) -> None:
    """Transforms of columns (n, count) into out, which may be the same: blocks of them stay in the cache."""
    size, count = columns.shape
    most = lanes(size, count)

    def block(number: int) -> None:
        some = slice(most * number, min(most * (number + 1), count))
        plan = lines(kind, (size, most), 0)
        plan.input_array[:, : some.stop - some.start] = columns[:, some]
        plan.execute()
        out[:, some] = plan.output_array[:, : some.stop - some.start]

    each(block, -(-count // most), threads)


def lanes(size: int, count: int) -> int:
    """How many of so many columns of a size are transformed at once: they fill an odd number of lines of the cache,
    lest all rows meet in one place of it."""
    blocks = -(-count * size // TOGETHER)
    return (-(-count // blocks) + 7) // 16 * 16 + 8


def along(columns: np.ndarray) -> None:
    """Forward transforms of complex columns (n, count), in place."""
    _columns("along", columns, columns, 1)


def rfft2(images: np.ndarray, threads: int = 1) -> np.ndarray:
    """Half spectra (..., ny, nx//2+1) complex64 of images (..., ny, nx)."""
    images = np.asarray(images, np.float32)
    planes = images.reshape(-1, *images.shape[-2:])
    out = np.empty((*planes.shape[:2], planes.shape[2] // 2 + 1), np.complex64)
    _planes("forward", planes, out, 1.0, threads)
    return out.reshape(*images.shape[:-1], -1)


def spectra(images: np.ndarray) -> Iterator[np.ndarray]:
    """Half spectra (ny, nx//2+1) of images (n, ny, nx), each until the next is asked for."""
    plan = _plan("forward", images.shape[1:], (0, 1))
    for image in images:
        plan.input_array[...] = image
        yield plan()


def rfft2_left(images: np.ndarray, columns: int) -> np.ndarray:
    """The first ``columns`` columns of `rfft2`, (..., ny, columns): of small frequencies along x, for much less work.

    Rows are transformed a band at a time, and of their spectra only those columns, as rows, along y.
    """
    images = np.asarray(images, np.float32)
    ny, nx = images.shape[-2:]
    band = _plan("forward", (min(_BAND, ny), nx), (1,))
    down = _plan("along", (columns, ny), (1,))
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
    planes = spectra.reshape(-1, *spectra.shape[-2:])
    out = np.empty((*planes.shape[:2], nx), np.float32)
    _planes("backward", planes, out, 1 / (planes.shape[1] * nx), threads)
    return out.reshape(*spectra.shape[:-1], nx)


def rfft3(volume: np.ndarray, threads: int = 1) -> np.ndarray:
    """Half spectrum (nz, ny, nx//2+1) complex64 of a volume (nz, ny, nx)."""
    volume = np.asarray(volume, np.float32)
    out = rfft2(volume, threads)
    flat = out.reshape(len(out), -1)
    _columns("along", flat, flat, threads)
    return out


def irfft3(spectrum: np.ndarray, nx: int, threads: int = 1) -> np.ndarray:
    """Volume (nz, ny, nx) float32 of its half spectrum."""
    spectrum = np.asarray(spectrum, np.complex64)
    between = np.empty(spectrum.shape, np.complex64)
    _columns("back", spectrum.reshape(len(spectrum), -1), between.reshape(len(spectrum), -1), threads)
    out = np.empty((*spectrum.shape[:2], nx), np.float32)
    _planes("backward", between, out, 1 / out.size, threads)
    return out


def rfft3_low(volume: np.ndarray, last: int, threads: int = 1) -> np.ndarray:
    """`rfft3` of a cube where y and x are at most `last` in size: (n, 2 last + 1, last + 1), for less work."""
    n, rows = len(volume), np.fft.ifftshift(np.arange(-last, last + 1))
    out = np.empty((n, len(rows), last + 1), np.complex64)

    def one(z: int) -> None:
        plan = plane((n, n))
        plan.input_array[...] = volume[z]
        plan.execute()
        out[z] = plan.output_array[rows, : last + 1]

    each(one, n, threads)
    flat = out.reshape(n, -1)
    _columns("along", flat, flat, threads)
    return out


def irfft3_low(low: np.ndarray, n: int, threads: int = 1) -> np.ndarray:
    """The cube (n, n, n) float32 of a half spectrum that is this low part, used up, and nothing else."""
    last = low.shape[2] - 1
    flat, rows = low.reshape(n, -1), np.fft.ifftshift(np.arange(-last, last + 1))
    _columns("back", flat, flat, threads)
    out = np.empty((n, n, n), np.float32)

    def one(z: int) -> None:
        plan = _plan("backward", (n, n), (0, 1))
        plan.input_array[...] = 0
        plan.input_array[rows, : last + 1] = low[z]
        plan.execute()
        np.multiply(plan.output_array, np.float32(1 / out.size), out=out[z])

    each(one, n, threads)
    return out
