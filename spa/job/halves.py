"""Half-sets: kept where a table has them, drawn once where not, shared by what shows the same pixels."""

from typing import Protocol

import numpy as np

from spa.io.stacks import distinct
from spa.io.star import Tables
from spa.job.run import Run
from spa.model import overlaps

_UNEVEN = 0.02  # of all particles, by which half-sets may differ for the sake of overlaps
_NEARER = 0.8  # what the distance is multiplied by where they would differ more


class Halved(Protocol):
    """Rows with image names and half-sets (1, 2, or 0 where unset), both (n,)."""

    @property
    def names(self) -> np.ndarray: ...
    @property
    def half(self) -> np.ndarray: ...


def half_sets(run: Run, particles: Halved, tables: Tables | None = None, diameter: float = 0.0) -> np.ndarray:
    """0 or 1 for each row: rlnRandomSubset where it is set, otherwise drawn once with --seed, evenly.

    Rows of one image (symmetry copies) share a half; a warning where the table has put them into different ones.
    tables: the document of the rows; in it particles nearer than ``diameter`` (angstroms) share pixels, and so a half.
    """
    half = np.array(particles.half) - 1
    half[(half < 0) | (half > 1)] = -1
    names, which = distinct(particles.names.tolist())
    number = np.array(which)
    found = np.full(len(names), -1)
    found[number[half >= 0]] = half[half >= 0]
    if (found < 0).any():
        where = _places(tables, number, len(names)) if tables is not None and diameter > 0 else None
        found = _drawn(run, found, where, diameter)
    half = np.where(half < 0, found[number], half)
    apart = np.unique(number[half != found[number]])
    if len(apart):
        run.warn(f"{len(apart)} images are in both half-sets (rows that share an image): the FSC will be too high")
    return half


def _places(tables: Tables, number: np.ndarray, count: int) -> np.ndarray | None:
    """Where the images are; None where the table does not say. Of copies, the first counts."""
    where = overlaps.places(tables["particles"], tables["optics"])
    if where is None:
        return None
    first = np.zeros(count, np.int64)
    first[number[::-1]] = np.arange(len(number))[::-1]
    return where[first]


def _drawn(run: Run, found: np.ndarray, where: np.ndarray | None, diameter: float) -> np.ndarray:
    """Half-sets (n,) with those that are -1 drawn; particles that overlap are drawn together."""
    draws = run.rng("half-sets")
    distance = diameter
    while where is not None:
        cluster = overlaps.linked(where, distance)
        if cluster.max(initial=0) + 1 == len(found):
            break
        halves = _dealt(found, cluster, draws)
        if abs(np.bincount(halves, minlength=2) @ (1, -1)) <= max(1, _UNEVEN * len(found)):
            if distance < diameter:
                run.say(f"half-sets: particles nearer than {distance:.0f} A share one; at {diameter:.0f} A all hang "
                        "together")  # fmt: skip
            return halves
        distance *= _NEARER
    unset = np.flatnonzero(found < 0)
    out = found.copy()
    out[unset] = draws.permutation(len(unset)) % 2
    return out


def _dealt(found: np.ndarray, cluster: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Clusters dealt in a random order, large ones first, each to the smaller half; one that has a half keeps it."""
    count = cluster.max() + 1
    unset = found < 0
    size = np.bincount(cluster[unset], minlength=count)
    votes = np.bincount(cluster[~unset], 2 * found[~unset] - 1, minlength=count)
    known = np.bincount(cluster[~unset], minlength=count) > 0
    half = np.where(votes > 0, 1, 0)
    total = np.bincount(found[~unset], minlength=2) + [size[known & (half == side)].sum() for side in (0, 1)]
    order = draws.permutation(count)
    for one in order[np.argsort(-size[order], kind="stable")]:
        if size[one] and not known[one]:
            half[one] = int(total[1] < total[0]) if total[0] != total[1] else int(draws.integers(2))
            total[half[one]] += size[one]
    return np.where(unset, half[cluster], found)
