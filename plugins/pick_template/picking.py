"""The two passes of the job: the threshold from some micrographs, picks from all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.errors import DataError, SpaError
from spa.io.star import Tables
from spa.job import pool
from spa.job.micrographs import Entry, counted, entries
from spa.job.run import Run
from spa.job.threads import single_blas
from spa.picking import templates, turned
from spa.picking.correlate import Scores, Templates, ready, scored
from spa.picking.field import Field, Scope
from spa.picking.turned import Turned
from spa.recipe import picks as shared
from spa.recipe.device import device_of
from spa.recipe.fields import Reader, spread

if TYPE_CHECKING:
    from spa_plugins.pick_template.sources import Named

Score = Callable[[Field, Templates], Scores]
COLUMNS = (shared.X, shared.Y, shared.SCORE, shared.POWER, shared.LEVEL, "rlnClassNumber", "rlnAnglePsi")


@dataclass(frozen=True)
class Settings:
    """The options of the job; lengths in angstroms, psi_step in degrees."""

    diameter: float
    lowpass: float
    psi_step: float
    threshold: float | None
    spacing: float | None
    most: int
    learn_from: int
    white: bool
    ctf: bool
    everywhere: bool

    @property
    def scope(self) -> Scope:
        return Scope(self.diameter, self.diameter, self.lowpass)

    @property
    def highest(self) -> float:
        """The largest frequency that the fields hold, 1/angstrom."""
        return 0.5 / self.scope.pixel_size

    @property
    def gap(self) -> float:
        """Least distance of two picks, angstroms."""
        return self.diameter / 2 if self.spacing is None else self.spacing

    @property
    def turns(self) -> int:
        return 2 * max(1, int(np.ceil(180 / self.psi_step - 1e-9)))


def pick_all(run: Run, tables: Tables, given: "Named", settings: Settings) -> Tables:
    """The document with ``data_particles``; coordinate files in run.outdir. DataError where nothing is found."""
    rows = entries(tables)
    reader = Reader.of(tables, settings.scope, settings.white, settings.ctf, settings.everywhere)
    score = _scorer(run)
    made, early = _learned(run, rows, given, settings, reader, score)
    least = _least(list(early.values()), settings)
    files = shared.coordinate_files(run, tables)

    def work(entry: Entry) -> dict[str, Any]:
        found = early.pop(entry.name, None)
        found = _peaks(reader(entry), made, settings, score) if found is None else found
        values = _values(found.above(least, settings.most), given.number)
        return shared.write_file(files[entry.name], COLUMNS, values, entry)

    done = list(run.each(rows, work, lambda entry: entry.name, "micrograph"))
    shared.list_files(run, done)
    counts = [len(result["picks"]) for _, result in done]
    if not sum(counts):
        raise DataError(f"no picks in {len(done)} micrographs: nothing stands out (threshold {least:.3g})")
    run.summary(f"{counted(counts)} by {len(given.number)} templates; threshold {least:.2f}")
    return tables.with_block("particles", shared.table_of(done, COLUMNS))


def _scorer(run: Run) -> Score:
    """What compares templates with fields: this processor, or what --device names."""
    device = device_of(run)
    if device is None:
        return scored
    from spa.picking import correlate_cuda

    return partial(correlate_cuda.scored, device)


def _peaks(field: Field, made: Templates, settings: Settings, score: Score) -> Turned:
    return turned.peaks(field, made, settings.diameter, settings.gap, score)


def _learned(
    run: Run, rows: list[Entry], given: "Named", settings: Settings, reader: Reader, score: Score
) -> tuple[Templates, dict[str, Turned]]:
    """The templates with their filters, and all peaks of the micrographs that the threshold is learned from.

    Micrographs that cannot be read are passed over: the second pass names them.
    """
    chosen = spread(rows, settings.learn_from)
    held = dict([next(_fields(chosen, reader))])
    (first,) = held.values()
    made = ready(given.polar, templates.ROOM * settings.diameter, settings.turns, first)
    run.say(f"{len(given.number)} templates at {made.turns} angles are sums of {2 * len(made.filters.orders)} filters")

    def attempt(entry: Entry) -> Turned | SpaError:
        try:
            field = held.pop(entry.name, None)
            return _peaks(reader(entry) if field is None else field, made, settings, score)
        except SpaError as error:
            return error

    with single_blas():
        tried = [(entry.name, result()) for entry, result in pool.ordered(chosen, attempt, run.threads, run.checkpoint)]
    return made, {name: found for name, found in tried if isinstance(found, Turned)}


def _fields(chosen: list[Entry], reader: Reader) -> Iterator[tuple[str, Field]]:
    """Names and fields of those entries that can be read; the first error where none can."""
    errors = []
    for entry in chosen:
        try:
            yield entry.name, reader(entry)
        except SpaError as error:
            errors.append(error)
    raise errors[0]


def _least(found: list[Turned], settings: Settings) -> float:
    """The threshold; DataError where the micrographs are rather white on dark."""
    if turned.inverted(found):
        raise DataError("the templates fit the micrographs better with their contrast inverted: "
                        + ("--white may be wrong" if settings.white else "white particles need --white"))  # fmt: skip
    return turned.least_score(found) if settings.threshold is None else settings.threshold


def _values(found: Turned, number: np.ndarray) -> np.ndarray:
    """(n, 7) in the order of COLUMNS, rounded to what means something."""
    psi = np.rad2deg(found.psi)
    columns = (found.xy[:, 0], found.xy[:, 1], found.score, found.power, found.level, number[found.template], psi)
    digits = (2, 2, 4, 4, 3, 0, 3)
    return np.stack([np.asarray(c, np.float64).round(d) for c, d in zip(columns, digits)], axis=1)
