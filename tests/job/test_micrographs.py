"""The loop that pickers share."""

from pathlib import Path

import click
import numpy as np
import pytest

from spa.io import mrc, star
from spa.job import micrographs, options
from spa.job.run import Run, job
from spa.testing import Result, run_command


@click.command(name="pick")
@options.star_in
@options.star_out
@options.outdir
@options.standard
@click.option("--none", is_flag=True)
@job("pick toy")
def pick(run: Run, star: str, output: str, none: bool) -> None:
    """Pick the darkest pixel."""

    def darkest(micrograph: micrographs.Micrograph) -> np.ndarray:
        assert micrograph.pixel_size == 5.0 and micrograph.optics.voltage == 300 and micrograph.data.dtype == np.float32
        assert micrograph.defocus == (15000.0, 14800.0, pytest.approx(np.deg2rad(30)))
        y, x = np.unravel_index(np.argmin(micrograph.data), micrograph.data.shape)
        return np.zeros((0, 3)) if none else np.array([[x, y, -micrograph.data.min()]])

    run.write(micrographs.picks(run, run.read(star), darkest), output)


def more(table: Path, names: list[str]) -> Path:
    """The tiny table with its row repeated under other names."""
    tables = star.read(table)
    row = tables["micrographs"]
    rows = star.Table.concat([row.with_columns(rlnMicrographName=[name]) for name in names])
    star.write(tables.with_block("micrographs", rows), table.parent / "more.star")
    return table.parent / "more.star"


def call(table: Path, *args: object) -> Result:
    return run_command(pick, table, "-d", table.parent / "out", "-o", table.parent / "picks.star", *args)


def test_a_defocus_without_astigmatism_is_round(tiny_micrograph: Path) -> None:
    tables = star.read(tiny_micrograph)
    table = tables["micrographs"].without("rlnDefocusV", "rlnDefocusAngle")
    assert micrographs.entries(tables.with_block("micrographs", table))[0].defocus == (15000, 15000, 0)
    assert micrographs.entries(tables.with_block("micrographs", table.without("rlnDefocusU")))[0].defocus is None


def test_x_is_the_column_and_the_first_pixel_is_0(tiny_micrograph: Path) -> None:
    image = np.zeros((240, 256), np.float32)
    image[7, 201] = -3
    mrc.write(tiny_micrograph.parent / "tiny.mrc", image, 5.0)
    assert call(tiny_micrograph).status == 0
    tables = star.read(tiny_micrograph.parent / "picks.star")
    picks = tables["particles"]
    assert (picks.floats("rlnCoordinateX")[0], picks.floats("rlnCoordinateY")[0]) == (201, 7)
    assert picks.floats("rlnAutopickFigureOfMerit")[0] == 3 and picks.ints("rlnOpticsGroup")[0] == 1
    assert "micrographs" in tables and "optics" in tables


def test_bad_micrographs_are_left_out_and_named(tiny_micrograph: Path, tmp_path: Path) -> None:
    good = str(tmp_path / "tiny.mrc")
    (tmp_path / "cut.mrc").write_bytes(Path(good).read_bytes()[:5000])
    mrc.write(tmp_path / "nan.mrc", np.full((8, 8), np.nan, np.float32), 5.0)
    mrc.write(tmp_path / "two.mrcs", np.zeros((2, 8, 8), np.float32), 5.0)
    names = [str(tmp_path / name) for name in ("cut.mrc", "nan.mrc", "two.mrcs", "gone.mrc")]
    result = call(more(tiny_micrograph, [*names[:2], good, *names[2:]]))
    assert result.status == 1
    lines = result.stderr.splitlines()
    assert all(name in line for name, line in zip(names, lines)) and len(lines) == 5
    assert lines[-1] == "spa pick toy: 1 pick a micrograph (median), 1 on 1 micrograph; 4 left out"


def test_micrographs_of_binned_movies_whose_table_has_the_movies_pixels_are_refused(
    tiny_micrograph: Path, tmp_path: Path
) -> None:
    """As tables look that were put together from a motion program's output by hand."""
    tables = star.read(tiny_micrograph)
    size = tables["optics"].floats("rlnMicrographPixelSize")[0]
    movie = tables["optics"].without("rlnMicrographPixelSize")
    for factor, status in ((1, 0), (2, 65)):
        optics = movie.with_columns(rlnMicrographOriginalPixelSize=[size / factor])
        star.write(tables.with_block("optics", optics), tmp_path / "o.star")
        result = call(tmp_path / "o.star")
        assert result.status == status, result.stderr
    assert "its header says 5 A a pixel" in result.stderr and "add rlnMicrographPixelSize" in result.stderr


def test_no_picks_or_twins_are_errors(tiny_micrograph: Path) -> None:
    assert "no picks in any of 1" in call(tiny_micrograph, "--none").stderr
    twice = call(more(tiny_micrograph, ["a.mrc", "a.mrc"]))
    assert twice.status == 65 and "a.mrc is there twice" in twice.stderr
