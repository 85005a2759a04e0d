"""States as named arrays, so that a stopped run can go on to the same bytes."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from spa.abinit import sharpen, stochastic

Kept = TypeVar("Kept", stochastic.State, sharpen.State)


def save(path: Path, state: Any) -> None:
    """Write a state (.npz) to a path; the caller makes it whole."""
    with open(path, "wb") as stream:
        np.savez(stream, **_flat(state, ""))


def _flat(state: Any, prefix: str) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for field in fields(state):
        value = getattr(state, field.name)
        if is_dataclass(value):
            held |= _flat(value, f"{field.name}.")
        elif value is not None:
            held[prefix + field.name] = value
    return held


def load(path: Path, kind: type[Kept]) -> Kept:
    """A state that was saved; ValueError where it is of another kind."""
    with open(path, "rb") as file, np.load(file) as held:
        values = {name: held[name][()] if held[name].ndim == 0 else held[name] for name in held.files}
    nested = {name.partition(".")[2]: values.pop(name) for name in list(values) if "." in name}
    if nested:
        values["found"] = sharpen.Classified(**nested)
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    try:
        return kind(**plain)
    except TypeError:
        raise ValueError("it is not a state of this program") from None
