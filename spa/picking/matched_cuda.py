"""A shape's templates against a micrograph on a device: the twin of `spa.picking.matched.compared`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.gpu import fft
from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.picking.field import Field
from spa.picking.matched import Compared, sampled, usual
from spa.picking.shapes import Shape

SOURCE = Path(__file__).with_name("matched.cu")
THREADS = 256


@dataclass(frozen=True, eq=False)
class _There:
    """Of a field: the transform of the whitened image and of 1 inside the image; weight: what templates are seen by."""

    white: Array
    cover: Array
    weight: Array


def compared(device: Device, field: Field, shape: Shape, covered: bool) -> Compared:
    """As the twin's, on the host; threads take turns at the device."""
    with device.current():
        if field not in device.kept:
            weight = np.broadcast_to(field.ctf * field.whitening, field.white_ft.shape)
            white, cover = device.array(field.white_ft), device.array(field.cover_ft)
            device.kept[field] = _There(white, cover, device.array(weight, np.float32))
        there: _There = device.kept[field]
        made, lengths = _templates(device, field, shape, there.weight)
        scores = _images(field, made, lengths, there.white)
        inside = _inside(_images(field, made, lengths, None), there.cover, field) if covered else None
        return Compared(*_extremes(scores, field), usual(list(_samples(scores, field))), inside)


def _templates(device: Device, field: Field, shape: Shape, weight: Array) -> tuple[Array, Array]:
    """(angles, ny, nx // 2 + 1) float32, and the squared lengths of their images."""
    (ny, nx), angles, long = field.frame, shape.angles, float(np.sqrt(shape.ratio))
    made, lengths = device.empty(angles, ny, nx // 2 + 1), device.empty(angles, dtype=np.float64)
    table = device.array(np.append(shape.values, 0), np.float32)
    device.run(
        SOURCE, "templates", (-(-weight.size // THREADS), angles), THREADS, table, np.int32(table.size),
        np.float32(shape.step), weight, np.int32(angles), np.float32(long), np.float32(1 / long), np.int32(ny),
        np.int32(nx), np.float32(field.pixel_size), made,
    )  # fmt: skip
    words = (made, np.int32(angles), np.int32(ny), np.int32(nx), lengths)
    device.run(SOURCE, "lengths", (angles, 1), THREADS, *words)
    return made, lengths


def _images(field: Field, made: Array, lengths: Array, white: Array | None) -> Array:
    """(angles, ny, nx): an image, by its transform, filtered by templates of length 1; without one, the templates."""
    device, (angles, *half) = made.device, made.shape
    size, (ny, nx) = int(np.prod(half)), field.frame
    out = device.empty(angles, *half, dtype=np.complex64)
    device.run(
        SOURCE, "products", (-(-size // THREADS), angles), THREADS, white, made, lengths, np.int32(angles),
        np.int32(size), np.float32(ny * nx), out,
    )  # fmt: skip
    return fft.irfft(out, nx, 2)


def _extremes(images: Array, field: Field) -> tuple[np.ndarray, np.ndarray]:
    """The largest and the least over angles (height, width), the field's part."""
    device, (angles, ny, nx), (height, width) = images.device, images.shape, field.image.shape
    best, worst = device.empty(height, width), device.empty(height, width)
    sizes = map(np.int32, (angles, ny * nx, nx, height, width))
    device.run(SOURCE, "extremes", (-(-best.size // THREADS), 1), THREADS, images, *sizes, best, worst)
    return best.get(), worst.get()


def _samples(images: Array, field: Field) -> np.ndarray:
    """(angles, n): some pixels of the field's part of each."""
    device, (angles, ny, nx), step = images.device, images.shape, sampled(field.image.size)
    out = device.empty(angles, -(-field.image.size // step))
    sizes = map(np.int32, (angles, ny * nx, nx, field.image.shape[1], step, out.shape[1]))
    device.run(SOURCE, "sampled", (-(-out.shape[1] // THREADS), angles), THREADS, images, *sizes, out)
    return out.get()


def _inside(templates: Array, cover: Array, field: Field) -> np.ndarray:
    """(height, width): which share of the templates' energy lies inside the image."""
    device, (angles, ny, nx) = templates.device, templates.shape
    energy, out = device.empty(ny, nx), device.empty(*cover.shape, dtype=np.complex64)
    words = (templates, np.int32(angles), np.int32(ny * nx), energy)
    device.run(SOURCE, "energies", (-(-ny * nx // THREADS), 1), THREADS, *words)
    device.run(
        SOURCE, "covered", (-(-cover.size // THREADS), 1), THREADS, cover, fft.rfft(energy, 2), np.int32(cover.size),
        np.float32(ny * nx), out,
    )  # fmt: skip
    return _extremes(fft.irfft(out, nx, 2).shaped(1, ny, nx), field)[0]
