"""The state of an iteration, a record of arrays and numbers: kept whole in DIR, and taken up with --resume."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from spa.errors import DataError, ReadError
from spa.io import arrays
from spa.job.run import Run

STATE = "state.npz"

State = TypeVar("State")


def resumed(run: Run, kind: type[State], fits: Callable[[State], bool] = lambda _: True) -> State | None:
    """The last whole iteration with --resume, if there is one; fits: whether it is of this run's particles."""
    assert run.outdir is not None
    path = run.outdir / STATE
    if not run.resume or not path.exists():
        return None
    try:
        held = arrays.read(path)
        values = {field.name: held[field.name] for field in fields(kind)}  # type: ignore[arg-type]
    except (DataError, KeyError):
        raise ReadError(f"{path}: cannot be read: it is not the whole state of an iteration") from None
    state: Any = kind(**{name: value.item() if value.ndim == 0 else value for name, value in values.items()})
    if not fits(state):
        raise DataError(f"{path}: it is of other particles")
    run.warn(f"going on after iteration {state.iteration}")
    return state


def checkpoint(run: Run, state: Any) -> None:
    """Keep an iteration, and stop after it when asked to."""
    assert run.outdir is not None
    arrays.write(run.outdir / STATE, {field.name: np.asarray(getattr(state, field.name)) for field in fields(state)})
    run.checkpoint()


def course(
    run: Run, kind: type[State], fits: Callable[[State], bool], first: Callable[[], State],
    step: Callable[[State], State], line: Callable[[State], str], done: Callable[[State], bool],
) -> State:  # fmt: skip
    """The last iteration: steps, told by a line each, from the first state or with --resume from the last whole one."""
    state = resumed(run, kind, fits)
    if state is None:
        state = first()
        checkpoint(run, state)
    while not done(state):
        state = step(state)
        run.note(line(state))
        checkpoint(run, state)
    return state
