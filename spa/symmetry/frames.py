"""Where the axes of a given point group lie in a map: scanned on a grid, then climbed, the origin with them.

A frame R (3, 3) means that the map turned by R, V(q R) for row vectors q, lies on the group's axes as
`spa.volume.symmetry` has them; axis a of the group is a R in the map.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from spa.search import orientations
from spa.symmetry import align
from spa.symmetry.folds import folding, hemisphere, powers
from spa.symmetry.groups import Group
from spa.symmetry.prepared import Prepared, recentred

COARSE = 7.0  # shells of a particle as wide as the box, in the scan
STEP = 0.6  # of the angle over which a copy parts company with the map: the grids' steps
KEPT = 8  # frames of a grid that are climbed
FEW = 6  # elements that are compared in the climb
PLANES = 8


@dataclass(frozen=True, eq=False)
class Scan:
    """How n-fold the map is about axes (a, 3) about step radians apart: folding (a, most + 1)."""

    axes: np.ndarray
    folding: np.ndarray
    step: float

    def scores(self, group: Group, frames: np.ndarray) -> np.ndarray:
        """(m,) mean folding over the group's axes in frames (m, 3, 3), from the nearest axes of the scan."""
        tree = cKDTree(np.concatenate([self.axes, -self.axes]))
        at = tree.query((group.axes @ frames).reshape(-1, 3))[1] % len(self.axes)
        return self.folding[at.reshape(len(frames), -1), group.folds].mean(axis=1)


def coarse_radius(extent: float) -> int:
    """Shells of the scan for a particle of this share of the box."""
    return int(np.rint(COARSE / extent))


def tolerance(radius: int, extent: float) -> float:
    """Angle (radians) by which an axis may be off before the copies part company."""
    return STEP / (0.5 * np.pi * radius * extent)


def scanned(given: Prepared, most: int) -> Scan:
    """The folds 2 … most about axes everywhere, in all of the given shells."""
    step = tolerance(given.radius, given.extent) * 2
    axes = hemisphere(step)
    power = powers(given, axes)
    table = np.zeros((len(axes), most + 1))
    for fold in range(2, most + 1):
        table[:, fold] = folding(power, fold)
    return Scan(axes, table, step)


def grid(group: Group, step: float) -> np.ndarray:
    """Frames (m, 3, 3) about step apart that differ for the group."""
    if group.name.startswith("C"):
        views = hemisphere(step)
        return orientations.frames(views, np.zeros(len(views)))
    poses = orientations.grid(step, group.operators, np.random.Generator(np.random.Philox(1)))
    return np.swapaxes(poses.astype(np.float64), 1, 2)


def best_frames(scan: Scan, group: Group) -> tuple[np.ndarray, np.ndarray]:
    """The best frames (k, 3, 3) of a grid by the scan, and their scores."""
    frames = grid(group, scan.step)
    value = scan.scores(group, frames)
    order = np.argsort(-value, kind="stable")[:KEPT]
    return frames[order], value[order]


def climbed(given: Prepared, group: Group, frames: np.ndarray, rounds: int = 2) -> tuple[Prepared, np.ndarray, float]:
    """The best of frames climbed, the origin moved onto its axes in turns: (map about it, frame, correlation)."""
    step = 1.5 * tolerance(given.radius, given.extent)
    turn, value = align.climbed(copies_alike(given, group), frames, step)
    for _ in range(rounds):
        shift = origin(given, group, turn)
        if np.linalg.norm(shift) < 0.02:
            break
        given = recentred(given, shift)
        turn, value = align.climbed(copies_alike(given, group), turn[None], step / 4)
    return given, turn, value


def elements(group: Group, most: int = FEW) -> np.ndarray:
    """Some elements (e, 3, 3), none the inverse of another, evenly from all."""
    found: list[np.ndarray] = []
    for one in group.operators[1:]:
        if not any(np.abs(one.T - other).max() < 1e-6 for other in found):
            found.append(one)
    return np.array(found)[np.unique(np.linspace(0, len(found) - 1, most).astype(int))]


def conjugated(turns: np.ndarray, few: np.ndarray) -> np.ndarray:
    """(m, e, 3, 3): the elements few (e, 3, 3) about the axes of frames turns (m, 3, 3)."""
    return np.einsum("mji,gjk,mkl->mgil", turns, few, turns)


def copies_alike(given: Prepared, group: Group) -> Callable[[np.ndarray], np.ndarray]:
    """A function of frames (m, 3, 3): mean correlation (m,) of the map with its copies."""
    where = align.probe(len(given.volume), given.radius, planes=PLANES)
    wanted = align.unit(where.cut(given.source, np.eye(3)[None]))[0]
    few = elements(group)

    def score(turns: np.ndarray) -> np.ndarray:
        around = conjugated(turns, few).reshape(-1, 3, 3)
        found = np.einsum("mck,ck->m", align.unit(where.cut(given.source, around)), wanted)
        return found.reshape(len(turns), -1).mean(axis=1)

    return score


def origin(given: Prepared, group: Group, turn: np.ndarray, rounds: int = 6) -> np.ndarray:
    """(3,) x y z in the small box's pixels from its middle to the nearest point that all axes of a frame meet.

    By Newton on the mean correlation of the copies, across the axes that leave a line of such points.
    """
    where = align.probe(len(given.volume), given.radius, planes=PLANES)
    q, kept = where.points(), where.cut(given.source, np.eye(3)[None])[0]
    around = conjugated(turn[None], elements(group))[0]
    found = where.cut(given.source, around)
    unit = 2 * np.pi / len(given.volume)
    lever = unit * np.stack([where.turned(one).points() - q for one in around])  # (e, K, 3)
    product = (kept[0] - 1j * kept[1]) * (found[:, 0] + 1j * found[:, 1])
    shift = np.zeros(3)
    for _ in range(rounds):
        phased = product * np.exp(1j * (lever @ shift))
        curvature = np.einsum("eki,ek,ekj->ij", lever, np.maximum(phased.real, 0), lever)
        slope = -np.einsum("eki,ek->i", lever, phased.imag)
        step = np.linalg.lstsq(curvature, slope, rcond=1e-3)[0]
        shift += step / max(1.0, float(np.linalg.norm(step)))
    return shift


def shell_agreement(given: Prepared, group: Group, turn: np.ndarray) -> np.ndarray:
    """(elements, radius + 1) FSC of the map with each of its copies in a frame."""
    where = align.probe(len(given.volume), given.radius, first=1, planes=3 * PLANES)
    shell = np.rint(np.hypot(where.kx, where.ky)).astype(int)
    plain = where.cut(given.source, np.eye(3)[None])
    copies = where.cut(given.source, conjugated(turn[None], elements(group, 60))[0])
    index = np.tile(shell, len(where.planes))

    def sums(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(index, row, given.radius + 1) for row in values.sum(axis=1)])

    cross, power = sums(copies * plain), sums(copies**2) * sums(plain**2)
    return cross / np.sqrt(np.maximum(power, 1e-30))


def crossing_point(group: Group, frame: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The point (3,) nearest to 0 among those that the group leaves: centre without its part along a lone axis."""
    along = group.operators.mean(axis=0)  # projects on what all elements leave
    return centre - frame.T @ along @ frame @ centre
