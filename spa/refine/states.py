"""What an iteration leaves, in memory and on disk: enough to go on from, to the same bytes."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from spa.refine.expectation import Poses


@dataclass(frozen=True, eq=False)
class State:
    """After an iteration.

    maps: the regularised half maps; curve: FSC of the half maps in the solvent mask; radius: the band (shells);
    searched (n,): which images have poses; wide, local: the kind of the next search; best_shell: the best 0.143
    crossing yet and stalled: iterations since; moved: median turn (radians) of the images searched again;
    least: the smallest of these yet; wandering: the share that moved more than two grid steps; sharpness: mean share
    of the best mode; halves, joint: unfiltered half maps and their regularised sum, once done.
    """

    iteration: int
    maps: list[np.ndarray]
    curve: np.ndarray
    radius: int
    noise: np.ndarray
    poses: Poses
    searched: np.ndarray
    shift_sigma: float
    wide: bool = False
    local: bool = False
    best_shell: int = 0
    stalled: int = 0
    moved: float = np.pi
    least: float = np.pi
    wandering: float = 1.0
    sharpness: float = 0.0
    done: bool = False
    halves: list[np.ndarray] = field(default_factory=list)
    joint: np.ndarray | None = None


_ARRAYS = ("curve", "noise", "searched")
_LISTS = ("maps", "halves")
_PLAIN = [f.name for f in fields(State) if f.name not in {*_ARRAYS, *_LISTS, "poses", "joint"}]


def save(path: Path, state: State) -> None:
    """Write a state (.npz) to a path; the caller makes it whole."""
    held: dict[str, Any] = {name: getattr(state, name) for name in (*_ARRAYS, *_PLAIN)}
    for name in _LISTS:
        held |= {f"{name}_{number}": volume for number, volume in enumerate(getattr(state, name))}
    held |= {f"poses_{f.name}": getattr(state.poses, f.name) for f in fields(Poses)}
    if state.joint is not None:
        held["joint"] = state.joint
    with open(path, "wb") as stream:
        np.savez(stream, **held)


def load(path: Path, start: State) -> State:
    """A saved state of the problem that begins with start; ValueError where it is of another one."""
    with np.load(path) as held:
        values: dict[str, Any] = {name: held[name] for name in _ARRAYS}
        values |= {name: held[name].item() for name in _PLAIN}
        values |= {name: [held[f"{name}_{i}"] for i in range(2) if f"{name}_{i}" in held] for name in _LISTS}
        values["poses"] = Poses(**{f.name: held[f"poses_{f.name}"] for f in fields(Poses)})
        values["joint"] = held.get("joint")
    if len(values["searched"]) != len(start.searched) or values["maps"][0].shape != start.maps[0].shape:
        raise ValueError("it is of other particles")
    return replace(start, **values)
