"""Which micrograph picks belong to, and where in it they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spa.errors import DataError
from spa.model.filenames import namesakes, partners

_MANY = 50  # picks, of which some would be in each quarter of a micrograph


@dataclass(frozen=True)
class Picked:
    """xy (n, 2) and score (n,), None where there are none; shape: of the micrograph, rows and columns."""

    micrograph: str
    xy: np.ndarray
    score: np.ndarray | None
    shape: tuple[int, int] = (0, 0)

    def placed(self, scale: float, invert_y: bool, shape: tuple[int, int]) -> "Picked":
        """In pixels of a micrograph of this shape; invert_y: their rows were counted from its other end."""
        xy = self.xy * scale
        if invert_y:
            xy = np.stack([xy[:, 0], shape[0] - 1 - xy[:, 1]], axis=1)
        return replace(self, xy=xy, shape=shape)

    def outside(self) -> int:
        """How many lie beyond the edges."""
        last = np.array(self.shape[::-1]) - 1
        return int(np.any((self.xy < 0) | (self.xy > last), axis=1).sum())


def together(
    files: Sequence[tuple[str, Mapping[str, list[list[float]]]]], known: Sequence[str]
) -> tuple[list[Picked], dict[str, str]]:
    """The picks of each micrograph that is known, in their order; and names that are not, with their files.

    DataError where two files have picks of one micrograph.
    """
    names = [name for _, picks in files for name in picks]
    partner = {**namesakes(names, known), **partners(names, known)}
    source: dict[str, str] = {}
    values: dict[str, list[list[float]]] = {}
    lost: dict[str, str] = {}
    for file, picks in files:
        for name, rows in picks.items():
            micrograph = partner.get(name)
            if micrograph is None:
                lost.setdefault(name, file)
                continue
            if source.setdefault(micrograph, file) != file:
                raise DataError(f"{source[micrograph]} and {file} both have picks of {micrograph}")
            values.setdefault(micrograph, []).extend(rows)
    return [_picked(name, values[name]) for name in known if name in values], lost


def doubts(placed: Sequence[Picked]) -> list[str]:
    """In words, signs that picks are counted in other pixels than their micrographs have."""
    count, outside = sum(len(one.xy) for one in placed), sum(one.outside() for one in placed)
    if outside > 0.02 * count:
        return [f"{outside} of {count} picks lie beyond the edges of their micrographs: "
                "are they counted in pixels of another size (--scale)?"]  # fmt: skip
    reach = [(one.xy / (np.array(one.shape[::-1]) - 1)).max(axis=0) for one in placed if len(one.xy)]
    if count >= _MANY and np.max(reach) < 0.55:
        return [f"none of {count} picks lies beyond {np.max(reach):.0%} of its micrograph in x and in y: "
                "were binned micrographs picked (--scale)?"]  # fmt: skip
    return []


def _picked(name: str, rows: list[list[float]]) -> Picked:
    scored = bool(rows) and all(len(row) == 3 for row in rows)
    xy = np.array([row[:2] for row in rows], np.float64).reshape(-1, 2)
    bad = np.flatnonzero(~np.isfinite(xy).all(axis=1))
    if bad.size:
        raise DataError(f"pick {bad[0] + 1} of {name} is at {xy[bad[0], 0]:g}, {xy[bad[0], 1]:g}")
    return Picked(name, xy, np.array([row[2] for row in rows]) if scored else None)
