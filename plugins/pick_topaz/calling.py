"""Micrographs handed to Topaz in batches, its coordinates taken back."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spa.errors import DataError, SpaError
from spa.io.star import Tables
from spa.job.micrographs import Entry, counted, entries
from spa.job.run import Run
from spa.recipe import picks as shared

ACROSS = 20  # pixels of a particle's diameter
COLUMNS = ("image_name", "x_coord", "y_coord", "score")


@dataclass(frozen=True)
class Settings:
    """The options of the job; diameter in angstroms."""

    program: str
    diameter: float
    model: str | None
    threshold: float
    scale: int | None
    radius: int | None
    batch: int

    def shrink(self, pixel_size: float) -> int:
        return self.scale or max(1, round(self.diameter / pixel_size / ACROSS))

    def reach(self, pixel_size: float) -> int:
        """Topaz's radius in pixels of the shrunk micrograph."""
        return self.radius or max(1, round(self.diameter / 2 / pixel_size / self.shrink(pixel_size)))


def pick_all(run: Run, tables: Tables, settings: Settings) -> Tables:
    """The document with ``data_particles``. DataError where nothing is found."""
    batches: list[list[Entry]] = []
    for entry in entries(tables):
        full = not batches or len(batches[-1]) == settings.batch
        if full or batches[-1][0].optics.pixel_size != entry.optics.pixel_size:
            batches.append([])
        batches[-1].append(entry)
    device = run.device.partition(":")[2] or "0" if run.device != "cpu" else "-1"

    def work(batch: list[Entry]) -> dict[str, Any]:
        return _batch(batch, settings, device)

    rows: list[tuple[Entry, list[list[float]]]] = []
    for batch, result in run.each(batches, work, lambda batch: batch[0].name, "batch"):
        for line in result["bad"]:
            run.leave_out(DataError(line))
        by_name = {entry.name: entry for entry in batch}
        rows += [(by_name[name], picks) for name, picks in result["picks"].items()]
    counts = [len(picks) for _, picks in rows]
    if not sum(counts):
        raise DataError(f"Topaz found nothing in {len(rows)} micrographs")
    run.summary(counted(counts))
    done = [(entry, {"picks": picks}) for entry, picks in rows]
    return tables.with_block("particles", shared.table_of(done, (shared.X, shared.Y, shared.SCORE)))


def _batch(batch: Sequence[Entry], settings: Settings, device: str) -> dict[str, Any]:
    """Picks of each micrograph of a batch, and a line for each that cannot be read."""
    names: list[str] = []
    bad: list[str] = []
    pixel_size = batch[0].optics.pixel_size
    scale = settings.shrink(pixel_size)
    with tempfile.TemporaryDirectory(prefix="spa-topaz-") as folder:
        small, given = Path(folder) / "small", Path(folder) / "given"
        small.mkdir()
        given.mkdir()
        for entry in batch:
            try:
                entry.load()
            except SpaError as error:
                bad.append(str(error))
                continue
            (given / f"{len(names):06d}.mrc").symlink_to(Path(entry.name).resolve())
            names.append(entry.name)
        if not names:
            return {"picks": {}, "bad": bad}
        numbers = [f"{i:06d}.mrc" for i in range(len(names))]
        _call([settings.program, "preprocess", "-s", str(scale), "-d", device, "-o", f"{small}{os.sep}",
               *(str(given / number) for number in numbers)])  # fmt: skip
        table = Path(folder) / "picks.txt"
        model = ["-m", settings.model] if settings.model else []
        _call([settings.program, "extract", *model, "-r", str(settings.reach(pixel_size)), "-t",
               f"{settings.threshold:g}", "-x", str(scale), "-d", device, "-o", str(table),
               *(str(small / number) for number in numbers)])  # fmt: skip
        found = parsed(table)
    return {"picks": {name: found.get(f"{i:06d}", []) for i, name in enumerate(names)}, "bad": bad}


def _call(words: list[str]) -> None:
    """Run Topaz. DataError with the last line of what it said where it fails."""
    ran = subprocess.run(words, capture_output=True, text=True)
    if ran.returncode:
        said = (ran.stderr.strip() or ran.stdout.strip() or "nothing").splitlines()[-1]
        raise DataError(f"topaz {words[1]} ended with status {ran.returncode}; it said: {said}")


def parsed(path: Path) -> dict[str, list[list[float]]]:
    """x, y, score of each image of Topaz's table. DataError where it is not one."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        raise DataError("topaz extract wrote no coordinates") from None
    found: dict[str, list[list[float]]] = {}
    if not lines or tuple(lines[0].split("\t")) != COLUMNS:
        met = lines[0] if lines else "nothing"
        raise DataError(f"topaz extract wrote a table of {met}, where {' '.join(COLUMNS)} are wanted")
    for number, line in enumerate(lines[1:], 2):
        name, *values = line.split("\t")
        try:
            x, y, score = map(float, values)
        except ValueError:
            raise DataError(f"topaz extract: row {number} is {line!r}, where a name and three numbers belong") from None
        found.setdefault(Path(name).name.removesuffix(".mrc"), []).append([x, y, round(score, 4)])
    return found
