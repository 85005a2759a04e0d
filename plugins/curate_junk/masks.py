"""A mask for each row of ``data_micrographs``, and what lies on it out of the picks."""

from typing import Any

import numpy as np

from spa.io import mrc
from spa.io.star import Tables
from spa.job import micrographs
from spa.job.junk import COLUMN, clear
from spa.job.run import Run
from spa.junk.content import content
from spa.junk.ground import ground
from spa.junk.mask import junk
from spa.junk.specks import specks
from spa.model.positions import micrograph_pixel_sizes, positions

SHARE, CONTENT = "spaJunkShare", "spaContent"


def masked(run: Run, tables: Tables, diameter: float, small: bool) -> Tables:
    """The document with masks written and named; micrographs that fail are named and left out, their picks too.

    small: things far denser than nearly all else are junk, however narrow.
    """
    table = tables["micrographs"]
    assert run.outdir is not None
    files = micrographs.file_names(run.outdir, table.listed("rlnMicrographName"), "_junk.mrc")

    def work(micrograph: micrographs.Micrograph) -> dict[str, Any]:
        under = ground(micrograph.data, micrograph.pixel_size)
        mask = junk(under, diameter).mask
        if small:
            mask |= specks(under, diameter, mask)[0]
        mrc.write(files[micrograph.name], mask.astype(np.int8), under.pixel_size)
        ny, nx = micrograph.data.shape
        return {COLUMN: str(files[micrograph.name]), SHARE: round(float(mask.mean()), 5),
                CONTENT: round(content(under), 4), "shape": [ny, nx]}  # fmt: skip

    found = {entry.name: result for entry, result in micrographs.each(run, tables, work)}
    kept = table.take(np.array([name in found for name in table.text("rlnMicrographName")]))
    columns = {name: [result[name] for result in found.values()] for name in (COLUMN, SHARE, CONTENT)}
    tables = tables.with_block("micrographs", kept.with_columns(**columns))
    return _without_picks_on_junk(tables, found) if "particles" in tables else tables


def _without_picks_on_junk(tables: Tables, found: dict[str, dict[str, Any]]) -> Tables:
    """Picks on clear places of micrographs that are left."""
    picks = tables["particles"]
    names = picks.text("rlnMicrographName")
    at = positions(picks, micrograph_pixel_sizes(picks, tables["optics"]))
    stay = np.zeros(len(picks), bool)
    for name, result in found.items():
        mine = names == name
        if mine.any():
            stay[mine] = clear(result[COLUMN], (result["shape"][0], result["shape"][1]), at[mine])
    return tables.with_block("particles", picks.take(stay))


def summary(before: Tables, after: Tables) -> str:
    """The figures that matter, in words."""
    table = after["micrographs"]
    share, seen = table.floats(SHARE), table.floats(CONTENT)
    text = f"{len(table)} micrographs, {100 * share.mean():.1f} % junk, {(share > 0.3).sum()} with more than 30 %, "
    text += f"content {np.median(seen):.2f} (median)"
    if "particles" in after:
        text += f", {len(before['particles']) - len(after['particles'])} picks dropped"
    return text
