"""Maps in the stream: the ``data_maps`` block that jobs print so that the next one needs no file name."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from spa.errors import DataError, UsageError
from spa.io import mrc, pixels, star
from spa.io.star import Table, Tables
from spa.job import call, history
from spa.job.run import Run
from spa.model.numbers import sensible

NAME, ROLE, CLASS = "spaMapName", "spaMapRole", "spaMapClass"
BLOCK = "maps"
SYMMETRY, GROUP = "symmetry", "spaSymmetry"


def stream(run: Run, star: str, enough: bool) -> Tables | None:
    """The job's table; None where none is named and the files that are named are enough by themselves."""
    return None if enough and not call.was_given("star") else run.read(star)


def with_maps(tables: Tables, files: Sequence[tuple[str, str]], number: int = 1) -> Tables:
    """The tables with these (role, file) in ``data_maps``, in the place of others of the same role and class.

    What is said of the symmetry of maps does not hold for other half maps.
    """
    known = {str(name) for name in tables[BLOCK].text(NAME)} if BLOCK in tables else set()
    if any(role == "half1" and str(file) not in known for role, file in files):
        tables = tables.without_block(SYMMETRY)
    rows = [(str(file), role, number) for role, file in files]
    replaced = {role for role, _ in files}
    if BLOCK in tables:
        there = tables[BLOCK]
        old = zip(there.text(NAME), there.text(ROLE), there.ints(CLASS))
        rows = [(n, r, int(c)) for n, r, c in old if r not in replaced or int(c) != number] + rows
    names, roles, classes = zip(*rows)
    return tables.with_block(BLOCK, Table.of(**{NAME: list(names), ROLE: list(roles), CLASS: list(classes)}))


def with_symmetry(tables: Tables, groups: Sequence[str]) -> Tables:
    """The tables with the point groups of their maps, of class 1 and on, in ``data_symmetry``."""
    return tables.with_block(SYMMETRY, Table.of(**{CLASS: np.arange(len(groups)) + 1, GROUP: list(groups)}))


def symmetry(tables: Tables | None, given: str | None = None, number: int | None = None) -> str:
    """The point group that is named, or the one that the stream's maps (of class ``number``) were made with, or C1."""
    table = None if given or tables is None else tables.blocks.get(SYMMETRY)
    if table is None or not {GROUP, CLASS} <= set(table.columns):
        return given or "C1"
    here = np.ones(len(table), bool) if number is None else table.ints(CLASS) == number
    groups = set(table.text(GROUP)[here])
    return str(groups.pop()) if len(groups) == 1 else "C1"


def made_in(tables: Tables | None) -> str | None:
    """The one point group that the stream says its maps were made in; None where it says none, or several."""
    table = None if tables is None else tables.blocks.get(SYMMETRY)
    if table is None or not {GROUP, CLASS} <= set(table.columns):
        return None
    groups = set(table.text(GROUP))
    return str(groups.pop()) if len(groups) == 1 else None


def without_classes(tables: Tables, numbers: Collection[int]) -> Tables:
    """The tables without the maps of these classes, and what is said of them."""
    for block in (BLOCK, SYMMETRY):
        if block in tables and CLASS in tables[block]:
            kept = ~np.isin(tables[block].ints(CLASS), list(numbers))
            tables = tables.with_block(block, tables[block].take(kept)) if kept.any() else tables.without_block(block)
    return tables


def find(tables: Tables | None, role: str, given: str | None = None, number: int | None = None) -> str | None:
    """The file of a role: the one that is named, or else the stream's; None when there is neither.

    number: the class; without it there must be one only (UsageError).
    """
    if given:
        return str(given)
    if tables is None or BLOCK not in tables:
        return None
    table = tables[BLOCK]
    here = table.text(ROLE) == role
    if number is not None:
        here &= table.ints(CLASS) == number
    names = table.text(NAME)[here]
    if len(names) > 1:
        raise UsageError(f"{tables.source}: {len(names)} maps of role {role}; choose one with --class")
    return str(names[0]) if len(names) else None


def of_class(table: Table, number: int | None) -> np.ndarray:
    """Mask (n,) of the particles of a class, None: of all; where the table has no classes all are of the first."""
    if number is not None and "rlnClassNumber" in table:
        return table.ints("rlnClassNumber") == number
    return np.full(len(table), number in (None, 1))


