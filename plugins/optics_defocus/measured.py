"""A sample sets the scales, one pass finds each particle's likelihoods, and all of them together the changes."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spa.errors import DataError, SpaError
from spa.image.ctf import chi_basis, wavelength
from spa.io.whole import whole
from spa.job import pool
from spa.job.run import Run
from spa.optics import films
from spa.optics.calibrate import Calibration
from spa.optics.compared import Compared, Scene, Who, compared, joined
from spa.optics.defocus import Changes, Spread, changes, likelihoods, posterior
from spa.optics.films import Film
from spa.recipe.optics import Given, blocks, sample, scene_of, who_of
from spa.recipe.optics import scales as scales_of

CHUNK = 256  # images, or a micrograph with more, that are worked on together
SETTLING = 2  # rounds of a sample's defocus and of the scales
STILL = 0.2  # radians of chi at the finest detail: rms of changes that cost the scales nothing
PASSES = 2  # of a micrograph's astigmatism and its particles' defocus
CHANGE = "spaDefocusChange"
START = 300.0  # angstroms: the prior on a particle's change while its micrograph is fitted


@dataclass(frozen=True)
class Wanted:
    """scope: particle, micrograph or none; priors of micrographs; largest change of defocus and its prior (None:
    learnt), angstroms."""

    scope: str
    films: films.Prior
    reach: float
    prior: float | None


@dataclass(frozen=True, eq=False)
class Measured:
    """Of the rows whose images can be used: changes of defocus (None: not asked for) and the part of them that was made
    before (n,), angstroms; micrograph (n,) from 0, and of micrographs: astigmatism (m, 2) angstroms, phase shift (m,)
    radians."""

    rows: np.ndarray
    changes: Changes | None
    before: np.ndarray
    film: np.ndarray
    astigmatism: np.ndarray
    phase_shift: np.ndarray
    reach: float


def measured(run: Run, given: Given, wanted: Wanted) -> Measured:
    """The whole job but its tables."""
    stack = given.stack
    where = stack.tables["particles"].where
    shared = wanted.scope != "particle" or wanted.films.astigmatism or wanted.films.phase_shift
    if shared and "rlnMicrographName" not in stack.tables["particles"]:
        raise DataError(f"{where} has no column rlnMicrographName, which says what shares a micrograph")
    number = np.unique(stack.particles.micrographs.astype(str), return_inverse=True)[1]
    here, who = scene_of(run, given), who_of(stack)
    before = stack.tables["particles"].floats(CHANGE) if CHANGE in stack.tables["particles"] else np.zeros(len(stack))
    pass_ = _Pass(run, given, wanted, here, who, scales_of(run, given, here, who), number, stack.voltage, before)
    return pass_.settled().measured()


@dataclass(frozen=True, eq=False)
class _Pass:
    run: Run
    given: Given
    wanted: Wanted
    here: Scene
    who: Who
    scales: Calibration
    film: np.ndarray
    voltage: np.ndarray
    before: np.ndarray

    def settled(self) -> "_Pass":
        """With scales at the defocus that they say: where it is wrong, fine detail seems not to be there."""
        rows, now, last = sample(len(self.who)), self, np.zeros(())
        if self.wanted.scope == "none":
            return self
        alike = [rows[self.voltage[rows] == voltage] for voltage in np.unique(self.voltage[rows])]
        parts = [some[start : start + CHUNK] for some in alike for start in range(0, len(some), CHUNK)]
        for _ in range(SETTLING):
            done = [result() for _, result in pool.ordered(parts, now._sampled, self.run.threads, self.run.checkpoint)]
            used = np.concatenate([good for good, _ in done])
            found = now._posterior(np.concatenate([scores for _, scores in done]), used)
            move = np.pi * wavelength(self.voltage[used]) * (found.mean - self.before[used])
            finest = (self.given.last / (self.here.band.box * self.here.pixel_size)) ** 2
            if finest * float(np.sqrt(((move - last) ** 2).mean())) < STILL:
                break
            last = move
            chi = self.who.chi.copy()
            chi[used, 0] += move
            now = replace(now, scales=scales_of(self.run, self.given, self.here, replace(self.who, chi=chi)))
        return now

    def _sampled(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of the rows, of one voltage, can be used, and their scores."""
        used, scores = [np.zeros(0, np.int64)], [np.zeros((0, len(self.grid)))]
        for good, pixels in blocks(self.given.stack, rows, []):
            mine = self.who.take(good)
            one = self.scales.without_own(compared(self.here, mine, pixels), self.here.band)
            used.append(good)
            scores.append(self._scores(one, mine.group, float(self.voltage[rows[0]])))
        return np.concatenate(used), np.concatenate(scores)

    @property
    def grid(self) -> np.ndarray:
        wave = float(wavelength(self.voltage.min()))  # the longest: the finest grid
        return changes(self.here.band, self.here.pixel_size, wave, self.wanted.reach)

    def measured(self) -> Measured:
        """Chunks hold whole micrographs; their scores lie in DIR until all are done."""
        assert self.run.outdir is not None
        done = [result for _, result in self.run.each(self._chunks(), self._work, _key, "chunk")]
        for text in (text for one in done for text in one["errors"]):
            self.run.leave_out(DataError(text))
        rows = np.array([row for one in done for row in one["rows"]], np.int64)
        if not len(rows):
            raise DataError(f"{self.given.stack.tables['particles'].where}: none of its images can be used")
        count = int(self.film.max()) + 1
        astigmatism, shift = np.zeros((count, 2)), np.zeros(count)
        for one in done:
            for number, a, b, phase in one["films"]:
                astigmatism[number], shift[number] = (a, b), phase
        found = None
        if self.wanted.scope != "none":
            scores = np.concatenate([np.load(one["scores"]) for one in done if one["scores"]])
            found = self._changes(scores, rows)
        for one in done:
            if one["scores"]:
                (self.run.outdir / one["scores"].rsplit("/", 1)[-1]).unlink(missing_ok=True)
        order = np.argsort(rows)
        if found is not None:
            found = Changes(found.mean[order], found.deviation[order], found.spread)
        rows = rows[order]
        return Measured(rows, found, self.before[rows], self.film[rows], astigmatism, shift, self.wanted.reach)

    def _changes(self, scores: np.ndarray, rows: np.ndarray) -> Changes:
        found = self._posterior(scores.astype(np.float64), rows)
        if max(found.spread.particle, found.spread.micrograph) > self.wanted.reach / 2:
            self.run.warn(f"defocus changes by {found.spread.particle:.0f} A (standard deviation): "
                          f"a --range of {self.wanted.reach:g} may be too small")  # fmt: skip
        return found

    def _posterior(self, scores: np.ndarray, rows: np.ndarray) -> Changes:
        film = np.unique(self.film[rows], return_inverse=True)[1]
        if "rlnMicrographName" not in self.given.stack.tables["particles"]:
            film = np.zeros_like(film)
        prior = self.wanted.prior
        spread = None if prior is None else Spread(prior, prior)
        return posterior(scores, self.grid, film, spread, self.wanted.scope == "particle", self.before[rows])

    def _chunks(self) -> list[np.ndarray]:
        """Rows of whole micrographs, as many as make a chunk."""
        order = np.argsort(self.film, kind="stable")
        ends = np.flatnonzero(np.diff(self.film[order], append=-1)) + 1
        if len(ends) == 1 and not (self.wanted.films.astigmatism or self.wanted.films.phase_shift):
            ends = np.append(np.arange(CHUNK, len(order), CHUNK), len(order))
        found, start = [], 0
        for end, following in zip(ends.tolist(), [*ends[1:].tolist(), None]):
            if following is None or following - start > CHUNK:
                found.append(order[start:end])
                start = end
        return found

    def _work(self, rows: np.ndarray) -> dict[str, Any]:
        assert self.run.outdir is not None
        errors: list[SpaError] = []
        used: list[int] = []
        scores: list[np.ndarray] = []
        fits: list[list[float]] = []
        shared = self.wanted.films.astigmatism or self.wanted.films.phase_shift
        for part in _runs(rows, self.film if shared else self.voltage):
            seen = []
            for good, pixels in blocks(self.given.stack, part, errors):
                mine = self.who.take(good)
                one = self.scales.without_own(compared(self.here, mine, pixels), self.here.band)
                used += good.tolist()
                seen.append((one, mine.group))
                if not shared:
                    scores.append(self._scores(one, mine.group, float(self.voltage[part[0]])))
                    seen.clear()
            if shared and seen:
                found, now = self._of_film(seen, float(self.voltage[part[0]]))
                scores.append(now)
                fits.append([int(self.film[part[0]]), *found.astigmatism.tolist(), found.phase_shift])
        path = ""
        if scores and self.wanted.scope != "none":
            path = str(self.run.outdir / f"scores{rows[0] + 1:08d}.npy")
            with whole(path) as target, open(target, "wb") as file:
                np.save(file, np.concatenate(scores).astype(np.float32))
        return {"rows": used, "scores": path, "films": fits, "errors": [str(error) for error in errors]}

    def _scores(self, seen: Compared, group: np.ndarray, voltage: float) -> np.ndarray:
        band, pixel_size = self.here.band, self.here.pixel_size
        return likelihoods(seen, group, self.scales, band, pixel_size, voltage, self.given.first, self.grid)

    def _of_film(self, seen: list[tuple[Compared, np.ndarray]], voltage: float) -> tuple[films.Found, np.ndarray]:
        """A micrograph's changes, and its particles' scores with them."""
        group = np.concatenate([group for _, group in seen])
        every = joined([one for one, _ in seen])
        wave, basis = float(wavelength(voltage)), chi_basis(*self.here.frequencies(int(group[0])))
        found = films.Found(np.zeros(2), 0.0)
        for _ in range(PASSES):
            now = replace(every, chi=every.chi + found.chi(wave, basis).astype(np.float32))
            scores = self._scores(now, group, voltage)
            log = scores - self.grid**2 / (2 * START**2)
            move = self.grid[log.argmax(axis=1)] if self.wanted.scope == "particle" else np.zeros(len(log))
            there = replace(every, chi=every.chi + (np.pi * wave * move[:, None] * basis[0]).astype(np.float32))
            found = films.fitted(Film(there, group, self.scales, self.here.band, self.given.first), basis, wave,
                                 self.wanted.films)  # fmt: skip
        now = replace(every, chi=every.chi + found.chi(wave, basis).astype(np.float32))
        return found, self._scores(now, group, voltage)


def _runs(rows: np.ndarray, of: np.ndarray) -> list[np.ndarray]:
    """The rows in runs that share a value."""
    return np.split(rows, np.flatnonzero(np.diff(of[rows])) + 1)


def _key(rows: np.ndarray) -> str:
    return f"rows {rows[0] + 1} and {len(rows) - 1} more"

