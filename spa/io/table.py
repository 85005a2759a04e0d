"""A table of text columns: parsed when asked, carried through untouched when not."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from spa.errors import DataError

Texts = list[str] | np.ndarray
"""A column as it is kept: a list as read, an object array once that was asked for."""

MISSING = frozenset({"<NA>", "None", "none", "null", "nan", "NaN", "NAN", ""})
"""Values that other programs write where they have none."""


class Table:
    """Ordered columns of equal length; never changed in place: every ``with_…``/``take`` gives a new table.

    simple: a list of label/value pairs (no ``loop_``), which is one row.
    where: what messages call it, e.g. ``"run.star: data_particles"``.
    """

    __slots__ = ("_columns", "_length", "simple", "where")

    def __init__(self, columns: Mapping[str, Texts], where: str = "(made here)", simple: bool = False) -> None:
        self._columns: dict[str, Texts] = dict(columns)
        lengths = {len(values) for values in self._columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of unequal length: { {n: len(v) for n, v in self._columns.items()} }")
        self._length = lengths.pop() if lengths else 0
        self.where = where
        self.simple = simple

    @classmethod
    def of(cls, **columns: Any) -> "Table":
        """A new table; a value is a sequence of numbers or texts, or one for all rows."""
        return cls({}).with_columns(**columns)

    @classmethod
    def pairs(cls, **values: Any) -> "Table":
        """One row, which is written as a list of labels and values."""
        one = cls.of(**{name: [value] for name, value in values.items()})
        return cls(one._columns, one.where, simple=True)

    @classmethod
    def concat(cls, tables: Sequence["Table"]) -> "Table":
        """The rows of several tables, columns in the first one's order; DataError unless all have the same columns."""
        first = tables[0]
        for other in tables[1:]:
            _require_same_columns(first, other)
        columns = {name: np.concatenate([table.text(name) for table in tables]) for name in first.columns}
        return cls(columns, first.where)

    @property
    def columns(self) -> list[str]:
        """Names without the leading underscore, in the file's order."""
        return list(self._columns)

    def __len__(self) -> int:
        return self._length

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return (
            self.columns == other.columns
            and self.simple == other.simple
            and all(self.listed(name) == other.listed(name) for name in self.columns)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Table {self.where}: {len(self)} rows of {', '.join(self.columns)}>"

    def text(self, name: str) -> np.ndarray:
        """The column as it stands in the file: an object array of str (not writable)."""
        if name not in self._columns:
            raise DataError(f"{self.where} has no column {name}")
        values = self._columns[name] = _as_text(self._columns[name])
        return values

    def listed(self, name: str) -> list[str]:
        """The column as a list, to read only."""
        values = self._columns[name] if name in self._columns else self.text(name)
        return values if isinstance(values, list) else values.tolist()

    def floats(self, name: str, missing: float | None = None) -> np.ndarray:
        """The column as float64; where a value is missing (``<NA>``, ``None`` …) ``missing``, if one is given.

        DataError, naming row and value, for what is no number.
        """
        values = self.listed(name)
        try:
            return np.fromiter(map(float, values), np.float64, len(values))
        except ValueError:
            return np.array([self._float(name, row, value, missing) for row, value in enumerate(values)])

    def ints(self, name: str) -> np.ndarray:
        """The column as int64 (``3.0`` is 3); DataError, naming row and value, for what is no whole number."""
        values = self.listed(name)
        try:
            return np.fromiter(map(int, values), np.int64, len(values))
        except (ValueError, OverflowError):
            return np.array([self._int(name, row, value) for row, value in enumerate(values)], np.int64)

    def get_floats(self, name: str, default: Any) -> np.ndarray:
        """The column as float64, or the default for every row where there is no such column."""
        return self.floats(name) if name in self else np.broadcast_to(np.asarray(default, np.float64), len(self)).copy()

    def get_ints(self, name: str, default: Any) -> np.ndarray:
        """The column as int64, or the default for every row where there is no such column."""
        return self.ints(name) if name in self else np.broadcast_to(np.asarray(default, np.int64), len(self)).copy()

    def get_text(self, name: str, default: str) -> np.ndarray:
        """The column as text, or the default for every row where there is no such column."""
        return self.text(name) if name in self else np.full(len(self), default, object)

    def with_columns(self, **columns: Any) -> "Table":
        """The table with these columns added or put in the place of those of the same name."""
        length = self._length if self._columns else _length_of(columns.values())
        return self._like({**self._columns, **{name: _column(name, v, length) for name, v in columns.items()}})

    def without(self, *names: str) -> "Table":
        """The table without these columns, whether they were there or not."""
        return self._like({name: values for name, values in self._columns.items() if name not in names})

    def select(self, names: Iterable[str]) -> "Table":
        """These columns only, in this order."""
        return self._like({name: self.text(name) for name in names})

    def take(self, rows: Any) -> "Table":
        """These rows: indices, a slice, or a boolean mask."""
        rows = rows if isinstance(rows, slice) else np.asarray(rows)
        if isinstance(rows, np.ndarray) and not rows.size:
            rows = rows.astype(np.intp)
        return self._like({name: self.text(name)[rows] for name in self.columns})

    def renamed(self, **names: str) -> "Table":
        """The table with columns renamed, old=new, in their places."""
        for old in names:
            self.text(old)
        return self._like({names.get(name, name): values for name, values in self._columns.items()})

    def named(self, where: str) -> "Table":
        """The same table under another name in messages."""
        return Table(self._columns, where, self.simple)

    def _like(self, columns: Mapping[str, Texts]) -> "Table":
        return Table(columns, self.where, self.simple)

    def _float(self, name: str, row: int, value: str, missing: float | None) -> float:
        if missing is not None and value in MISSING:
            return missing
        try:
            return float(value)
        except ValueError:
            raise DataError(f"{self.where} row {row + 1}: {name} is {value!r}, not a number") from None

    def _int(self, name: str, row: int, value: str) -> int:
        try:
            return int(value)
        except ValueError:
            number = self._float(name, row, value, None)
        if not number.is_integer() or abs(number) >= 2**63:
            raise DataError(f"{self.where} row {row + 1}: {name} is {value!r}, not a whole number")
        return int(number)


def same_columns(a: Table, b: Table) -> bool:
    """Whether two tables have the same columns, in whatever order."""
    return set(a.columns) == set(b.columns)


def _require_same_columns(first: Table, other: Table) -> None:
    if same_columns(first, other):
        return
    here, there = set(first.columns), set(other.columns)
    only = [f"only {table.where} has {', '.join(sorted(names))}" for table, names in
            ((first, here - there), (other, there - here)) if names]  # fmt: skip
    raise DataError(f"tables of different columns: {'; '.join(only)}")


def _as_text(values: Texts) -> np.ndarray:
    array = values if isinstance(values, np.ndarray) else np.array(values, object)
    array.flags.writeable = False
    return array


def _length_of(columns: Iterable[Any]) -> int:
    lengths = [len(values) for values in columns if not isinstance(values, str) and np.ndim(values) > 0]
    return lengths[0] if lengths else 1


def _column(name: str, values: Any, length: int) -> list[str]:
    if isinstance(values, str):
        return [values] * length
    if np.ndim(values) == 0:
        return _spelt(np.asarray([values])) * length
    texts = _spelt(values if isinstance(values, np.ndarray) else np.asarray(values, _kind(values)))
    if len(texts) != length:
        raise ValueError(f"{name}: {len(texts)} values for {length} rows")
    return texts


def _kind(values: Sequence[Any]) -> type | None:
    """Texts are kept as Python has them: numpy's own string arrays drop trailing NULs and copy a lot."""
    return object if any(isinstance(value, str | os.PathLike) for value in values) else None


def _spelt(values: np.ndarray) -> list[str]:
    """Numbers as RELION reads them: floats to nine digits, float32 to what tells it apart, booleans as 0 and 1."""
    kind = values.dtype.kind
    if kind == "f" and values.dtype.itemsize < 8:
        return (values + values.dtype.type(0)).astype(str).tolist()
    if kind == "f":
        return list(map("%.9g".__mod__, (values + 0.0).tolist()))
    if kind == "b":
        return list(map(str, values.astype(int).tolist()))
    if kind == "O":
        return [_spelt_one(value) for value in values.tolist()]
    return list(map(str, values.tolist()))


def _spelt_one(value: Any) -> str:
    if isinstance(value, str | os.PathLike):
        return str(value)
    array = np.asarray([value])
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{value!r} is neither a number nor a text")
    return _spelt(array)[0]
