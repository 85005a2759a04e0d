"""Files of picks: x, y and perhaps a score of each, in pixels of what was picked, by the micrographs' names.

A box of EMAN is given by its lower left corner, x and y being the least of its pixels; it is centred on pixel n//2, as
everything is. crYOLO's need not be whole pixels: half a side is added. Row 0 is the first of the file in all of them.
Sources: EMAN's and crYOLO's manuals; Bepler et al., Nat. Methods 16 (2019) 1153; RELION's and cryoSPARC's guides.
"""

from pathlib import Path
from typing import Any

from spa.errors import DataError
from spa.io import cryosparc, star
from spa.io.lines import lines
from spa.io.star import Table
from spa.job.run import Run
from spa.recipe.picks import SCORE, X, Y, gathered

Picks = dict[str, list[list[float]]]
"""[x, y] or [x, y, score] of each pick, by a micrograph's name: a path, or a stem where the file knows no more."""

TOPAZ = ("image_name", "x_coord", "y_coord")
_KINDS = ".box, .cbox, .txt, .cs, .star"


def read(file: str, run: Run) -> Picks:
    """The picks of one file. Raises MissingInput, ReadError, DataError (of another kind, or not what its kind is)."""
    kind = Path(file).suffix.lower()
    if kind == ".cs":
        return _dataset(file)
    if kind == ".star":
        return _star(file, run)
    if kind not in (".box", ".cbox", ".txt"):
        raise DataError(f"{file}: of no kind of picks that is known ({_KINDS})")
    rows = [(number, line) for number, line in enumerate(lines(file), start=1) if line.strip()]
    if kind == ".txt":
        return _topaz(file, rows)
    if kind == ".cbox" and any(line.startswith(("data_", "loop_")) for _, line in rows):
        return {Path(file).stem: _cbox(file)}
    return {Path(file).stem: _boxes(file, rows)}


def _boxes(file: str, rows: list[tuple[int, str]]) -> list[list[float]]:
    """EMAN's rows x, y, width, height, of which crYOLO's older .cbox is the same with a score behind."""
    scored = file.lower().endswith(".cbox")
    found = []
    for number, line in rows:
        if line.startswith("#"):
            continue
        values = _numbers(line.split(), f"{file}: line {number}", 5 if scored else 4, "x, y, width, height")
        x, y, width, height = values[:4]
        if min(width, height) <= 0:
            raise DataError(f"{file}: line {number}: a box of {width:g} x {height:g} pixels")
        whole = all(value.is_integer() for value in values[:4])
        half = (width // 2, height // 2) if whole else (width / 2, height / 2)
        found.append([x + half[0], y + half[1], *values[4:5][: int(scored)]])
    return found


def _cbox(file: str) -> list[list[float]]:
    """crYOLO's STAR; all boxes that it has, with their confidence."""
    tables = star.read(file)
    table = next((table for table in tables.blocks.values() if "CoordinateX" in table), None)
    if table is None:
        raise DataError(f"{file}: no boxes of crYOLO in it (CoordinateX)")
    centres = [table.floats(f"Coordinate{axis}") + table.floats(side) / 2 for axis, side in
               (("X", "Width"), ("Y", "Height"))]  # fmt: skip
    columns = [*centres, table.floats("Confidence")] if "Confidence" in table else centres
    return [list(row) for row in zip(*(column.tolist() for column in columns))]


def _topaz(file: str, rows: list[tuple[int, str]]) -> Picks:
    """Topaz's table, tabs between; the score may lack, as in tables of training picks."""
    head = tuple(rows[0][1].split("\t")) if rows else ()
    if not set(TOPAZ) <= set(head):
        raise DataError(f"{file}: line 1 is {' '.join(head)[:60] or 'empty'}, where Topaz has {', '.join(TOPAZ)}")
    at = [head.index(name) for name in TOPAZ[1:]] + [i for i, name in enumerate(head) if name == "score"]
    name = head.index(TOPAZ[0])
    found: Picks = {}
    for number, line in rows[1:]:
        values = line.split("\t")
        if len(values) != len(head):
            raise DataError(f"{file}: line {number}: {len(values)} values, where {len(head)} are wanted")
        picked = _numbers([values[i] for i in at], f"{file}: line {number}", len(at), "numbers")
        found.setdefault(values[name], []).append(picked)
    return found


def _star(file: str, run: Run) -> Picks:
    """RELION's coordinates: of the micrograph in each row, or of the one that the file is named after."""
    tables = gathered(run, star.read(file))
    table = next((table for table in tables.blocks.values() if X in table and Y in table), None)
    if table is None:
        raise DataError(f"{file}: no coordinates in it ({X}, {Y})")
    return _by_micrograph(table, Path(file).stem)


def _dataset(file: str) -> Picks:
    """cryoSPARC's places, in pixels of the micrographs."""
    data = cryosparc.read(file)
    columns = cryosparc.locations(data)
    if "rlnCoordinateX" not in columns:
        raise DataError(f"{file}: no places of particles in it (location/center_x_frac)")
    if "pick_stats/ncc_score" in (data.dtype.names or ()):
        columns[SCORE] = data["pick_stats/ncc_score"]
    return _by_micrograph(Table.of(**columns), file)


def _by_micrograph(table: Table, name: str) -> Picks:
    names = table.get_text("rlnMicrographName", name).tolist()
    columns = [table.floats(column).tolist() for column in (X, Y, SCORE) if column in table]
    found: Picks = {one: [] for one in dict.fromkeys(names)}
    for one, *values in zip(names, *columns):
        found[one].append(list(values))
    return found or {name: []}


def _numbers(words: list[str], where: str, least: int, wanted: str) -> list[Any]:
    try:
        values = [float(word) for word in words[:least]]
    except ValueError:
        raise DataError(f"{where}: {' '.join(words)[:60]!r}, where {wanted} are wanted") from None
    if len(values) < least:
        raise DataError(f"{where}: {len(values)} values, where {wanted} are wanted")
    return values
