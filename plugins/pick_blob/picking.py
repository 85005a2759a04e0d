"""The two passes of the job: learn from some micrographs, pick from all."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError, SpaError
from spa.image.ctf import Lens
from spa.io import star
from spa.io.star import Table, Tables
from spa.job import pool
from spa.job.micrographs import Entry, entries, file_names
from spa.job.run import Run
from spa.model.numbers import sensible_or_zero
from spa.picking.blob import Picks, pick
from spa.picking.field import Contrast, Field, Scope, prepared
from spa.picking.learn import Learned, learn

COLUMNS = ("rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit", "spaLocalPower", "spaDiameter")


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

    @property
    def scope(self) -> Scope:
        return Scope(self.smallest, self.largest, self.lowpass)


def pick_all(run: Run, tables: Tables, settings: Settings) -> Tables:
    """The document with ``data_particles``; coordinate files in run.outdir. DataError where nothing is found."""
    rows = entries(tables)
    shifts = sensible_or_zero(tables["micrographs"], "rlnPhaseShift")
    phases = {entry.name: float(np.deg2rad(shift)) for entry, shift in zip(rows, shifts)}
    prepare = partial(_field, settings=settings, phases=phases)
    learned = _learned(run, rows, settings, prepare)
    files = file_names(run.outdir or Path(), [entry.name for entry in rows], "_autopick.star")
    least = learned.threshold if settings.threshold is None else settings.threshold

    def work(entry: Entry) -> dict[str, Any]:
        found = pick(prepare(entry), learned.shape, least, learned.spacing, settings.most)
        values = _values(found)
        star.write(Tables({"": Table.of(**dict(zip(COLUMNS, values.T)))}, []), files[entry.name])
        return {"file": str(files[entry.name]), "picks": values.tolist()}

    done = list(run.each(rows, work, lambda entry: entry.name, "micrograph"))
    _list_files(run.outdir or Path(), [(entry.name, result["file"]) for entry, result in done])
    counts = [len(result["picks"]) for _, result in done]
    if not sum(counts):
        raise DataError(f"no picks in {len(done)} micrographs: nothing stands out at --diameter "
                        f"{settings.smallest:g} {settings.largest:g} (best shape: {learned.shape.label}; "
                        f"threshold {least:.3g})")  # fmt: skip
    run.summary(
        f"{np.median(counts):.0f} picks a micrograph (median), {sum(counts)} in {len(done)} micrographs; "
        f"shape: {learned.shape.label}; threshold {least:.2f} sd"
    )
    return tables.with_block("particles", _particles(done))


def _field(entry: Entry, settings: Settings, phases: dict[str, float]) -> Field:
    """A micrograph read and made ready; errors carry its name."""
    contrast = None
    if settings.ctf and entry.defocus is not None and np.isfinite(entry.defocus).all() and any(entry.defocus):
        lens = Lens(entry.optics.voltage, entry.optics.cs, entry.optics.contrast)
        contrast = Contrast(lens, *entry.defocus, phases[entry.name])
    micrograph = entry.load()
    try:
        return prepared(micrograph.data, micrograph.pixel_size, settings.scope, contrast, settings.white)
    except SpaError as error:
        raise type(error)(f"{entry.name}: {error}") from None


def _learned(run: Run, rows: list[Entry], settings: Settings, prepare: Any) -> Learned:
    """Shape and threshold from micrographs spread evenly over the table; those that cannot be read are passed over."""
    chosen = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, settings.learn_from).round().astype(int))]

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
    return learned


def _values(found: Picks) -> np.ndarray:
    """(n, 5) in the order of COLUMNS, rounded to what means something."""
    columns = (found.xy[:, 0], found.xy[:, 1], found.score, found.power, found.diameter)
    digits = (2, 2, 4, 4, 1)
    return np.stack([np.asarray(c, np.float64).round(d) for c, d in zip(columns, digits)], axis=1)


def _particles(done: list[tuple[Entry, dict[str, Any]]]) -> Table:
    values = np.concatenate([np.reshape(result["picks"], (-1, len(COLUMNS))) for _, result in done])
    counts = [len(result["picks"]) for _, result in done]
    return Table.of(
        rlnMicrographName=np.repeat([entry.name for entry, _ in done], counts).astype(object),
        **dict(zip(COLUMNS, values.T)),
        rlnOpticsGroup=np.repeat([entry.optics.group for entry, _ in done], counts),
    )


def _list_files(folder: Path, pairs: list[tuple[str, str]]) -> None:
    """DIR/autopick.star: which coordinates belong to which micrograph, as RELION 4 and later list them."""
    names, files = zip(*pairs)
    table = Table.of(rlnMicrographName=list(names), rlnMicrographCoordinates=list(files))
    star.write(Tables({"coordinate_files": table}, []), folder / "autopick.star")
