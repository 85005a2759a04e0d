"""The images behind a table: found, their sizes written into it, rows without an image left out."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from spa.errors import DataError, SpaError
from spa.io import mrc
from spa.io.stacks import image_name, parse_name
from spa.io.star import Tables

ABOVE = 4  # folders, with the table's own, in which its paths may begin


def found_images(
    tables: Tables, warn: Callable[[str], None], leave_out: Callable[[SpaError, int], None]
) -> Tables:
    """The document with image names that lead to files from here.

    A path that is not there from the working folder is sought from the table's own folder and those above it, where the
    projects of RELION and cryoSPARC begin. Rows whose stack is not there, cannot be read or has too few images are left
    out, a call of ``leave_out`` a stack; where none is left, what the first lacks is raised, or DataError.
    """
    particles = tables["particles"]
    parsed = [parse_name(name) for name in particles.listed("rlnImageName")]
    near = _folders(tables.source) if os.path.exists(tables.source) else []
    headers: dict[str, tuple[str, mrc.Header] | None] = {}
    errors: list[tuple[SpaError, int]] = []
    for path, count in Counter(path for _, path in parsed).items():
        try:
            headers[path] = _header(path, near)
        except SpaError as error:
            errors.append((error, count))
            headers[path] = None
    if len(errors) == len(headers):
        raise errors[0][0]
    for why, count in errors:
        leave_out(why, count)
    names, good = [], []
    short: dict[str, list[int]] = {}
    for index, path in parsed:
        found = headers[path]
        inside = found is not None and 0 <= index < found[1].shape[0]
        if found is not None and not inside:
            short.setdefault(path, []).append(index + 1)
        good.append(inside)
        names.append(image_name(index, found[0]) if found is not None and inside else "")
    for path, asked in short.items():
        there = headers[path][1].shape[0]  # type: ignore[index]
        leave_out(DataError(f"{path}: image {asked[0]} is asked for, and it has {there}"), len(asked))
    keep = np.array(good)
    if not keep.any():
        raise DataError(f"{tables.source}: none of its {len(keep)} images can be read")
    sizes = np.array([headers[path][1].shape[2] for (_, path), there in zip(parsed, good) if there])  # type: ignore[index]
    table = particles.with_columns(rlnImageName=names).take(keep)
    _compare_pixel_sizes(tables, {path: found[1] for path, found in headers.items() if found}, parsed, warn)
    return _with_sizes(tables.with_block("particles", table), sizes, warn)


def _folders(table: str) -> list[Path]:
    """The folder of a table and those above it, from here where the table's name is."""
    folder = Path(table).parent
    above = [folder.absolute(), *folder.absolute().parents][:ABOVE]
    return above if folder.is_absolute() else [Path(os.path.relpath(one)) for one in above]


def _header(path: str, near: Sequence[Path]) -> tuple[str, mrc.Header]:
    places = [path, *(str(folder / path) for folder in near)]
    place = next(filter(os.path.exists, places), path)
    header = mrc.read_header(place)
    if header.shape[1] != header.shape[2]:
        raise DataError(f"{place}: images of {header.shape[2]} x {header.shape[1]} pixels, not square")
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


def _with_sizes(tables: Tables, sizes: np.ndarray, warn: Callable[[str], None]) -> Tables:
    """Box and dimension of each optics group; a word where its images are of another box than the table says.

    DataError where a group has images of several boxes.
    """
    optics, groups = tables["optics"], tables["particles"].ints("rlnOpticsGroup")
    boxes = []
    for group in optics.ints("rlnOpticsGroup"):
        found = np.unique(sizes[groups == group])
        if len(found) > 1:
            both = " and ".join(map(str, found))
            raise DataError(f"{tables.source}: optics group {group} has images of {both} pixels")
        boxes.append(int(found[0]) if len(found) else int(sizes[0]))
    for group, said, box in zip(optics.ints("rlnOpticsGroup"), optics.get_floats("rlnImageSize", np.nan), boxes):
        if np.isfinite(said) and said != box:
            warn(f"optics group {group}: rlnImageSize is {said:g}, its images are {box} pixels wide, believed; "
                 "is rlnImagePixelSize theirs?")  # fmt: skip
            break
    columns: dict[str, object] = {"rlnImageSize": boxes, "rlnImageDimensionality": 2}
    if "rlnCtfDataAreCtfPremultiplied" not in optics:
        columns["rlnCtfDataAreCtfPremultiplied"] = 0
    return tables.with_block("optics", optics.with_columns(**columns))
