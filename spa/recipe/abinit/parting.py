"""Kinds told apart: every start of several classes is swept (`crossed`), and the one that explains images best goes on.

Classes that heat up together come out of it alike, each a mixture of all kinds. Starts that are quenched differ, and so
does what sweeps make of them: it is the evidence of images which no map holds that tells the better one.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from spa.abinit import crossed, score, stochastic
from spa.abinit.plan import last_bands, sweep

if TYPE_CHECKING:
    from spa.recipe.abinit.course import Course, Entry

RACE = 12  # sweeps of every start, at most
MORE = 36  # of the best


def best(course: "Course", ranked: list["Entry"], scale: score.Scale) -> tuple["Entry", score.Scale]:
    """The best of starts, the likeliest first, after its sweeps, with its evidence in the scale that comes with it.

    What the classes hold is more of one kind once they have raced: their widths are measured again.
    """
    found = swept(course, ranked[0], "sweep", scale, RACE)
    if found.state.sharpness < stochastic.SHARP or found.settings.widths:
        leader = found.state.evidence
        every = [found, *course.beside(lambda one: swept(course, one, "sweep", scale, RACE, leader), ranked[1:])]
        found = max(every, key=lambda entry: entry.state.evidence)
    narrow = course.narrowed(found, last_bands(found.settings, course.side))
    start = next(entry for entry in ranked if entry.seed == found.seed)
    if narrow is not found or found.state.step - start.state.step >= RACE:
        scale = course.scale_with(scale, [narrow])
        found = swept(course, narrow, "onward", scale, MORE)
    return course.weighed(found, scale), scale


def swept(
    course: "Course", entry: "Entry", part: str, scale: score.Scale, most: int, leader: float = -np.inf
) -> "Entry":
    """The entry after so many sweeps at most; fewer where it cannot come up with a leader's evidence."""
    given, todo = course.given, sweep(entry.settings, course.side, scale.step)

    def make() -> stochastic.State:
        key = course.key(entry.seed)
        every = crossed.swept(given.images, entry.state, given.noise, entry.settings, key, course.rows, todo,
                              most, course.workers, leader)  # fmt: skip
        return course.followed(every, entry.state, most, "sweep", entry.seed)

    state = course.kept(f"{part}_{entry.symmetry}_{entry.seed}", stochastic.State, make)
    course.run.say(f"seed {entry.seed}, {entry.symmetry}: swept, evidence {state.evidence:.2f} of images in no map")
    return replace(entry, state=state)
