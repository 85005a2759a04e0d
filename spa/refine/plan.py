"""What comes next: which images, how wide a search, when to go local, when to stop.

Going local too early is the main failure of a refinement, so the global phase ends by a test: next to no image moves
by more than two grid steps in a global pass.
"""

from dataclasses import replace

import numpy as np

from spa.refine.problem import Problem
from spa.refine.states import State

SETTLED = 0.02  # share of images that move by more than two steps in a global pass, below which it has settled
SHARP = 0.85  # mean share of the best mode in the posterior, below which the search must be wide
PATIENCE = 3  # iterations without gain after which a run that never settles is stopped
SETTLING = 0.97  # of the least median move yet: a run whose poses still come to rest is not stopped
SUBSETS = (300, 600)  # images a half in the first iterations, while posteriors are sharp
BEYOND = 2  # shells of the references beyond the FSC's crossing
STILL = 0.05  # of a shell's width at the particle's rim: poses that move less have converged


def chosen(problem: Problem, state: State) -> list[np.ndarray]:
    """Rows of each half for the next iteration: all, but a random subset at first where poses are not known."""
    rng = np.random.Generator(np.random.Philox(problem.settings.seed))
    halves = [rng.permutation(np.flatnonzero(problem.images.half == h)) for h in (0, 1)]
    few = state.iteration < len(SUBSETS) and (state.iteration == 0 or state.sharpness > SHARP)
    few = few and problem.prior.poses is None
    limit = SUBSETS[state.iteration] if few else len(problem.images)
    return [np.sort(rows[:limit]) for rows in halves]


def insertion_band(problem: Problem, radius: int) -> int:
    """Shells that are reconstructed: beyond those that are searched, so that the FSC can grow."""
    return min(max(int(1.3 * radius), radius + 8, 16), problem.images.band.radius)


def decided(problem: Problem, state: State, shell: int, complete: bool) -> State:
    """The state with what the next iteration does, from the FSC's crossing; complete: all images took part."""
    images, settings = problem.images, problem.settings
    gained = shell > state.best_shell
    stalled = 0 if gained or not complete else state.stalled + 1
    local = state.local or (complete and state.wandering < SETTLED)
    wide = state.wide or (not local and (state.sharpness < SHARP or stalled > 0))
    rim = shell * settings.diameter / (2 * images.band.box * images.pixel_size)  # shells a radian turns the rim by
    still = state.moved < STILL / max(rim, 1)
    converged = state.local and still and shell <= state.best_shell + 1
    settling = state.moved < SETTLING * state.least
    done = state.iteration >= settings.iterations or converged or (stalled > PATIENCE and not settling)
    return replace(
        state, radius=min(shell + BEYOND, images.band.radius), wide=wide, local=local,
        best_shell=max(shell, state.best_shell), stalled=stalled, done=done, least=min(state.moved, state.least),
    )  # fmt: skip
