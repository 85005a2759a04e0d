"""Two half maps measured: every curve, under a mask that is given or found."""

from collections.abc import Sequence

import numpy as np

from spa.errors import DataError
from spa.volume.fsc import Curves, Map, fsc, masked_curves
from spa.volume.masks import soft_mask, soft_sphere

SPHERE = 0.85  # of the inscribed sphere
SPHERE_EDGE = 0.1


def sphere_for(box: int, pixel_size: float, diameter: float | None) -> np.ndarray:
    """The spherical mask: of the diameter (angstroms), or 0.85 of the box; its edge is a twentieth of the box."""
    radius = diameter / 2 / pixel_size if diameter else SPHERE * box / 2
    return soft_sphere(box, radius, SPHERE_EDGE * box / 2)


LOOSE, TIGHT = (25.0, 15.0), (6.0, 6.0)  # angstroms: extension and edge of masks, as cryoSPARC draws them


def loose_and_tight(half1: np.ndarray, half2: np.ndarray, pixel_size: float, run: Map = map) -> dict[str, np.ndarray]:
    """FSC (n//2+1,) under a loose and a tight automatic mask of the halves' mean; not corrected for them.

    DataError where nothing stands out that a mask could be drawn around.
    """
    mean = (half1 + half2) / 2
    found = {}
    for name, (extend, edge) in (("loose", LOOSE), ("tight", TIGHT)):
        mask, _ = soft_mask(mean, pixel_size, extend=extend, edge=edge)
        found[name] = fsc(half1 * mask, half2 * mask, run=run)
    return found


def measured(
    half1: np.ndarray, half2: np.ndarray, pixel_size: float, mask: np.ndarray | None,
    rngs: Sequence[np.random.Generator], diameter: float | None = None, level: float = 0.8,
    randomise_from: float | None = None, run: Map = map,
) -> tuple[Curves, np.ndarray]:  # fmt: skip
    """FSC curves of two half maps (n, n, n), and the mask that was used.

    mask: soft, in [0, 1]; None: an automatic one of the halves' mean. Phases are randomised beyond randomise_from
    (angstroms) or where the unmasked FSC falls below level. DataError when boxes differ or a mask leaves [0, 1].
    """
    if half1.shape != half2.shape:
        raise DataError(f"the half maps' boxes differ: {half1.shape[0]} and {half2.shape[0]} pixels")
    if mask is None:
        mask, _ = soft_mask((half1 + half2) / 2, pixel_size)
    if mask.min() < -1e-3 or mask.max() > 1 + 1e-3:
        raise DataError(f"the mask's values lie in [{mask.min():g}, {mask.max():g}], not in [0, 1]")
    box = half1.shape[0]
    shell = None if randomise_from is None else int(np.rint(box * pixel_size / randomise_from))
    sphere = sphere_for(box, pixel_size, diameter)
    return masked_curves(half1, half2, mask, sphere, rngs, level, shell, run), mask
