"""Turned templates against a micrograph: the matched filter at every place, for every template and in-plane angle.

The whitened micrograph is filtered once with the CTF; the templates, freed of it, are then the same for all micrographs
and come as sums of a few filters (`spa.picking.steer`). Scores are in standard deviations of the noise: each template's
length is that of its image seen through this micrograph's CTF, astigmatism included.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any

import numpy as np

from spa.compiled import kernel
from spa.image import fft
from spa.picking.field import Field
from spa.picking.steer import Filters, Polar, compressed

_TILE = 256  # pixels a side, of the pieces that are transformed
_TOGETHER = 2048  # pixels whose scores are in the cache together
_AZIMUTHS = 120
_MAKING = Lock()


@dataclass(frozen=True, eq=False)
class Scores:
    """best (ny, nx): the largest score of any template at any angle; which: template and turn of it; worst: the least.

    which is ``template * turns + turn``.
    """

    best: np.ndarray
    worst: np.ndarray
    which: np.ndarray


@dataclass(frozen=True, eq=False)
class Templates:
    """Templates ready to be turned: their harmonics, filters, diameter (angstroms) and the number of angles (even)."""

    polar: Polar
    filters: Filters
    diameter: float
    turns: int

    @cached_property
    def _power(self) -> np.ndarray:
        return self.polar.power(_AZIMUTHS)

    @cached_property
    def _kept(self) -> dict[tuple, np.ndarray]:
        return {}

    def lengths(self, field: Field) -> np.ndarray:
        """(V, turns / 2): standard deviation that noise gives each template's correlation, at angles of half a turn."""
        gain = field.noise_gain(self.polar.radii, _AZIMUTHS)
        spread = np.fft.rfft(gain * self.polar.radii[:, None], axis=1)
        power = np.fft.rfft(self._power, axis=2)
        turned = np.fft.irfft(np.einsum("vra,ra->va", np.conj(power), spread), _AZIMUTHS, axis=1)
        ring = (self.polar.radii[1] - self.polar.radii[0]) * 2 * np.pi / _AZIMUTHS
        angles = np.arange(self.turns // 2) * _AZIMUTHS / self.turns
        low = angles.astype(int)
        part = angles - low
        found = turned[:, low] * (1 - part) + turned[:, (low + 1) % _AZIMUTHS] * part
        return np.sqrt(np.maximum(found * ring, 1e-30)) * field.unit

    def kernels(self, side: tuple[int, int], pixel_size: float) -> np.ndarray:
        """(2 B, sy, sx // 2 + 1) real: the filters on a tile's half spectrum, kept for the next micrograph."""
        key = (*side, round(pixel_size, 6))
        with _MAKING:
            if key not in self._kept:
                self._kept.clear()
                ky, kx = np.fft.fftfreq(side[0], pixel_size)[:, None], np.fft.rfftfreq(side[1], pixel_size)[None]
                self._kept[key] = self.filters.spectra(*np.broadcast_arrays(kx, ky))
            return self._kept[key]


def ready(polar: Polar, diameter: float, turns: int, field: Field) -> Templates:
    """Templates whose filters hold what a field like this one can show of them."""
    gain = field.noise_gain(polar.radii, 8).mean(axis=1)
    return Templates(polar, compressed(polar, gain), diameter, turns + turns % 2)


def scored(field: Field, templates: Templates) -> Scores:
    """Scores of all templates at all angles, in sd of the noise; the field's edges count as if the rest were seen."""
    inverse = 1 / templates.lengths(field)

    def search(tile: np.ndarray, inner: tuple[slice, slice]) -> tuple[np.ndarray, ...]:
        kernels = templates.kernels(tile.shape, field.pixel_size)  # type: ignore[arg-type]
        return _searched(_filtered(tile, kernels, templates.filters, inner), templates, inverse)

    return swept(field, templates, _TILE, search)


def swept(
    field: Field, templates: Templates, tile: int, search: Callable[[np.ndarray, tuple[slice, slice]], Any]
) -> Scores:  # fmt: skip
    """Scores from those of tiles; search: of a tile, best, worst and which at its inner pixels (flat)."""
    image = fft.irfft2(field.white_ft * field.whitening * field.ctf, field.frame[1])
    reach = int(np.ceil(templates.diameter / 2 / field.pixel_size)) + 3
    ny, nx = field.image.shape
    best, worst = np.full((ny, nx), -np.inf, np.float32), np.full((ny, nx), np.inf, np.float32)
    which = np.zeros((ny, nx), np.int32)
    wide = np.pad(image, reach, mode="wrap")
    most = max(tile, fft.good_size(4 * reach))
    side = min(fft.good_size(ny + 2 * reach), most), min(fft.good_size(nx + 2 * reach), most)
    for top in _starts(ny, side[0] - 2 * reach):
        for left in _starts(nx, side[1] - 2 * reach):
            cut = np.zeros(side, np.float32)
            part = wide[top : top + side[0], left : left + side[1]]
            cut[: part.shape[0], : part.shape[1]] = part
            height, width = min(side[0] - 2 * reach, ny - top), min(side[1] - 2 * reach, nx - left)
            inner = slice(reach, reach + height), slice(reach, reach + width)
            place = slice(top, top + height), slice(left, left + width)
            for target, values in zip((best, worst, which), search(cut, inner)):
                target[place] = values.reshape(height, width)
    return Scores(best, worst, which)


def _starts(length: int, step: int) -> range:
    return range(0, length, step)


def _filtered(tile: np.ndarray, kernels: np.ndarray, filters: Filters, inner: tuple[slice, slice]) -> np.ndarray:
    """(B, 2, pixels): real and imaginary part of what each filter finds at the tile's inner pixels."""
    spectrum = fft.rfft2(tile)
    turned = -1j * spectrum
    height, width = (piece.stop - piece.start for piece in inner)
    out = np.empty((len(kernels), 2, height, width), np.float32)
    for b, order in enumerate(filters.orders):
        odd = order % 2
        # conj(u exp(i m t)) of a real image: cos and -sin for even orders, -i sin and -i cos for odd ones
        cosine, sine = kernels[b]
        parts = (turned * sine, turned * cosine) if odd else (spectrum * cosine, -spectrum * sine)
        for target, part in zip(out[b], parts):
            target[...] = fft.irfft2(part, tile.shape[1])[inner]
    return out.reshape(len(kernels), 2, -1)


def _searched(coefficients: np.ndarray, templates: Templates, inverse: np.ndarray) -> tuple[np.ndarray, ...]:
    """best, worst and which (pixels,) over all templates and angles, from what the filters found (B, 2, pixels)."""
    count = coefficients.shape[2]
    best, worst = np.full(count, -np.inf, np.float32), np.full(count, np.inf, np.float32)
    which = np.zeros(count, np.int32)
    even, odd = _synthesis(templates.turns, templates.filters.highest)
    mixing = _mixing(templates.filters)
    for start in range(0, count, _TOGETHER):
        here = slice(start, min(start + _TOGETHER, count))
        block = coefficients[:, :, here]
        harmonics = _harmonic_images(block, mixing, templates.filters)
        for v in range(len(templates.polar)):
            scale = inverse[v][:, None].astype(np.float32)
            _keep((scale * even) @ harmonics[0][v], (scale * odd) @ harmonics[1][v], v * templates.turns,
                  best[here], worst[here], which[here])  # fmt: skip
    return best, worst, which


def _mixing(filters: Filters) -> list[np.ndarray]:
    """For each order (2 V, 2 b): real and imaginary parts of a template's harmonic from those of the filters."""
    found = []
    for m in range(filters.highest + 1):
        weights = filters.weights[:, filters.of_order(m)]
        re, im = weights.real, weights.imag
        rows = np.stack([np.stack([re, im], -1), np.stack([-im, re], -1)], 1)  # (V, 2, b, 2)
        found.append(np.ascontiguousarray(rows.reshape(2 * len(weights), -1)))
    return found


def _harmonic_images(block: np.ndarray, mixing: list[np.ndarray], filters: Filters) -> tuple[np.ndarray, np.ndarray]:
    """(V, 2 harmonics, pixels) of the even orders and of the odd ones."""
    sides: tuple[list, list] = ([], [])
    for m, matrix in enumerate(mixing):
        part = block[filters.of_order(m)]
        made = matrix @ part.reshape(-1, block.shape[2])
        sides[m % 2].append(made.reshape(-1, 2, block.shape[2]))
    if not sides[1]:
        sides[1].append(np.zeros_like(sides[0][0]))
    return np.concatenate(sides[0], 1), np.concatenate(sides[1], 1)


@lru_cache(maxsize=8)
def _synthesis(turns: int, highest: int) -> tuple[np.ndarray, np.ndarray]:
    """(turns / 2, 2 harmonics) of the even orders and of the odd ones: 2 Re exp(i m angle) times what was found."""
    angle = 2 * np.pi * np.arange(turns // 2)[:, None] / turns
    sides = []
    for first in (0, 1):
        orders = np.arange(first, max(highest, first) + 1, 2)
        twice = np.where(orders > 0, 2.0, 1.0)
        rows = np.stack([twice * np.cos(orders * angle), -twice * np.sin(orders * angle)], -1)
        sides.append(rows.reshape(len(angle), -1).astype(np.float32))
    return sides[0], sides[1]


@kernel("void(f4[:,::1], f4[:,::1], i8, f4[::1], f4[::1], i4[::1])", fastmath=True)
def _keep(even, odd, first, best, worst, which):
    """Fold in scores even + odd (angles of the first half turn) and even - odd (those half a turn on)."""
    half = even.shape[0]
    for a in range(half):
        code, other = np.int32(first + a), np.int32(first + a + half)
        for q in range(best.shape[0]):
            e, o = even[a, q], odd[a, q]
            size = abs(o)
            top = e + size
            if top > best[q]:
                best[q] = top
                which[q] = code if o >= 0 else other
            worst[q] = min(worst[q], e - size)
