"""Point groups as rotation matrices, in RELION's settings of the axes.

Cn: n-fold on z. Dn: also a 2-fold on x. T: 3-fold on z, 2-fold in the yz plane. O: 4-folds on x, y, z.
I (the same as I2): 2-folds on x, y, z and a 5-fold at (1, 0, golden ratio); I1: I2 turned 90 degrees about z;
I3: 5-fold on z, 2-fold on y, a 5-fold in the xz plane at negative x; I4: I3 turned 180 degrees about z.
"""

import re
from functools import lru_cache

import numpy as np

from spa.errors import UsageError

_GOLDEN = (1 + np.sqrt(5)) / 2
Generator = tuple[tuple[float, float, float], int]  # axis (x, y, z; any length) and its fold

_POLYHEDRAL: dict[str, list[Generator]] = {
    "T": [((0, 0, 1), 3), ((0, np.sqrt(2), 1), 2)],
    "O": [((1, 1, 1), 3), ((0, 0, 1), 4)],
    "I1": [((0, 0, 1), 2), ((0, 1, _GOLDEN), 5), ((1, 1, 1), 3)],
    "I2": [((0, 0, 1), 2), ((1, 0, _GOLDEN), 5), ((1, 1, 1), 3)],
    "I3": [((0, 0, 1), 5), ((-1, 0, _GOLDEN), 2)],
    "I4": [((0, 0, 1), 5), ((1, 0, _GOLDEN), 2)],
}
_ALIASES = {"I": "I2"}


def rotation(axis: tuple[float, float, float] | np.ndarray, angle: float) -> np.ndarray:
    """The (3, 3) matrix that turns column vectors (x, y, z) by angle (radians) about axis, right-handed."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def canonical(group: str) -> str:
    """The group's name as we print it: ``"d7"`` -> ``"D7"``, ``"I"`` stays ``"I"``; UsageError when there is none."""
    name = group.strip().upper()
    known = name in _POLYHEDRAL or name in _ALIASES or re.fullmatch(r"[CD][1-9][0-9]{0,2}", name)
    if not known:
        raise UsageError(f"symmetry {group!r}: not one of Cn, Dn, T, O, I, I1, I2, I3, I4")
    return name


def _generators(name: str) -> list[Generator]:
    name = _ALIASES.get(name, name)
    if name in _POLYHEDRAL:
        return _POLYHEDRAL[name]
    main: Generator = ((0, 0, 1), int(name[1:]))
    return [main] if name[0] == "C" else [main, ((1, 0, 0), 2)]


@lru_cache(maxsize=32)
def _closure(name: str) -> np.ndarray:
    turns = [rotation(np.array(axis), 2 * np.pi / fold) for axis, fold in _generators(name) if fold > 1]
    found = [np.eye(3)]
    for element in found:  # grows while we walk it: every element times every generator
        for turn in turns:
            product = element @ turn
            if min(np.abs(other - product).max() for other in found) > 1e-6:
                found.append(product)
    group = np.array(found)
    group[np.abs(group) < 1e-12] = 0.0
    group.setflags(write=False)
    return group


def operators(group: str) -> np.ndarray:
    """All rotations (g, 3, 3) float64 of a point group, the identity first; they act on column vectors (x, y, z).

    A particle at pose R (rows: the image's axes in the volume) looks the same at every ``R @ operator``.
    """
    return _closure(canonical(group))


def within(some: np.ndarray, group: np.ndarray) -> bool:
    """Whether all of some rotations (m, 3, 3) are among those of a group (g, 3, 3)."""
    apart = np.abs(some[:, None] - group[None]).max(axis=(2, 3))
    return bool((apart.min(axis=1) < 1e-6).all())


def order(group: str) -> int:
    """How many rotations the group has."""
    return len(operators(group))


def cosets(group: str, own: str) -> np.ndarray:
    """One rotation (c, 3, 3) of each left coset of the point group `own` in `group`, the identity first.

    A particle of symmetry `own` at pose R has R @ g, for each of them, as its different copies over `group`.
    UsageError where `own` is no part of `group` about the same axes.
    """
    every, part = operators(group), operators(own)
    if not within(part, every):
        raise UsageError(f"symmetry {canonical(own)} is no part of {canonical(group)} about the same axes")
    found: list[np.ndarray] = []
    for one in every:
        if not found or min(np.abs(other @ part - one).max((1, 2)).min() for other in found) > 1e-6:
            found.append(one)
    return np.array(found)
