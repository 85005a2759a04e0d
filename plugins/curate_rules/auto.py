"""Outliers of a set of micrographs: robust limits with absolute guards, so that a small or even set loses nothing good.

A limit lies ``spreads`` robust standard deviations (1.4826 · median absolute deviation; more in a small set, whose
spread is known badly) from the median, and never nearer than the guard: the larger of a fraction of the median and an
absolute distance. Sets of fewer than 5 have no spread to speak of and are judged by the guard alone. Quantities that
are spread by factors are judged by their logarithm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spa.ctffit.quality import CERTAIN

_FEWEST = 5


@dataclass(frozen=True)
class Rule:
    """How a quantity may lie away from its median: on which side it is bad, and how far is never too far.

    fraction: of the median. distance: in the quantity's own unit. floor: a value on its good side is good anyhow.
    factors: the spread is one of the logarithm. usual: of a set whose median is on its bad side this tells nothing.
    """

    quantity: str
    high: bool
    spreads: float
    fraction: float
    distance: float = 0.0
    floor: float | None = None
    factors: bool = False
    usual: float | None = None


@dataclass(frozen=True)
class Limit:
    """What a quantity must not pass; ``why`` says in words where the limit comes from."""

    quantity: str
    high: bool
    value: float
    why: str

    def passed(self, values: np.ndarray) -> np.ndarray:
        """True for values beyond the limit, or that are not numbers at all where others are."""
        beyond = values > self.value if self.high else values < self.value
        return beyond & np.isfinite(values)


RULES = (
    Rule("rlnCtfMaxResolution", high=True, spreads=4, fraction=0.4),
    Rule("rlnCtfFigureOfMerit", high=False, spreads=4, fraction=0.6, distance=0.1),  # noise alone has up to 0.08
    Rule("spaDefocusError", high=True, spreads=5, fraction=2.0, distance=100.0),
    Rule("rlnCtfAstigmatism", high=True, spreads=5, fraction=5.0, floor=1000.0),
    Rule("defocus", high=True, spreads=5, fraction=0.5, distance=10000.0),
    Rule("defocus", high=False, spreads=4, fraction=0.8, factors=True),
    Rule("rlnCtfIceRingDensity", high=True, spreads=5, fraction=1.0, distance=0.25),
    Rule("spaCtfTilt", high=True, spreads=5, fraction=0.5, distance=10.0),
    Rule("spaIceThickness", high=True, spreads=5, fraction=0.6, distance=300.0),
    Rule("spaJunkShare", high=True, spreads=5, fraction=1.0, distance=0.25),
    Rule("spaContent", high=False, spreads=5, fraction=0.0, distance=0.5, usual=0.4),  # empty ice: 0.1, weak: -0.5
    Rule("rlnAccumMotionTotal", high=True, spreads=4, fraction=2.0, distance=10.0, factors=True),
    Rule("rlnAccumMotionEarly", high=True, spreads=4, fraction=2.0, distance=5.0, factors=True),
    Rule("rlnAccumMotionLate", high=True, spreads=4, fraction=2.0, distance=8.0, factors=True),
    Rule("picks", high=False, spreads=4, fraction=0.75),
    Rule("picks", high=True, spreads=5, fraction=1.5),
)
RINGS = Limit("spaCtfEvidence", high=False, value=CERTAIN, why="below it a spectrum has no rings")


def limits(quantities: Mapping[str, np.ndarray], rules: Sequence[Rule] = RULES) -> list[Limit]:
    """The limits for those quantities, (n,) each, that are there.

    The spread is that of the micrographs which have rings, where that is known, so that many bad ones do not hide.
    """
    evidence = quantities.get(RINGS.quantity)
    sound = ~RINGS.passed(evidence) if evidence is not None else None
    found = [RINGS] if evidence is not None else []
    for rule in rules:
        if rule.quantity in quantities:
            values = quantities[rule.quantity]
            values = values[sound] if sound is not None and sound.any() else values
            values = values[np.isfinite(values)]
            if len(values) and _telling(rule, values):
                found.append(_limit(rule, values))
    return found


def _telling(rule: Rule, values: np.ndarray) -> bool:
    """Whether the quantity is one to judge these by."""
    if rule.usual is None:
        return True
    median = float(np.median(values))
    return median <= rule.usual if rule.high else median >= rule.usual


def _limit(rule: Rule, values: np.ndarray) -> Limit:
    median = float(np.median(values))
    away = max(_spread_away(rule, values, median), rule.fraction * abs(median), rule.distance)
    value = median + away if rule.high else median - away
    if rule.floor is not None:
        value = max(value, rule.floor) if rule.high else min(value, rule.floor)
    return Limit(rule.quantity, rule.high, value, f"median {median:.4g}")


def _spread_away(rule: Rule, values: np.ndarray, median: float) -> float:
    """How far from the median the spread alone lets a value lie."""
    if len(values) < _FEWEST:
        return 0.0
    many = rule.spreads * (1 + 5 / len(values))
    if not rule.factors or median <= 0:
        return many * 1.4826 * float(np.median(np.abs(values - median)))
    logarithms = np.log(values[values > 0] / median)
    factor = float(np.exp(min(many * 1.4826 * np.median(np.abs(logarithms)), 50)))
    return median * (factor - 1 if rule.high else 1 - 1 / factor)
