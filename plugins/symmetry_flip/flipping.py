"""Maps written anew, seen through their centres; poses turned, and every block's names of those maps."""

from pathlib import Path

import numpy as np

from spa.errors import DataError, UsageError
from spa.io import mrc
from spa.io.star import Tables
from spa.job import maps
from spa.job.run import Run
from spa.model.numbers import sensible
from spa.volume.inversion import half_turned, inverted

PSI = ("rlnAnglePsi", "rlnAnglePsiPrior")
NAMES = (maps.NAME, "rlnReferenceImage")  # columns of any block that may name a map
CURVE = "fsc"  # the role that is no map


def flipped_particles(tables: Tables, number: int | None) -> tuple[Tables, int]:
    """The document with poses (of a class, where one is named) of the other hand, and how many they are."""
    if "particles" not in tables or PSI[0] not in tables["particles"]:
        return tables, 0
    table = tables["particles"]
    mine = maps.of_class(table, number)
    old = {name: sensible(table, name) for name in PSI if name in table}
    turned = {name: np.where(mine, np.round(half_turned(value), 6), value) for name, value in old.items()}
    return tables.with_block("particles", table.with_columns(**turned)), int(mine.sum())


def flipped_maps(run: Run, tables: Tables, number: int | None) -> tuple[Tables, int]:
    """The document with its maps (of a class, where one is named) written into DIR; and how many they are."""
    if maps.BLOCK not in tables:
        return tables, 0
    table = tables[maps.BLOCK]
    mine = table.text(maps.ROLE) != CURVE
    if number is not None:
        mine &= table.ints(maps.CLASS) == number
    new: dict[str, str] = {}
    for name in dict.fromkeys(map(str, table.text(maps.NAME)[mine])):
        new[name] = _written(run, name, set(new.values()))
    for block, held in tables.blocks.items():
        for column in (one for one in NAMES if one in held):
            names = [new.get(str(name), str(name)) for name in held.text(column)]
            tables = tables.with_block(block, tables[block].with_columns(**{column: names}))
    return tables, len(new)


def flipped_map(run: Run, path: str) -> Tables:
    """A document of one map, written into DIR."""
    return maps.with_maps(Tables(), [("map", _written(run, path, set()))])


def require_something(source: str, number: int | None, count: int) -> None:
    """DataError where there was nothing to flip."""
    if not count:
        of = "" if number is None else f" of class {number}"
        raise DataError(f"{source}: no maps (data_maps) and no poses (rlnAnglePsi){of} in it, and no --map is named")


def draw(run: Run, path: str, before: Tables, after: Tables, number: int | None) -> None:
    """The first map of a document (of a class, where one is named) as it was, and as it is."""
    from spa.plot.figure import save
    from spa.plot.pair import pair

    if maps.BLOCK not in before:
        raise UsageError(f"--plot: {before.source} has no maps")
    number = number or int(before[maps.BLOCK].ints(maps.CLASS)[0])
    was, now = (maps.read_mean(run, tables, None, number) for tables in (before, after))
    save(pair((Path(was.path).name, "of the other hand"), (was.data, now.data), was.pixel_size), path)


def _written(run: Run, name: str, taken: set[str]) -> str:
    """Where the inverted map of a file is, under the same name in DIR, or a numbered one where that is taken."""
    assert run.outdir is not None
    image = maps.read(run, name, contrast=False)
    path, again = Path(run.outdir) / Path(name).name, 1
    while str(path) in taken:
        again += 1
        path = Path(run.outdir) / f"{Path(name).stem}_{again}{Path(name).suffix}"
    if path.exists() and path.samefile(name):
        raise UsageError(f"--outdir {run.outdir}: {name} is in it, and would be lost")
    mrc.write(path, inverted(image.data), image.pixel_size)
    return str(path)
