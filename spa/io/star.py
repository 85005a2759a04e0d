"""STAR documents: tables of text columns that go through untouched.

Values stay text as read and are parsed only when asked for, so ``000012`` stays ``000012``, ``0.10`` stays ``0.10``
and a column that nobody knows survives byte for byte. The conventions are RELION 5's (``# version 50001``);
tables of RELION 3.0 to 5, starfile, cryoSPARC's exporters and hand-made ones are read.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, TextIO

from spa.errors import DataError, ReadError, missing
from spa.io.table import Table
from spa.io.whole import whole

VERSION = "# version 50001"
HISTORY = "# spa: "

_BLOCK = re.compile(r"[ \t]*data_([^\s/]*)[ \t]*(?:#.*)?")
_SPACE = re.compile(r"[ \t]+")
_TOKEN = re.compile(
    r"""[ \t]*(?:"((?:[^"]|"(?=[^ \t]))*)"(?=[ \t]|$)"""  # "…", ended by a quote before a blank
    r"""|'((?:[^']|'(?=[^ \t]))*)'(?=[ \t]|$)|(\#.*)|([^ \t]+))"""  # '…', a comment, a bare word
)

More = Mapping[str, Iterable[Table]] | None
"""Further rows of blocks, part by part, each with the block's columns."""

__all__ = ["More", "Table", "Tables", "read", "write"]


@dataclass(frozen=True)
class Tables:
    """One STAR document: tables by block name (without ``data_``), and its provenance lines, oldest first."""

    blocks: dict[str, Table] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    source: str = "(made here)"

    def __getitem__(self, block: str) -> Table:
        if block not in self.blocks:
            there = ", ".join(f"data_{name}" for name in self.blocks) or "nothing"
            raise DataError(f"{self.source}: no data_{block} in it (it has {there})")
        return self.blocks[block]

    def __contains__(self, block: str) -> bool:
        return block in self.blocks

    def with_block(self, block: str, table: Table) -> "Tables":
        """The document with this table put in, or put in the place of the one of that name."""
        return replace(self, blocks={**self.blocks, block: table.named(f"{self.source}: data_{block}")})

    def without_block(self, block: str) -> "Tables":
        """The document without this table."""
        return replace(self, blocks={name: table for name, table in self.blocks.items() if name != block})


def read(source: str | Path | IO[Any]) -> Tables:
    """Read a STAR document from a file, from an open stream, or from standard input (``-``).

    Raises MissingInput (no such file), ReadError (not readable), DataError (empty, binary, ragged, no table).
    """
    name, data = _load(source)
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    if "\0" in text[:4096]:
        raise DataError(f"{name}: not a STAR file (it is binary)")
    if not text or text.isspace():
        raise DataError(f"{name}: empty, no STAR table in it")
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Tables(dict(_blocks(name, text)), list(_history(text)), name)


def _load(source: str | Path | IO[Any]) -> tuple[str, str | bytes]:
    if not isinstance(source, str | Path):
        return str(getattr(source, "name", "(stream)")), source.read()
    if str(source) == "-":
        return "standard input", getattr(sys.stdin, "buffer", sys.stdin).read()
    try:
        return str(source), Path(source).read_bytes()
    except FileNotFoundError as error:
        raise missing(source) from error
    except OSError as error:
        raise ReadError(f"{source}: cannot be read: {error.strerror}") from error


def _blocks(name: str, text: str) -> Iterator[tuple[str, Table]]:
    heads = list(_heads(text))
    if not heads:
        raise DataError(f"{name}: not a STAR file (no data_ block in it)")
    seen = set()
    for (block, start, body), (_, end, _) in zip(heads, [*heads[1:], ("", len(text), 0)]):
        if block in seen:
            raise DataError(f"{name}: data_{block} is there twice")
        seen.add(block)
        yield block, _table(f"{name}: data_{block}", text[body:end], name, text.count("\n", 0, start) + 1)


def _heads(text: str) -> Iterator[tuple[str, int, int]]:
    """Name, start of the line, and end of the name, of each ``data_…`` line; a row that begins so is not one."""
    at = text.find("data_")
    while at >= 0:
        start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        end = len(text) if end < 0 else end
        match = _BLOCK.fullmatch(text, start, end)
        if match:
            yield match.group(1), start, match.end(1)
        at = text.find("data_", end)


def _history(text: str) -> Iterator[str]:
    at = text.find(HISTORY)
    while at >= 0:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if at == 0 or text[at - 1] == "\n":
            yield text[at + len(HISTORY) : end].rstrip()
        at = text.find(HISTORY, end)


def _table(where: str, text: str, name: str, line: int) -> Table:
    """The table of one block; ``line`` is the number, in the file, of the line where ``text`` begins."""
    labels: list[str] = []
    values: list[str] = []
    loop = False
    start = 0
    while start < len(text):
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        line_text = text[start:stop].strip()
        words = _words(line_text)
        if line_text.startswith("loop_") and words == ["loop_"]:
            loop = True
        elif line_text.startswith("_"):
            labels.append(words[0][1:])
            if not loop:
                values.append(_only_value(f"{name}: line {line}", words))
        elif words:
            break
        start, line = stop + 1, line + 1
    _refuse_twins(where, labels)
    if not loop:
        if start < len(text):
            raise DataError(f"{name}: line {line}: a value outside of any loop_ ({text[start:stop].strip()[:40]!r})")
        return Table(dict(zip(labels, ([value] for value in values))), where, simple=True)
    return Table(dict(zip(labels, _columns(text[start:], len(labels), name, line))), where)


