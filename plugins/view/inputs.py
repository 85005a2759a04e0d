"""What kind each file is: tables and MRC files by their content, and what a job's folder holds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spa.errors import DataError, MissingInput, SpaError
from spa.io import mrc
from spa.io.names import natural
from spa.io.star import Tables
from spa.job.run import Run
from spa.model.upgrade import is_old, upgraded

BLOCKS = ("micrographs", "particles", "classes", "model_classes", "fsc", "maps")  # what a table is looked at for
_PACKED = (".gz", ".bz2")
_MRC = (".mrc", ".mrcs", ".map", ".ccp4", *_PACKED)


@dataclass(eq=False)
class Shelf:
    """Files by kind, in the order they were given; maps and images by their paths, none twice."""

    tables: list[Tables] = field(default_factory=list)
    maps: dict[str, None] = field(default_factory=dict)
    stacks: dict[str, None] = field(default_factory=dict)
    micrographs: dict[str, None] = field(default_factory=dict)


def sorted_out(run: Run, names: Iterable[str]) -> Shelf:
    """All files by kind. MissingInput, ReadError; DataError for a table, or a folder, with nothing to look at."""
    shelf = Shelf()
    for name in names:
        if name != "-" and Path(name).is_dir():
            _folder(run, name, shelf)
        elif name != "-" and is_mrc(run.input(name)):
            _pixels(name, shelf)
        else:
            shelf.tables.append(_table(run, name))
    return shelf


def _folder(run: Run, name: str, shelf: Shelf) -> None:
    """What lies in a folder itself; a table there that has nothing to look at is passed over."""
    inside = sorted((path for path in Path(name).iterdir() if path.is_file()), key=lambda path: natural(path.name))
    found = 0
    for path in inside:
        if path.suffix == ".star":
            tables = _readable(run, str(path))
            shelf.tables += [tables] if tables else []
            found += bool(tables)
        elif path.suffix in _MRC and is_mrc(path):
            _pixels(str(path), shelf)
            found += 1
    if not found:
        raise DataError(f"{name}: nothing to look at in this folder (tables, maps or images)")


def _readable(run: Run, name: str) -> Tables | None:
    try:
        return _table(run, name)
    except SpaError:
        return None


def _table(run: Run, name: str) -> Tables:
    tables = run.read(name)
    tables = upgraded(tables) if is_old(tables) else tables
    if not any(block in tables for block in BLOCKS):
        there = ", ".join(f"data_{block}" for block in tables.blocks)
        raise DataError(f"{tables.source}: nothing to look at in it: it has {there}")
    return tables


def is_mrc(path: Path) -> bool:
    """Whether a file is an MRC file rather than text: by its stamp, or, of the oldest ones, its NULs."""
    if path.suffix in _PACKED:
        return True
    try:
        with path.open("rb") as stream:
            head = stream.read(1024)
    except FileNotFoundError:
        raise MissingInput(f"{path}: no such file", path) from None
    return head[208:211] == b"MAP" or b"\0" in head


def _pixels(name: str, shelf: Shelf) -> None:
    header, images = mrc.read_header(name), name.removesuffix(".gz").endswith(".mrcs")
    nz, ny, nx = header.shape
    if nz == 1:
        shelf.micrographs[name] = None
    elif not images and (header.volume or nz == ny == nx):
        shelf.maps[name] = None
    else:
        shelf.stacks[name] = None


def of_kind(tables: Iterable[Tables], *blocks: str) -> Iterator[Tables]:
    """Those that have all of these blocks, with rows."""
    return (one for one in tables if all(block in one and len(one[block]) for block in blocks))
