"""Calls of `spa extract particles` on the picks of the tiny micrograph (the fixture `picks`)."""

from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.testing import run_spa
from tests.plugins import spoiled

BOX = ("--box", 40)


def run(source: Path, *more: object) -> star.Tables:
    folder = source.parent
    result = run_spa("extract", "particles", source, "-d", folder / "E", "-o", folder / "e.star", *more)
    assert result.status == 0, result.stderr
    return star.read(folder / "e.star")


def changed(source: Path, drop: tuple[str, ...] = (), **columns: object) -> Path:
    return spoiled.particles(source, source.parent / "changed.star", *drop, **columns)


def stack(tables: star.Tables) -> np.ndarray:
    return np.array(mrc.read(tables["particles"].text("rlnImageName")[0].split("@")[1]).data)


def copies(picks: Path, count: int) -> Path:
    """The same picks in ``count`` micrographs of their own."""
    tables = star.read(picks)
    image = np.array(mrc.read(picks.parent / "tiny.mrc").data)
    names = [str(picks.parent / f"m{n:03d}.mrc") for n in range(count)]
    for name in names:
        mrc.write(name, image, 5.0)
    blocks = {block: star.Table.concat([tables[block].with_columns(rlnMicrographName=name) for name in names])
              for block in ("micrographs", "particles")}  # fmt: skip
    star.write(star.Tables({"optics": tables["optics"], **blocks}, []), picks.parent / "many.star")
    return picks.parent / "many.star"
