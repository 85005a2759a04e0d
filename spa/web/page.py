"""What a page is: data for its script, pictures by number, and what the user does on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class BadRequest(Exception):
    """A request that no page of ours makes: answered with 400."""


class Query:
    """The words of a request's address, read as what is wanted."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words

    def whole(self, name: str, below: int, default: int | None = None) -> int:
        """A whole number from 0, less than ``below``."""
        text = self._words.get(name, "" if default is None else str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < below):
            raise BadRequest(f"{name} is {text[:40]!r}, not a whole number below {below}")
        return int(text)

    def number(self, name: str, low: float, high: float, default: float) -> float:
        """A number within limits."""
        return number(self._words.get(name, default), name, low, high)

    def text(self, name: str) -> str:
        """As it stands, for who checks it; "" where nothing is said."""
        return self._words.get(name, "")

    def word(self, name: str, choices: tuple[str, ...]) -> str:
        """One of some words; the first where nothing is said."""
        text = self._words.get(name, choices[0])
        if text not in choices:
            raise BadRequest(f"{name} is {text[:40]!r}, not one of {', '.join(choices)}")
        return text


def number(value: Any, name: str, low: float = -np.inf, high: float = np.inf) -> float:
    """A finite number within limits out of a request; BadRequest for anything else."""
    try:
        found = float(value) if not isinstance(value, bool) else np.nan
    except (TypeError, ValueError):
        found = np.nan
    if not (np.isfinite(found) and low <= found <= high):
        raise BadRequest(f"{name} is {str(value)[:40]!r}, not a number from {low:g} to {high:g}")
    return found


def numbers(values: np.ndarray, digits: int = 6) -> list[float | None]:
    """As JSON has them, to so many significant digits; what is not finite is null."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in np.asarray(values, float).tolist()]


@dataclass(frozen=True)
class Picture:
    """Bytes, what they are (``image/jpeg`` …), and what goes with them as JSON (header ``x-facts``)."""

    data: bytes
    kind: str
    facts: Any = None


@dataclass(frozen=True, eq=False)
class Page:
    """script: the module in ``static/`` that draws it; facts: what it begins with, as JSON has it.

    pictures: what a GET of ``picture/NAME`` gives; actions: what a POST to ``do/NAME`` does with a JSON value. The
    action ``done`` ends the job; where it raises, the page goes on. Both run in threads of the server. over:
    whether the page has been closed, for pages that end so; how: what is said of how the job ends.
    """

    title: str
    script: str
    facts: Callable[[], Any]
    pictures: Mapping[str, Callable[[Query], Picture]] = field(default_factory=dict)
    actions: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    over: Callable[[], bool] = lambda: False
    how: str = "Done on the page ends the job; Ctrl-C stops it"
