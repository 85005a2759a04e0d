"""Where a job's files are to go, looked at before the work: nothing is written over that was not made to be."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spa.errors import UsageError, WriteError
from spa.io.whole import is_stream, require_folder
from spa.io.written import is_figure, is_page, is_table

KINDS = {"STAR": (is_table, "a table"), "PNG": (is_figure, "a figure of spa's"), "HTML": (is_page, "a page")}


@dataclass(frozen=True)
class Place:
    """A file that an option asks for; kind: the option's metavar, which says what is written there."""

    option: str
    path: str
    kind: str


def require(places: Iterable[Place], tables: Iterable[str], files: Iterable[str]) -> None:
    """Refuse what would destroy something: UsageError where a place is an input, or asked for twice; WriteError where
    a file stands that is of another kind than what is to be written, or where none can be.

    tables: the call's arguments, which --output may be written over, as they are read whole before; files: what else
    the call reads.
    """
    taken: dict[str, str] = {}
    given = {_real(name): name for name in (*tables, *files)}
    replaceable = {_real(name) for name in tables}
    for place in places:
        require_folder(place.path)
        if is_stream(place.path):
            continue
        where = _real(place.path)
        if where in taken:
            raise UsageError(f"{place.option} {place.path}: {taken[where]} goes there")
        taken[where] = place.option
        if where in given and not (place.option == "--output" and where in replaceable):
            raise UsageError(f"{place.option} {place.path}: would be written over an input of this command")
        _require_kind(place)


def _require_kind(place: Place) -> None:
    """WriteError for a file that is there and is of another kind."""
    known, what = KINDS.get(place.kind, (None, ""))
    if known is None or not Path(place.path).is_file():
        return
    try:
        fits = known(place.path)
    except OSError:  # not to be read: not known
        fits = False
    if not fits:
        raise WriteError(f"{place.path}: is there and is not {what}: not written over ({place.option}); remove it, or "
                         "name another file")  # fmt: skip


def _real(name: str) -> str:
    return os.path.realpath(name)
