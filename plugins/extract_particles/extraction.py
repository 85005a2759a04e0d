"""From a table of picks to stacks and a table of particles."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.image.boxes import cropped, cut, fits
from spa.image.normalise import normalised
from spa.io import mrc, pixels
from spa.io.stacks import image_name
from spa.io.star import Table, Tables
from spa.job.micrographs import file_names
from spa.job.run import Run
from spa_plugins.extract_particles.rows import Picks, joined, particle_optics

_BATCH = 128


@dataclass(frozen=True)
class Settings:
    """The options of the job; box and crop in pixels, background as a part of half the box."""

    box: int
    crop: int
    recenter: bool
    half: bool
    invert: bool
    background: float
    normalise: bool
    ramp: bool
    min_score: float | None
    pad: bool

    def check(self) -> None:
        """UsageError for sizes that cannot be."""
        for name, value in (("--box", self.box), ("--crop", self.crop)):
            if value % 2:
                raise UsageError(f"{name} {value}: an even number of pixels is needed")
        if self.crop > self.box:
            raise UsageError(f"--crop {self.crop} is larger than --box {self.box}")


def extract(run: Run, tables: Tables, beside: Tables | None, settings: Settings) -> Tables:
    """Write the stacks into run.outdir; the document with ``data_optics`` and ``data_particles`` of what was cut.

    Other tables, such as ``data_maps``, stay in it, but the micrographs are of no more use.
    """
    picks = joined(tables, beside, settings.recenter, settings.min_score)
    names = list(dict.fromkeys(picks.micrograph))
    assert run.outdir is not None
    files = file_names(run.outdir, names, ".mrcs")

    def work(name: str) -> dict[str, Any]:
        rows = np.flatnonzero(picks.micrograph == name)
        kept = _cut_micrograph(name, str(files[name]), picks.centre[rows], picks.pixel_size[rows[0]], settings)
        return {"stack": str(files[name]), "rows": rows[kept].tolist(), "edge": len(rows) - len(kept)}

    done = [result for _, result in run.each(names, work, lambda name: name, "micrograph")]
    table = _particles(picks, done)
    edge = sum(result["edge"] for result in done)
    if not len(table):
        raise DataError(f"no particles: all {edge} boxes of {settings.box} pixels reach over their micrographs' edges")
    counts = [len(result["rows"]) for result in done]
    at_edge = f"; {edge} left out because their boxes reach over the edge (--pad fills them)" if edge else ""
    usual = f"{np.median(counts):.0f} a micrograph (median)"
    run.summary(f"{len(table)} particles of {settings.crop} pixels, {usual}{at_edge}")
    blocks = {"optics": particle_optics(picks.optics, settings.box, settings.crop), "particles": table}
    others = {name: block for name, block in tables.blocks.items() if name not in ("", "micrographs", *blocks)}
    return Tables(blocks | others, tables.history, tables.source)


def _cut_micrograph(name: str, stack: str, centres: np.ndarray, pixel_size: float, settings: Settings) -> np.ndarray:
    """Write one stack; which of the centres (n, 2) are in it."""
    image = mrc.read(name).data
    image = image[0] if image.ndim == 3 and len(image) == 1 else image
    if image.ndim != 2:
        raise DataError(f"{name}: {len(image)} images in it, where one micrograph is wanted")
    if settings.box > min(image.shape):
        raise DataError(f"{name}: --box {settings.box} is larger than its {image.shape[1]} x {image.shape[0]} pixels")
    found = np.asarray(image, np.float32)
    pixels.require_finite(found, name)
    pixels.require_contrast(found, name)
    inside = fits(centres, settings.box, found.shape)
    if settings.pad:
        inside = fits(centres, 1, found.shape)
    kept = np.flatnonzero(inside)
    if not len(kept):
        return kept
    dtype = np.float16 if settings.half else np.float32
    size = pixel_size * settings.box / settings.crop
    with mrc.StackWriter(stack, len(kept), settings.crop, size, dtype) as writer:
        for start in range(0, len(kept), _BATCH):
            writer.write(_images(found, centres[kept[start : start + _BATCH]], settings))
    return kept


def _images(pixels: np.ndarray, centres: np.ndarray, settings: Settings) -> np.ndarray:
    images = cropped(cut(pixels, centres, settings.box), settings.crop)
    if settings.normalise:
        images = normalised(images, settings.background * settings.crop / 2, settings.ramp)
    return -images if settings.invert else images


def _particles(picks: Picks, done: list[dict[str, Any]]) -> Table:
    """The rows that were cut, in the order in which they came, with the names of their images."""
    rows = np.array([row for result in done for row in result["rows"]], np.int64)
    names = [image_name(i, result["stack"]) for result in done for i in range(len(result["rows"]))]
    order = np.argsort(rows, kind="stable")
    table = picks.table.take(rows[order])
    return table.with_columns(rlnImageName=np.array(names, object)[order])
