"""How evenly views lie on the sphere, and how evenly their slices fill Fourier space.

Source: Baldwin & Lyumkis, Prog. Biophys. Mol. Biol. 150 (2020) 160 (the sampling compensation factor, SCF).
"""

from dataclasses import dataclass

import numpy as np

from spa.volume.sphere import icosphere, neighbours, trough

DIVISIONS = 3  # of the sphere where views are counted: 642 directions
FINE = 4  # and of the one where slices are
RADIUS, LEAST = 50.0, 4.0  # Fourier pixels: where slices one pixel thick are counted, and nearer where they are few
SLICES = 100.0  # a direction that should be in so many of even views, or chance makes them uneven
EXPECTED = 40.0  # views that a cap should hold, so that its count tells something
NARROWEST, WIDEST = 10.0, 40.0  # degrees: half angles of caps
EMPTY = 0.25  # of what even views give: less is missing
CHANCE = 1e-6  # of so few views in a cap of even ones
MOST = 2_000_000  # views and copies that are counted
CHUNK = 20_000


@dataclass(frozen=True)
class Gap:
    """A part of the sphere with hardly any views: its middle (3,), half angle in degrees, and views of the expected."""

    direction: np.ndarray
    half_angle: float
    share: float


@dataclass(frozen=True, eq=False)
class Sampling:
    """density (v,): views about each direction over even ones, in caps of cap degrees; gaps, the largest first.

    sampling (w,): slices through each direction of Fourier space (icosphere of FINE divisions), over their mean.
    """

    density: np.ndarray
    cap: float
    gaps: list[Gap]
    sampling: np.ndarray
    scf: float
    scf_star: float

    @property
    def least_sampled(self) -> np.ndarray:
        """(3,) the direction of Fourier space about which the fewest slices go through."""
        return trough(icosphere(FINE)[0], self.sampling)

    @property
    def crowded(self) -> np.ndarray:
        """(3,) the direction, or its opposite, about which most views are."""
        points = icosphere(DIVISIONS)[0]
        return trough(points, -self.density)


def sampled(sight: np.ndarray, operators: np.ndarray, rng: np.random.Generator) -> Sampling:
    """Of views (n, 3), unit vectors in the volume, and a point group (g, 3, 3)."""
    count = len(sight)
    if count * len(operators) > MOST:
        sight = sight[rng.choice(count, max(1, MOST // len(operators)), replace=False)]
    cap = cap_for(len(sight))
    density = _density(sight, operators, cap)
    gaps = _gaps(density, cap, len(sight), operators)
    slices = _slices(sight, operators)
    return Sampling(density, cap, gaps, slices / max(slices.mean(), 1e-30), *compensation(slices))


def cap_for(count: int) -> float:
    """Half angle in degrees of a cap that holds enough of so many even views."""
    cosine = 1 - 2 * EXPECTED / max(count, 1)
    return float(np.clip(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))), NARROWEST, WIDEST))


def _density(sight: np.ndarray, operators: np.ndarray, cap: float) -> np.ndarray:
    points, _ = icosphere(DIVISIONS)
    cosine = np.cos(np.deg2rad(cap))
    found = np.zeros(len(points))
    for operator in operators:
        for start in range(0, len(sight), CHUNK):
            found += (sight[start : start + CHUNK] @ operator @ points.T >= cosine).sum(0)
    return found / (len(sight) * len(operators) * (1 - cosine) / 2)


def crowding(sight: np.ndarray, operators: np.ndarray, cap: float) -> np.ndarray:
    """(v,) views, from either side, about each direction over even ones, in caps of cap degrees."""
    return (_density(sight, operators, cap) + _density(-sight, operators, cap)) / 2


def _gaps(density: np.ndarray, cap: float, count: int, operators: np.ndarray) -> list[Gap]:
    """Connected parts of the sphere with hardly any views, one of those that symmetry makes alike."""
    from scipy.special import pdtr

    expected = count * (1 - np.cos(np.deg2rad(cap))) / 2  # copies are not views of their own
    unlikely = pdtr(np.floor(density * expected), expected) < CHANCE
    empty = (density < EMPTY) & unlikely
    points, _ = icosphere(DIVISIONS)
    near = neighbours(DIVISIONS)
    left, gaps = set(np.flatnonzero(empty).tolist()), []
    while left:
        part, queue = [], [left.pop()]
        while queue:
            part.append(queue.pop())
            fresh = left.intersection(near[part[-1]].tolist())
            left -= fresh
            queue += fresh
        gaps.append(_gap(points[part], density[part], len(points), cap))
    found: list[Gap] = []
    for gap in sorted(gaps, key=lambda one: -one.half_angle):
        copies = np.array([gap.direction @ operator for operator in operators])
        if not any((copies @ other.direction).max() > np.cos(np.deg2rad(other.half_angle / 2 + 4)) for other in found):
            found.append(gap)
    return found


def _gap(directions: np.ndarray, density: np.ndarray, whole: int, cap: float) -> Gap:
    middle = directions.mean(0)
    length = np.linalg.norm(middle)
    middle = middle / length if length > 1e-3 else directions[density.argmin()]
    angle = np.rad2deg(np.arccos(np.clip(1 - 2 * len(directions) / whole, -1, 1)))
    return Gap(middle, min(float(angle + 0.4 * cap), 180.0), float(density.mean()))


def _slices(sight: np.ndarray, operators: np.ndarray) -> np.ndarray:
    """(w,) how many slices, one pixel thick at the radius, each direction of Fourier space lies in."""
    points, _ = icosphere(FINE)
    found = np.zeros(len(points))
    radius = np.clip(len(sight) * len(operators) / (2 * SLICES), LEAST, RADIUS)
    for operator in operators:
        for start in range(0, len(sight), CHUNK):
            along = np.float32(sight[start : start + CHUNK] @ operator) @ np.float32(points.T)
            found += (np.abs(along) < 0.5 / radius).sum(0)
    return found


def compensation(slices: np.ndarray) -> tuple[float, float]:
    """SCF, of the directions that are sampled at all, and SCF*, where the others count as sampled twice.

    The reciprocal of the mean of the reciprocal sampling over the mean sampling: 1 for even views.
    """
    there = slices > 0
    if not there.any():
        return 0.0, 0.0
    mean = slices.mean()
    reciprocal = float((mean / slices[there]).mean())
    lost = np.count_nonzero(~there) / np.count_nonzero(there)
    return 1 / reciprocal, 1 / (reciprocal + lost * mean / 2)
