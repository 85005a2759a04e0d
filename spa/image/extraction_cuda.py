"""Particle images out of a micrograph on a device: the twin of `spa.image.extraction`."""

from pathlib import Path

import numpy as np

from spa.gpu import fft, gemm
from spa.gpu.array import Array
from spa.image.extraction import Extraction
from spa.image.normalise import background
from spa.image.resample import series

SOURCE = Path(__file__).with_name("extraction.cu")
THREADS = 256


def images(how: Extraction, micrograph: Array, centres: np.ndarray) -> np.ndarray:
    """(n, crop, crop) float32 on the host, about whole-pixel centres x, y (n, 2) of a micrograph on the device."""
    device, count, box = micrograph.device, len(centres), how.box
    (ny, nx), corners = micrograph.shape, device.array(centres - box // 2, np.int32)
    sizes = tuple(map(np.int32, (count, ny, nx, box)))
    fill, cut = device.zeros(max(count, 1)), device.empty(count, box, box)
    device.run(SOURCE, "fills", (count, 1), THREADS, micrograph, corners, *sizes, fill)
    device.run(SOURCE, "cut", (-(-box * box // THREADS), count), THREADS, micrograph, corners, fill, *sizes, cut)
    if how.step:
        cut = _stretched(cut, how.crop, how.step)
    elif how.crop != box:
        cut = _cropped(cut, how.crop)
    return _finished(how, cut).get()


def _stretched(boxes: Array, size: int, step: float) -> Array:
    """As `spa.image.resample.stretched`: all rows in one product, the columns of each image in one."""
    device, (count, box, _) = boxes.device, boxes.shape
    weights = series(box, size, step)
    rows = gemm.product(boxes.shaped(count * box, box), device.array(weights), exact=True)
    columns, found = device.array(weights.T.copy()), device.zeros(count, size, size)
    for number in range(count):
        one = rows.rows(number * box, (number + 1) * box)
        gemm.inner(columns, one, found.rows(number, number + 1).shaped(size, size), exact=True)
    return found


def _cropped(boxes: Array, small: int) -> Array:
    device, (count, box, _) = boxes.device, boxes.shape
    spectra = device.empty(count, small, small // 2 + 1, dtype=np.complex64)
    device.run(
        SOURCE, "cropped", (-(-small * (small // 2 + 1) // THREADS), count), THREADS, fft.rfft(boxes, 2),
        np.int32(count), np.int32(box), np.int32(small), np.float32(1 / box**2), spectra,
    )  # fmt: skip
    return fft.irfft(spectra, small, 2)


def _finished(how: Extraction, images: Array) -> Array:
    """Normalised and inverted, in place, where these are asked for."""
    device, (count, box, _) = images.device, images.shape
    radius = how.background * how.crop / 2
    mask = background(box, radius)
    y, x = np.nonzero(mask)
    columns = np.stack([np.ones(len(x)), (x - box // 2) / box, (y - box // 2) / box])
    inverse = device.array(np.linalg.pinv(columns @ columns.T), np.float64)
    if how.normalise or how.invert:
        device.run(
            SOURCE, "normalised", (count, 1), THREADS, images, np.int32(count), np.int32(box), np.float32(radius),
            np.int32(how.ramp), inverse, np.int32(max(len(x), 1)), np.int32(how.normalise),
            np.float32(-1 if how.invert else 1),
        )  # fmt: skip
    return images
