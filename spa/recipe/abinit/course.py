"""The course of a run: short heats from several seeds, the best to its end, axes found, then sharpened."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from spa.abinit import agree, score, sharpen, states, stochastic, width
from spa.abinit.plan import Settings, Step, again, climb, heat, last_bands, plan, quench
from spa.errors import ReadError, Stopped
from spa.io.arrays import DAMAGED
from spa.io.whole import whole
from spa.job import pool
from spa.job.run import Run
from spa.recipe.abinit import alone, parting, quenching
from spa.recipe.abinit.inputs import Given
from spa.recipe.abinit.sharpening import Sharpening
from spa.refine.engine import CPU, Engine
from spa.refine.problem import Workers
from spa.symmetry import detect, place
from spa.volume.symmetry import operators

CYCLES = 12  # at most, where the images say little
RACE = 3  # of them for every start, before the best goes on alone
PATIENCE = 4  # cycles that make held-out images no likelier that end them
FOLDER = "states"


@dataclass(frozen=True, eq=False)
class Entry:
    """One run from a seed: the symmetry that it was held to, its state, its held-out evidence in a band."""

    seed: int
    settings: Settings
    symmetry: str
    state: stochastic.State
    evidence: float
    agreement: agree.Agreement | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """The heats, best first of each symmetry; the shells that they are compared in, and those at the end of
    mini-batches; the entry that won, the sharpened end, and its symmetry; shown (n,): what speaks for each image
    (`Sharpening.shown`); alone: classes whose maps were made of their images alone."""

    heats: list[Entry]
    compared: int
    band: int
    best: Entry
    state: sharpen.State
    symmetry: tuple[str, ...]
    shown: np.ndarray
    alone: tuple[int, ...] = ()

    @property
    def heated(self) -> bool:
        """Whether it came from one of the heats, not from another start."""
        return self.best.settings.finer == 1


class Course:
    """What all parts of a run share; whole steps are kept in DIR/states and taken from there with --resume."""

    def __init__(
        self, run: Run, given: Given, map_: Callable[..., Iterable], engine: Engine = CPU, folder: Path | None = None
    ) -> None:
        self.run, self.given = run, given
        self.workers = Workers(map_, run.threads, engine)
        self.left = Event()  # once one start has failed, or the run is interrupted
        self.rows, self.held = score.held_out(given.images, run.seed)
        self.side = stochastic.side_of(given.images)
        self.first = max(last_bands(given.settings, self.side))
        assert run.outdir is not None
        self.folder = folder or run.outdir / FOLDER
        if not run.resume:  # states of an earlier run are of no use, and must not be taken for this one's
            for old in self.folder.glob("*.npz"):
                old.unlink()

    def outcome(self, seeds: int) -> Outcome:
        """The whole course."""
        kinds = [(self.loose(), "C1"), *([(self.given.settings, self.given.symmetry)] if self.tied else [])]
        begun = self.beside(lambda one: self.heat(*one), [(*kind, seed) for kind in kinds for seed in range(seeds)])
        ranked = [
            sorted(begun[i : i + seeds], key=lambda entry: -entry.evidence) for i in range(0, len(begun), seeds)
        ]  # fmt: skip
        heats = [self._compared(kind[0], entry) for kind in ranked for entry in kind]
        ranked = [self.beside(lambda one: self.narrowed(one, self._heating(one.settings)[-1].bands), kind)
                  for kind in ranked]  # fmt: skip
        scale, ends = self.scale_of(self.given.settings), []
        for kind in ranked:
            end, scale = self.finished(kind, scale)
            ends.append(self.on_axes(end, scale.band))
        ends = self.beside(lambda one: self.weighed(one, scale), ends)  # on their axes, and all in one scale
        best = max(ends, key=lambda entry: entry.evidence)
        for entry in ends:
            self.run.say(f"seed {entry.seed}, {entry.symmetry}: held-out evidence {entry.evidence:.2f} at the end")
        apart: tuple[int, ...] = ()
        found = Sharpening(self, best).outcome()
        if best.settings.classes > 1:
            best, found, apart = alone.mended(self, best, found, seeds)
        elif quenching.in_doubt(found[0], scale.band, self.given.images.band.radius):
            other = quenching.best(self, seeds, best, scale)
            if other is not best:
                best, found = other, Sharpening(self, other, "again").outcome()
        return Outcome(heats, self.first, scale.band, best, *found, apart)

    def beside(self, work: Callable[[Any], Any], starts: Sequence[Any]) -> list[Any]:
        """What work makes of starts, in their order: one has threads to itself while another has use for few."""
        alone = self.workers.engine.device is not None
        return pool.beside(work, starts, 1 if alone else self.workers.threads, self.left)

    @property
    def tied(self) -> bool:
        """Whether there is a symmetry to hold to."""
        return len(self.given.settings.operators) > 1

    def key(self, seed: int) -> int:
        """Of all that is drawn for a start."""
        return 1000 * self.run.seed + seed

    def loose(self) -> Settings:
        return replace(self.given.settings, operators=operators("C1"))

    def plan(self, settings: Settings) -> list[Step]:
        return plan(settings, self.side)

    def scale_of(self, settings: Settings) -> score.Scale:
        """Of evidence at the end of the stochastic phase."""
        return score.scale(settings, self.side, last_bands(settings, self.side))

    def _evidence(
        self, settings: Settings, state: stochastic.State, scale: score.Scale, bands: tuple[int, ...]
    ) -> float:
        given = self.given
        return score.evidence(
            given.images, state.maps, state.sizes, given.noise, settings, self.held, scale, bands, self.workers
        )[0]

    def steps(self, settings: Settings, state: stochastic.State, seed: int, todo: list[Step]) -> stochastic.State:
        given = self.given
        key = self.key(seed)
        batches = stochastic.steps(given.images, state, given.noise, settings, key, self.rows, todo, self.workers)
        return self.followed(batches, state, len(todo), "batch", seed)

    def followed(
        self, coming: Iterable[stochastic.State], state: stochastic.State, most: int, unit: str, seed: int
    ) -> stochastic.State:  # fmt: skip
        """The last of the states after one, with a bar; Stopped where another start beside this one has failed."""
        for after in self.run.progress(coming, total=most, unit=unit, label=f"seed {seed}"):
            if self.left.is_set():
                raise Stopped("another start has failed")
            state = after
        return state

    def heat(self, settings: Settings, symmetry: str, seed: int) -> Entry:
        """The first part of the plan, from noise."""
        todo = self._heating(settings)
        entry = self.begun("heat", settings, symmetry, seed, todo, score.Scale(todo[-1].band, todo[-1].step))
        self.run.say(f"seed {seed}, {symmetry}: held-out evidence {entry.evidence:.2f} in {todo[-1].band} shells")
        return entry

    def begun(
        self, part: str, settings: Settings, symmetry: str, seed: int, todo: list[Step], scale: score.Scale
    ) -> Entry:
        """What steps make of noise, with its evidence in a scale."""
        given = self.given

        def make() -> stochastic.State:
            start = stochastic.first_state(given.images, given.noise, settings, self.key(seed))
            return self.steps(settings, start, seed, todo)

        state = self.kept(f"{part}_{symmetry}_{seed}", stochastic.State, make)
        evidence = self._evidence(settings, state, scale, todo[-1].bands)
        return Entry(seed, settings, symmetry, state, evidence)

    def narrowed(self, entry: Entry, bands: tuple[int, ...]) -> Entry:
        """The entry whose particles are as wide as its maps of so many shells say: what follows goes to their
        details."""
        images, state = self.given.images, entry.state
        settings = width.measured(images, state.maps, state.sizes, self.given.noise, entry.settings, self.held, bands,
                                  self.workers)  # fmt: skip
        if settings is entry.settings:
            return entry
        wide = ", ".join(f"{one:.0f}" for one in settings.widths)
        self.run.say(f"seed {entry.seed}, {entry.symmetry}: particles {wide} A wide")
        return replace(entry, settings=settings, state=stochastic.widened(images, state, settings))

    def scale_with(self, scale: score.Scale, entries: list[Entry]) -> score.Scale:
        """A scale that has the details of all entries, too."""
        return scale.with_others(self.scale_of(entry.settings) for entry in entries)

    def weighed(self, entry: Entry, scale: score.Scale, bands: tuple[int, ...] | None = None) -> Entry:
        """The entry with its evidence in a scale, of all or so many shells of its maps."""
        bands = bands or last_bands(entry.settings, self.side)
        return replace(entry, evidence=self._evidence(entry.settings, entry.state, scale, bands))

    def _compared(self, best: Entry, entry: Entry) -> Entry:
        """The entry with how far it agrees with the best of its kind."""
        if entry is best:
            return entry
        mask = stochastic.sphere(self.given.images, entry.settings.diameter)
        return replace(entry, agreement=agree.agreement(best.state.maps * mask, entry.state.maps * mask, self.first))

    def finished(self, ranked: list[Entry], scale: score.Scale) -> tuple[Entry, score.Scale]:
        """The best heat to the end of the plan; where images say too little for one to be sharp by then, all of them.
        Its evidence is in the scale that comes with it, which has the details of all.

        Those go through a few cycles, and the best of them on, while it helps: it climbs anew from where its heat has
        left it. In the finer shells that narrow particles are followed to, a wrong map is sharp as well: there starts
        always race. Several classes are told apart as `parting` has it.
        """
        scale = self.scale_with(scale, ranked)
        if ranked[0].settings.classes > 1:
            return parting.best(self, ranked, scale)
        first = self.further(ranked[0], "end", self._rest(ranked[0]), scale)
        if first.state.sharpness > stochastic.SHARP and not first.settings.widths:
            return first, scale
        rivals = self.beside(lambda one: self.cycled(self.weighed(one, scale), 0, RACE, scale), ranked)
        return self.cycled(max(rivals, key=lambda entry: entry.evidence), RACE, CYCLES, scale), scale

    def _heating(self, settings: Settings) -> list[Step]:
        """What shows which start is the best: of several classes a plan without heat, which makes them all alike."""
        if settings.classes > 1:
            return quench(settings, self.side)
        todo = self.plan(settings)
        return todo[: heat(todo)]

    def _rest(self, entry: Entry) -> list[Step]:
        todo = self.plan(entry.settings)
        return todo[heat(todo) :]

    def _cycle(self, settings: Settings, number: int) -> list[Step]:
        """What images that say little are gone through with next."""
        return again(climb(settings, self.side), number) if number else climb(settings, self.side)

    def cycled(
        self, best: Entry, first: int, last: int, scale: score.Scale, part: str = "cycle",
        sharp: float = stochastic.SHARP, leader: float = -np.inf,
    ) -> Entry:  # fmt: skip
        """The best of what cycles first + 1 … last lead to; they end once it is so sharp, nothing is gained, or it
        cannot come up with a leader's evidence."""
        entry, idle, told = best, 0, [best.evidence]
        for number in range(first, last):
            if entry.state.sharpness > sharp or idle == PATIENCE or score.hopeless(told, last - number, leader):
                break
            entry = self.further(entry, f"{part}{number + 1}", self._cycle(entry.settings, number), scale)
            self.run.say(f"seed {entry.seed}, {entry.symmetry}: {part} {number + 1}, evidence {entry.evidence:.2f}")
            told.append(entry.evidence)
            idle = 0 if score.gained(entry.evidence, best.evidence, entry.settings.classes) else idle + 1
            best = max(best, entry, key=lambda one: one.evidence)
        return best

    def further(self, entry: Entry, part: str, todo: list[Step], scale: score.Scale) -> Entry:
        """The entry after more steps, with its evidence in a scale."""

        def make() -> stochastic.State:
            return self.steps(entry.settings, entry.state, entry.seed, todo)

        state = self.kept(f"{part}_{entry.symmetry}_{entry.seed}", stochastic.State, make)
        return self.weighed(replace(entry, state=state), scale)

    def on_axes(self, entry: Entry, band: int) -> Entry:
        """A run without symmetry laid on the axes of the one that is asked for, found in so many shells, and averaged
        over it; its evidence is yet to be taken."""
        wanted = replace(self.given.settings, widths=entry.settings.widths)
        if self.given.auto or len(entry.settings.operators) == len(wanted.operators):
            return entry
        maps = []
        for volume in entry.state.maps * stochastic.solvents(self.given.images, wanted):
            there = detect.placed(volume, self.given.symmetry, band)
            maps.append(place.laid(volume, there.frame, there.centre, wanted.operators))
        state = replace(entry.state, maps=np.stack(maps))
        return replace(entry, settings=wanted, symmetry=self.given.symmetry, state=state)

    def kept(self, name: str, kind: type[states.Kept], make: Callable[[], states.Kept]) -> states.Kept:
        """A state that an earlier run left, with --resume; or else made and kept. A SIGTERM stops after it."""
        path = self.folder / f"{name}.npz"
        if self.run.resume and path.exists():
            try:
                return states.load(path, kind)
            except (OSError, *DAMAGED):
                raise ReadError(f"{path}: cannot be read: it is not a whole state of this program") from None
        state = make()
        path.parent.mkdir(exist_ok=True, parents=True)
        with whole(path) as part:
            states.save(part, state)
        self.run.checkpoint()
        return state
