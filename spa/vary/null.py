"""Whether anything varies: components of one half-set tried on the images of the other, and on shuffled images.

Components made of noise make the images of the other half no likelier.  What chance and errors of the model give is
measured on shuffled images: each with the residual of another one, so that nothing in them fits together in space.
Pieces of the consensus are tried besides, which tell kinds too rare for components to be learnt.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.class3d.sums import blocks_of
from spa.refine.problem import Workers
from spa.vary import pieces
from spa.vary.components import Problem, State, aligned_with, first_state
from spa.vary.latent import apart, posterior, whitened
from spa.vary.views import Moments, Views, moments
from spa.volume.slices import reference, slices

IMAGES = 6000  # at most, that are shuffled
CYCLES = 12  # of the shuffled images' components
PART = 8192  # images whose moments under all pieces are held at a time: 5 kB each, some times over
CLEAR = 3.0  # standard errors above chance
LOUD = 4.5  # standard deviations of a piece's excess above that of shuffled images, of some tens of pieces


@dataclass(frozen=True, eq=False)
class Null:
    """gain (q,): log evidence an image of the other half gains by the first 1 … q components; error (q,): its standard
    error; chance: the same gain of all components of shuffled images, and chance_error; alike (q,): cosine of both
    halves' components.

    pieces (k, 4): z, y, x of pieces of the consensus from the box centre, in shares of the box, and the excess of
    variance along each over shuffled images', in standard deviations of noise.
    """

    gain: np.ndarray
    error: np.ndarray
    chance: float
    chance_error: float
    pieces: np.ndarray

    @property
    def varies(self) -> bool:
        """Whether components explain images that they were not made of."""
        return self.significant > 0

    @property
    def loudest(self) -> np.ndarray | None:
        """The row of the piece that comes and goes most, if one does."""
        best = self.pieces[np.argmax(self.pieces[:, 3])]
        return best if best[3] > LOUD else None

    @property
    def significant(self) -> int:
        """How many components do: each must add to what those before it gain."""
        steps = np.diff(np.r_[0.0, self.gain])
        worth = (steps > CLEAR * self.error) & (self.gain > self.chance + CLEAR * self.chance_error)
        return int(len(steps) if worth.all() else np.argmin(worth))


def null(problem: Problem, state: State, radius: int, workers: Workers, shuffles: int = 1) -> Null:
    """Of a state; shuffles: how many times the images are shuffled (0: chance is taken to be nothing)."""
    steps = held_out(problem, state, radius, workers)
    gain, error = steps.mean(axis=0), steps.std(axis=0) / np.sqrt(len(steps))
    error = np.r_[error[0], np.diff(steps, axis=1).std(axis=0) / np.sqrt(len(steps))]
    small, seed = problem.coarse(), problem.settings.seed
    seeds = [seed + 7919 * (number + 1) for number in range(shuffles)]
    mixed = [replace(small, views=shuffled(small, one, workers), settings=replace(small.settings, seed=one))
             for one in seeds]  # fmt: skip
    chances = [_chance(one, workers) for one in mixed]
    chance, spread = max(chances, default=(0.0, 0.0))
    cut = pieces.of(small.consensus, small.prior.region, seed)
    usual = np.mean([_excess(small, one.views, cut, workers).mean() for one in mixed]) if mixed else 0.0
    tried = np.c_[cut.centres / len(small.consensus), _excess(small, small.views, cut, workers) - usual]
    spread = max(spread, float(steps[:, -1].std() / np.sqrt(len(steps))))
    return Null(gain, error, chance, spread, tried)


def _excess(problem: Problem, views: Views, cut: pieces.Pieces, workers: Workers) -> np.ndarray:
    """(k,) of pieces, in the start's band: moments of so many maps are held of some images at a time."""
    maps, rows = np.concatenate([problem.consensus[None], cut.maps]), np.arange(len(views))
    parts = np.split(rows, range(PART, len(rows), PART))
    return pieces.excess(moments(views, part, maps, problem.settings.start, workers) for part in parts)


def held_out(problem: Problem, state: State, radius: int, workers: Workers) -> np.ndarray:
    """(n, q): what each image gains by the first 1 … q components of the half that it is not in."""
    halves = aligned_with(state.maps)
    q = halves.shape[1] - 1
    out = np.empty((len(problem.views), q))
    for number in (0, 1):
        rows, maps = problem.half(number), halves[1 - number]
        seen = moments(problem.views, rows, maps, radius, workers)
        seen = seen.turned(apart(seen, problem.contrast))
        plain = posterior(Moments(seen.linear[:, :1], seen.quadratic[:, :1, :1]), problem.contrast).evidence
        for k in range(1, q + 1):
            part = Moments(seen.linear[:, : k + 1], seen.quadratic[:, : k + 1, : k + 1])
            matrix, _ = whitened(part, problem.contrast)  # strengths are the other half's own
            out[rows, k - 1] = posterior(part.turned(matrix), problem.contrast).evidence - plain
    return out


def _chance(mixed: Problem, workers: Workers) -> tuple[float, float]:
    """Mean gain of an image by all components of shuffled images, and its standard error."""
    steps = held_out(mixed, first_state(mixed, workers, CYCLES), mixed.settings.start, workers)[:, -1]
    return float(steps.mean()), float(steps.std() / np.sqrt(len(steps)))


def shuffled(problem: Problem, seed: int, workers: Workers) -> Views:
    """Some images in the start's band, each what the consensus shows at its pose and the residual of another."""
    views, radius = problem.views, problem.settings.start
    rng = np.random.Generator(np.random.Philox(seed))
    rows = np.sort(rng.permutation(len(views))[:IMAGES])
    band, images = views.images.band, views.images
    count = band.count(radius)
    source = reference(problem.consensus, radius)
    planes = np.empty((len(rows), 2, count), np.float32)

    def split(at: np.ndarray) -> None:
        mine = rows[at]
        model = slices(source, views.poses[mine], band.kx[:count], band.ky[:count])
        model *= images.ctf(mine, count)[:, None]
        x = images.planes[mine, :, :count]
        weight = (1 / views.noise[images.group[mine]])[:, None, band.shell[:count]]
        norm = (weight * model**2).sum(axis=(1, 2))
        scale = ((weight * x * model).sum(axis=(1, 2)) + norm.mean()) / (norm + norm.mean())
        planes[at] = x - scale[:, None, None].astype(np.float32) * model

    def add(at: np.ndarray) -> None:
        mine = rows[at]
        model = slices(source, views.poses[mine], band.kx[:count], band.ky[:count])
        planes[at] = residual[other[at]] + model * images.ctf(mine, count)[:, None]

    places = blocks_of(np.arange(len(rows)))
    list(workers.map(split, places))
    residual = planes.copy()
    other = _others(images.group[rows], images.half[rows], rng)
    list(workers.map(add, places))
    part = images.of(rows)
    full = np.zeros((len(rows), 2, len(band)), np.float32)
    full[:, :, :count] = planes
    return replace(views, images=replace(part, planes=full), poses=views.poses[rows])


def _others(group: np.ndarray, half: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each image another one of its optics group and half-set (itself where it is alone)."""
    out = np.arange(len(group))
    for key in np.unique(np.stack([group, half]), axis=1).T:
        here = np.flatnonzero((group == key[0]) & (half == key[1]))
        mixed = rng.permutation(here)
        out[mixed] = np.roll(mixed, 1)
    return out
