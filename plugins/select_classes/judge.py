"""Which classes are views of the particle, and why the others are not.

Each rule is about one measured property and has a physical meaning; limits that need a yardstick take it from the
better classes of the same set, so that nothing depends on a specimen, a microscope or a pixel size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spa_plugins.select_classes.features import Features

EVIDENCE = 0.25  # log units by which images must be likelier with the average than with nothing: noise is below 0
SHOWN = 1.0  # the same of maps, among which each image has the one that suits it: what jobs of 3-D classes ask for
COARSER = 2.5  # times the resolution of the better classes
EDGE = 0.3  # of the rim covered by the object
PIECES = 0.6  # of the object in its largest piece, at least
OFFSET = 0.25  # radii between the object and the centre
CONTRAST = 1.5  # standard deviations of the surroundings
SMOOTH = 0.33  # of the detail of the better classes
LIGHT = 0.4  # of the mass of most: views of one particle differ by a third, in denoised images by a half
FEW = 0.05  # of an even share of the particles


@dataclass(frozen=True)
class Measured:
    """Of all n classes: sizes, resolution (angstroms), evidence (log units; nan: not known), and the least of it."""

    features: Sequence[Features]
    sizes: np.ndarray
    resolution: np.ndarray
    evidence: np.ndarray
    least: float = EVIDENCE


def reasons(found: Measured) -> list[list[str]]:
    """For each class what speaks against it; an empty list keeps it."""
    good = yardstick(found)
    even = found.sizes.sum() / max(1, np.count_nonzero(found.sizes))
    out = []
    for f, size, resolution, evidence in zip(found.features, found.sizes, found.resolution, found.evidence):
        if size == 0:  # what an average of nothing looks like says nothing
            out.append(["empty"])
            continue
        against = [
            (size < FEW * even, f"few: {size} particles"),
            (evidence < found.least, f"noise: no likelier than empty images ({evidence:.1f})"),
            (resolution > COARSER * good, f"coarse: {resolution:.0f} A where others have {good:.0f} A"),
            (f.edge > EDGE, f"rim: reaches over {100 * f.edge:.0f}% of the circle's"),
            (f.compactness < PIECES, f"pieces: the largest is {100 * f.compactness:.0f}%"),
            (f.offset > OFFSET, f"off centre: by {100 * f.offset:.0f}% of the radius"),
            (f.contrast < CONTRAST, f"faint: contrast {f.contrast:.1f}"),
        ]
        out.append([text for holds, text in against if holds])
    return _with_light(found, _with_smooth(found, out))


def _with_smooth(found: Measured, against: list[list[str]]) -> list[list[str]]:
    """What speaks against each class, and that it is smooth beside those that nothing speaks against."""
    detail = np.array([f.detail for f in found.features])
    passed = np.array([not reasons for reasons in against])
    if not passed.any():
        return against
    better = -_quarter(-detail[passed], found.sizes[passed])
    for one, size, reasons in zip(detail, found.sizes, against):
        if size and one < SMOOTH * better:
            reasons.append(f"smooth: detail {one:.2f} where others have {better:.2f}")
    return against


def _with_light(found: Measured, against: list[list[str]]) -> list[list[str]]:
    """What speaks against each class, and that it shows far less density than those that nothing speaks against.

    A projection has the mass of its particle, from whatever side: what is much lighter is a fragment, or another one.
    """
    mass = np.array([f.mass for f in found.features])
    passed = np.array([not reasons for reasons in against]) & (found.sizes > 0)
    usual = _quarter(mass[passed], found.sizes[passed], 0.5) if passed.any() else 0.0
    if usual > 0:
        for one, reasons, measured in zip(mass, against, passed):
            if measured and one < LIGHT * usual:
                reasons.append(f"light: {100 * max(one, 0.0) / usual:.0f}% of the density that most have")
    return against


def yardstick(found: Measured) -> float:
    """Resolution (angstroms) that a quarter of the particles' classes reach; infinite where it is not known."""
    known = np.isfinite(found.resolution) & (found.sizes > 0)
    return _quarter(found.resolution[known], found.sizes[known]) if known.any() else np.inf


def _quarter(values: np.ndarray, sizes: np.ndarray, part: float = 0.25) -> float:
    """The value that classes with that part of the particles, a quarter, do not exceed."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(sizes[order]) / sizes.sum()
    return float(values[order][np.searchsorted(share, part)])
