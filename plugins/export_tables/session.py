"""The lines of a ChimeraX script that shows maps."""

from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.io import mrc
from spa.io.star import Tables
from spa.job.maps import BLOCK, CLASS, NAME, ROLE
from spa.job.run import Run

COLOURS = ("#b8c4d6", "#e3a857", "#6fae75", "#c56c86", "#7a8fd1", "#c9c35a", "#5fb3b3", "#a784c7")


def script(run: Run, tables: Tables, level: float) -> list[str]:
    """Commands; level: standard deviations above a map's mean. DataError where there is no map or series."""
    if BLOCK not in tables:
        raise DataError(f"{tables.source}: no data_maps in it; a job that makes maps comes first")
    table = tables[BLOCK]
    rows = list(zip(table.text(ROLE), table.ints(CLASS).tolist(), table.text(NAME)))
    lines = ["close session", "set bgColor white", "lighting soft"]
    model, shown = 0, 0
    for role, number, name in rows:
        if role != "map":
            continue
        model += 1
        lines += [f"open {_quoted(name)}", f"rename #{model} {_quoted_text(f'class {number}')}",
                  f"volume #{model} sdLevel {level:g} color {COLOURS[shown % len(COLOURS)]}"]  # fmt: skip
        lines += [] if shown == 0 else [f"hide #{model} models"]
        shown += 1
    for number in sorted({one for role, one, _ in rows if role == "series"}):
        frames = [name for role, one, name in rows if role == "series" and one == number]
        model += 1
        contour = _level(run, frames[len(frames) // 2], level)
        lines += [f"open {' '.join(map(_quoted, frames))} vseries true",
                  f"rename #{model} {_quoted_text(f'along component {number}' if number else 'along the path')}",
                  f"volume #{model} level {contour:.6g} color {COLOURS[number % len(COLOURS)]}",
                  f"vseries play #{model} direction oscillate maxFrameRate 8"]  # fmt: skip
        lines += [f"hide #{model} models"] if model > 1 else []
    if not model:
        raise DataError(f"{table.where}: no row of role map or series")
    return [*lines, "view"]


def _level(run: Run, name: str, level: float) -> float:
    """One contour for all frames of a series."""
    run.input(name)
    values = mrc.read(name).data
    return float(np.mean(values) + level * np.std(values))


def _quoted(name: str) -> str:
    return _quoted_text(str(Path(name).resolve()))


def _quoted_text(text: str) -> str:
    return '"' + text.replace('"', '') + '"'