def _only_value(where: str, words: list[str]) -> str:
    if len(words) != 2:
        raise DataError(f"{where}: {words[0]} has {len(words) - 1} values, not one")
    return words[1]


def _refuse_twins(where: str, labels: list[str]) -> None:
    if len(set(labels)) < len(labels):
        twin = next(label for label in labels if labels.count(label) > 1)
        raise DataError(f"{where} has the column {twin} twice")


def _columns(body: str, width: int, name: str, line: int) -> list[list[str]]:
    """The columns of a loop's body, text as it stands."""
    plain = body.isascii() and not ('"' in body or "'" in body or "#" in body)
    flat: list[str] = []
    # row by row, so that the rows' own lists die at once and the garbage collector has nothing to walk over
    for count, row in enumerate(map(str.split if plain else _words, body.split("\n"))):
        if len(row) == width:
            flat += row
        elif row:
            raise DataError(f"{name}: line {line + count}: {len(row)} values in a table of {width} columns")
    return [flat[i::width] for i in range(width)]


def _words(line: str) -> list[str]:
    """The values of one line: quotes taken off, a comment left out."""
    if '"' not in line and "'" not in line and "#" not in line:
        return line.split() if line.isascii() else [word for word in _SPACE.split(line) if word]
    words = []
    for match in _TOKEN.finditer(line):
        double, single, comment, bare = match.groups()
        if comment is not None:
            break
        words.append(next(word for word in (double, single, bare) if word is not None))
    return words


def write(tables: Tables, target: str | Path | TextIO, more: More = None) -> None:
    """Write a document to a file (whole or not at all), an open text stream, or standard output (``-``).

    more: further rows of a block, for a table too long to be held: written as they come. Without them the document is
    composed before its first byte goes, so that a value that cannot be written leaves nothing behind.
    """
    pieces = _document(tables, more or {})
    pieces = pieces if more else iter(["".join(pieces)])
    if not isinstance(target, str | Path):
        target.writelines(pieces)
    elif str(target) == "-":
        for piece in pieces:
            _to_stdout(piece)
    else:
        with whole(target) as part, part.open("wb") as stream:
            stream.writelines(piece.encode("utf-8", "surrogateescape") for piece in pieces)


def _to_stdout(text: str) -> None:
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(text)
    else:
        sys.stdout.flush()
        rest = memoryview(text.encode("utf-8", "surrogateescape"))
        while rest:  # without a buffer (PYTHONUNBUFFERED) a write may take less than it is given
            rest = rest[stream.write(rest) :]
        stream.flush()


def _document(tables: Tables, more: Mapping[str, Iterable[Table]]) -> Iterator[str]:
    for line in tables.history:
        yield f"{HISTORY}{' '.join(line.split())}\n"
    for name, table in tables.blocks.items():
        yield f"\n{VERSION}\n\ndata_{name}\n\n"
        pairs = table.simple and (len(table) == 1 or not table.columns)
        yield from _simple(table) if pairs else _loop(table, more.get(name, ()))


def _simple(table: Table) -> Iterator[str]:
    width = max((len(name) for name in table.columns), default=0) + 1
    for name in table.columns:
        yield f"_{name:<{width}} {_quoted(table.listed(name)[0])}\n"
    yield "\n"


def _loop(table: Table, more: Iterable[Table]) -> Iterator[str]:
    yield "loop_ \n"
    for number, name in enumerate(table.columns, start=1):
        yield f"_{name} #{number} \n"
    for part in chain((table,), more):
        if len(part):
            yield _body(part, table.columns)
    yield "\n"


def _body(table: Table, names: list[str]) -> str:
    columns = [table.listed(name) for name in names]
    text = _rows(columns)
    if not _is_plain(text, columns):
        text = _rows([_safe(values, first=number == 0) for number, values in enumerate(columns)])
    return text


def _rows(columns: list[list[str]]) -> str:
    return "\n".join(map(" ".join, zip(*columns))) + "\n"


def _is_plain(text: str, columns: list[list[str]]) -> bool:
    """Whether no value needs quotes; hardly one ever does, and a few searches through the whole tell."""
    return (
        text.count(" ") == len(columns[0]) * (len(columns) - 1)
        and text.count("\n") == len(columns[0])
        and not any(sign in text for sign in "\t\r\v\f'\"#")
        and not any(sign in text for sign in ("  ", "\n ", " \n", "\n_", "\ndata_", "\nloop_", "\n\n"))
        and not text.startswith((" ", "_", "data_", "loop_", "\n"))
    )


_UNSAFE = re.compile(r"[ \t\n\r\v\f]|^['\"#]|^$")
_UNSAFE_FIRST = re.compile(r"^(?:_|data_[^/]*$|loop_$)")  # what would end a table at the beginning of a line


def _safe(values: list[str], first: bool) -> list[str]:
    return [_quoted(value, bool(first and _UNSAFE_FIRST.match(value))) for value in values]


def _quoted(value: str, always: bool = False) -> str:
    if not always and _UNSAFE.search(value) is None:
        return value
    if "\n" in value or "\r" in value:
        raise DataError(f"a value with a line break cannot stand in a STAR table: {value[:40]!r}")
    for quote in "\"'":
        if not re.search(quote + r"[ \t]", value):
            return f"{quote}{value}{quote}"
    raise DataError(f"a value with both kinds of quotes cannot stand in a STAR table: {value[:40]!r}")
