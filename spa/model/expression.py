"""Expressions over a table's columns, as ``star filter`` and its kin take them.

Python's grammar with numpy's meaning, walked node by node: nothing is ever evaluated by Python itself. ``and``,
``or``, ``not`` work row by row, chains (``5 < x <= 7``) and ``in`` too; a comparison with a quoted text is one of text.
"""

import ast
import difflib
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.model.optics import TableLike

Value = Any  # a number, a text, a list of either, a Column, or an array over the rows

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: np.true_divide,
    ast.FloorDiv: np.floor_divide, ast.Mod: np.mod, ast.Pow: np.power,
}  # fmt: skip
_LOGICAL: dict[type, Callable[[Any, Any], Any]] = {
    ast.BitAnd: np.logical_and, ast.BitOr: np.logical_or, ast.BitXor: np.logical_xor,
}  # fmt: skip
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_CONSTANTS = {"pi": np.pi, "nan": np.nan, "inf": np.inf, "true": True, "false": False}


def _mad(x: np.ndarray) -> float:
    """Median absolute deviation, scaled to be a standard deviation for a normal distribution."""
    return float(1.4826 * np.nanmedian(np.abs(x - np.nanmedian(x))))


def _rank(x: np.ndarray) -> np.ndarray:
    """1 for the smallest; equals in the rows' order."""
    rank = np.empty(len(x), np.int64)
    rank[np.argsort(x, kind="stable")] = np.arange(1, len(x) + 1)
    return rank


_ONE = ("abs", "sqrt", "exp", "log", "log10", "log2", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "degrees",
        "radians", "floor", "ceil", "round", "sign", "isnan", "isfinite")  # fmt: skip
_TWO = ("arctan2", "hypot", "minimum", "maximum")
_THREE = ("clip", "where")
_OF_COLUMN = ("min", "max", "mean", "median", "std", "var", "sum")
FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    **{name: (1, getattr(np, name)) for name in _ONE},
    **{name: (2, getattr(np, name)) for name in _TWO},
    **{name: (3, getattr(np, name)) for name in _THREE},
    **{name: (1, getattr(np, f"nan{name}")) for name in _OF_COLUMN},
    "quantile": (2, np.nanquantile), "percentile": (2, np.nanpercentile), "mad": (1, _mad), "rank": (1, _rank),
}  # fmt: skip
"""What may be called with numbers, and with how many; ``min`` to ``mad`` are of the whole column and pass over NaN."""

TEXT_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
    "matches": lambda text, pattern: re.search(pattern, text) is not None,
}
"""What may be called with a column and a quoted text."""


class Column:
    """A column not yet said to be text or numbers."""

    def __init__(self, table: TableLike, name: str, rows: np.ndarray | None = None) -> None:
        self.table, self.name, self.rows = table, name, rows

    def text(self) -> np.ndarray:
        values = self.table.text(self.name)
        return values if self.rows is None else values[self.rows]

    def numbers(self) -> np.ndarray:
        """float64, NaN where a value is missing; DataError where it is text."""
        values = self.table.floats(self.name, missing=np.nan)  # type: ignore[call-arg]
        return values if self.rows is None else values[self.rows]


