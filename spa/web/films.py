"""Micrographs as pictures: as they are, low-passed or denoised, at most so many pixels a side, kept for a while."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from spa.image import fft
from spa.image.ctf import Lens
from spa.io import mrc
from spa.job.micrographs import Entry
from spa.picking.denoise import denoised
from spa.picking.field import Contrast
from spa.picking.flat import background
from spa.web import picture
from spa.web.page import Picture, Query

VIEWS = ("plain", "lowpass", "denoised")
LARGEST = 2048  # pixels of a side
THUMB = 256
_FINE = 3.0  # pixels of a view in its finest detail
_DETAIL = 9.0  # angstroms: the finest of the denoised view
_KEPT = 24


class Films:
    """The pictures of a table's micrographs, by number."""

    def __init__(
        self, entries: Sequence[Entry], phases: dict[str, float] | None = None, diameter: float = 200.0
    ) -> None:
        self.entries, self.diameter = list(entries), diameter
        self.phases = phases or {}
        self._kept: OrderedDict[tuple[Any, ...], Picture] = OrderedDict()
        self._lock, self._pool = threading.Lock(), ThreadPoolExecutor(2)  # two, whose transforms keep their buffers

    def facts(self, number: int) -> dict[str, Any]:
        """Size in pixels, pixel size and defocus of a micrograph. Errors as for reading it."""
        entry = self.entries[number]
        ny, nx = mrc.read_header(entry.name).shape[-2:]
        return {"width": nx, "height": ny, "pixel": entry.optics.pixel_size, "defocus": _defocus(entry)}

    def view(self, query: Query) -> Picture:
        """JPEG of the micrograph ``number``: ``view`` plain, lowpass (``lowpass`` in angstroms) or denoised."""
        number, kind = query.whole("number", len(self.entries)), query.word("view", VIEWS)
        detail = query.number("lowpass", 1, 500, 20.0) if kind == "lowpass" else _DETAIL
        return self._once((number, kind, detail), lambda: self._drawn(number, kind, detail))

    def ahead(self, number: int, kind: str, detail: float) -> None:
        """Begin with a view that will be asked for first; what is wrong with it is said when it is."""
        key = (number, kind, detail if kind == "lowpass" else _DETAIL)
        self._pool.submit(lambda: self._keep(key, self._drawn(*key)))

    def thumb(self, query: Query) -> Picture:
        """A small JPEG of the micrograph ``number``."""
        number = query.whole("number", len(self.entries))
        return self._once((number, "thumb"), lambda: self._small(number))

    def _once(self, key: tuple[Any, ...], make: Any) -> Picture:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        return self._keep(key, self._pool.submit(make).result())

    def _keep(self, key: tuple[Any, ...], made: Picture) -> Picture:
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made

    def _small(self, number: int) -> Picture:
        data = self.entries[number].load().data
        return picture.jpeg(picture.levelled(picture.binned(data, max(1, -(-max(data.shape) // THUMB)))), 80)

    def _drawn(self, number: int, kind: str, detail: float) -> Picture:
        micrograph = self.entries[number].load()
        least = -(-max(micrograph.data.shape) // LARGEST)
        fine = 1 if kind == "plain" else int(detail / _FINE / micrograph.pixel_size)
        factor = max(1, least, min(fine, max(micrograph.data.shape) // 512))
        image, size = picture.binned(micrograph.data, factor), micrograph.pixel_size * factor
        if kind == "lowpass":
            image = lowpassed(_clipped(image), size, detail, 3 * self.diameter)
        elif kind == "denoised":
            image = denoised(_clipped(image), size, self._contrast(self.entries[number]), 1.5 * self.diameter)
        return replace(picture.jpeg(picture.levelled(image)), facts=self.facts(number))

    def _contrast(self, entry: Entry) -> Contrast | None:
        """Its CTF, where the table has one."""
        if _defocus(entry) is None or entry.defocus is None:
            return None
        lens = Lens(entry.optics.voltage, entry.optics.cs, entry.optics.contrast)
        return Contrast(lens, *entry.defocus, phase_shift=self.phases.get(entry.name, 0.0))


def _defocus(entry: Entry) -> float | None:
    """Mean defocus in angstroms, where it is known."""
    known = entry.defocus is not None and np.isfinite(entry.defocus).all() and any(entry.defocus)
    return (entry.defocus[0] + entry.defocus[1]) / 2 if known else None  # type: ignore[index]


def _clipped(image: np.ndarray) -> np.ndarray:
    """Without hot pixels and dirt far beyond the rest."""
    middle, sd = picture.spread(image)
    return np.clip(image, middle - 6 * sd, middle + 6 * sd)


def lowpassed(image: np.ndarray, pixel_size: float, resolution: float, largest: float) -> np.ndarray:
    """Without detail finer than resolution, and without background of more than ``largest`` (both angstroms)."""
    ky, kx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1])[None]
    k = (np.hypot(kx, ky) * (resolution / pixel_size)).astype(np.float32)
    return fft.irfft2(fft.rfft2(image - background(image, largest / pixel_size)) / (1 + k**8), image.shape[1])
