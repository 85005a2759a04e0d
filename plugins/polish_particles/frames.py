"""What frames are worth: of each kind of movie, from how well its frames agree with the map."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from spa.errors import UsageError
from spa.motion import dose
from spa.polish.weights import Weights, fitted
from spa.recipe.motion import Motion


class Kind(NamedTuple):
    """What movies share whose frames are worth the same: doses of a frame and before, e per square angstrom, voltage in
    kV, pixel size in angstroms, and which frames are used."""

    dose: float
    before: float
    voltage: float
    pixel_size: float
    numbers: tuple[int, ...]

    @classmethod
    def of(cls, found: Motion) -> "Kind":
        """Of a movie."""
        numbers = tuple(found.numbers.tolist())
        return cls(found.dose, found.before, found.voltage, found.pixel_size, numbers)

    @classmethod
    def read(cls, kept: Sequence[Any]) -> "Kind":
        """As a journal has it."""
        dose_, before, voltage, pixel_size, numbers = kept
        return cls(dose_, before, voltage, pixel_size, tuple(numbers))

    def damage(self, k: np.ndarray) -> np.ndarray:
        """(n, K) what is left of the signal at frequencies k (1/angstrom)."""
        return dose.weights(self.before + self.dose * (np.array(self.numbers) + 0.5), k, self.voltage)


def weights(found: list[dict[str, Any]], way: str) -> dict[Kind, Weights | None]:
    """Of each kind of movie among those that were followed; None: as the curve of damage has it."""
    weights: dict[Kind, Weights | None] = {}
    kinds = [Kind.read(one["kind"]) for one in found]
    for kind in sorted(set(kinds)):
        count = len(kind.numbers)
        if way == "none":
            weights[kind] = Weights(np.ones(count), np.zeros(count), np.zeros((count, 2)))
            continue
        if way == "dose":
            if not kind.dose:
                raise UsageError("--weights dose: the movies' motion does not say the dose of a frame")
            weights[kind] = None
            continue
        same = [one for one, other in zip(found, kinds) if other == kind]
        total = np.sum([np.load(one["agreed"]) for one in same], axis=0)
        used = np.flatnonzero(total[..., 1].sum(0) > 0)
        k = used / same[0]["width"]
        weights[kind] = fitted(total[:, used], k, kind.damage(k) if kind.dose else np.ones((count, len(k))))
    return weights


def at(kind: Kind, weights: Weights | None, k: np.ndarray) -> np.ndarray:
    """(n, K) at frequencies k; noise of variance 1 in all frames has it in their sum."""
    if weights is not None:
        return weights.at(k)
    found = kind.damage(k)
    return found / np.sqrt((found**2).sum(axis=0))
