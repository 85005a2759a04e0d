"""Rows of ``data_movies`` and options, to what each movie is aligned with."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.io.movies import EER
from spa.io.star import Table, Tables
from spa.io.table import MISSING
from spa.job.options import DOSES
from spa.model.optics import Optics, optics_groups, require_groups
from spa.motion.align import Exposure


@dataclass(frozen=True)
class Camera:
    """How a movie's frames are read; None: no file. dose, before: e per square angstrom, of a frame and before."""

    dose: float
    before: float
    gain: str | None
    rotate: int
    flip: int
    defects: str | None
    fraction: int
    upsample: int


@dataclass(frozen=True)
class Entry:
    """One movie of the table."""

    name: str
    optics: Optics
    camera: Camera

    @property
    def exposure(self) -> Exposure:
        return Exposure(self.optics.pixel_size, self.optics.voltage, self.camera.dose, self.camera.before)


@dataclass(frozen=True)
class Settings:
    """The options: patches x y; bfactor in square pixels; first and last frame counted from 1, last -1 is the last."""

    patches: tuple[int, int]
    bfactor: float | None
    bin: float
    dose_weight: bool
    halves: bool
    first: int
    last: int
    plain: bool
    power_dose: float
    early_dose: float
    float16: bool

    @property
    def dtype(self) -> Any:
        return np.float16 if self.float16 else np.float32


def patches_of(text: str) -> tuple[int, int]:
    """``5x5`` or ``5``. UsageError."""
    match = re.fullmatch(r"(\d{1,2})(?:[xX](\d{1,2}))?", text)
    if not match or "0" in match.groups():
        raise UsageError(f"--patches {text}: 5x5, say: how many along x and along y")
    across = int(match.group(1))
    return across, int(match.group(2) or across)


_COLUMNS: dict[str, tuple[str, Callable[[str], Any], Any]] = {
    "dose": ("rlnMicrographDoseRate", float, 0.0), "before": ("rlnMicrographPreExposure", float, 0.0),
    "gain": ("rlnMicrographGainName", str, None), "rotate": ("spaGainRotate", int, 0),
    "flip": ("spaGainFlip", int, 0), "defects": ("rlnMicrographDefectFile", str, None),
    "fraction": ("rlnEERGrouping", int, 32), "upsample": ("rlnEERUpsampling", int, 1),
}  # fmt: skip
_OF_EER = ("fraction", "upsample")
_OPTIONS = {"before": "pre_dose", "rotate": "gain_rotate", "flip": "gain_flip", "fraction": "eer_fraction",
            "upsample": "eer_upsample"}  # fmt: skip


def entries(tables: Tables, said: dict[str, Any]) -> list[Entry]:
    """The rows of ``data_movies``; what the options say goes before what the table says. DataError."""
    table, groups = tables["movies"], optics_groups(tables)
    names = table.text("rlnMicrographMovieName")
    numbers = table.ints("rlnOpticsGroup")
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    require_groups(groups, numbers, table.where)
    columns = {field.name: _column(table, field.name, said) for field in fields(Camera)}
    found = []
    for row, (name, number) in enumerate(zip(names, numbers)):
        camera = Camera(**{key: values[row] for key, values in columns.items()})
        if camera.rotate not in range(4) or camera.flip not in range(3):
            raise DataError(f"{table.where} row {row + 1}: a gain turned {camera.rotate} times and flipped "
                            f"{camera.flip}; 0 to 3 and 0 to 2 are known")  # fmt: skip
        if camera.upsample not in (1, 2, 4) or camera.fraction < 1:
            raise DataError(f"{table.where} row {row + 1}: EER of {camera.fraction} frames each, upsampled by "
                            f"{camera.upsample}; 1 and more, and 1, 2 or 4 are known")  # fmt: skip
        if camera.dose < 0 or camera.before < 0:
            raise DataError(f"{table.where} row {row + 1}: a dose below 0")
        least, most = DOSES
        if 0 < camera.dose < least or max(camera.dose, camera.before) > most:
            raise DataError(f"{table.where} row {row + 1}: {camera.dose:g} e/A^2 a frame after {camera.before:g}: "
                            f"{least:g} to {most:g} make sense, 0 where it is not known")  # fmt: skip
        found.append(Entry(str(name), groups[int(number)], camera))
    _require_effect(found, said)
    return found


def _require_effect(found: list[Entry], said: dict[str, Any]) -> None:
    """UsageError for what is said of EER where no movie is, and of how a gain lies where there is none."""
    eer = any(Path(entry.name).suffix.lower() in EER for entry in found)
    if not eer and any(said.get(_OPTIONS[name]) is not None for name in _OF_EER):
        raise UsageError("--eer-fraction and --eer-upsample are of EER movies; the table has none")
    if any(int(said.get(_OPTIONS[name]) or 0) for name in ("rotate", "flip")) and not any(
        entry.camera.gain for entry in found
    ):
        raise UsageError("--gain-rotate and --gain-flip: neither --gain nor the table has a gain")


def files_there(entries: list[Entry]) -> list[str]:
    """Gains and defects of the movies that have all of theirs; of all movies where none has."""
    files = [{name for name in (entry.camera.gain, entry.camera.defects) if name} for entry in entries]
    exist = {name: Path(name).exists() for names in files for name in names}
    whole = [names for names in files if all(map(exist.__getitem__, names))]
    return sorted(set().union(*(whole or files)))


def _column(table: Table, name: str, said: dict[str, Any]) -> list[Any]:
    """For each row, what the options say, or the table, or neither: then the default. Tables of several cameras, put
    together, have no value, or 0, where a column is of other movies alone."""
    label, kind, default = _COLUMNS[name]
    given = said.get(_OPTIONS.get(name, name))
    if given is not None:
        return [kind(given)] * len(table)
    if label not in table:
        return [default] * len(table)
    texts = table.text(label).tolist()
    absent = MISSING | {"0"} if name in _OF_EER else MISSING
    if kind is str:
        return [default if text in absent else text for text in texts]
    known = table.with_columns(**{label: [str(default) if text in absent else text for text in texts]})
    values = known.floats(label) if kind is float else known.ints(label)
    return [kind(value) for value in values]
