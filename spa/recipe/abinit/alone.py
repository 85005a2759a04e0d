"""A class whose poses stay unsure to the end is run once more from nothing, on its own images alone.

What keeps its poses from being found is often not what its images show but what others among them have made of its map,
and starts of one map are tried further than those of many. Where the map explains them better, each image by the half
that it is not in, it takes the class's place, and all images are searched in all maps once more.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from spa.abinit import score, stochastic
from spa.abinit.plan import last_bands
from spa.recipe.abinit import inputs, quenching
from spa.recipe.abinit.sharpening import Ended, Sharpening

if TYPE_CHECKING:
    from spa.recipe.abinit.course import Course, Entry, Outcome

SHOWN = 1.0  # log units an image that a class of particles has at least: less, and there is none to find


def mended(course: "Course", best: "Entry", found: Ended, seeds: int) -> tuple["Entry", Ended, tuple[int, ...]]:
    """The entry and its end with such classes' maps in their place, and which they are; as they were where none is
    better, or where all images together are not likelier for it."""
    state, names, shown = found
    assert state.found is not None and state.clear is not None
    maps, widths, taken = state.maps[: len(names)].mean(axis=1), [], []
    for number in range(len(names)):
        rows = np.flatnonzero(state.found.number == number)
        widths.append(best.settings.width_of(number))
        few = min(np.bincount(course.given.images.half[rows], minlength=2)) < inputs.FEWEST / 2
        if few or state.clear[number] > quenching.UNSURE or shown[rows].mean() < SHOWN:
            continue
        course.run.say(f"class {number + 1}: {len(rows)} images alone, as their poses stay unsure")
        other = _alone(course, number, rows, seeds)
        before, after = _explained(course, rows, best, state.maps[number], widths[number], other)
        course.run.say(f"class {number + 1}: evidence {after:.2f} an image alone, {before:.2f} among the others")
        if score.gained(after, before, 1):
            maps[number], widths[number] = other.state.maps[0].mean(axis=0), other.best.settings.width_of(0)
            taken.append(number)
    if not taken:
        return best, found, ()
    settings = replace(best.settings, widths=tuple(widths))
    entry = replace(best, settings=settings, state=replace(best.state, maps=maps, sizes=state.sizes[: len(names)]))
    again = Sharpening(course, entry, "joined").outcome()
    course.run.say(f"all images: evidence {again[2].mean():.2f} an image, {shown.mean():.2f} before")
    return (entry, again, tuple(taken)) if again[2].mean() > shown.mean() else (best, found, ())


def _alone(course: "Course", number: int, rows: np.ndarray, seeds: int) -> "Outcome":
    """The whole course of a class's images."""
    given = course.given
    settings = replace(given.settings, classes=1, batch=inputs.BATCH, junk=False)
    own = replace(given, rows=given.rows[rows], images=given.images.of(rows), settings=settings,
                  centres=given.centres[rows])  # fmt: skip
    return type(course)(course.run, own, course.workers.map, course.workers.engine,
                        course.folder / f"class{number + 1}").outcome(seeds)  # fmt: skip


def _explained(
    course: "Course", rows: np.ndarray, best: "Entry", halves: np.ndarray, width: float, other: "Outcome"
) -> tuple[float, float]:
    """Mean log evidence of a class's images in the half maps (2, n, n, n) that they are not in: of the class, particles
    of a width in them, and of a run on them alone; both in the shells of the finer one."""
    given, loose = course.given, course.loose()
    images, side = given.images.of(rows), course.side
    last = max(*last_bands(best.settings, side), *last_bands(other.best.settings, side))
    scale, told = score.scale(replace(loose, classes=1), side, (last,)), []
    for maps, wide in ((halves, width), (other.state.maps[0], other.best.settings.width_of(0))):
        inside = (maps * stochastic.sphere(images, wide))[None]
        each = score.shown(images, inside, np.zeros(len(rows), int), given.noise, loose, scale, (last,), course.workers)
        told.append(float(each.mean()))
    return told[0], told[1]
