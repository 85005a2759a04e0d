"""The stack that --normalise and --crop write, in batches."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.image.boxes import cropped
from spa.io import mrc
from spa.io.stacks import ImageSource, image_name
from spa.io.star import Tables
from spa.job.run import Run
from spa.model.optics import optics_groups
from spa_plugins.import_particles.normalise import background, normalised

_BATCH_PIXELS = 2**22


@dataclass(frozen=True)
class Anew:
    """How images are written: in boxes of `crop` pixels that show the same (None: as they are), and brought to one
    scale or not, by the background outside a circle (diameter in angstroms; None: three quarters of the box)."""

    crop: int | None
    normalise: bool
    diameter: float | None
    ramp: bool
    invert: bool
    dtype: Any

    def size(self, source: ImageSource) -> int:
        """The box of what is written; UsageError where it cannot be cropped to."""
        if self.crop is None:
            return source.box
        if self.crop % 2 or source.box % 2 or self.crop > source.box:
            raise UsageError(f"--crop {self.crop}: boxes are of {source.box} pixels; both must be even, it no larger")
        return self.crop

    def images(self, images: np.ndarray, pixel_size: float) -> np.ndarray:
        """Images (n, box, box) as they are written, of a pixel size after cropping; NaN where there is no scale."""
        if self.crop:
            images = cropped(images, self.crop)
        if not self.normalise:
            return images
        box = images.shape[-1]
        wide = 0.75 * box if self.diameter is None else self.diameter / pixel_size
        outside = background(box, wide)
        if np.count_nonzero(outside) < 16:
            raise DataError(f"a circle of {wide:.0f} pixels leaves no background in a box of {box}")
        return normalised(images, outside, self.ramp, self.invert)


def written(run: Run, tables: Tables, how: Anew) -> Tables:
    """The document with its image names led to new stacks in the run's folder, one an optics group.

    Images with a NaN or a flat background are named and left out.
    """
    assert run.outdir is not None
    particles, groups = tables["particles"], optics_groups(tables)
    numbers = particles.ints("rlnOpticsGroup")
    names = np.full(len(particles), "", object)
    finer = np.ones(len(tables["optics"]))  # how many old pixels a new one is
    for number, group in groups.items():
        rows = np.flatnonzero(numbers == number)
        if not rows.size:
            continue
        source = ImageSource(particles.text("rlnImageName")[rows].tolist())
        wider = source.box / how.size(source)
        finer[tables["optics"].ints("rlnOpticsGroup") == number] = wider
        path = run.outdir / ("particles.mrcs" if len(groups) == 1 else f"particles_{number}.mrcs")
        names[rows] = _one_stack(run, source, path, group.pixel_size * wider, how)
    keep = names != ""
    if not keep.any():
        raise DataError(f"{tables.source}: none of its {len(keep)} images can be written")
    tables = tables.with_block("particles", particles.with_columns(rlnImageName=names).take(keep))
    if how.crop is None:
        return tables
    sizes = tables["optics"].floats("rlnImagePixelSize") * finer
    optics = tables["optics"].with_columns(rlnImagePixelSize=np.round(sizes, 6), rlnImageSize=how.crop)
    return tables.with_block("optics", optics)


def _one_stack(run: Run, source: ImageSource, path: Path, pixel_size: float, how: Anew) -> list[str]:
    """The new name of each image of a source, "" where it was left out."""
    names: list[str] = []
    size = max(1, _BATCH_PIXELS // source.box**2)
    written = 0
    with mrc.StackWriter(path, None, how.size(source), pixel_size, how.dtype) as writer:
        starts = range(0, len(source), size)
        for start in run.progress(starts, unit="batch"):
            rows = np.arange(start, min(start + size, len(source)))
            images = how.images(_images(source, rows), pixel_size)
            good = np.isfinite(images).all(axis=(1, 2))
            writer.write(images[good])
            why = "a flat background, or pixels" if how.normalise else "pixels"
            for row in rows[~good]:
                run.warn(f"left out: {source.names[row]}: {why} that are not finite")
            run.bad += int(np.count_nonzero(~good))
            places = written + np.cumsum(good) - 1
            names += [image_name(int(place), path) if fine else "" for place, fine in zip(places, good)]
            written += int(np.count_nonzero(good))
        if not written:
            raise DataError(f"{path}: none of the {len(source)} images can be written")
    return names


def _images(source: ImageSource, rows: np.ndarray) -> np.ndarray:
    """The batch; an image that is not finite comes as NaN, and costs no other."""
    with contextlib.suppress(DataError):
        return source.read(rows)
    images = np.full((len(rows), source.box, source.box), np.nan, np.float32)
    for place, row in enumerate(rows):
        with contextlib.suppress(DataError):
            images[place] = source.read([row])[0]
    return images
