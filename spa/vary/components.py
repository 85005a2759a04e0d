"""Components of variation: principal components by expectation and maximisation, each half of the images by itself.

Probabilistic principal components of volumes from projections (Tagare et al., J. Struct. Biol. 191 (2015) 245;
Punjani & Fleet, J. Struct. Biol. 213 (2021) 107702), with images' latent coordinates and grey scales integrated over.
Halves never meet: what their components have in common is not made of noise.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.abinit.compact import compact, rescaled
from spa.class3d.prior import Prior
from spa.refine.problem import Workers
from spa.vary import columns, kinds, normal, pieces
from spa.vary.latent import Latent, apart, ordered, posterior, whitened
from spa.vary.views import ONE, Contrast, Views, moments
from spa.volume.shells import apply_radial
from spa.volume.slices import PADDING, regridded

SPARE = 2  # directions more than components that the start looks for
COLUMNS = 96  # of the covariance at most
PROJECTED = 12  # directions that the columns' span is cut to
SUSPECTS = 4  # pieces that a kind may start without
STILL = 0.005  # change of the subspace in a cycle below which it stands


@dataclass(frozen=True)
class Settings:
    """components; method: "em", from random coordinates, "covariance", from its columns, or "pieces", from a mixture of
    kinds within the span of pieces of the consensus, and no further; start: shells that the start looks at; cycles of
    the start at most; iterations in the whole band at most; finest: shell from which on components fade out
    (None: they do not)."""

    components: int
    method: str
    start: int
    iterations: int
    seed: int
    cycles: int = 40
    finest: int | None = None


@dataclass(frozen=True, eq=False)
class Problem:
    """Views of all images, the prior of their grey scales; consensus (n, n, n) within solvent and the FSC curve
    (n//2+1,) of its halves; prior and region of what varies."""

    views: Views
    contrast: Contrast
    consensus: np.ndarray
    solvent: np.ndarray
    curve: np.ndarray
    prior: Prior
    settings: Settings

    def half(self, number: int) -> np.ndarray:
        """Rows of a half-set."""
        return np.flatnonzero(self.views.images.half == number)

    def coarse(self) -> "Problem":
        """The same in the start's band and as small a box as it allows."""
        radius = self.settings.start
        images = compact(self.views.images, radius)
        box = images.band.box
        masks = self.prior.region, self.solvent
        region, solvent = (np.clip(regridded(one, box), 0, 1) for one in masks)
        views = replace(self.views, images=images)
        prior = Prior(self.prior.density[: radius + 2], region)
        return replace(self, views=views, consensus=rescaled(self.consensus, box), solvent=solvent, prior=prior)


@dataclass(frozen=True, eq=False)
class State:
    """After an iteration: maps (2, q + 1, n, n, n) of the halves, the mean first, components of unit latent variance.

    images: how many there are; moved: how much of the halves' subspaces changed in each iteration (iterations,).
    """

    iteration: int
    images: int
    maps: np.ndarray
    moved: np.ndarray
    done: bool = False


def stream(settings: Settings, *keys: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the keys alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(settings.seed, spawn_key=keys)))


def first_state(problem: Problem, workers: Workers, cycles: int | None = None) -> State:
    """Components in the start's band."""
    settings, small = problem.settings, problem.coarse()
    if settings.method == "pieces":
        return State(0, len(problem.views), np.stack(_from_pieces(problem, workers)), np.zeros(0), True)
    if settings.method == "covariance":
        pair = _from_columns(small, cycles or settings.cycles, workers)
    else:
        pair = [_from_random(small, number, cycles or settings.cycles, workers) for number in (0, 1)]
    box = problem.views.images.band.box
    maps = np.stack([np.stack(list(workers.map(lambda one: rescaled(one, box), half))) for half in pair])
    return State(0, len(problem.views), maps, np.zeros(0), settings.iterations == 0)


