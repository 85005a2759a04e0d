"""Which point groups are looked for, and their axes."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spa.volume.rotations import rotation_vectors
from spa.volume.symmetry import canonical, operators

POLYHEDRAL = ("T", "O", "I")


@dataclass(frozen=True, eq=False)
class Group:
    """operators (g, 3, 3); axes (a, 3) unit vectors with their folds (a,)."""

    name: str
    operators: np.ndarray
    axes: np.ndarray
    folds: np.ndarray


@lru_cache(maxsize=64)
def group(name: str) -> Group:
    """A point group with its axes."""
    elements = operators(name)
    vectors = rotation_vectors(elements[1:])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    axes: list[np.ndarray] = []
    counts: list[int] = []
    for one in unit:
        same = [i for i, axis in enumerate(axes) if abs(axis @ one) > 1 - 1e-6]
        if same:
            counts[same[0]] += 1
        else:
            axes.append(one)
            counts.append(1)
    return Group(canonical(name), elements, np.array(axes).reshape(-1, 3), np.array(counts, int) + 1)


def candidates(most: int) -> list[Group]:
    """Cn and Dn for n = 2 … most, T, O, I."""
    names = [f"{kind}{n}" for kind in "CD" for n in range(2, most + 1)]
    return [group(name) for name in (*names, *POLYHEDRAL)]
