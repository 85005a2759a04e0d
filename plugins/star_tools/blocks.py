"""Which table of a document a tool works on."""

from spa.errors import DataError
from spa.io.star import Table, Tables

_USUAL = ("particles", "micrographs", "movies")


def block_of(tables: Tables, block: str | None) -> str:
    """The block named, or the main one: particles, micrographs, movies, or the only one beside the optics."""
    if block is not None:
        block = block.removeprefix("data_")
        tables[block]
        return block
    for name in _USUAL:
        if name in tables:
            return name
    others = [name for name, table in tables.blocks.items() if name != "optics" and not table.simple]
    if len(others) == 1:
        return others[0]
    if len(tables.blocks) == 1:  # RELION's optimiser.star, or optics alone
        return next(iter(tables.blocks))
    there = ", ".join(tables.blocks) or "none"
    raise DataError(f"{tables.source}: which table is meant? It has {there}; say --block")


def optics_of(tables: Tables, block: str) -> Table | None:
    """The optics table, whose columns a row has through its group; None where the table is that itself, or none is."""
    return tables["optics"] if "optics" in tables and block != "optics" else None
