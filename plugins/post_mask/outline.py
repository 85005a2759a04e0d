"""The outline of a map or of atoms, with what other masks take from it and add to it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.io import mrc
from spa.io.star import Tables
from spa.job import call, maps
from spa.job.run import Run
from spa.recipe import masks as agreement
from spa.volume.fsc import resolution_at
from spa.volume.masks import around, grown, level_of_mass, soft_mask, stands_out

NARROW = 12.0  # angstroms: the least soft edge by default
ATOM = 3.0  # angstroms about the middle of an atom that are the particle's
FULL = 0.5  # of a mask, where even its least value is more


@dataclass(frozen=True, eq=False)
class Outline:
    """mask (n, n, n) float32; how it was come by; whether what it is of stands out of the map's noise."""

    mask: np.ndarray
    words: str
    evident: bool = True


@dataclass(frozen=True, eq=False)
class Others:
    """Masks (n, n, n), applied in this order."""

    within: Sequence[np.ndarray]
    joined: Sequence[np.ndarray]
    without: Sequence[np.ndarray]

    def applied(self, made: Outline) -> Outline:
        """Soft masks meet in the smaller value, join in the larger; DataError where nothing is left."""
        mask = made.mask
        for one in self.within:
            mask = np.minimum(mask, one)
        for one in self.joined:
            mask = np.maximum(mask, one)
        for one in self.without:
            mask = np.minimum(mask, 1 - one)
        if mask.max() < 0.5:
            raise DataError("nothing is left of the mask within and without the others")
        return replace(made, mask=mask)


def masks(run: Run, names: Sequence[str], volume: mrc.Image) -> list[np.ndarray]:
    """Other masks, on the map's grid."""
    return [maps.solvent(maps.read_like(run, name, volume, contrast=False).data, name) for name in names]


@dataclass(frozen=True)
class Asked:
    """The options of what the mask is of; angstroms, kDa."""

    model: str | None
    chains: tuple[str, ...]
    threshold: float | None
    mass: float | None
    lowpass: float
    extend: float

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Asked":
        """From all options of the command; UsageError where some contradict each other."""
        asked = cls(**{field.name: settings[field.name] for field in fields(cls)})
        if asked.mass and asked.threshold is not None:
            raise UsageError("--mass and --threshold: give one of them")
        if asked.model and (asked.mass or asked.threshold is not None or call.was_given("lowpass")):
            raise UsageError("--model: --threshold, --mass and --lowpass are of masks from maps")
        call.go_with("model", "chains")
        return asked


def made(run: Run, volume: mrc.Image, edge: float, asked: Asked) -> Outline:
    """The mask of the map, or of atoms in it; edge: of it, angstroms."""
    if asked.model:
        return _of_atoms(run, volume, asked.model, asked, edge)
    pixel, resolution = volume.pixel_size, asked.lowpass or None
    try:
        wanted = level_of_mass(volume.data, pixel, asked.mass, resolution) if asked.mass else asked.threshold
        mask, level = soft_mask(volume.data, pixel, wanted, resolution, asked.extend, edge)
    except DataError as error:
        raise DataError(f"{volume.path}: {error}") from None
    evident = wanted is not None or stands_out(volume.data, pixel, resolution)
    if not evident:
        run.warn(f"nothing stands out of {volume.path}: noise has as much above such a threshold; it is no mask")
    return Outline(mask, f"threshold {level:.4g}", evident)


def refuse_all(volume: mrc.Image, made: Outline) -> None:
    """DataError for a mask that keeps everything: nothing is left to be solvent."""
    if made.mask.min() > FULL:
        raise DataError(f"{volume.path}: the mask would be all of the box ({made.words}): a higher --threshold, or "
                        "less of --extend and --soft-edge?")  # fmt: skip


def _of_atoms(run: Run, volume: mrc.Image, model: str, asked: Asked, edge: float) -> Outline:
    """What is near atoms, where these lie in the map: its header says where its first voxel is."""
    from spa.io import atoms

    found = atoms.read(run.input(model), chains=asked.chains)
    pixel, n = volume.pixel_size, len(volume.data)
    places = (found.positions - volume.origin) / pixel
    outside = int(((places < 0) | (places > n - 1)).any(axis=1).sum())
    if outside:
        run.warn(f"{outside} of {len(found)} atoms of {model} lie outside of the box: is it fitted to this map?")
    try:
        inside = around(places, n, max(ATOM / pixel, 1.0))
    except DataError as error:
        raise DataError(f"{model}: {error} of {volume.path}: is it fitted to this map?") from None
    return Outline(grown(inside, asked.extend / pixel, edge / pixel), f"{len(found)} atoms")


def doubt(run: Run, tables: Tables, number: int | None) -> None:
    """Says where the stream's half maps, if it has them, agree no better than noise does."""
    if maps.find(tables, "half1", None, number) and maps.find(tables, "half2", None, number):
        try:
            agreement.agreeing_halves(run, tables, None, None, number)
        except DataError as error:
            run.warn(str(error))


def edge(run: Run, tables: Tables | None, volume: mrc.Image, number: int | None) -> float:
    """Twice the resolution of the stream's FSC, where it has one of this box, and no less than 12 A."""
    name, box = maps.find(tables, "fsc", None, number), len(volume.data)
    if name is None:
        return NARROW
    curve, _ = maps.fsc_curve(run, name)
    if len(curve) != box // 2 + 1:
        return NARROW
    return max(NARROW, min(2 * resolution_at(curve, 0.143, box, volume.pixel_size), 0.2 * box * volume.pixel_size))