def evaluate(expression: str, table: TableLike, optics: TableLike | None = None) -> Value:
    """The value of an expression: an array over the table's rows, or one number or text.

    Names are columns of the table, with or without the leading underscore, or of its rows' optics groups, or ``row``
    (1 for the first). DataError names what is unknown, with what is near, and what cannot be computed.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"expression {expression!r}: {getattr(error, 'msg', error)}") from error
    walker = _Walker(expression, table, optics)
    with np.errstate(all="ignore"):
        return _plain(walker.value(tree.body))


def mask(expression: str, table: TableLike, optics: TableLike | None = None) -> np.ndarray:
    """The rows for which an expression is true; DataError where it is no yes-or-no."""
    value = np.asarray(evaluate(expression, table, optics))
    if value.dtype != bool:
        raise DataError(f"expression {expression!r}: neither true nor false (a comparison is wanted, such as rlnX < 6)")
    return np.broadcast_to(value, len(table)).copy()


def _plain(value: Value) -> Value:
    """A column that stands alone: its numbers if it is of numbers, else its text."""
    if not isinstance(value, Column):
        return value
    try:
        return value.numbers()
    except DataError:
        return value.text()


class _Walker:
    """Walks the tree of one expression; every kind of node that is not named here is refused."""

    def __init__(self, expression: str, table: TableLike, optics: TableLike | None) -> None:
        self.expression, self.table, self.optics = expression, table, optics

    def refuse(self, why: str) -> DataError:
        return DataError(f"expression {self.expression!r}: {why}")

    def value(self, node: ast.AST) -> Value:
        method: Callable[[Any], Value] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise self.refuse(f"{type(node).__name__} has no place in it")
        return method(node)

    def number(self, node: ast.AST) -> Any:
        value = self.value(node)
        if isinstance(value, Column):
            return value.numbers()
        if isinstance(value, str | list) or (isinstance(value, np.ndarray) and value.dtype == object):
            raise self.refuse(f"{ast.unparse(node)} is text, where a number is wanted")
        return value

    def truth(self, node: ast.AST) -> Any:
        value = self.number(node)
        if np.asarray(value).dtype != bool:
            raise self.refuse(f"{ast.unparse(node)} is neither true nor false")
        return value

    def _constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, bool | int | float | str):
            return float(node.value) if type(node.value) is int and abs(node.value) > 2**53 else node.value
        raise self.refuse(f"{node.value!r} is neither a number nor a text")

    def _name(self, node: ast.Name) -> Value:
        name = node.id.removeprefix("_")
        if name in self.table:
            return Column(self.table, name)
        if self.optics is not None and name in self.optics and "rlnOpticsGroup" in self.table:
            return Column(self.optics, name, self._optics_rows())
        if name == "row":
            return np.arange(1, len(self.table) + 1)
        if name.lower() in _CONSTANTS:
            return _CONSTANTS[name.lower()]
        raise self.refuse(f"no column {name}{self._near(name)}")

    def _optics_rows(self) -> np.ndarray:
        assert self.optics is not None
        number = {group: row for row, group in enumerate(self.optics.ints("rlnOpticsGroup").tolist())}
        try:
            return np.array([number[group] for group in self.table.ints("rlnOpticsGroup").tolist()], np.int64)
        except KeyError as error:
            raise DataError(f"{self.table.where}: optics group {error} is not in data_optics") from None

    def _near(self, name: str) -> str:
        known = list(dict.fromkeys([*self.table.columns, *(self.optics.columns if self.optics is not None else [])]))
        plain = {column.lower(): column for column in known}
        bare = {column.lower().removeprefix("rln").removeprefix("spa"): column for column in known}
        near = [plain[key] for key in difflib.get_close_matches(name.lower(), plain, 3, 0.6)]
        near += [bare[key] for key in difflib.get_close_matches(name.lower(), bare, 3, 0.6)]
        near += [column for column in known if len(name) > 3 and name.lower() in column.lower()]
        found = list(dict.fromkeys(near))[:4]
        if found:
            return f"; near it: {', '.join(found)}"
        more = f" and {len(known) - 12} more" if len(known) > 12 else ""
        return f"; there are {', '.join(known[:12])}{more}"

    def _list(self, node: ast.List | ast.Tuple | ast.Set) -> list:
        values = [self.value(element) for element in node.elts]
        if not all(isinstance(value, bool | int | float | str) for value in values):
            raise self.refuse("a list may hold numbers and texts alone")
        return values

    _tuple = _set = _list

    def _binop(self, node: ast.BinOp) -> Value:
        kind = type(node.op)
        if kind in _LOGICAL:
            return _LOGICAL[kind](self.truth(node.left), self.truth(node.right))
        if kind not in _BINARY:
            raise self.refuse(f"{kind.__name__} has no place in it")
        return _BINARY[kind](*(np.asarray(self.number(side), np.float64) for side in (node.left, node.right)))

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not | ast.Invert):
            return np.logical_not(self.truth(node.operand))
        value = self.number(node.operand)
        return -value if isinstance(node.op, ast.USub) else +value

    def _boolop(self, node: ast.BoolOp) -> Value:
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        result = self.truth(node.values[0])
        for other in node.values[1:]:
            result = join(result, self.truth(other))
        return result

    def _ifexp(self, node: ast.IfExp) -> Value:
        sides = self.value(node.body), self.value(node.orelse)
        test = self.truth(node.test)
        if any(_is_text(side) for side in sides):
            return np.where(test, *(np.asarray(_as_text(side), object) for side in sides))
        return np.where(test, self.number(node.body), self.number(node.orelse))

    def _compare(self, node: ast.Compare) -> Value:
        result: Any = True
        left = self.value(node.left)
        for sign, right_node in zip(node.ops, node.comparators):
            right = self.value(right_node)
            result = np.logical_and(result, self._compared(left, sign, right))
            left = right
        return result

    def _compared(self, left: Value, sign: ast.cmpop, right: Value) -> Any:
        if isinstance(sign, ast.In | ast.NotIn):
            inside = self._isin(left, right)
            return inside if isinstance(sign, ast.In) else np.logical_not(inside)
        if type(sign) not in _COMPARE:
            raise self.refuse(f"{type(sign).__name__} has no place in it")
        if _is_text(left) or _is_text(right):
            left, right = _as_text(left), _as_text(right)
        else:
            left, right = _numbers(left), _numbers(right)
        return np.asarray(_COMPARE[type(sign)](left, right), bool)

    def _isin(self, value: Value, members: Value) -> np.ndarray:
        if not isinstance(members, list):
            raise self.refuse("a list is wanted on the right of 'in', such as [1, 4, 7]")
        if any(isinstance(member, str) for member in members):
            wanted = {str(member) for member in members}
            return np.array([text in wanted for text in np.atleast_1d(np.asarray(_as_text(value), object))], bool)
        return np.isin(_numbers(value), members)

    def _call(self, node: ast.Call) -> Value:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self.refuse("only plain functions can be called, with values in parentheses")
        name = node.func.id
        try:
            if name == "isin":
                return self._isin(self.value(node.args[0]), self.value(node.args[1]))
            if name == "count":
                return int(np.count_nonzero(np.broadcast_to(self.truth(node.args[0]), len(self.table))))
            if name in TEXT_FUNCTIONS:
                column, part = (self.value(argument) for argument in node.args)
                texts = np.atleast_1d(np.asarray(_as_text(column), object))
                return np.array([TEXT_FUNCTIONS[name](text, str(part)) for text in texts], bool)
            if name in FUNCTIONS:
                wanted, function = FUNCTIONS[name]
                if len(node.args) != wanted:
                    raise self.refuse(f"{name} takes {wanted} value{'s'[: wanted > 1]}, not {len(node.args)}")
                return function(*(self.number(argument) for argument in node.args))
        except (TypeError, ValueError, IndexError, re.error) as error:
            raise self.refuse(f"{ast.unparse(node)}: {error}") from error
        known = sorted([*FUNCTIONS, *TEXT_FUNCTIONS, "isin", "count"])
        raise self.refuse(f"no function {name}; there are {', '.join(known)}")


def _is_text(value: Value) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype == object)


def _as_text(value: Value) -> Any:
    return value.text() if isinstance(value, Column) else value


def _numbers(value: Value) -> Any:
    return value.numbers() if isinstance(value, Column) else value


def assignment(text: str) -> tuple[str, str]:
    """``"rlnX = EXPR"`` -> (name, expression); DataError where it is not of that form."""
    match = re.fullmatch(r"\s*_?([A-Za-z][A-Za-z0-9_]*)\s*=(?!=)\s*(.+)", text, re.DOTALL)
    if match is None:
        raise DataError(f"{text!r} is not of the form 'column = expression'")
    return match.group(1), match.group(2)
