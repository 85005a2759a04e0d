"""What a page tells of each class: its size, what its table says, and what is measured on it."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa_plugins.select_classes.judge import Measured
from spa_plugins.select_classes.table import Classified

_MEASURED = ("contrast", "detail", "offset", "compactness", "edge", "area", "mass")
_SAID = {"spaClassSize", "spaEffectiveSize", "rlnClassNumber", "rlnReferenceImage", "rlnClassDistribution",
         "rlnEstimatedResolution"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Figure:
    """values: (classes,), nan where not known; better: "high" or "low", the end that sorting puts first."""

    name: str
    unit: str
    better: str
    values: np.ndarray


def told(classified: Classified) -> list[Figure]:
    """What the table says, the most telling first."""
    table, sizes, evidence = classified.block[1], classified.sizes, classified.evidence
    found = [
        Figure("Particles", "", "high", sizes.astype(float)),
        Figure("Share", "%", "high", 100 * sizes / max(1, sizes.sum())),
        Figure("Resolution", "Å", "low", table.get_floats("rlnEstimatedResolution", np.nan)),
        Figure("Effective size", "", "high", table.get_floats("spaEffectiveSize", np.nan)),
        Figure("Evidence", "", "high", evidence),
    ]
    for name in table.columns:
        if name not in _SAID:
            try:
                found.append(Figure(name, "", "high", table.floats(name, missing=np.nan)))
            except DataError:
                continue  # a text
    return [one for one in found if np.isfinite(one.values).any()]


def seen(measured: Measured) -> list[Figure]:
    """What the averages show."""
    features = {name: np.array([getattr(one, name) for one in measured.features]) for name in _MEASURED}
    return [
        Figure("Contrast", "", "high", features["contrast"]),
        Figure("Detail", "", "high", features["detail"]),
        Figure("Off centre", "% of radius", "low", 100 * features["offset"]),
        Figure("In one piece", "%", "high", 100 * features["compactness"]),
        Figure("Rim covered", "%", "low", 100 * features["edge"]),
        Figure("Area", "% of circle", "high", 100 * features["area"]),
        Figure("Mass", "% of the median", "high", _of_median(features["mass"], measured.sizes)),
    ]


def _of_median(mass: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(classes,) per cent of the median of those that have particles; nan where that is none."""
    usual = float(np.median(mass[sizes > 0])) if (sizes > 0).any() else 0.0
    return 100 * mass / usual if usual > 0 else np.full(len(mass), np.nan)
