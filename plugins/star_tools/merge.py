"""Several documents put into one."""

from collections.abc import Sequence

from spa.errors import DataError
from spa.io.star import Table, Tables
from spa.model.groups import filled, merged_optics
from spa.model.upgrade import upgraded


def merged(documents: Sequence[Tables], fill: str | None = None) -> Tables:
    """The rows of all documents under their blocks' names; optics groups that agree become one, the others get numbers.

    fill: the value of columns that not all tables of a block have (None: DataError naming them). RELION 3.0 documents
    are brought to 3.1's form first. A simple block (label and value) must be the same in all that have it.
    """
    documents = [upgraded(tables) for tables in documents]
    if len(documents) == 1:
        return documents[0]
    with_optics = ["optics" in tables for tables in documents]
    if any(with_optics) and not all(with_optics):
        without, other = documents[with_optics.index(False)], documents[with_optics.index(True)]
        raise DataError(f"{without.source}: no data_optics in it, which {other.source} has")
    blocks: dict[str, Table] = {}
    if all(with_optics):
        blocks["optics"], documents = merged_optics(documents, fill)
    for name in dict.fromkeys(name for tables in documents for name in tables.blocks if name != "optics"):
        blocks[name] = _rows([tables[name] for tables in documents if name in tables], fill)
    history = dict.fromkeys(line for tables in documents for line in tables.history)
    result = Tables(history=list(history), source=" + ".join(tables.source for tables in documents))
    for name, table in blocks.items():
        result = result.with_block(name, table)
    return result


def _rows(tables: Sequence[Table], fill: str | None) -> Table:
    first = tables[0]
    if any(table.simple for table in tables):
        if not all(table == first for table in tables):
            raise DataError(f"{first.where} is a list of values, and differs from table to table")
        return first
    if fill is not None:
        columns = list(dict.fromkeys(name for table in tables for name in table.columns))
        tables = [filled(table, columns, fill) for table in tables]
    try:
        return Table.concat(tables)
    except DataError as error:
        raise DataError(f"{error}; --fill VALUE says what is there in the others") from error
