"""Pseudo-symmetric specimens: all subunits alike but one."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from spa.simulate.specimen import Specimen
from spa.volume.symmetry import rotation
from spa.volume.transform import transform
from spa.volume.units import unit_mask

KINDS = ("missing", "weak", "turned")
WEAK = 0.5  # of its density is left
TURN = np.deg2rad(70)  # about an axis through its middle, askew to the particle's axes


def with_odd_unit(specimen: Specimen, operators: np.ndarray, kind: str) -> tuple[Specimen, np.ndarray]:
    """A symmetric specimen with one unit changed, and the soft mask (n, n, n) of that unit.

    kind: `missing`, `weak` (half its density) or `turned` (about its own middle). DataError for C1.
    """
    mask = unit_mask(specimen.volume, operators)
    unit = specimen.volume * mask
    other = {"missing": lambda: 0 * unit, "weak": lambda: WEAK * unit, "turned": lambda: turned(unit)}[kind]()
    volume = (specimen.volume - unit + other).astype(np.float32)
    return replace(specimen, volume=volume, source=transform(volume, specimen.pixel_size)), mask


def turned(unit: np.ndarray) -> np.ndarray:
    """A map of one unit turned about its centre of mass."""
    centre = np.array(ndimage.center_of_mass(np.maximum(unit, 0)))
    matrix = rotation((1, 2, 3), TURN)
    return ndimage.affine_transform(unit, matrix, centre - matrix @ centre, order=3)
