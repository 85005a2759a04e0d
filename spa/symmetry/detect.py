"""Which point group a map has, against chance and against the groups inside and around it.

A group is there when every one of its axes is: the weakest of them must stand out from axes drawn at random, and be
about as good as those of the best group. Of all that pass, the one with most elements is taken: D7 has C7 and C2 in
it, which are as good; C14 has C7 in it and is not.
"""

from dataclasses import dataclass

import numpy as np

from spa.symmetry import folds, frames
from spa.symmetry.groups import Group, candidates, group
from spa.symmetry.prepared import Prepared, narrowed, prepared, recentred

FINE = 10.5  # shells of a particle as wide as the box: details of a tenth of it
CLIMBED = 8  # groups that are looked at closely
RANDOM = 0.2  # radians between the axes that stand for chance
SIGMAS = 8.0  # beyond them: thousands of frames are tried
LEAST = 0.12  # folding of the weakest axis
LIKE = 0.6  # of the best group's weakest axis


@dataclass(frozen=True, eq=False)
class Candidate:
    """A group at its best frame: see `frames`; centre (3,) x y z in pixels from the middle of the map's box.

    score and weakest: folding of its axes, mean and least; chance: mean of axes at random; sigmas: of the score
    beyond that; agreement (shells,): FSC of the map with its copies, the mean.
    """

    group: Group
    frame: np.ndarray
    centre: np.ndarray
    score: float
    weakest: float
    chance: float
    sigmas: float
    agreement: np.ndarray

    @property
    def evident(self) -> bool:
        """Whether chance is ruled out."""
        return self.sigmas > SIGMAS and self.weakest > LEAST


@dataclass(frozen=True, eq=False)
class Detection:
    """Candidates, the best first; chosen: None where the map has no symmetry (C1); radius: shells that were used."""

    candidates: list[Candidate]
    chosen: Candidate | None
    radius: int

    @property
    def name(self) -> str:
        """The group that is chosen."""
        return self.chosen.group.name if self.chosen else "C1"


def detected(
    volume: np.ndarray, radius: int | None = None, most: int = 12, curve: np.ndarray | None = None
) -> Detection:
    """The symmetry of a map (n, n, n), Cn and Dn up to n = most; curve (n//2+1,): what its shells are worth."""
    fine, coarse = levels(volume, radius, curve)
    scan = frames.scanned(coarse, max(most, 5))  # I has 5-folds
    ranked = []
    for one in candidates(most):
        starts, values = frames.best_frames(scan, one)
        mean, deviation = _random(scan.folding[:, one.folds])
        ranked.append(((values[0] - mean) / deviation, one, starts))
    ranked.sort(key=lambda entry: -entry[0])
    around = folds.powers(fine, folds.hemisphere(RANDOM))
    found = [located(fine, coarse, one, starts, around) for _, one, starts in ranked[:CLIMBED]]
    return Detection(sorted(found, key=lambda one: -one.score), _chosen(found), fine.radius)


def levels(volume: np.ndarray, radius: int | None, curve: np.ndarray | None = None) -> tuple[Prepared, Prepared]:
    """The map prepared in the band that is compared, and in that of the scan."""
    first = prepared(volume, radius or len(volume) // 4, curve)
    if radius is None:
        first = prepared(volume, int(np.rint(FINE / first.extent)), curve)
    return first, narrowed(first, frames.coarse_radius(first.extent))


def placed(volume: np.ndarray, name: str, radius: int | None = None, curve: np.ndarray | None = None) -> Candidate:
    """The best frame of a group that is known."""
    fine, coarse = levels(volume, radius, curve)
    one = group(name)
    starts, _ = frames.best_frames(frames.scanned(coarse, int(one.folds.max())), one)
    return located(fine, coarse, one, starts, folds.powers(fine, folds.hemisphere(RANDOM)))


def located(fine: Prepared, coarse: Prepared, one: Group, starts: np.ndarray, around: np.ndarray) -> Candidate:
    """A group's frame climbed from some of the scan, in two bands, and how good it is; around: axes at random."""
    low, frame, _ = frames.climbed(coarse, one, starts)
    moved = (low.centre - fine.centre) * len(fine.volume) / fine.box
    high, frame, _ = frames.climbed(recentred(fine, moved), one, frame[None])
    axes = folds.powers(high, one.axes @ frame)
    found = np.array([folds.folding(axes[i : i + 1], fold)[0] for i, fold in enumerate(one.folds)])
    chance, deviation = _random(np.stack([folds.folding(around, fold) for fold in one.folds], axis=1))
    agreement = frames.shell_agreement(high, one, frame).mean(axis=0)
    centre = frames.crossing_point(one, frame, high.centre)
    return Candidate(one, frame, centre, float(found.mean()), float(found.min()), chance,
                     float((found.mean() - chance) / deviation), agreement)  # fmt: skip


def _random(folding: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of the mean over a group's axes, each as if drawn at random: (axes, of the group)."""
    return float(folding.mean()), float(np.sqrt((folding.var(axis=0) + 1e-8).sum()) / folding.shape[1])


def _chosen(found: list[Candidate]) -> Candidate | None:
    evident = [one for one in found if one.evident]
    if not evident:
        return None
    best = max(one.weakest for one in evident)
    return max((one for one in evident if one.weakest > LIKE * best), key=lambda one: len(one.group.operators))
