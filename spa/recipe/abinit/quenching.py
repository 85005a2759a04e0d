"""Other starts for one map that is in doubt at the end: quenched, in finer shells, from small batches.

Of small particles in wide spheres all heats make one map, its own mirror image: shells that would tell are not used.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from spa.abinit import score, sharpen
from spa.abinit.plan import Settings, climb, last_bands, quench, small_batch
from spa.volume.fsc import crossing

if TYPE_CHECKING:
    from spa.recipe.abinit.course import Course, Entry

FINER = 1.2  # times the shells that the particle's width asks for
LAST = 12  # cycles at most
CLEAR = 0.68  # of a posterior, where they end: wrong maps, too, are sharper in finer shells
UNSURE = 0.66  # of the posteriors at the end of a course, below which others are tried


def in_doubt(state: sharpen.State, band: int, last: int) -> bool:
    """Whether poses stay unsure, or half maps of images of so many shells at last are `stuck` in a band."""
    return state.clearest < UNSURE or stuck(state, band, last)


def stuck(state: sharpen.State, band: int, last: int) -> bool:
    """Whether half maps agree no further than what both began from, in a band (shells), though images went further.

    Halves that agree to the last shell of all had nowhere else to go.
    """
    shell = shell_of(state)
    return shell <= band + 1 and shell < last


def shell_of(state: sharpen.State) -> float:
    """Where the half maps of the best class part."""
    return max(crossing(curve, 0.143) for curve in state.curves)


def settings_of(course: "Course") -> Settings:
    """What is asked for, in finer shells and by smaller batches."""
    wanted = course.given.settings
    return replace(wanted, finer=FINER, batch=small_batch(wanted.batch, len(course.rows)))


def best(course: "Course", seeds: int, heated: "Entry", scale: score.Scale) -> "Entry":
    """What makes held-out images likeliest in the shells that it has in common with the best of the heats: that one, or
    one of other starts after its climb and the cycles that it gains by. The likeliest start goes first, none follows
    one that is clear, and one that cannot come up with those before it ends."""
    settings, symmetry = settings_of(course), course.given.symmetry
    finer = scale.with_others([course.scale_of(settings)])
    first, then = quench(settings, course.side), climb(settings, course.side)

    def start(seed: int) -> "Entry":
        return course.further(course.begun("quench", settings, symmetry, seed, first, finer), "climb", then, finer)

    starts = course.beside(start, range(seeds))
    for entry in starts:
        course.run.say(f"seed {entry.seed}, {symmetry}: quenched, evidence {entry.evidence:.2f}")
    ends = [heated]
    for entry in sorted(starts, key=lambda entry: -entry.evidence):
        leader = max((end.evidence for end in ends[1:]), default=-np.inf)
        ends.append(course.cycled(entry, 1, LAST, finer, "again", CLEAR, leader))
        if ends[-1].state.sharpness > CLEAR:
            break
    bands = last_bands(heated.settings, course.side)
    weighed = [course.weighed(entry, scale, bands).evidence for entry in ends]
    course.run.say("in the same shells: " + ", ".join(f"{evidence:.2f}" for evidence in weighed))
    return ends[weighed.index(max(weighed))]