def _from_random(problem: Problem, number: int, cycles: int, workers: Workers) -> np.ndarray:
    """Maps (q + 1, n, n, n) of a half: from random coordinates, a few more of them than are kept."""
    settings, rows = problem.settings, problem.half(number)
    q = settings.components + SPARE
    random = stream(settings, 1, number).standard_normal((len(rows), q))
    u = np.concatenate([np.ones((len(rows), 1)), random], axis=1)
    maps = maximised(problem, rows, u, u[:, :, None] * u[:, None, :], settings.start, workers)
    return _climbed(problem, rows, maps, cycles, workers)


def _climbed(problem: Problem, rows: np.ndarray, maps: np.ndarray, cycles: int, workers: Workers) -> np.ndarray:
    """Maps (q + 1, n, n, n) of images rows after cycles in the start's band, at most, without the spare ones."""
    settings = problem.settings
    for _ in range(cycles):
        before = maps
        maps, found = expected(problem, rows, maps, settings.start, workers)
        maps = maximised(problem, rows, found.first, found.second, settings.start, workers)
        if 1 - overlap(before[1 : settings.components + 1], maps[1 : settings.components + 1]) < STILL / 10:
            break
    maps, _ = expected(problem, rows, maps, settings.start, workers)
    return maps[: settings.components + 1]


def _from_columns(problem: Problem, cycles: int, workers: Workers) -> list[np.ndarray]:
    """Maps (q + 1, n, n, n) of both halves from columns of their covariance, which are weighted by their agreement.

    A column is made of those images alone that pass by its frequency, one in as many as its shell's number: of some
    thousand images it is mostly noise, and its span holds a part of what varies.  Cycles with all coefficients of all
    images go on from there.
    """
    settings = problem.settings
    plan = columns.Plan(COLUMNS, PROJECTED, settings.start)
    wanted = columns.frequencies(settings.start, plan.columns, stream(settings, 2))
    halves = [columns.columns(problem.views, problem.half(number), problem.consensus, wanted, settings.start,
                              problem.prior.region, workers) for number in (0, 1)]  # fmt: skip
    out = []
    for number, found in enumerate(columns.directions(halves, wanted, plan)):
        rows = problem.half(number)
        maps = _projected(problem, rows, found, workers)[: settings.components + SPARE + 1]
        out.append(_climbed(problem, rows, maps, cycles, workers))
    return out


def _from_pieces(problem: Problem, workers: Workers) -> list[np.ndarray]:
    """Maps (q + 1, n, n, n) of both halves: how the likeliest kinds of each differ, in the span of the same pieces."""
    settings, radius = problem.settings, problem.views.images.band.radius
    cut = pieces.of(problem.consensus, problem.prior.region, settings.seed)
    everything = np.concatenate([problem.consensus[None], cut.maps])
    out = []
    for number in (0, 1):
        seen = moments(problem.views, problem.half(number), everything, radius, workers)
        suspects = np.argsort(-pieces.excess([seen]), kind="stable")[:SUSPECTS]
        found = kinds.kinds(seen, problem.contrast, suspects, settings.components)
        matrix = np.zeros((len(everything), settings.components + 1))
        matrix[0, 0] = 1  # the consensus is all images' mean: one half's own is nearer to its noise
        spread = np.sqrt(found.share[1:] * (1 - found.share[1:]))
        matrix[1:, 1:] = ((found.parts[1:] - found.parts[0]) * spread[:, None]).T
        matrix = matrix @ apart(seen.turned(matrix), problem.contrast)
        matrix = matrix @ ordered(seen.turned(matrix))
        out.append(np.tensordot(matrix.T, everything, 1).astype(np.float32))
    return out


def _projected(problem: Problem, rows: np.ndarray, found: np.ndarray, workers: Workers) -> np.ndarray:
    """The mean and the likeliest components (p + 1, n, n, n) within the span of maps found (p, n, n, n)."""
    everything = np.concatenate([problem.consensus[None], found])
    seen = moments(problem.views, rows, everything, problem.settings.start, workers)
    strength = np.sqrt(len(found) / np.maximum(seen.quadratic[:, 1:, 1:].mean(axis=0).trace(), 1e-30))
    scale = np.diag(np.r_[1.0, np.full(len(found), strength)])
    matrix, _ = whitened(seen.turned(scale), ONE, 40)
    matrix = scale @ matrix
    matrix = matrix @ ordered(seen.turned(matrix))
    return np.tensordot(matrix.T, everything, 1).astype(np.float32)