def of_one_class(tables: Tables) -> bool:
    """Whether the stream's maps are all of one class, as a refinement's, whatever an earlier job had sorted into."""
    return BLOCK in tables and len(set(tables[BLOCK].ints(CLASS)[tables[BLOCK].text(ROLE) == "map"])) == 1


def require_choice(number: int | None, *named: str | None) -> None:
    """UsageError for a --class where every file is named that it would choose among the stream's."""
    if number is not None and all(named):
        raise UsageError("--class chooses among the stream's maps, and files are named in the place of all of them")


def need(tables: Tables | None, role: str, option: str, given: str | None = None, number: int | None = None) -> str:
    """The same, but DataError when there is none."""
    found = find(tables, role, given, number)
    if found is None:
        of = "" if number is None else f" and class {number}"
        where = "no table was read" if tables is None else f"{tables.source} has no data_maps row of role {role}{of}"
        raise DataError(f"{option}: {where}, and no file is named")
    return found


def read(run: Run, path: str, contrast: bool = True) -> mrc.Image:
    """A map: cubic, finite, recorded as an input; its pixel size must be in the header.

    contrast: whether one value everywhere is refused.
    """
    run.input(path)
    image = mrc.read(path)
    if image.data.ndim != 3 or len(set(image.data.shape)) != 1:
        raise DataError(f"{path}: a cubic map is needed, this is {' x '.join(map(str, image.data.shape))}")
    if image.pixel_size <= 0:
        raise DataError(f"{path}: no pixel size in its header")
    pixels.require_finite(image.data, path)
    if contrast:
        pixels.require_contrast(image.data, path)
    return replace(image, data=np.asarray(image.data, np.float32))


def read_like(run: Run, path: str, other: mrc.Image, contrast: bool = True) -> mrc.Image:
    """A map of the same box and pixel size as another; DataError when they differ."""
    image = read(run, path, contrast)
    if image.data.shape != other.data.shape:
        raise DataError(f"{path}: box {image.data.shape[0]} pixels, {other.path} has {other.data.shape[0]}")
    if not np.isclose(image.pixel_size, other.pixel_size, rtol=1e-3):
        raise DataError(f"{path}: pixel size {image.pixel_size:g}, {other.path} has {other.pixel_size:g}")
    return image


def solvent(mask: np.ndarray, path: str) -> np.ndarray:
    """A mask's values within 0 and 1; DataError where they lie beyond by more than 0.1, or where it is empty."""
    if mask.min() < -0.1 or mask.max() > 1.1:
        raise DataError(f"{path}: values from {mask.min():g} to {mask.max():g}; a mask has 0 to 1")
    if mask.max() < 0.5:
        raise DataError(f"{path}: an empty mask: its largest value is {mask.max():g}")
    return np.clip(mask, 0, 1)


def read_halves(
    run: Run, tables: Tables | None, half1: str | None, half2: str | None, number: int | None = None
) -> tuple[mrc.Image, mrc.Image]:
    """Both half maps, named or the stream's; DataError where they are one and the same.

    What the job that made them said against them is said again: no agreement of theirs proves it wrong.
    """
    first = read(run, need(tables, "half1", "--half1", half1, number))
    second = read_like(run, need(tables, "half2", "--half2", half2, number), first)
    if np.array_equal(first.data, second.data):
        raise DataError(f"{first.path} and {second.path} are the same map, not two halves")
    for text in history.doubts(first.path):
        run.warn(f"{first.path}: {text}")
    return first, second


FSC_COLUMNS = ("rlnFourierShellCorrelationCorrected", "rlnGoldStandardFsc")


def fsc_curve(run: Run, path: str) -> tuple[np.ndarray, bool]:
    """The FSC (n//2+1,) of a STAR file, and whether it is corrected for its mask (`post fsc`) or not (refinements)."""
    table = star.read(run.input(path))["fsc"]
    name = next((name for name in FSC_COLUMNS if name in table), FSC_COLUMNS[0])
    return sensible(table, name), name == FSC_COLUMNS[0]


def read_mean(run: Run, tables: Tables | None, given: str | None, number: int | None = None) -> mrc.Image:
    """The map that is named, or the stream's, or the mean of its half maps."""
    path = find(tables, "map", given, number)
    if path or find(tables, "half1", None, number) is None:
        return read(run, path or need(tables, "map", "--map", None, number))
    first, second = read_halves(run, tables, None, None, number)
    return replace(first, data=(first.data + second.data) / 2)
