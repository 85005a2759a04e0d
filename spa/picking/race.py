"""Shapes compete on one micrograph after another, and those that fall far behind run no further.

What a shape explains of one micrograph it explains of the next, within a third or so: what will be the best of its kind
is not at half of another's after some of them, and most that are tried are.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from spa.picking.field import Field
from spa.picking.matched import evidence
from spa.picking.shapes import Shape

Map = Callable[..., Iterable]
_BEHIND = 0.5  # of the evidence for the best of its kind so far: not to catch up


@dataclass(frozen=True)
class Runner:
    """A shape, and the evidence for it in the fields that it has run on, in their order."""

    shape: Shape
    gains: tuple[float, ...] = ()

    def after(self, count: int) -> float:
        """Evidence in the first fields; of those that it has not run on, what the mean of the others promises."""
        run = self.gains[:count]
        return sum(run) * count / len(run) if run else 0.0


def race(
    shapes: Sequence[Shape], jury: Sequence[Field], room: float, over: Map, rival: Runner | None = None
) -> list[Runner]:
    """All shapes: first those that ran to the end, and of these the ones with most evidence.

    A shape stops that has less than half of what the best of its kind (`Shape.name`), or a rival that ran before, has
    so far. room: of one place, angstroms, as `evidence` takes it; ``over`` maps a function over shapes.
    """
    runners = [Runner(shape) for shape in shapes]
    for number, field in enumerate(jury):
        _ = field.passed, field.white_ft  # once, before threads ask for them
        running = _running(runners, number, rival)
        gains = over(partial(_gain, field=field, room=room), [runners[at].shape for at in running])
        for at, gain in zip(running, gains):
            runners[at] = Runner(runners[at].shape, (*runners[at].gains, gain))
    return sorted(runners, key=lambda one: (-len(one.gains), -one.after(len(jury))))


def _running(runners: Sequence[Runner], number: int, rival: Runner | None) -> list[int]:
    """Indices of those that go on to the next field after so many."""
    still = [(at, one.shape.name, one.after(number)) for at, one in enumerate(runners) if len(one.gains) == number]
    leads = {kind: rival.after(number) if rival else -np.inf for _, kind, _ in still}
    for _, kind, value in still:
        leads[kind] = max(leads[kind], value)
    return [at for at, kind, value in still if value >= _least(leads[kind])]


def _least(lead: float) -> float:
    return _BEHIND * lead if lead > 0 else lead


def _gain(shape: Shape, field: Field, room: float) -> float:
    return evidence(field, shape, room)
