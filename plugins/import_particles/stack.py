"""The stack that --normalise, --crop and --resample write, in batches."""

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.image.boxes import cropped
from spa.image.resample import stretched
from spa.io import mrc
from spa.io.stacks import ImageSource, image_name
from spa.io.star import Tables
from spa.job.run import Run
from spa.model.optics import Optics, optics_groups
from spa_plugins.import_particles.normalise import background, normalised

_BATCH_PIXELS = 2**22


@dataclass(frozen=True)
class Anew:
    """How images are written: in boxes of `crop` pixels that show the same (None: as they are), or in such boxes of
    pixels of one size (`resample`, angstroms), and brought to one scale or not, by the background outside a circle
    (diameter in angstroms; None: three quarters of the box)."""

    crop: int | None
    resample: float | None
    normalise: bool
    diameter: float | None
    ramp: bool
    invert: bool
    dtype: Any

    def filled(self, groups: list[Optics]) -> "Anew":
        """The same with the largest box that images of all groups fill in pixels of the new size, where none is said.

        UsageError where images are too coarse for the pixel size, or too small for the box.
        """
        if self.resample is None:
            return self
        coarsest = max(group.pixel_size for group in groups)
        if self.resample < coarsest * (1 - 1e-6):
            raise UsageError(f"--resample {self.resample:g}: images of {coarsest:g} A a pixel show nothing so fine")
        most = min(_even(group.image_size or 0) * group.pixel_size for group in groups) / self.resample
        box = self.crop or int(most + 1e-6) // 2 * 2
        if box % 2 or box > most + 1e-6:
            raise UsageError(f"--crop {box}: the smallest images are {most:.1f} pixels of {self.resample:g} A wide; "
                             "the box must be even, and no larger")  # fmt: skip
        return replace(self, crop=box)

    def size(self, source: ImageSource) -> int:
        """The box of what is written; UsageError where it cannot be cropped to."""
        if self.crop is None:
            return _even(source.box)
        if self.resample is None and (self.crop % 2 or self.crop > source.box):
            raise UsageError(f"--crop {self.crop}: boxes are of {source.box} pixels; it must be even, and no larger")
        return self.crop

    def step(self, source: ImageSource, pixel_size: float) -> float:
        """From pixel to pixel of what is written, in pixels of a source (angstroms)."""
        return _even(source.box) / self.size(source) if self.resample is None else self.resample / pixel_size

    def images(self, images: np.ndarray, step: float, pixel_size: float) -> np.ndarray:
        """Images (n, box, box) as they are written, of a step and a pixel size; NaN where there is no scale.

        Those of an odd box lose their last row and column first: pixel n//2 stays the middle.
        """
        side = _even(images.shape[-1])
        images = images[:, :side, :side]
        if self.crop and self.resample:
            images = stretched(images, self.crop, step)
        elif self.crop:
            images = cropped(images, self.crop)
        if not self.normalise:
            return images
        box = images.shape[-1]
        wide = 0.75 * box if self.diameter is None else self.diameter / pixel_size
        outside = background(box, wide)
        if np.count_nonzero(outside) < 16:
            raise DataError(f"a circle of {wide:.0f} pixels leaves no background in a box of {box}")
        return normalised(images, outside, self.ramp, self.invert)


def _even(box: int) -> int:
    return box // 2 * 2


def written(run: Run, tables: Tables, how: Anew) -> Tables:
    """The document with its image names led to new stacks in the run's folder, one an optics group.

    Images with a NaN or a flat background are named and left out.
    """
    assert run.outdir is not None
    particles, groups = tables["particles"], optics_groups(tables)
    how = how.filled(list(groups.values()))
    numbers = particles.ints("rlnOpticsGroup")
    names = np.full(len(particles), "", object)
    finer = np.ones(len(tables["optics"]))  # how many old pixels a new one is
    for number, group in groups.items():
        rows = np.flatnonzero(numbers == number)
        if not rows.size:
            continue
        source = ImageSource(particles.text("rlnImageName")[rows].tolist())
        wider = how.step(source, group.pixel_size)
        finer[tables["optics"].ints("rlnOpticsGroup") == number] = wider
        path = run.outdir / ("particles.mrcs" if len(groups) == 1 else f"particles_{number}.mrcs")
        names[rows] = _one_stack(run, source, path, wider, group.pixel_size * wider, how)
    keep = names != ""
    if not keep.any():
        raise DataError(f"{tables.source}: none of its {len(keep)} images can be written")
    tables = tables.with_block("particles", particles.with_columns(rlnImageName=names).take(keep))
    if how.crop is None:
        even = [_even(groups[number].image_size or 0) for number in tables["optics"].ints("rlnOpticsGroup").tolist()]
        return tables.with_block("optics", tables["optics"].with_columns(rlnImageSize=even))
    sizes = tables["optics"].floats("rlnImagePixelSize") * finer
    optics = tables["optics"].with_columns(rlnImagePixelSize=np.round(sizes, 6), rlnImageSize=how.crop)
    return tables.with_block("optics", optics)


def _one_stack(
    run: Run, source: ImageSource, path: Path, step: float, pixel_size: float, how: Anew
) -> list[str]:  # fmt: skip
    """The new name of each image of a source, "" where it was left out."""
    names: list[str] = []
    size = max(1, _BATCH_PIXELS // source.box**2)
    written = 0
    with mrc.StackWriter(path, None, how.size(source), pixel_size, how.dtype) as writer:
        starts = range(0, len(source), size)
        for start in run.progress(starts, unit="batch"):
            rows = np.arange(start, min(start + size, len(source)))
            images = how.images(_images(source, rows), step, pixel_size)
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
