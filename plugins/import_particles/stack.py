"""The stack that --normalise writes, in batches."""

import contextlib
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.io import mrc
from spa.io.stacks import ImageSource, image_name
from spa.io.star import Tables
from spa.job.run import Run
from spa.model.optics import optics_groups
from spa_plugins.import_particles.normalise import background, normalised

_BATCH_PIXELS = 2**22


def write_normalised(run: Run, tables: Tables, diameter: float | None, ramp: bool, invert: bool, dtype: Any) -> Tables:
    """The document with its image names led to normalised stacks in the run's folder, one an optics group.

    diameter: of the background's circle, angstroms (None: three quarters of the box). Images with a NaN or a flat
    background are named and left out.
    """
    assert run.outdir is not None
    particles, groups = tables["particles"], optics_groups(tables)
    numbers = particles.ints("rlnOpticsGroup")
    names = np.full(len(particles), "", object)
    for number, group in groups.items():
        rows = np.flatnonzero(numbers == number)
        if not rows.size:
            continue
        source = ImageSource(particles.text("rlnImageName")[rows].tolist())
        wide = 0.75 * source.box if diameter is None else diameter / group.pixel_size
        outside = background(source.box, wide)
        if np.count_nonzero(outside) < 16:
            raise DataError(f"a circle of {wide:.0f} pixels leaves no background in a box of {source.box}")
        path = run.outdir / ("particles.mrcs" if len(groups) == 1 else f"particles_{number}.mrcs")
        names[rows] = _one_stack(run, source, path, group.pixel_size, outside, ramp, invert, dtype)
    keep = names != ""
    if not keep.any():
        raise DataError(f"{tables.source}: none of its {len(keep)} images can be normalised")
    return tables.with_block("particles", particles.with_columns(rlnImageName=names).take(keep))


def _one_stack(run: Run, source: ImageSource, path: Any, pixel_size: float, outside: np.ndarray, ramp: bool,
               invert: bool, dtype: Any) -> list[str]:  # fmt: skip
    """The new name of each image of a source, "" where it was left out."""
    names: list[str] = []
    size = max(1, _BATCH_PIXELS // source.box**2)
    written = 0
    with mrc.StackWriter(path, None, source.box, pixel_size, dtype) as writer:
        starts = range(0, len(source), size)
        for start in run.progress(starts, unit="batch"):
            rows = np.arange(start, min(start + size, len(source)))
            images = normalised(_images(source, rows), outside, ramp, invert)
            good = np.isfinite(images).all(axis=(1, 2))
            writer.write(images[good])
            for row in rows[~good]:
                run.warn(f"left out: {source.names[row]}: a flat background, or pixels that are not finite")
            run.bad += int(np.count_nonzero(~good))
            places = written + np.cumsum(good) - 1
            names += [image_name(int(place), path) if fine else "" for place, fine in zip(places, good)]
            written += int(np.count_nonzero(good))
        if not written:
            raise DataError(f"{path}: none of the {len(source)} images can be normalised")
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
