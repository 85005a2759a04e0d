"""The two passes of the job: learn from some micrographs, pick from all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from spa.errors import DataError, SpaError
from spa.io.star import Tables
from spa.job import pool
from spa.job.micrographs import Entry, counted, entries
from spa.job.run import Run
from spa.picking.blob import Picks, pick
from spa.picking.field import Field, Scope
from spa.picking.learn import Learned, Tops, learn, tops
from spa.recipe import picks as shared
from spa.recipe.device import device_of
from spa.recipe.fields import Reader, spread

_MORE = 3.0  # picks beside each speck, where specks are none
COLUMNS = (shared.X, shared.Y, shared.SCORE, shared.POWER, shared.LEVEL, "spaDiameter")


@dataclass(frozen=True)
class Settings:
    """The options of the job; lengths in angstroms, threshold in sd of the background."""

    smallest: float
    largest: float
    lowpass: float
    threshold: float | None
    spacing: float | None
    most: int
    shapes: tuple[str, ...]
    rounds: int
    learn_from: int
    white: bool
    ctf: bool
    everywhere: bool

    @property
    def scope(self) -> Scope:
        return Scope(self.smallest, self.largest, self.lowpass)


def pick_all(run: Run, tables: Tables, settings: Settings) -> Tables:
    """The document with ``data_particles``; coordinate files in run.outdir. DataError where nothing is found."""
    rows = entries(tables)
    reader = Reader.of(tables, settings.scope, settings.white, settings.ctf, settings.everywhere)
    learned, early, prepare = _without_specks(run, rows, settings, reader)
    files = shared.coordinate_files(run, tables)
    least = learned.threshold if settings.threshold is None else settings.threshold

    def work(entry: Entry) -> dict[str, Any]:
        field = early.pop(entry.name, None)
        field = prepare(entry) if field is None else field
        found = pick(learned.seen(field), learned.shape, least, learned.spacing, settings.most)
        return shared.write_file(files[entry.name], COLUMNS, _values(found), entry)

    done = list(run.each(rows, work, lambda entry: entry.name, "micrograph"))
    shared.list_files(run, done)
    counts = [len(result["picks"]) for _, result in done]
    if not sum(counts):
        raise DataError(f"no picks in {len(done)} micrographs: nothing stands out at --diameter "
                        f"{settings.smallest:g} {settings.largest:g} (best shape: {learned.shape.label}; "
                        f"threshold {least:.3g})")  # fmt: skip
    blind = ", without CTF" if learned.blind else ""
    run.summary(f"{counted(counts)}; shape: {learned.shape.label}{blind}; threshold {least:.2f} sd")
    return tables.with_block("particles", shared.table_of(done, COLUMNS))


def _without_specks(
    run: Run, rows: list[Entry], settings: Settings, reader: Reader
) -> tuple[Learned, dict[str, Field], Callable[[Entry], Field]]:
    """What is learned where small dense things are junk, if far more picks are left; where they are not, if these few
    are what there is. The fields that tell, and what prepares the others."""
    prepare = _prepared(run, replace(reader, specks=True))
    learned, early = _learned(run, rows, settings, prepare)
    specks = sum(field.specks for field in early.values())
    if specks:
        least = learned.threshold if settings.threshold is None else settings.threshold
        found = sum(len(_seen(field, learned).above(least)) for field in early.values())
        run.say(f"{specks} specks far denser than the rest on {len(early)} micrographs, {found} picks beside them")
        if found < _MORE * specks:
            prepare = _prepared(run, reader)
            return *_learned(run, rows, settings, prepare), prepare
    return learned, early, prepare


def _seen(field: Field, learned: Learned) -> Tops:
    return tops(learned.seen(field), learned.shape, learned.spacing)


def _prepared(run: Run, reader: Reader) -> Callable[[Entry], Field]:
    """The reader, of fields that are compared with shapes by what --device names."""
    device = device_of(run)
    if device is None:
        return reader
    from spa.picking import matched_cuda

    compare = partial(matched_cuda.compared, device)

    def prepare(entry: Entry) -> Field:
        field = reader(entry)
        field.compare = compare
        return field

    return prepare


def _learned(run: Run, rows: list[Entry], settings: Settings, prepare: Any) -> tuple[Learned, dict[str, Field]]:
    """Shape and threshold from micrographs spread evenly over the table, and their fields.

    Those that cannot be read are passed over: the second pass names them.
    """
    chosen = spread(rows, settings.learn_from)

    def attempt(entry: Entry) -> Field | SpaError:
        try:
            return prepare(entry)
        except SpaError as error:
            return error

    def over(work: Any, items: Any) -> Iterator[Any]:
        return (result() for _, result in pool.ordered(items, work, run.threads, run.checkpoint))

    tried = list(over(attempt, chosen))
    fields = [field for field in tried if isinstance(field, Field)]
    if not fields:
        raise next(error for error in tried if isinstance(error, SpaError))
    learned = learn(fields, settings.scope, settings.shapes, settings.rounds, settings.spacing, over)
    for label, evidence in list(learned.tried.items())[:8]:
        run.say(f"evidence {evidence:10.0f}  {label}")
    return learned, {entry.name: field for entry, field in zip(chosen, tried) if isinstance(field, Field)}


def _values(found: Picks) -> np.ndarray:
    """(n, 6) in the order of COLUMNS, rounded to what means something."""
    columns = (found.xy[:, 0], found.xy[:, 1], found.score, found.power, found.level, found.diameter)
    digits = (2, 2, 4, 4, 3, 1)
    return np.stack([np.asarray(c, np.float64).round(d) for c, d in zip(columns, digits)], axis=1)
