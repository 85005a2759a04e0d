"""The end of a course: poses of all images; with --symmetry auto the axes are looked for before and after."""

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from spa.abinit import looks, score, sharpen, stochastic
from spa.abinit.plan import Settings, last_bands
from spa.symmetry import detect, place
from spa.volume.symmetry import operators

if TYPE_CHECKING:
    from spa.recipe.abinit.course import Course, Entry

STAGES = 3  # of sharpening, at most, each with more symmetry than the one before
PATIENCE = 4  # rounds without gain of which some may yet come
SETTLED = 2  # of them, where the poses of a class are clear
UNSEEN = 1000  # images, of each half half, that say whether rounds gain
FINER = 4 / 3  # of the band of mini-batches: shells that rounds bring right
LOSS = 0.025  # of the held-out evidence that symmetry may cost: a wrong group costs more than twice that
Ended = tuple[sharpen.State, tuple[str, ...], np.ndarray]  # see `Sharpening.outcome`


class Sharpening:
    """From the best entry to its end; part: what its states are kept as."""

    def __init__(self, course: "Course", best: "Entry", part: str = "round") -> None:
        self.course, self.given, self.best, self.part = course, course.given, best, part
        self.loose = replace(best.settings, operators=operators("C1"))
        self.bands = last_bands(best.settings, course.side)
        self.masks = stochastic.solvents(self.given.images, best.settings)

    def outcome(self) -> Ended:
        """The last state, the point group of each class, and what speaks for each image (`shown`)."""
        state, names = self._outcome()
        return state, names, self.shown(state)

    def _outcome(self) -> tuple[sharpen.State, tuple[str, ...]]:
        maps, sizes = self.best.state.maps * self.masks, self.best.state.sizes
        names = tuple(self.best.symmetry for _ in maps)
        if not self.given.auto:
            return self.sharpened(maps, sizes, names), names
        maps, names = self.raised(np.stack([maps, maps], axis=1), sizes, names, None)
        for stage in range(STAGES):
            state = self.sharpened(maps, sizes, names)
            higher, more = self.raised(
                state.maps[: len(names)] * self.masks[:, None], state.sizes[: len(names)], names, state.curves
            )
            if stage + 1 == STAGES or more == names:
                return state, names
            maps, sizes, names = higher, state.sizes[: len(names)], more
        raise AssertionError("the last stage returns")

    def raised(
        self, maps: np.ndarray, sizes: np.ndarray, names: tuple[str, ...], curves: np.ndarray | None
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Means of half maps (c, 2, n, n, n), laid on the axes that they have where these are more than before.

        A group that makes images less likely, each half's with the other's map, is not taken.
        """
        laid, found = maps.mean(axis=1), list(names)
        for number, volume in enumerate(np.array(laid)):
            curve = None if curves is None else 2 * curves[number] / (1 + np.maximum(curves[number], 0))
            there = detect.detected(volume, self.band(number, curve), curve=curve)
            if there.chosen is None or len(there.chosen.group.operators) <= len(operators(names[number])):
                continue
            axes = (there.chosen.frame, there.chosen.centre, there.chosen.group.operators)
            tried = np.array(maps)  # where it is: a coarse grid of poses likes some frames better than others
            tried[number] = [place.averaged(half, *axes) for half in maps[number]]
            before = self.evidence(maps, sizes)
            gain = self.evidence(tried, sizes) - before
            self.course.run.say(f"class {number + 1}: {there.name}, evidence {gain:+.2f}")
            if gain > -LOSS * abs(before):
                laid[number] = place.laid(volume, *axes) * self.masks[number]
                found[number] = there.name
        return laid, tuple(found)

    def band(self, number: int, curve: np.ndarray | None) -> int:
        """Shells in which a class's symmetry is looked for: what its map has, and no finer than is needed."""
        last = self.bands[number]
        there = last if curve is None else int(np.flatnonzero(curve > 0.25).max(initial=last))
        return min(there, int(np.rint(detect.FINE / self.best.settings.extent_of(number, self.course.side))))

    def evidence(self, maps: np.ndarray, sizes: np.ndarray) -> float:
        """Of held-out images in each half with the other's maps (c, 2, n, n, n); all poses, whatever the symmetry."""
        return self._evidence(maps, sizes, self.course.held, self.bands)

    def unseen(self, maps: np.ndarray, sizes: np.ndarray) -> float:
        """As `evidence`, of many more images in a band that shows what rounds change."""
        course, images = self.course, self.given.images
        rows = np.concatenate([course.held, course.rows])[:: max(1, (len(course.held) + len(course.rows)) // UNSEEN)]
        return self._evidence(maps, sizes, rows, tuple(min(int(FINER * one), images.band.radius) for one in self.bands))

    def _evidence(self, maps: np.ndarray, sizes: np.ndarray, rows: np.ndarray, bands: tuple[int, ...]) -> float:
        images, workers = self.given.images, self.course.workers
        scale = score.scale(self.loose, self.course.side, bands)
        found = [
            score.evidence(images, maps[:, 1 - half], sizes / sizes.sum(), self.given.noise, self.loose,
                           rows[images.half[rows] == half], scale, bands, workers)[0] for half in (0, 1)
        ]  # fmt: skip
        return float(np.mean(found))

    def shown(self, state: sharpen.State) -> np.ndarray:
        """(n,) what speaks for each image (`score.shown`): in a junk class, what the largest of the others says."""
        assert state.found is not None
        own = len(self.masks)
        which = [*range(own), *[int(state.sizes[:own].argmax())] * (len(state.maps) - own)]
        maps, bands = state.maps[which] * self.masks[which, None], tuple(self.bands[number] for number in which)
        scale = score.scale(self.loose, self.course.side, self.bands)
        return score.shown(self.given.images, maps, state.found.number, self.given.noise, self.loose, scale, bands,
                           self.course.workers)  # fmt: skip

    def settings(self, names: tuple[str, ...]) -> Settings:
        return replace(self.best.settings, operators=self.given.settings.operators,
                       each=tuple(map(operators, names)))  # fmt: skip

    def sharpened(self, maps: np.ndarray, sizes: np.ndarray, names: tuple[str, ...]) -> sharpen.State:
        """Rounds over ever more images, the last over all."""
        given, run, course = self.given, self.course.run, self.course
        state = sharpen.first_state(given.images, maps, sizes, max(self.bands), given.noise, given.settings.junk)
        key, settings = course.key(self.best.seed), self.settings(names)
        label = "_".join(names)
        best, idle = -np.inf, 0
        while not state.done:
            patience = SETTLED if state.round and state.clearest > sharpen.SETTLED else PATIENCE
            make = functools.partial(
                sharpen.iterated, given.images, state, settings, key, course.workers, idle < patience
            )
            state = course.kept(f"{self.part}{state.round + 1}_{label}_{self.best.seed}", sharpen.State, make)
            told = ""
            if state.sharpness < looks.SHARP:
                now = self.unseen(state.maps[: len(names)] * self.masks[:, None], state.sizes[: len(names)])
                best, idle = max(best, now), 0 if score.gained(now, best, len(names)) else idle + 1
                told = f", evidence {now:.2f}"
            run.say(f"round {state.round}: {given.images.resolution_of(max(state.best, 1)):.1f} A, "
                    f"posterior {state.sharpness:.2f}{told}")  # fmt: skip
        return state
