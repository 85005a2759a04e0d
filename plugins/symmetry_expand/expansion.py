"""The copies of a table of particles over a point group.

A particle of pose A (rows: the image's axes in the volume) looks the same at every A g if the volume has the symmetry
(g (3, 3) of the group); the shift is the image's and stays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.io.star import Table, Tables
from spa.job.particles import half_sets
from spa.job.run import Run
from spa.model.numbers import sensible
from spa.model.poses import eulers, matrices

PARENT, COPY, HALF = "spaSymmetryParent", "spaSymmetryCopy", "rlnRandomSubset"
POSE = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
PRIOR = ("rlnAngleRotPrior", "rlnAngleTiltPrior", "rlnAnglePsiPrior")
PART = 30_000  # copies that are made and written together


@dataclass(frozen=True)
class _Rows:
    names: np.ndarray
    half: np.ndarray


def prepared(run: Run, tables: Tables) -> Table:
    """The particles with parents and half-sets, to be copied.

    DataError: no rows, no poses, no image names, or a table that is expanded already.
    """
    table = tables["particles"]
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    lacking = [name for name in POSE if name not in table]
    if lacking:
        raise DataError(f"{table.where} has no {', '.join(lacking)}: there are no poses to copy")
    refuse_expanded(tables)
    names = table.text("rlnImageName")
    half = table.ints(HALF) if HALF in table else np.zeros(len(table), np.int64)
    if not np.isin(half, (1, 2)).all():
        table = table.with_columns(**{HALF: half_sets(run, _Rows(names, half)) + 1})
    return table.with_columns(**{PARENT: names})


def refuse_expanded(tables: Tables) -> None:
    """DataError where the columns, the history or the images say that the rows are symmetry copies."""
    table = tables["particles"]
    if PARENT in table or COPY in table:
        raise DataError(f"{table.where} is expanded already: it has the column {PARENT if PARENT in table else COPY}")
    step = next((line for line in tables.history if line.split()[1:3] == ["symmetry", "expand"]), None)
    if step is not None:
        raise DataError(f"{table.where} is expanded already: its history has `{step}`; expand the table before that")
    seen: dict[str, int] = {}
    for row, name in enumerate(table.listed("rlnImageName"), start=1):
        if name in seen:
            raise DataError(f"{table.where} rows {seen[name]} and {row} have the same image {name}: it is expanded "
                            f"already, or has duplicates")  # fmt: skip
        seen[name] = row


def parts(table: Table, operators: np.ndarray) -> Iterator[Table]:
    """The copies over operators (g, 3, 3), the identity first, part by part; rows of one particle follow each other.

    Angles of all rows are read, and refused where they are no numbers, before the first part comes.
    """
    triples = [names for names in (POSE, PRIOR) if all(name in table for name in names)]
    angles = [np.deg2rad([sensible(table, name) for name in names]) for names in triples]
    poses = [matrices(*values) for values in angles]
    step = max(1, PART // len(operators))
    return (
        _copied(table, triples, poses, operators, np.arange(start, min(start + step, len(table))))
        for start in range(0, len(table), step)
    )


def _copied(
    table: Table, triples: Sequence[tuple[str, ...]], poses: list[np.ndarray], operators: np.ndarray, rows: np.ndarray
) -> Table:
    """Copies of some rows; the first copy keeps its angles as they are written."""
    count = len(operators)
    here = table.take(rows)
    columns = {name: np.repeat(here.text(name), count) for name in here.columns}
    for names, pose in zip(triples, poses):
        degrees = np.rad2deg(eulers(pose[rows, None] @ operators[1:]))
        columns |= {name: _spelt(here.text(name), degrees[..., i]) for i, name in enumerate(names)}
    columns[COPY] = np.tile(np.array([str(copy + 1) for copy in range(count)], object), len(rows))
    return Table(columns, table.where)


def _spelt(first: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n * g,) texts: the first copies' as they stand, then the angles (n, g - 1) in degrees of the others."""
    texts = np.empty((len(first), 1 + others.shape[1]), object)
    texts[:, 0] = first
    texts[:, 1:] = np.array(list(map("%.6f".__mod__, (others + 0.0).ravel().tolist())), object).reshape(others.shape)
    return texts.ravel()
