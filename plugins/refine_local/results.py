"""Back from the fulcrum's frame: poses, maps, table and figure."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spa.io.star import Table, Tables
from spa.job.run import Run
from spa.recipe import kept
from spa.recipe.relaxation import with_copies
from spa.refine.states import State
from spa.search.orientations import angles_between
from spa_plugins.refine_local.inputs import Given, shifted

CLEAR = 1.25  # times the error of poses: a part that turns by less is not seen to move


@dataclass(frozen=True, eq=False)
class Moves:
    """How far each particle went from the pose that it had: turn (n,) degrees, shift of the fulcrum (n,) angstroms."""

    turn: np.ndarray
    shift: np.ndarray


def unframed(given: Given, state: State) -> State:
    """A finished state with maps and poses about the box centre again."""
    assert state.halves is not None and state.joint is not None
    back = -given.fulcrum
    halves = np.stack([shifted(one, back) for one in state.halves[0]])[None]
    poses = state.poses[0]
    shifts = poses.shifts + poses.poses[:, :, :2] @ back
    return replace(
        state, halves=halves, joint=shifted(state.joint[0], back)[None], poses=[replace(poses, shifts=shifts)]
    )


def moved(given: Given, state: State) -> Moves:
    """Turns and shifts about the fulcrum, from a state in its frame; turns up to the group that poses are known in."""
    prior, poses = given.framed.problem.prior, state.poses[0]
    assert prior.poses is not None
    n = np.arange(len(poses.weight))
    best = poses.weight.argmax(axis=1)
    turn = angles_between(prior.poses, poses.poses[n, best], given.group)
    away = np.linalg.norm(poses.shifts[n, best] - prior.centres, axis=1)
    return Moves(np.rad2deg(turn), away * given.framed.problem.images.pixel_size)


def written(run: Run, given: Given, state: State, moves: Moves, copies: bool) -> Tables:
    """Maps and curve into DIR; the table with poses, moves and, where it was asked for, copies over a group."""
    inputs = replace(given.framed, problem=replace(given.framed.problem, solvent=given.solvent))
    tables = kept.written(run, inputs, state)
    table = tables["particles"].with_columns(spaLocalTurn=moves.turn, spaLocalShift=moves.shift)
    if copies:
        table = with_copies(table, state.poses[0].weight)
    return tables.with_block("particles", table)


def words(moves: Moves, table: Table) -> str:
    """How far particles went; table: theirs, with the errors of their poses."""
    text = f"turned {np.median(moves.turn):.2f} deg, shifted {np.median(moves.shift):.2f} A (medians)"
    error = float(np.median(table.floats("spaTurnError")))
    return text + (f", no more than poses err by ({error:.2f} deg)" if np.median(moves.turn) < CLEAR * error else "")


def draw(path: Path, given: Given, state: State, moves: Moves) -> None:
    """FSC, the moves, and the map about the fulcrum."""
    from spa.plot import local
    from spa.plot.figure import save

    assert state.joint is not None
    problem = given.framed.problem
    figure = local.overview(
        state.curve, shifted(state.joint[0], given.fulcrum) * problem.solvent, problem.solvent,
        problem.images.pixel_size, kept.resolution(problem, state), moves.turn, moves.shift,
    )  # fmt: skip
    save(figure, path)
