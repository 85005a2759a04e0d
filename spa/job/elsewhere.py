"""A file that is missing because the job runs in another folder than the one that the table's paths begin in."""

import re
from collections.abc import Iterable
from pathlib import Path

_MISSING = re.compile(r"(?:^|: )(?P<path>[^/:][^:]*): no such file")
_UP = 4  # folders above a table's own in which its paths may begin


def explained(text: str, tables: Iterable[str]) -> str:
    """An error's text; where it misses a file that stands near one of the tables that were read, also where it is."""
    found = _MISSING.search(text)
    if found is None:
        return text
    for table in tables:
        folder = Path(table).absolute().resolve().parent
        for base in [folder, *folder.parents][:_UP]:
            if base != Path.cwd() and (base / found["path"]).is_file():
                return f"{text}; paths in tables are relative to where spa runs, and from {base} it is there"
    return text
