"""The images behind a table: found, their sizes written into it, rows without an image left out."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from spa.errors import DataError, SpaError
from spa.io import mrc
from spa.io.stacks import image_name, parse_name
from spa.io.star import Tables


def found_images(tables: Tables, warn: Callable[[str], None]) -> tuple[Tables, int]:
    """The document with image names that lead to files from here, and how many rows were left out.

    A path that is not there from the working folder is sought from the table's own folder. Rows whose stack is not
    there, cannot be read or has too few images are named (a line a stack) and left out; DataError when none is left.
    """
    particles = tables["particles"]
    parsed = [parse_name(name) for name in particles.listed("rlnImageName")]
    near = Path(tables.source).parent if os.path.exists(tables.source) else Path()
    headers: dict[str, tuple[str, mrc.Header] | None] = {}
    for path in dict.fromkeys(path for _, path in parsed):
        headers[path] = _header(path, near, warn)
    names, good = [], []
    short: dict[str, int] = {}
    for index, path in parsed:
        found = headers[path]
        inside = found is not None and 0 <= index < found[1].shape[0]
        if found is not None and not inside:
            short.setdefault(path, index + 1)
        good.append(inside)
        names.append(image_name(index, found[0]) if found is not None and inside else "")
    for path, number in short.items():
        warn(f"left out: {path}: image {number} is asked for, and it has {headers[path][1].shape[0]}")  # type: ignore[index]
    keep = np.array(good)
    if not keep.any():
        raise DataError(f"{tables.source}: none of its {len(keep)} images can be read")
    sizes = np.array([headers[path][1].shape[2] for (_, path), there in zip(parsed, good) if there])  # type: ignore[index]
    table = particles.with_columns(rlnImageName=names).take(keep)
    _compare_pixel_sizes(tables, {path: found[1] for path, found in headers.items() if found}, parsed, warn)
    return _with_sizes(tables.with_block("particles", table), sizes), int(np.count_nonzero(~keep))


def _header(path: str, near: Path, warn: Callable[[str], None]) -> tuple[str, mrc.Header] | None:
    place = path if os.path.exists(path) or not (near / path).exists() else str(near / path)
    try:
        header = mrc.read_header(place)
        if header.shape[1] != header.shape[2]:
            raise DataError(f"{place}: images of {header.shape[2]} x {header.shape[1]} pixels, not square")
    except SpaError as error:
        warn(f"left out: {error}")
        return None
    return place, header


def _compare_pixel_sizes(
    tables: Tables, headers: dict[str, mrc.Header], parsed: list[tuple[int, str]], warn: Callable[[str], None]
) -> None:
    """Warn, once, of a stack whose header says another pixel size (by more than 1%) than its optics group."""
    optics = tables["optics"]
    if "rlnImagePixelSize" not in optics:
        return
    size = dict(zip(optics.ints("rlnOpticsGroup").tolist(), optics.floats("rlnImagePixelSize").tolist()))
    for (_, path), group in zip(parsed, tables["particles"].ints("rlnOpticsGroup").tolist()):
        there = headers[path].pixel_size if path in headers else 0.0
        if there not in (0.0, 1.0) and group in size and abs(there - size[group]) > 0.01 * abs(size[group]):
            warn(f"{path}: {there:g} A a pixel in its header, {size[group]:g} in the table, which is believed")
            return


def _with_sizes(tables: Tables, sizes: np.ndarray) -> Tables:
    """Box and dimension of each optics group; DataError where a group has images of several boxes."""
    optics, groups = tables["optics"], tables["particles"].ints("rlnOpticsGroup")
    boxes = []
    for group in optics.ints("rlnOpticsGroup"):
        found = np.unique(sizes[groups == group])
        if len(found) > 1:
            both = " and ".join(map(str, found))
            raise DataError(f"{tables.source}: optics group {group} has images of {both} pixels")
        boxes.append(int(found[0]) if len(found) else int(sizes[0]))
    columns: dict[str, object] = {"rlnImageSize": boxes, "rlnImageDimensionality": 2}
    if "rlnCtfDataAreCtfPremultiplied" not in optics:
        columns["rlnCtfDataAreCtfPremultiplied"] = 0
    return tables.with_block("optics", optics.with_columns(**columns))
