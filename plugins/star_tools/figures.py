"""What a column is, in figures and in a line of blocks."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.io.star import Table

_BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Numbers:
    """A column of numbers: n of them are there, ``missing`` are not; values holds those that are finite."""

    name: str
    n: int
    missing: int
    values: np.ndarray

    @property
    def figures(self) -> dict[str, float]:
        """min, median, mean, max, sd (of the sample) and mad (scaled to sd); NaN where there are no values."""
        x = self.values
        if not x.size:
            return dict.fromkeys(("min", "median", "mean", "max", "sd", "mad"), float("nan"))
        median = float(np.median(x))
        return {
            "min": float(x.min()), "median": median, "mean": float(x.mean()), "max": float(x.max()),
            "sd": float(x.std(ddof=1)) if x.size > 1 else 0.0, "mad": 1.4826 * float(np.median(np.abs(x - median))),
        }  # fmt: skip

    def histogram(self, bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Counts and edges between the least and the greatest; whole numbers get bins of whole width, or no comb."""
        x = self.values
        if not x.size:
            return np.zeros(bins, np.int64), np.linspace(0, 1, bins + 1)
        low, high = float(x.min()), float(x.max())
        if (x == np.rint(x)).all() and max(-low, high) < 2**52:
            step = np.ceil((high - low + 1) / bins)
            return np.histogram(x, low - 0.5 + step * np.arange(np.ceil((high - low + 1) / step) + 1))
        edges = np.linspace(low, high, bins + 1)
        if not (np.diff(edges) > 0).all():  # all equal, or nearer than numbers go
            return np.array([x.size]), np.array([low, high])
        return np.histogram(x, edges)


@dataclass(frozen=True)
class Texts:
    """A column of texts: how many differ, and the most frequent with their counts."""

    name: str
    n: int
    distinct: int
    common: list[tuple[str, int]]


def described(table: Table, name: str) -> Numbers | Texts:
    """A column as numbers where all that is there is a number, else as texts."""
    try:
        numbers = table.floats(name, missing=np.nan)
    except DataError:
        values = table.listed(name)
        counts = Counter(values)
        return Texts(name, len(values), len(counts), counts.most_common(3))
    there = np.isfinite(numbers)
    return Numbers(name, len(numbers), int(np.count_nonzero(~there)), numbers[there])


def sparkline(counts: np.ndarray) -> str:
    """Counts as a line of blocks, the greatest full; what is not zero is never blank."""
    top = counts.max() if counts.size else 0
    if top == 0:
        return " " * len(counts)
    height = np.ceil(8 * counts / top).astype(int)
    return "".join(_BLOCKS[level] for level in height)


def report(columns: list[Numbers | Texts], bins: int) -> str:
    """Lines for a terminal: numbers in a table, each with its histogram; texts with their most frequent values."""
    lines = []
    numbers = [column for column in columns if isinstance(column, Numbers)]
    texts = [column for column in columns if isinstance(column, Texts)]
    width = max((len(column.name) for column in columns), default=6)
    if numbers:
        heads = ("n", "missing", "min", "median", "mean", "max", "sd")
        lines.append(f"{'column':<{width}}" + "".join(f"{head:>{8 if i < 2 else 11}}" for i, head in enumerate(heads)))
    for column in numbers:
        figures = column.figures
        row = "".join(f"{figures[name]:>11.5g}" for name in ("min", "median", "mean", "max", "sd"))
        lines.append(f"{column.name:<{width}}{column.n:>8}{column.missing:>8}{row}")
        counts, _ = column.histogram(bins)
        lines.append(f"{'':<{width}}  {figures['min']:.4g} |{sparkline(counts)}| {figures['max']:.4g}")
    for text in texts:
        shown = ", ".join(f"{value or '(nothing)'} ({count})" for value, count in text.common)
        more = ", …" if text.distinct > len(text.common) else ""
        lines.append(f"{text.name:<{width}}{text.n:>8} of {text.distinct} kinds: {shown}{more}")
    return "\n".join(lines) + "\n"


def as_table(columns: list[Numbers | Texts]) -> Table:
    """The figures of the columns of numbers, a row each."""
    numbers = [column for column in columns if isinstance(column, Numbers)]

    def all_of(key: str) -> list[float]:
        return [column.figures[key] for column in numbers]

    return Table.of(
        spaColumn=[column.name for column in numbers], spaCount=[column.n for column in numbers],
        spaMissing=[column.missing for column in numbers], spaMinimum=all_of("min"), spaMedian=all_of("median"),
        spaMean=all_of("mean"), spaMaximum=all_of("max"), spaDeviation=all_of("sd"), spaRobustDeviation=all_of("mad"),
    )  # fmt: skip
