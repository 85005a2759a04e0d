"""Learning the shape from the micrographs themselves.

The best of each kind of fixed shape makes first picks; their mean radial profile, freed of each micrograph's CTF, is
the next template: a matched filter for what is there, not for what was guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spa.image.peaks import maxima
from spa.picking.field import Field, Scope
from spa.picking.matched import contest, score_map
from spa.picking.race import Map, Runner, race
from spa.picking.shapes import Shape, family, frequencies, hankel
from spa.picking.threshold import FEWEST, mixture, threshold

_SHARE = 0.25  # of the room in a micrograph, filled with picks that teach
_RADII = 96
APART = 0.75  # of a diameter: the least distance of two picks
_TEACHERS = 8  # micrographs whose picks make the learned shape
_JURY = 4  # micrographs on which shapes compete
_COURT = 500_000  # pixels of their fields that they compete on, at most
_NEAR = 4  # best round shapes, whose diameters tell where ellipses are tried
_LONGER = 1.5  # times the largest of these, twice as long as wide
_ALIKE = 1.05  # by which evidence may differ for nothing
_MARGIN = 1.25  # by which a round shape must beat what is learned from it, which finds centres more surely
_CLEAR = 1.05  # by which shapes as they are must beat those seen through the CTF
_WIENER = 0.1
_FURTHER = 1.05  # by which particles must stand further apart from the rest where their own power is taken off


@dataclass(frozen=True)
class First:
    """What tells how much of a field's power is of particles: a learned shape, its least score and its spacing."""

    shape: Shape
    threshold: float
    spacing: float

    def taken_off(self, field: Field) -> Field:
        """The field whitened by the rest. Where particles crowd, most of the power at their size is theirs: taken for
        noise, it would hide what they have in common."""
        count = len(tops(field, self.shape, self.spacing).above(self.threshold))
        seen = self.shape.at(field.rings) * _rings(field, field.rings) / field.pixel_size**2
        return field.unexplained(seen, count)


@dataclass(frozen=True)
class Learned:
    """What picking rests on: shape, least score (sd of the background), spacing (angstroms); evidence for all tried.

    blind: the shape is seen as it is, not through the micrographs' CTF. first: what is picked before, if anything.
    """

    shape: Shape
    threshold: float
    spacing: float
    tried: dict[str, float]
    blind: bool
    first: First | None = None

    def seen(self, field: Field) -> Field:
        """A field as the shape is compared with it."""
        field = field.blind if self.blind else field
        return self.first.taken_off(field) if self.first else field


def learn(
    fields: Sequence[Field], scope: Scope, names: tuple[str, ...], rounds: int, spacing: float | None = None,
    over: Map = map,
) -> Learned:  # fmt: skip
    """What explains most of the fields: a shape seen through their CTFs, or seen as it is.

    The CTF passes what is fine and holds back what is coarse. Where particles have strong features of their own at the
    fineness that it passes (the rings of a barrel from the side), no smooth shape is like them there, and they are
    found better by their bulk.
    """
    shape, tried, blind = *chosen(fields, scope, names, rounds, spacing, over), False
    if any(field.contrast is not None for field in fields):
        plain = [field.blind for field in fields]
        other, others = chosen(plain, scope, names, rounds, spacing, over)
        if others[other.label] > _CLEAR * tried[shape.label]:
            fields, shape, tried, blind = plain, other, others, True
    if shape.name == "learned" and rounds > 1:  # the last round sees all fields
        shape = refined_shape(fields, scope, shape, 1, spacing or APART * shape.diameter, over)
    gap = APART * shape.extent if spacing is None else spacing
    found = list(over(partial(tops, shape=shape, spacing=gap), fields))
    return _freed(fields, scope, Learned(shape, _threshold(found), gap, tried, blind), _apart(found), over)


