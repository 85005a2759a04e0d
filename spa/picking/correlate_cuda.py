"""Turned templates against a micrograph on a device: the twin of `spa.picking.correlate`.

What the filters find at each pixel becomes the scores of all templates and angles in one matrix product a side (even
and odd orders), some templates at a time; only the largest and the least are kept.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.gpu import fft, gemm
from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.image.fft import good_size
from spa.picking.correlate import Scores, Templates, swept
from spa.picking.field import Field

SOURCE = Path(__file__).with_name("correlate.cu")
THREADS = 128
TILE = 2**28  # bytes of scores, and of filtered images, that are there at once
SHARE = 8  # of the memory that is free: at most an eighth each
SIDES = (256, 512, 1024, 2048)  # pixels of a tile


@dataclass(frozen=True, eq=False)
class _Made:
    """Of templates: the filters' order, even ones first; how many of these; synthesis of both sides, on the host: rows
    (templates half, 2 filters)."""

    order: np.ndarray
    evens: int
    sides: tuple[np.ndarray, np.ndarray]


def scored(device: Device, field: Field, templates: Templates) -> Scores:
    """Scores of all templates at all angles; threads take turns at the device."""
    with device.current():
        made = device.kept.get(templates)
        if made is None:
            made = device.kept[templates] = _made(templates)
        scale = device.array((1 / templates.lengths(field)).ravel(), np.float32)
        kernels: dict[tuple[int, ...], Array] = {}

        def search(tile: np.ndarray, inner: tuple[slice, slice]) -> tuple[np.ndarray, ...]:
            if tile.shape not in kernels:
                there = templates.kernels(tile.shape, field.pixel_size)  # type: ignore[arg-type]
                kernels[tile.shape] = device.array(there[made.order])
            found = _coefficients(device, tile, kernels[tile.shape], made, inner)
            return _searched(device, found, made, templates, scale)

        return swept(field, templates, _side(device, len(made.order)), search)


def _made(templates: Templates) -> _Made:
    """Scores at an angle t are sums over filters of twice Re of weight exp(-i m t) times what the filter found."""
    filters, half = templates.filters, templates.turns // 2
    order = np.argsort(filters.orders % 2, kind="stable")
    evens = int((filters.orders % 2 == 0).sum())
    angle = 2 * np.pi * np.arange(half)[:, None] / templates.turns
    twice = np.where(filters.orders > 0, 2.0, 1.0)
    turned = twice * np.exp(-1j * filters.orders * angle)  # (half, B)
    mixed = filters.weights[:, None, :] * turned  # (V, half, B)
    sides = np.stack([mixed.real, mixed.imag], axis=-1)[:, :, order]
    flat = sides.reshape(-1, len(order), 2)
    even, odd = (part.reshape(len(flat), -1).astype(np.float32) for part in (flat[:, :evens], flat[:, evens:]))
    return _Made(order, evens, (even, odd))


def _side(device: Device, filters: int) -> int:
    """Pixels of a tile's side, whose filtered images fit."""
    room = min(TILE, device.free() // SHARE)
    fitting = [side for side in SIDES if 16 * filters * side**2 <= room]
    return good_size(max(fitting, default=SIDES[0]))


def _coefficients(
    device: Device, tile: np.ndarray, kernels: Array, made: _Made, inner: tuple[slice, slice]
) -> tuple[Array, int]:
    """(2 B, pixels): real and imaginary part of what each filter finds at the tile's inner pixels, and their number."""
    (ny, nx), count = tile.shape, len(made.order)
    width, height, across = nx // 2 + 1, inner[0].stop - inner[0].start, inner[1].stop - inner[1].start
    spectrum = device.empty(2 * count, ny, width, dtype=np.complex64)
    device.run(
        SOURCE, "filtered", (-(-ny * width // THREADS), count), THREADS, fft.rfft(device.array(tile), 2), kernels,
        np.int32(count), np.int32(made.evens), np.int32(ny * width), np.float32(1 / (ny * nx)), spectrum,
    )  # fmt: skip
    out = device.empty(2 * count, height * across)
    device.run(
        SOURCE, "inner", (-(-height * across // THREADS), 2 * count), THREADS, fft.irfft(spectrum, nx, 2),
        np.int32(2 * count), np.int32(ny), np.int32(nx), np.int32(inner[0].start), np.int32(height), np.int32(across),
        out,
    )  # fmt: skip
    return out, height * across


def _searched(
    device: Device, found: tuple[Array, int], made: _Made, templates: Templates, scale: Array
) -> tuple[np.ndarray, ...]:
    """best, worst and which (pixels,) over all templates and angles."""
    coefficients, pixels = found
    half, number = templates.turns // 2, len(templates.polar)
    best, worst = device.array(np.full(pixels, -np.inf, np.float32)), device.array(np.full(pixels, np.inf, np.float32))
    which = device.zeros(pixels, dtype=np.int32)
    together = int(np.clip(min(TILE, device.free() // SHARE) // (8 * half * pixels), 1, number))
    cut = 2 * made.evens
    parts = coefficients.rows(0, cut), coefficients.rows(cut, len(coefficients))
    for first in range(0, number, together):
        rows = slice(first * half, min(first + together, number) * half)
        scores = []
        for synthesis, part in zip(made.sides, parts):
            scores.append(device.zeros(rows.stop - rows.start, pixels))
            if len(part):
                gemm.inner(device.array(synthesis[rows].T), part, scores[-1], exact=True)
        device.run(
            SOURCE, "keep", (-(-pixels // THREADS), 1), THREADS, *scores, scale.rows(rows.start, rows.stop),
            np.int32(rows.stop - rows.start), np.int32(pixels), np.int32(half), np.int32(first), best, worst, which,
        )  # fmt: skip
    return best.get(), worst.get(), which.get()
