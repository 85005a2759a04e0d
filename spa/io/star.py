"""STAR documents: tables of text columns that go through untouched.

Values stay text as read and are parsed only when asked for, so ``000012`` stays ``000012``, ``0.10`` stays ``0.10``
and a column that nobody knows survives byte for byte. The conventions are RELION 5's (``# version 50001``);
tables of RELION 3.0 to 5, starfile, cryoSPARC's exporters and hand-made ones are read.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, TextIO

import numpy as np

from spa.errors import DataError, MissingInput, ReadError
from spa.io.table import Table
from spa.io.whole import whole

VERSION = "# version 50001"
HISTORY = "# spa: "

_BLOCK = re.compile(r"^[ \t]*data_([^\s/]*)[ \t]*(?:#.*)?$", re.MULTILINE)
_SPACE = re.compile(r"[ \t]+")
_TOKEN = re.compile(
    r"""[ \t]*(?:"((?:[^"]|"(?=[^ \t]))*)"(?=[ \t]|$)"""  # "…", ended by a quote before a blank
    r"""|'((?:[^']|'(?=[^ \t]))*)'(?=[ \t]|$)|(\#.*)|([^ \t]+))"""  # '…', a comment, a bare word
)

__all__ = ["Table", "Tables", "read", "write"]


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
    if not text.strip():
        raise DataError(f"{name}: empty, no STAR table in it")
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    history = [line[len(HISTORY) :].rstrip() for line in re.findall(r"^# spa: .*$", text, re.MULTILINE)]
    return Tables(dict(_blocks(name, text)), history, name)


def _load(source: str | Path | IO[Any]) -> tuple[str, str | bytes]:
    if not isinstance(source, str | Path):
        return str(getattr(source, "name", "(stream)")), source.read()
    if str(source) == "-":
        return "standard input", getattr(sys.stdin, "buffer", sys.stdin).read()
    try:
        return str(source), Path(source).read_bytes()
    except FileNotFoundError as error:
        raise MissingInput(f"{source}: no such file") from error
    except OSError as error:
        raise ReadError(f"{source}: cannot be read: {error.strerror}") from error


def _blocks(name: str, text: str) -> Iterator[tuple[str, Table]]:
    heads = list(_BLOCK.finditer(text))
    if not heads:
        raise DataError(f"{name}: not a STAR file (no data_ block in it)")
    seen = set()
    for head, following in zip(heads, [*heads[1:], None]):
        block = head.group(1)
        if block in seen:
            raise DataError(f"{name}: data_{block} is there twice")
        seen.add(block)
        end = following.start() if following else len(text)
        line = text.count("\n", 0, head.start()) + 1
        yield block, _table(f"{name}: data_{block}", text[head.end() : end], name, line)


def _table(where: str, text: str, name: str, line: int) -> Table:
    """The table of one block; ``line`` is the number, in the file, of the line where ``text`` begins."""
    labels: list[str] = []
    values: list[str] = []
    loop = False
    start = 0
    while start < len(text):
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        words = _words(text[start:stop])
        if words and words[0] == "loop_":
            loop = True
        elif words and words[0].startswith("_"):
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


def _columns(body: str, width: int, name: str, line: int) -> Sequence[Sequence[str]]:
    """The columns of a loop's body, text as it stands."""
    plain = body.isascii() and not ('"' in body or "'" in body or "#" in body)
    lines = body.split("\n")
    rows = list(map(str.split if plain else _words, lines))
    if set(map(len, rows)) - {0, width}:
        bad = next(i for i, row in enumerate(rows) if len(row) not in (0, width))
        raise DataError(f"{name}: line {line + bad}: {len(rows[bad])} values in a table of {width} columns")
    flat = list(chain.from_iterable(rows))
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


def write(tables: Tables, target: str | Path | TextIO) -> None:
    """Write a document to a file (whole or not at all), an open text stream, or standard output (``-``)."""
    text = "".join(_document(tables))
    if not isinstance(target, str | Path):
        target.write(text)
    elif str(target) == "-":
        _to_stdout(text)
    else:
        with whole(target) as part, part.open("wb") as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))


def _to_stdout(text: str) -> None:
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(text)
    else:
        sys.stdout.flush()
        stream.write(text.encode("utf-8", "surrogateescape"))
        stream.flush()


def _document(tables: Tables) -> Iterator[str]:
    for line in tables.history:
        yield f"{HISTORY}{' '.join(line.split())}\n"
    for name, table in tables.blocks.items():
        yield f"\n{VERSION}\n\ndata_{name}\n\n"
        yield from _simple(table) if table.simple else _loop(table)


def _simple(table: Table) -> Iterator[str]:
    width = max((len(name) for name in table.columns), default=0) + 1
    for name in table.columns:
        yield f"_{name:<{width}} {_quoted(table.text(name)[0])}\n"
    yield "\n"


def _loop(table: Table) -> Iterator[str]:
    yield "loop_ \n"
    for number, name in enumerate(table.columns, start=1):
        yield f"_{name} #{number} \n"
    columns = [_quoted_column(table.text(name)) for name in table.columns]
    if len(table):
        yield "\n".join(map(" ".join, zip(*columns)))
        yield "\n"
    yield "\n"


_UNSAFE = re.compile(r"[ \t\n\r\v\f]|^['\"#_]|^$|^(?:data_|loop_|save_)")
_SUSPECT = ("'", '"', "#", "\n_", "data_", "loop_", "save_")


def _quoted_column(values: np.ndarray) -> list[str]:
    """The values, quoted where the grammar wants it; nearly no column does, and a few searches tell."""
    column: list[str] = values.tolist()
    lump = "\n" + "\n".join(column)
    if len(lump.split()) == len(column) and not any(sign in lump for sign in _SUSPECT):
        return column
    return [_quoted(value) for value in column]


def _quoted(value: str) -> str:
    if _UNSAFE.search(value) is None:
        return value
    if "\n" in value or "\r" in value:
        raise DataError(f"a value with a line break cannot stand in a STAR table: {value[:40]!r}")
    for quote in "\"'":
        if not re.search(quote + r"[ \t]", value):
            return f"{quote}{value}{quote}"
    raise DataError(f"a value with both kinds of quotes cannot stand in a STAR table: {value[:40]!r}")
