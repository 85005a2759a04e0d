"""A file that is missing because the job runs in another folder than the one that the table's paths begin in."""

from collections.abc import Iterable
from pathlib import Path

from spa.errors import MissingInput

_UP = 4  # folders above a table's own in which its paths may begin


def explained(error: BaseException, tables: Iterable[str]) -> str:
    """An error's text; where it comes of a file that stands near one of the tables that were read, also where it is."""
    path = _missing(error)
    if path is None or Path(path).is_absolute():
        return str(error)
    for table in tables:
        folder = Path(table).absolute().resolve().parent
        for base in [folder, *folder.parents][:_UP]:
            if base != Path.cwd() and (base / path).is_file():
                return f"{error}; paths in tables are relative to where spa runs, and from {base} it is there"
    return str(error)


def _missing(error: BaseException | None) -> str | Path | None:
    """The file that an error, or one that it was raised from, misses."""
    while error is not None:
        if isinstance(error, MissingInput) and error.path is not None:
            return error.path
        error = error.__cause__
    return None
