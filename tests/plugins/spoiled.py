"""Inputs with something wrong: tables of particles without columns or with others, micrographs that cannot be used."""

from pathlib import Path

import numpy as np

from spa.io import mrc, star

# what is wrong with a micrograph, and the words that must say so
SAID = {"truncated": "truncated", "nan": "not finite", "zeros": "no contrast", "gone": "no such file"}


def particles(source: Path, to: Path, *drop: str, **columns: object) -> Path:
    """Write the table without some columns, and with these; where it is."""
    tables = star.read(source)
    table = tables["particles"].without(*drop)
    star.write(tables.with_block("particles", table.with_columns(**columns) if columns else table), to)
    return to


def micrograph(path: Path, bad: str) -> None:
    """Spoil the file in one of the ways of SAID."""
    if bad == "truncated":
        path.write_bytes(path.read_bytes()[:-5000])
    elif bad == "gone":
        path.unlink()
    else:
        mrc.write(path, np.full((240, 256), np.nan if bad == "nan" else 0, np.float32), 5.0)
