"""One map laid on another of the same particle: turned and moved, by the shells that both have; and of which hand."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from spa.symmetry import align
from spa.symmetry.prepared import Prepared, dense, prepared
from spa.volume.inversion import inverted
from spa.volume.slices import Reference, reference

BANDS = (8, 12)  # shells that all turns are tried in, for a particle that takes 0.7 of the box
FINER = 1.5  # each band's, over the last: the climb must find its way
DETAIL = 20  # the last band, likewise


@dataclass(frozen=True, eq=False)
class Laid:
    """frame (3, 3) and centre (3,) x y z (pixels from the box's middle), as `place.laid` takes them; likeness: the
    correlation that is reached, in shells of one strength; other: the most that the other hand of the map reaches."""

    frame: np.ndarray
    centre: np.ndarray
    likeness: float
    other: float


def shells(volume: np.ndarray) -> int:
    """How many show enough of a particle to lay it by them."""
    n = len(volume)
    extent = float(np.clip(2 * dense(volume)[1] / n, 0.2, 0.95))
    return min(n // 2 - 1, round(DETAIL * 0.7 / extent))


def laid_on(fixed: np.ndarray, volume: np.ndarray, radius: int, run: Callable[..., Iterable] = map) -> Laid:
    """How a map (n, n, n) lies on a fixed one, by shells up to a radius; run: what may look at many turns at once."""
    one, two = prepared(fixed, radius), prepared(volume, radius)
    best, other = (
        _fit(one, two, reference(some, one.radius), run) for some in (two.volume, inverted(two.volume))
    )
    shift = best.shift * (len(volume) / len(two.volume))
    centre = two.centre - best.turn.T @ (one.centre + shift)
    return Laid(best.turn, centre, best.score, other.score)


def _fit(one: Prepared, two: Prepared, source: Reference, run: Callable[..., Iterable]) -> align.Fit:
    """The best of the climbs that begin in each of the coarse bands."""
    radius, extent, fits = min(one.radius, two.radius), max(one.extent, two.extent), []
    for band in sorted({min(radius, round(band * 0.7 / extent)) for band in BANDS}):
        fit = align.fit(one.source, source, band, mirror=False, run=run)
        while band < radius:
            band = min(radius, int(np.ceil(FINER * band)))
            fit = align.fit(one.source, source, band, mirror=False, turns=fit.turn[None], shift=fit.shift, run=run)
        fits.append(fit)
    return max(fits, key=lambda fit: fit.score)