def _freed(fields: Sequence[Field], scope: Scope, usual: Learned, apart: float, over: Map) -> Learned:
    """What is learned once the power of particles is off, where they stand further apart from the rest then than the
    usual (in its standard deviations); else the usual."""
    if usual.shape.name != "learned" or not np.isfinite(usual.threshold):
        return usual
    first = First(usual.shape, usual.threshold, usual.spacing)
    fields = list(over(first.taken_off, fields))
    shape = refined_shape(fields, scope, usual.shape, 1, usual.spacing, over)
    found = list(over(partial(tops, shape=shape, spacing=usual.spacing), fields))
    if _apart(found) < _FURTHER * apart:
        return usual
    return replace(usual, shape=shape, threshold=_threshold(found), first=first)


def chosen(
    fields: Sequence[Field], scope: Scope, names: tuple[str, ...], rounds: int, spacing: float | None, over: Map,
) -> tuple[Shape, dict[str, float]]:  # fmt: skip
    """The shape that explains most, refined over ``rounds``, and the evidence for it and all that were tried.

    names: of the family (``shapes.NAMES``); ``over`` maps a function over fields, in threads or not.
    spacing: of picks, angstroms; by default APART times the diameter. Shapes compete on equal terms: each place of that
    size, of the largest diameter, counts once for each of them. The best of each round kind is refined, as what off a
    particle's centre looks like one shape, at it looks like another.
    """
    jury = fields[:: max(1, len(fields) // _JURY)][:_JURY]
    jury = [field.middle(int(np.sqrt(_COURT / len(jury)))) for field in jury]
    room = spacing or APART * scope.largest

    shapes = family(names, scope.smallest, scope.largest, scope.lowpass)
    round_ones = race([shape for shape in shapes if shape.ratio == 1], jury, room, over)
    firsts = {one.shape.name: one.shape for one in reversed(round_ones)}
    starts = [firsts[name] for name in names if name in firsts] if rounds else []
    apart = [(one, spacing or APART * one.diameter) for one in starts]
    learned = [refined_shape(jury, scope, one, max(1, rounds - 1), gap, over) for one, gap in apart]
    best = race(learned, jury, room, over)
    # ellipses cost more: a round shape fits a long one best between its short axis and its mean diameter
    near = [one.shape.diameter for one in round_ones[:_NEAR]] or [scope.smallest, scope.largest]
    long_ones = [one for one in shapes if one.ratio != 1 and min(near) <= one.diameter
                 and one.diameter <= _LONGER * np.sqrt(one.ratio / 2) * max(near)]  # fmt: skip
    others = _longest_first(race(long_ones, jury, room, over, best[0] if best else None))
    best = [one for one in best + others[:1] if len(one.gains) == len(jury)]

    def won(one: Runner) -> float:
        return one.after(len(jury))

    if round_ones and (not best or won(round_ones[0]) > _MARGIN * max(map(won, best))):
        best.append(round_ones[0])
    winner, tried = max(best, key=won), sorted(round_ones + others, key=won, reverse=True)
    return winner.shape, {one.shape.label: won(one) for one in [winner, *tried]}


def _longest_first(runners: list[Runner]) -> list[Runner]:
    """The longest of those with nearly as much evidence as the best comes first: along a long particle a short shape
    finds no place of its own, or two."""
    if not runners:
        return runners
    ran = len(runners[0].gains)
    most = runners[0].after(ran)
    least = most / _ALIKE if most > 0 else most
    longest = max((one for one in runners if len(one.gains) == ran and one.after(ran) >= least),
                  key=lambda one: one.shape.extent)  # fmt: skip
    return [longest, *(one for one in runners if one is not longest)]


def refined_shape(
    fields: Sequence[Field], scope: Scope, shape: Shape, rounds: int, spacing: float, over: Map,
) -> Shape:  # fmt: skip
    """The shape after some rounds of picking and averaging; as it was where there is nothing to learn from."""
    fields = fields[:: max(1, len(fields) // _TEACHERS)][:_TEACHERS]
    for _ in range(rounds):
        found = list(over(partial(tops, shape=shape, spacing=spacing), fields))
        least = _threshold(found)
        teachers = [(field, one.above(least)) for field, one in zip(fields, found)]
        parts = list(over(lambda pair: profile(pair[0], pair[1], spacing), teachers))
        if sum(count for _, count, _ in parts) < 5:
            break
        shape = _combined(parts, scope, shape)
    return shape


@dataclass(frozen=True)
class Tops:
    """Maxima of a field's score above 0, best first: rows and columns (n, 2), and their scores; and the scores of what
    holds its place against the inverted shape, and of that where it does (`contest`)."""

    points: np.ndarray
    scores: np.ndarray
    targets: np.ndarray
    decoys: np.ndarray

    def above(self, least: float) -> np.ndarray:
        """The points whose scores are more than that."""
        return self.points[self.scores > least]


def tops(field: Field, shape: Shape, spacing: float) -> Tops:
    """What a shape gives in a field; spacing in angstroms."""
    score, decoy = score_map(field, shape)
    points = field.free(maxima(score, 0.0, spacing / field.pixel_size))
    return Tops(points, score[tuple(points.T)], *contest(score, decoy, spacing / field.pixel_size, field.free))


def profile(field: Field, points: np.ndarray, spacing: float) -> tuple[np.ndarray, int, np.ndarray]:
    """Sum over the best of some picks of their radial profiles on ``radii(scope)``, their number, the CTF's rings."""
    radii = _radii(field.scope)
    reach = int(np.ceil(radii[-1] / field.pixel_size))
    room = int(_SHARE * field.image.size * field.pixel_size**2 / (np.pi / 4 * spacing**2)) + 1
    inside = ((points >= reach) & (points < np.array(field.image.shape) - reach)).all(axis=1)
    points = points[inside][:room]
    total = np.zeros((2 * reach + 1, 2 * reach + 1))
    for y, x in points:
        total += field.image[y - reach : y + reach + 1, x - reach : x + reach + 1]
    return _radial(total, field.pixel_size, radii), len(points), _rings(field, frequencies(field.scope.lowpass))


def _radii(scope: Scope) -> np.ndarray:
    return np.linspace(0, scope.reach * 1.15, _RADII)


def _radial(image: np.ndarray, pixel_size: float, radii: np.ndarray) -> np.ndarray:
    """Mean over rings about the middle, at given radii (angstroms)."""
    half = image.shape[0] // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    ring = np.rint(np.hypot(y, x)).astype(np.int64).ravel()
    means = np.bincount(ring, image.ravel()) / np.bincount(ring)
    centres = np.bincount(ring, np.hypot(y, x).ravel()) / np.bincount(ring)
    return np.interp(radii, centres * pixel_size, means)


def _rings(field: Field, radii: np.ndarray) -> np.ndarray:
    """The CTF averaged over the azimuth, at frequencies radii (1/angstrom); 1 where it is not known."""
    if field.contrast is None:
        return np.ones_like(radii)
    azimuth = np.linspace(0, np.pi, 16, endpoint=False)
    kx, ky = (radii[:, None] * side for side in (np.cos(azimuth), np.sin(azimuth)))
    return field.contrast.at(kx, ky).mean(axis=1)


def _combined(parts: list[tuple[np.ndarray, int, np.ndarray]], scope: Scope, shape: Shape) -> Shape:
    """Least-squares spectrum of the particle over micrographs of different CTF."""
    radii, places = _radii(scope), frequencies(scope.lowpass)
    window = 0.5 * (1 - np.tanh((radii - scope.reach) / (0.05 * scope.reach)))
    known = any(not np.all(ctf == 1) for _, _, ctf in parts)
    upper = sum(ctf * hankel(total * window, radii, places) for total, _, ctf in parts)
    lower = sum(count * ctf**2 for _, count, ctf in parts)
    count = sum(count for _, count, _ in parts)
    values = upper / (lower + (_WIENER * count if known else 0.0))
    return Shape("learned", shape.diameter, values, float(places[1]))


def _apart(found: Sequence[Tops]) -> float:
    """How far apart the two kinds of peaks stand, in their standard deviations; 0 where there are too few to tell."""
    peaks = np.concatenate([one.scores for one in found])
    return mixture(peaks).apart if len(peaks) >= FEWEST else 0.0


def _threshold(found: Sequence[Tops]) -> float:
    sides = ("scores", "targets", "decoys")
    return threshold(*(np.concatenate([getattr(one, side) for one in found]) for side in sides))
