"""How two maps lie to each other, from a few of their central slices.

A slice of the one at a pose A is compared with the other's at A R for every R of a grid on SO(3): for a few A at first,
and for all where that looks well; the best are climbed. The other hand costs nothing: turning a map inside out
conjugates its slices.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from spa.image.disc import disc
from spa.search import orientations
from spa.volume.inversion import inverted
from spa.volume.rotations import from_rotation_vectors
from spa.volume.slices import Reference, reference, slices
from spa.volume.transform import resampled, transform

PLANES = 8
TOGETHER = 2**16  # samples of turned maps that are taken at once, which stay in the cache
FEW = 4  # each so-manieth plane is looked at first
HOPEFUL = 400  # of a grid, to be looked at in all planes
KEPT = 12  # of those, to be climbed


@dataclass(frozen=True, eq=False)
class Fit:
    """The second map at A turn looks like the first at A (mirrored: turned inside out first); score: correlation.

    shift: (3,) x y z in pixels, by which the second must then be moved.
    """

    turn: np.ndarray
    mirrored: bool
    score: float
    shift: np.ndarray = field(default_factory=lambda: np.zeros(3))


@dataclass(frozen=True, eq=False)
class Probe:
    """Where maps are sampled: planes (p, 3, 3) and frequencies in them."""

    planes: np.ndarray
    kx: np.ndarray
    ky: np.ndarray

    def points(self) -> np.ndarray:
        """(p K, 3) where in the transform the samples of unturned planes lie."""
        return (self.kx[:, None] * self.planes[:, None, 0] + self.ky[:, None] * self.planes[:, None, 1]).reshape(-1, 3)

    def turned(self, turn: np.ndarray) -> "Probe":
        """The same planes turned by (3, 3)."""
        return Probe(self.planes @ turn, self.kx, self.ky)

    def cut(self, source: Reference, turns: np.ndarray) -> np.ndarray:
        """(m, 2, p K) of a map at every plane turned by turns (m, 3, 3)."""
        poses = np.einsum("pij,mjk->mpik", self.planes, turns).reshape(-1, 3, 3)
        found = slices(source, poses, self.kx, self.ky)
        return np.moveaxis(found.reshape(len(turns), len(self.planes), 2, -1), 1, 2).reshape(len(turns), 2, -1)


def probe(box: int, radius: int, first: int = 2, planes: int = PLANES) -> Probe:
    """Planes that look everywhere, shells first … radius."""
    band = disc(box, radius)
    used = band.shell >= first
    views = orientations.directions(np.sqrt(2 * np.pi / planes))
    views = views[views[:, 2] > 0]
    return Probe(orientations.frames(views, np.arange(len(views)) * 1.0), band.kx[used], band.ky[used])


def unit(values: np.ndarray) -> np.ndarray:
    """Rows (m, 2, K) of length 1."""
    return values / np.maximum(np.sqrt((values**2).sum(axis=(1, 2), keepdims=True)), 1e-20)


def climbed(
    score: Callable[[np.ndarray], np.ndarray], turns: np.ndarray, step: float, free: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """The best of turns (m, 3, 3) climbed by trial rotations of shrinking size; and its score.

    free (3, 3) projects on the axes that may be turned about; None: all.
    """
    around = np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3), _corners()])
    around = around if free is None else around @ free
    values = score(turns)
    while step > 2e-3:
        small = from_rotation_vectors(step * around)
        trials = np.einsum("tij,mjk->mtik", small, turns).reshape(-1, 3, 3)
        found = score(trials).reshape(len(turns), len(small))
        best = found.argmax(axis=1)
        turns = trials.reshape(len(turns), len(small), 3, 3)[np.arange(len(turns)), best]
        values = found.max(axis=1)
        step /= 1.6
        if step < 0.1 and len(turns) > 3:
            order = np.argsort(-values, kind="stable")[:3]
            turns, values = turns[order], values[order]
    best = int(values.argmax())
    return turns[best], float(values[best])


def _corners() -> np.ndarray:
    return np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / np.sqrt(3)


def _searched(
    score: Callable[[np.ndarray], np.ndarray], grid: np.ndarray, step: float, free: np.ndarray | None
) -> tuple[np.ndarray, float]:
    top = np.argsort(-score(grid), kind="stable")[:KEPT]
    return climbed(score, grid[top], step / 2, free)


def _transform(volume: np.ndarray | Reference, radius: int) -> Reference:
    """Of a map up to a radius at least; one that has been made is made once."""
    return volume if isinstance(volume, Reference) else reference(volume, radius)


def fit(
    a: np.ndarray | Reference, b: np.ndarray | Reference, radius: int, mirror: bool = True,
    turns: np.ndarray | None = None, free: np.ndarray | None = None, shift: np.ndarray | None = None,
    run: Callable[..., Iterable] = map,
) -> Fit:  # fmt: skip
    """How b must be turned (and mirrored) and moved to look like a, both nearly centred; in shells 2 … radius.

    turns (m, 3, 3) and shift (3,): where to climb from; None: everywhere, and 0. free (3, 3) projects on the axes about
    which b may be turned from there, and along which it may be moved; None: all. run: what may look at several turns
    at once.
    """
    step = min(3.0 / radius, 0.45)
    if turns is None:
        turns = orientations.grid(step, np.eye(3)[None], np.random.Generator(np.random.Philox(1))).astype(np.float64)
    fixed, source = _transform(a, radius), _transform(b, radius)
    box, where = fixed.box, probe(fixed.box, radius)
    wanted = where.cut(fixed, np.eye(3)[None])[0]
    best = Fit(np.eye(3), False, -1.0, np.zeros(3) if shift is None else shift)
    still = _moved(where, wanted, -best.shift, box)
    for mirrored in (False, True) if mirror else (False,):
        hopeful = _hopeful(where, source, still, mirrored, run, turns)
        turn, value = _searched(_likeness(where, source, still, mirrored, run), hopeful, step, free)
        if value > best.score:
            best = replace(best, turn=turn, mirrored=mirrored, score=value)
    for _ in range(2):
        laid = _moved(where, _laid(where, source, best), best.shift, box)
        more = _shift(where, wanted, laid, box)
        best = replace(best, shift=best.shift + (more if free is None else free @ more))
        still = _moved(where, wanted, -best.shift, box)
        like = _likeness(where, source, still, best.mirrored, run)
        turn, value = climbed(like, best.turn[None], min(0.1, step), free)
        best = replace(best, turn=turn, score=value)
    return best


def _likeness(
    where: Probe, source: Reference, wanted: np.ndarray, mirrored: bool, run: Callable[..., Iterable]
) -> Callable[[np.ndarray], np.ndarray]:
    """A function of turns (m, 3, 3): the correlation (m,) of a map so turned with the values wanted (2, p K)."""
    aim = unit(wanted[None])[0] * np.array([1.0, -1.0 if mirrored else 1.0])[:, None]

    def some(turns: np.ndarray) -> np.ndarray:
        return np.einsum("mck,ck->m", unit(where.cut(source, turns)), aim)

    def score(turns: np.ndarray) -> np.ndarray:
        parts = np.array_split(turns, np.clip(len(turns) * aim.shape[1] // TOGETHER, 1, len(turns)))
        return np.concatenate(list(run(some, parts)))

    return score


def _hopeful(
    where: Probe, source: Reference, wanted: np.ndarray, mirrored: bool, run: Callable[..., Iterable], turns: np.ndarray
) -> np.ndarray:
    """Of turns (m, 3, 3) those that lay a few planes best on the values wanted (2, p K) there."""
    if len(turns) <= HOPEFUL:
        return turns
    few = Probe(where.planes[::FEW], where.kx, where.ky)
    values = wanted.reshape(2, len(where.planes), -1)[:, ::FEW].reshape(2, -1)
    order = np.argsort(-_likeness(few, source, values, mirrored, run)(turns), kind="stable")
    return turns[order[:HOPEFUL]]


def _moved(where: Probe, values: np.ndarray, shift: np.ndarray, box: int) -> np.ndarray:
    """Samples (2, p K) of a map moved by a shift (3,) in pixels."""
    moved = (values[0] + 1j * values[1]) * np.exp(-2j * np.pi / box * (where.points() @ shift))
    return np.stack([moved.real, moved.imag])


def _laid(where: Probe, source: Reference, found: Fit) -> np.ndarray:
    """(2, p K) of the second map where the first is sampled, not yet moved."""
    values = where.cut(source, found.turn[None])[0]
    return values * np.array([1.0, -1.0])[:, None] if found.mirrored else values


def _shift(where: Probe, a: np.ndarray, b: np.ndarray, box: int, rounds: int = 6) -> np.ndarray:
    """The move of b (2, K) that correlates best with a, by Newton from 0; box in pixels."""
    q = 2 * np.pi / box * where.points()
    product = (a[0] - 1j * a[1]) * (b[0] + 1j * b[1])
    shift = np.zeros(3)
    for _ in range(rounds):
        phased = product * np.exp(-1j * (q @ shift))
        curvature = (q * np.maximum(phased.real, 0)[:, None]).T @ q
        step = np.linalg.solve(curvature + 1e-9 * np.trace(curvature) * np.eye(3), q.T @ phased.imag)
        shift += step / max(1.0, float(np.linalg.norm(step)))
    return shift


def shell_correlation(
    a: np.ndarray | Reference, b: np.ndarray | Reference, found: Fit, radius: int
) -> np.ndarray:
    """(radius + 1,) FSC of a with b laid upon it, from 60 slices."""
    one = _transform(a, radius)
    where = probe(one.box, radius, first=1, planes=60)
    x = where.cut(one, np.eye(3)[None])[0]
    y = _moved(where, _laid(where, _transform(b, radius), found), found.shift, one.box)
    shell = np.tile(np.rint(np.hypot(where.kx, where.ky)).astype(int), len(where.planes))
    total = [np.bincount(shell, (p * q).sum(axis=0), radius + 1) for p, q in ((x, y), (x, x), (y, y))]
    return total[0] / np.sqrt(np.maximum(total[1] * total[2], 1e-30))


def turned(volume: np.ndarray, turn: np.ndarray, mirrored: bool = False) -> np.ndarray:
    """The map whose slice at A is the given map's at A turn; mirrored: the map is turned inside out first.

    turn: (3, 3), or (g, 3, 3) to average over.
    """
    n = len(volume)
    if mirrored:
        volume = inverted(volume)
    return resampled(transform(volume, 1.0), n, 1.0, turn.reshape(-1, 3, 3))
