"""Frealign's parameter files: one particle a line, in columns without names.

Frealign 9 writes 16 of them, cisTEM 17 (the phase shift is the one more); lines that begin with C or # are words.
Older ones have 12 to 14, with shifts in pixels, and are refused.
"""

from pathlib import Path

from spa.errors import DataError
from spa.io.lines import lines
from spa.io.table import Table

_FREALIGN = (
    "cisTEMPositionInStack", "cisTEMAnglePsi", "cisTEMAngleTheta", "cisTEMAnglePhi", "cisTEMXShift", "cisTEMYShift",
    "", "", "cisTEMDefocus1", "cisTEMDefocus2", "cisTEMDefocusAngle", "cisTEMOccupancy", "cisTEMLogP", "cisTEMSigma",
    "cisTEMScore", "cisTEMScoreChange",
)  # fmt: skip
"""Columns of Frealign 9 by the names that cisTEM gives them in its tables; magnification and film have none."""

_CISTEM = (*_FREALIGN[:11], "cisTEMPhaseShift", *_FREALIGN[11:])


def read(path: str | Path) -> Table:
    """The particles of a parameter file, text as it stands, in columns of cisTEM's names: angles in degrees, shifts in
    angstroms, the phase shift in radians.

    Raises MissingInput, ReadError, DataError (another number of columns, no particles).
    """
    rows: list[list[str]] = []
    for number, line in _lines(Path(path)):
        values = line.split()
        if len(values) not in (len(_FREALIGN), len(_CISTEM)):
            raise DataError(f"{path}: line {number}: {len(values)} values, where Frealign 9 writes {len(_FREALIGN)} "
                            f"and cisTEM {len(_CISTEM)}")  # fmt: skip
        if rows and len(values) != len(rows[0]):
            raise DataError(f"{path}: line {number}: {len(values)} values, and {len(rows[0])} in the lines before")
        rows.append(values)
    if not rows:
        raise DataError(f"{path}: no particles in it")
    names = _CISTEM if len(rows[0]) == len(_CISTEM) else _FREALIGN
    return Table({name: [row[i] for row in rows] for i, name in enumerate(names) if name}, str(path))


def _lines(path: Path) -> list[tuple[int, str]]:
    numbered = enumerate(lines(path, errors="surrogateescape"), start=1)
    return [(number, line) for number, line in numbered if line.strip() and line.lstrip()[0] not in "C#"]