def expected(
    problem: Problem, rows: np.ndarray, maps: np.ndarray, radius: int, workers: Workers
) -> tuple[np.ndarray, Latent]:
    """The same maps with coordinates of mean 0 and covariance one, the most seen first; and the coordinates."""
    seen = moments(problem.views, rows, maps, radius, workers)
    matrix = apart(seen, problem.contrast)
    matrix = matrix @ whitened(seen.turned(matrix), problem.contrast)[0]
    matrix = matrix @ ordered(seen.turned(matrix))
    return np.tensordot(matrix.T, maps, 1).astype(np.float32), posterior(seen.turned(matrix), problem.contrast)


def maximised(
    problem: Problem, rows: np.ndarray, first: np.ndarray, second: np.ndarray, radius: int, workers: Workers
) -> np.ndarray:
    """Maps (q + 1, n, n, n) of images rows by moments of their grey scales and coordinates."""
    sums = normal.equations(problem.views, rows, first, second, radius, workers)
    shells = sums.radius + 2
    known = np.clip(np.pad(problem.curve, (0, shells), mode="edge")[:shells], 0.01, 0.999)
    fixed = normal.weights_of(sums, 0) * (1 - known) / known
    variation = problem.prior.density[:shells]
    held = 1 / np.maximum(PADDING**3 * variation, 1e-9 * variation.max() + 1e-30)
    held[0] = held[1]
    maps = normal.solved(sums, np.stack([fixed, *[held] * (first.shape[1] - 1)]), workers)
    maps[0] *= problem.solvent
    maps[1:] *= problem.prior.region
    return maps if problem.settings.finest is None else np.stack([maps[0], *_faded(problem, maps[1:], workers)])


def _faded(problem: Problem, maps: np.ndarray, workers: Workers) -> list[np.ndarray]:
    """Components without detail beyond --lowpass."""
    shell, shells = problem.settings.finest or 0, np.arange(maps.shape[1] // 2 + 1)
    curve = 1 / np.sqrt(1 + (shells / max(shell, 1)) ** 16)
    return list(workers.map(lambda one: apply_radial(one, curve), maps))


def iterated(problem: Problem, state: State, workers: Workers) -> State:
    """The state after one more iteration in the whole band."""
    settings, radius = problem.settings, problem.views.images.band.radius
    maps, alike = [], []
    for number in (0, 1):
        rows = problem.half(number)
        _, found = expected(problem, rows, state.maps[number], radius, workers)
        new = maximised(problem, rows, found.first, found.second, radius, workers)
        alike.append(overlap(state.maps[number, 1:], new[1:]))
        maps.append(new)
    moved = 1 - float(np.mean(alike))
    step = state.iteration + 1
    trail = np.append(state.moved, moved)
    return replace(state, iteration=step, maps=np.stack(maps), moved=trail,
                   done=step >= settings.iterations or moved < STILL)  # fmt: skip


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Of the subspaces that maps (q, …) and (p, …) span: mean squared cosine of the smaller one's directions.

    Of maps that have all gone to nothing 1, and 0 where one of the two has.
    """
    small, large = sorted((_basis(a), _basis(b)), key=len)
    if not len(small):
        return float(not len(large))
    return float((np.linalg.norm(small @ large.T, axis=1) ** 2).mean())


def _basis(maps: np.ndarray) -> np.ndarray:
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    keep = values > 1e-9 * max(values.max(), 1e-30)
    return (vectors[:, keep] / np.sqrt(values[keep])).T @ flat


def aligned_with(maps: np.ndarray) -> np.ndarray:
    """Maps (2, q + 1, …) with the second half's components turned onto the first's, by the rotation that fits best."""
    first, second = (one[1:].reshape(len(one) - 1, -1).astype(np.float64) for one in maps)
    u, _, v = np.linalg.svd(second @ first.T)
    out = maps.copy()
    out[1, 1:] = np.tensordot((u @ v).T, maps[1, 1:], 1)
    return out
