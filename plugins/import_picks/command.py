"""The command: files of picks and a table of micrographs in, `data_particles` beside the micrographs out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spa.errors import DataError
from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from spa.io.star import Tables
    from spa_plugins.import_picks.places import Picked


@click.command()
@click.argument("patterns", nargs=-1, required=True, metavar="PATTERN...")
@options.star_out
@options.standard
@click.option("--micrographs", default="-", type=options.INPUT_TABLE, show_default="standard input",
              help="Table of the micrographs (CTF, optics) that were picked.")
@click.option("--scale", default=1.0, show_default=True, type=click.FloatRange(0, 64, min_open=True),
              help="Pixels of the micrographs in one of the picks', where binned ones were picked.")
@click.option("--invert-y", is_flag=True, help="Count the rows from the other end of the micrograph.")
@job("import picks")
def picks(
    run: Run, patterns: tuple[str, ...], output: str, micrographs: str, scale: float, invert_y: bool
) -> None:  # fmt: skip
    """Picks of EMAN, crYOLO, Topaz, cryoSPARC and RELION.

    PATTERN is a file name or a quoted shell pattern. Read are .box (EMAN: x, y, width, height from the lower left
    corner), .cbox (crYOLO), .txt (Topaz: image_name, x_coord, y_coord, score), .cs (cryoSPARC's picks and passthrough
    tables, whose places are parts of the micrograph) and .star (RELION and crYOLO: coordinates of one micrograph, of
    many, or a list of such files). Scores go to rlnAutopickFigureOfMerit, where all files have some.

    A file belongs to the micrograph that it names, or else to the one of its own name; words behind it
    (mic7_autopick.box of mic7.mrc) and cryoSPARC's number before it do not count. Files of no micrograph in the table
    are named and left out.

    \b
    Examples:
      spa import picks 'boxes/*.box' --micrographs ctf.star | spa extract particles -d Extract --box 256 > p.star
      spa import picks topaz_8x.txt --scale 8 < ctf.star | spa inspect picks --min-score 0 > picks.star
    """
    from spa.io.names import expanded
    from spa_plugins.import_picks import formats, places

    tables = run.read_today(micrographs)
    known = tables["micrographs"].listed("rlnMicrographName")

    def read(file: str) -> dict[str, Any]:
        return {"picks": formats.read(str(run.input(file)), run)}

    files = list(run.each(expanded(patterns), read, key=str, unit="file"))
    found, lost = places.together([(file, result["picks"]) for file, result in files], known)
    for name, file in lost.items():
        run.leave_out(DataError(f"{file}: {name} is not in {tables['micrographs'].where}"))
    if not found:
        where, first = tables["micrographs"].where, known[0] if known else "none"
        raise DataError(f"{files[0][0]}: none of {len(lost)} picked micrographs is in {where}, whose first is {first}")
    placed = _placed(run, found, scale, invert_y)
    for words in places.doubts(placed):
        run.warn(words)
    run.write(_written(tables, placed), output)
    count = sum(len(one.xy) for one in placed)
    run.summary(f"{count} picks on {sum(len(one.xy) > 0 for one in placed)} of {len(known)} micrographs")


def _placed(run: Run, found: list[Picked], scale: float, invert_y: bool) -> list[Picked]:
    """Picks in pixels of their micrographs, whose headers say how large they are."""
    from spa.io import mrc

    def size(one: Picked) -> dict[str, Any]:
        return {"shape": list(mrc.read_header(one.micrograph).shape[-2:])}

    sized = run.each(found, size, key=lambda one: one.micrograph, unit="micrograph")
    return [one.placed(scale, invert_y, tuple(result["shape"])) for one, result in sized]


def _written(tables: Tables, placed: list[Picked]) -> Tables:
    """The micrographs' document with ``data_particles``; DataError where there are none."""
    import numpy as np

    from spa.io.star import Table
    from spa.recipe.picks import SCORE, X, Y

    counts = [len(one.xy) for one in placed]
    if not sum(counts):
        raise DataError(f"no picks in the files of {len(placed)} micrographs ({placed[0].micrograph} first)")
    xy = np.concatenate([one.xy for one in placed])
    names = np.repeat([one.micrograph for one in placed], counts).astype(object)
    columns: dict[str, Any] = {"rlnMicrographName": names, X: np.round(xy[:, 0], 3), Y: np.round(xy[:, 1], 3)}
    scores = [one.score for one in placed if len(one.xy)]
    if all(score is not None for score in scores):
        columns[SCORE] = np.concatenate([score for score in scores if score is not None])
    there = tables["micrographs"]
    groups = dict(zip(there.listed("rlnMicrographName"), there.get_ints("rlnOpticsGroup", 1).tolist()))
    columns["rlnOpticsGroup"] = [groups[name] for name in names]
    return tables.with_block("particles", Table.of(**columns))
