"""What an iteration leaves on disk: enough to go on from, to the same bytes."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from spa.refine.expectation import Poses
from spa.refine.loop import State

_ARRAYS = ("curve", "noise", "searched")
_LISTS = ("maps", "halves")


def save(path: Path, state: State) -> None:
    """Write a state (.npz) to a path; the caller makes it whole."""
    held: dict[str, np.ndarray] = {name: getattr(state, name) for name in _ARRAYS}
    for name in _LISTS:
        for number, volume in enumerate(getattr(state, name)):
            held[f"{name}_{number}"] = volume
    for field in fields(Poses):
        held[f"poses_{field.name}"] = getattr(state.poses, field.name)
    if state.joint is not None:
        held["joint"] = state.joint
    taken = {*_ARRAYS, *_LISTS, "poses", "joint"}
    for field in fields(State):
        if field.name not in taken:
            held[field.name] = np.asarray(getattr(state, field.name))
    with open(path, "wb") as stream:
        np.savez(stream, **held)  # type: ignore[arg-type]


def load(path: Path, state: State) -> State:
    """A saved state; the given one says which plain values there are."""
    with np.load(path) as held:
        poses = Poses(**{field.name: held[f"poses_{field.name}"] for field in fields(Poses)})
        values = {name: held[name] for name in _ARRAYS}
        plain = {
            field.name: held[field.name].item()
            for field in fields(State)
            if field.name not in {*_ARRAYS, *_LISTS, "poses", "joint"}
        }
        lists = {name: [held[f"{name}_{i}"] for i in range(2) if f"{name}_{i}" in held] for name in _LISTS}
        joint = held["joint"] if "joint" in held else None
    return replace(state, poses=poses, joint=joint, **values, **plain, **lists)
