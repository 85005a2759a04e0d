"""How far a search has moved the images' poses, how sure it is of them, and how much likelier it has made them."""

from dataclasses import dataclass, replace

import numpy as np

from spa.refine import plan, recognised
from spa.refine.states import State
from spa.search import orientations

SETTLED_PEAK = 0.9  # share of the best mode from which an image that keeps its pose has settled


@dataclass(frozen=True, eq=False)
class Before:
    """Poses (n, 3, 3) of all images before a search, and each one's share (n,) of its posterior."""

    poses: np.ndarray
    peak: np.ndarray

    @classmethod
    def of(cls, state: State) -> "Before":
        best = state.best()[0]
        return cls(best.best(), best.weight.max(axis=1) * state.shares.max(axis=1))


def measured(state: State, rows: np.ndarray, before: Before, step: float, operators: np.ndarray) -> State:
    """How sharp the posteriors of rows are, and how far their poses moved that were there before.

    step: of the wide search's grid, radians.
    """
    searched, settled = state.searched.copy(), state.settled.copy()
    searched[rows] = True
    after = Before.of(state)
    again = rows[state.searched[rows]]
    moved, rest = np.pi, plan.Rest()
    if len(again):
        turn = orientations.angles_between(before.poses[again], after.poses[again], operators)
        moved, rest = float(np.median(turn)), plan.rest(turn > 2 * step, before.peak[again], state.evidence[again])
        settled[again] = (turn < step) & (after.peak[again] > SETTLED_PEAK)
    return replace(
        state, searched=searched, settled=settled, sharpness=float(after.peak[rows].mean()), moved=moved,
        clarity=_clarity(state, rows, after.peak), wandering=rest.wandering, foretold=rest.foretold,
    )  # fmt: skip


def likelier(state: State, evidence: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n,) by how much each image's evidence has grown in its last search: new for those of rows searched before."""
    grown = np.full(len(evidence), np.nan) if state.likelier is None else state.likelier.copy()
    again = rows[state.searched[rows]]
    with np.errstate(invalid="ignore"):  # of images that had none
        grown[again] = evidence[again] - state.evidence[again]
    return grown


def _clarity(state: State, rows: np.ndarray, peak: np.ndarray) -> float:
    """Mean share (n,) of the best mode of rows that show the particle, in the last search that could find others: the
    modes of images that are climbed from their own only grow fewer, and surer than they have reason to be."""
    if state.local and state.clarity:
        return state.clarity
    shown = rows[state.evidence[rows] > recognised.SURE]
    return float(peak[shown].mean()) if len(shown) else 0.0
