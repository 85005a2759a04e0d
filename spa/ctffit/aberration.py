"""Whether the rings fit another spherical aberration than the one that was said.

Defocus makes up for a wrong Cs in the inner rings, where fits are made; in the outer ones it cannot, and the rings of a
corrected microscope under the Cs of an ordinary one seem to be inverted there, as those of thick ice are.
"""

from dataclasses import replace

import numpy as np

from spa.ctffit.refine import Defocus, Target, climb, damping, envelope_and_misfit
from spa.ctffit.rings import Rings
from spa.ctffit.search import Bounds
from spa.ctffit.thickness import heights
from spa.image.ctf import Lens

USUAL = (0.01, 1.2, 2.0, 2.7)  # mm: corrected, and what lenses have
_ALIKE = 0.5  # mm: nearer ones are not told apart


def gains(rings: Rings, lens: Lens, defocus: Defocus, bounds: Bounds, thickness: float) -> dict[float, float]:
    """For each of the usual Cs (mm) that differs: how much likelier (nats) the rings are than under the lens's own.

    rings: as far out as there may be any. Each Cs has the defocus that fits it best; the lens's own has the thickness
    (angstroms) that was found as well.
    """
    own = _explained(rings, lens, defocus, thickness)
    found = {}
    for cs in USUAL:
        if abs(cs - float(lens.cs)) > _ALIKE:
            other = Lens(lens.voltage, cs, lens.contrast)
            found[cs] = _explained(rings, other, _refitted(rings, other, defocus, bounds), 0.0) - own
    return found


def _refitted(rings: Rings, lens: Lens, defocus: Defocus, bounds: Bounds) -> Defocus:
    """The best near a defocus, over rings of falling height."""
    amplitude, variance = envelope_and_misfit(rings, lens, defocus)
    weight = rings.count / np.maximum(variance, 1e-30)[rings.row]
    target = Target(rings, lens, replace(bounds, defocus=(100.0, 2e5)), weight, amplitude[rings.row])
    return Defocus.of(climb(target, defocus.parameters)[0])


def _explained(rings: Rings, lens: Lens, defocus: Defocus, thickness: float) -> float:
    """How much likelier (nats) rings are than none."""
    seen = heights(rings, lens, defocus)
    factor = damping(lens, seen.k2, thickness)
    return float(0.5 * ((seen.value * seen.root) ** 2).sum() - seen.misfit(factor)[0])
