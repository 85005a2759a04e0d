"""What comes next: which images, how wide a search, when to go local, when to stop.

Going local too early is the main failure of a refinement, so the global phase ends by a test: next to no image that
shows the particle moves by more than two grid steps in a global pass; or, once passes bring nothing any more, no more
of them than their own posteriors foretell, which is all that can be asked of images that are never sure. Where most
are sure, a pass brings nothing if no image that takes its turn is likelier than in its turn before, beyond chance: the
map that it is searched against lacks it, so its evidence is that of unseen data and does not grow with mere belief.

Where posteriors are broad an image's own share of its half's map speaks for the pose that it has, right or wrong: some
ten units of log p at a signal-to-noise ratio of 0.015 and a thousand images, as much as the right pose would gain. So
images take turns there: those of an iteration are searched against the map of the others, and then put into it (an
incremental expectation-maximisation: Neal & Hinton, in Learning in Graphical Models (1998) 355). They do until an
image's own noise is little beside what the image tells: one search of all of them would undo what turns have won.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.refine.problem import Problem
from spa.refine.recognised import threshold
from spa.refine.states import State
from spa.search.prior import Prior

SETTLED = 0.02  # share of images that move by more than two steps in a global pass, below which it has settled
ROVING = 0.05  # the same, where nothing was gained for a pass over all images: what still moves has nowhere to go
SHARP = 0.75  # mean share of the best mode in the posterior, below which the search must be wide
PATIENCE = 3  # passes without gain after which a run that never settles is stopped
SHARPER = 1.05  # of the sharpness before: posteriors still sharpen, and a run that gains nothing else goes on
SETTLING = 0.97  # of the least median move yet: a run whose poses still come to rest is not stopped
FIRST = 300  # images a half in the first iteration; each of the next takes up to twice as many
CHANCE = 2.0  # standard errors of the mean growth of images' evidence that are no growth
TURNS = 4  # iterations in which all images have had their turn, where posteriors are broad
OWN = 0.2  # of what an image tells: an image's own share in its map, above which images take turns
BEYOND = 2  # shells of the references beyond the FSC's crossing
STILL = 0.05  # of a shell's width at the particle's rim: poses that move less have converged
CERTAIN = 0.3  # of their own error: the same

LEAST_SHIFT = 1.0  # pixels: the prior of shifts is never narrower
REACH = 2.5  # of its standard deviation: shifts that are searched; the climb goes farther
CLEAR, FEWEST = 0.9, 50  # share of the best mode of images that tell how far all are shifted, and how many it takes
EDGE = 0.85  # of the largest shift searched: what is found beyond may belong farther out

Halves = list[np.ndarray]  # rows of each half


def chosen(problem: Problem, state: State) -> Halves:
    """Rows of each half for the next iteration: all, but random subsets in turn while poses are not known."""
    rng = np.random.Generator(np.random.Philox(problem.settings.seed))
    halves = [rng.permutation(rows) for rows in everything(problem)]
    sizes = [_size(problem, state, len(rows)) for rows in halves]
    return [np.sort(rows[(state.begun + np.arange(size)) % len(rows)]) for rows, size in zip(halves, sizes)]


def everything(problem: Problem) -> Halves:
    """All rows of each half."""
    return [np.flatnonzero(problem.images.half == half) for half in (0, 1)]


def _size(problem: Problem, state: State, n: int) -> int:
    """How many of a half's n images are searched next."""
    if state.local or problem.prior.poses is not None:
        return n
    grown = min(n, FIRST << min(state.iteration, 40))
    if state.iteration == 0:
        return grown
    if state.turns:
        return min(grown, -(-n // TURNS))
    return grown if state.iteration == 1 else n


def advanced(problem: Problem, state: State, halves: Halves) -> State:
    """The state whose images `halves` have been searched: others' turn is next, or all are, near their poses."""
    turns = state.sharpness < SHARP or state.stalled > 0 or _roving(state) or own_share(problem, state) > OWN
    if not state.local and _goes_local(state):  # all are yet to be climbed in maps of all
        state = replace(state, local=True, moved=np.pi, stalled=0.0)
    return replace(state, begun=state.begun + max(map(len, halves)), turns=turns)


def own_share(problem: Problem, state: State) -> float:
    """How much of what an image tells (log p of its best pose, in the median) is its own share in its half's map.

    Each image of a half takes part in as many of the map's coefficients as there are, over all the half's views.
    """
    best = state.best()[0]
    told = np.median(best.logp[np.arange(len(best.logp)), best.weight.argmax(axis=1)][state.searched])
    views = len(problem.settings.operators) * state.searched.sum() / 2
    coefficients = 2 * np.pi / 3 * state.radius**3 * (problem.solvent**2).mean()
    return float(coefficients / views / max(told, 1e-6))


@dataclass(frozen=True)
class Rest:
    """Of images that show the particle: the share that moved far in a search, and how many would have been foretold.

    1: none that shows it was searched twice yet.
    """

    wandering: float = 1.0
    foretold: float = 0.0


def rest(far: np.ndarray, peak: np.ndarray, evidence: np.ndarray) -> Rest:
    """From (n,) whether images moved far, the share of the posterior of the pose that they had, and the evidence for
    the particle in each: an image whose posterior is honest moves as often as it is unsure."""
    shown = evidence > threshold(evidence)
    if not shown.any():
        return Rest()
    return Rest(float(far[shown].mean()), float(1 - peak[shown].mean()))


def _roving(state: State) -> bool:
    return state.wide and ROVING < state.wandering < 1  # 1: none was searched twice yet


def _idle(state: State) -> bool:
    """Whether nothing has come of the last passes: no resolution, no rest of poses, no sharper posteriors."""
    settling = state.moved < SETTLING * state.least or state.passes - state.rose <= PATIENCE
    return state.stalled > PATIENCE and not settling


def _astray(state: State) -> bool:
    """Whether poses that are climbed from their last ones alone go on moving for nothing: no resolution has come of it
    for a pass, nor do they come to rest. That posteriors sharpen says nothing there: modes only grow fewer."""
    return state.stalled > 1 and state.moved >= SETTLING * state.least


def _exhausted(state: State) -> bool:
    """Whether a whole pass of turns has brought neither resolution nor evidence, where most poses are sure.

    Where they are not, a map may climb for passes by less than can be seen before all images find their way.
    """
    if state.likelier is None or not (state.turns and state.sharpness >= SHARP and state.stalled >= 1):
        return False
    grown = state.likelier[state.evidence > threshold(state.evidence)]
    grown = grown[np.isfinite(grown)]
    return len(grown) >= FEWEST and bool(grown.mean() <= CHANCE * grown.std() / np.sqrt(len(grown)))


def _goes_local(state: State) -> bool:
    rest = state.wandering < SETTLED or (state.wandering < ROVING and state.stalled >= 1)
    foretold = state.wandering <= state.foretold and (_idle(state) or _exhausted(state))  # the unsure ones stay so
    return state.local or (bool(state.searched.all()) and (rest or foretold))


def parted(problem: Problem, state: State) -> Halves:
    """All rows that have poses, of each half: without those that the next iteration searches, and then these.

    Where the next searches all there are only two parts.
    """
    known = [rows[state.searched[rows]] for rows in everything(problem)]
    following = chosen(problem, state)
    if sum(map(len, following)) == len(problem.images):
        return known
    spared = [rows[state.searched[rows]] for rows in following]
    return [np.setdiff1d(rows, some) for rows, some in zip(known, spared)] + spared


def shift_prior(problem: Problem, state: State) -> tuple[Prior, float]:
    """What is believed of shifts in a search of the whole grid, and the largest one searched (pixels).

    The images tell their spread themselves (as in Scheres, J. Struct. Biol. 180 (2012) 519), here by the median of
    those whose pose is clear.
    """
    prior, range_ = problem.prior, problem.settings.shift_range / problem.images.pixel_size
    if prior.poses is not None:
        return prior, range_
    best = state.best()[0]
    clear = np.flatnonzero(best.weight.max(axis=1) > CLEAR)
    if len(clear) < FEWEST:
        return prior, range_
    away = best.shifts[clear, best.weight[clear].argmax(axis=1)] - prior.centres[clear]
    sigma = 1.4826 * float(np.median(np.abs(away)))
    sigma = min(max(sigma, LEAST_SHIFT), widest_shift(problem) / REACH)
    return replace(prior, shift_sigma=sigma), REACH * sigma


def widest_shift(problem: Problem) -> float:
    """The largest shift that may be searched (pixels)."""
    return (problem.settings.widest or problem.settings.shift_range) / problem.images.pixel_size


def at_edge(problem: Problem, state: State) -> float:
    """The share of images whose best shift lies at the edge of what was searched about its centre."""
    best = state.best()[0]
    pick = np.arange(len(best.weight)), best.weight.argmax(axis=1)
    away = np.linalg.norm(best.shifts[pick] - problem.prior.centres, axis=1)[state.searched]
    return float((away > EDGE * widest_shift(problem)).mean())


def search_band(problem: Problem, shell: int) -> int:
    """Shells that are searched of maps that agree up to one."""
    return min(shell + BEYOND, problem.images.band.radius)


def insertion_band(problem: Problem, radius: int) -> int:
    """Shells that are reconstructed: beyond those that are searched, so that the FSC can grow."""
    return min(max(int(1.3 * radius), radius + 8, 16), problem.images.band.radius)


def _turn_error(state: State) -> float:
    """Median standard deviation of the turn of the best modes (radians)."""
    best = state.best()[0]
    root = best.root[np.arange(len(best.weight)), best.weight.argmax(axis=1), :3][state.searched]
    return float(np.median(np.sqrt((root**2).sum(axis=(1, 2))))) if len(root) else 0.0


def decided(problem: Problem, state: State, shell: int, share: float) -> State:
    """The state with what the next iteration does, from the FSC's crossing; share: of the images that were searched."""
    images, settings = problem.images, problem.settings
    gained = shell > state.best_shell
    complete = bool(state.searched.all())
    stalled = 0.0 if gained or not complete else state.stalled + share
    local = _goes_local(state)
    wide = not local and (state.sharpness < SHARP or stalled > 0 or _roving(state))
    rim = shell * settings.diameter / (2 * images.band.box * images.pixel_size)  # shells a radian turns the rim by
    still = state.moved < max(STILL / max(rim, 1), CERTAIN * _turn_error(state))
    converged = state.local and still and shell <= state.best_shell + 1
    if state.sharpness > SHARPER * state.sharpest:
        state = replace(state, sharpest=state.sharpness, rose=state.passes)
    now = replace(state, stalled=stalled)
    idle = _astray(now) if state.local else _idle(now) and state.wandering > state.foretold
    done = state.passes > settings.iterations - 1e-6 or converged or idle
    return replace(
        state, radius=search_band(problem, shell), wide=wide, local=local,
        best_shell=max(shell, state.best_shell), stalled=stalled, done=done, least=min(state.moved, state.least),
    )  # fmt: skip
