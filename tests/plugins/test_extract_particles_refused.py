"""`spa extract particles`: what is left out, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_spa
from tests.plugins import spoiled
from tests.plugins.extracting import BOX, changed, copies, run, stack


def test_boxes_over_the_edge_are_left_out_and_counted_or_padded(picks: Path) -> None:
    near = changed(picks, rlnCoordinateX=[5.0, 252, 50, 50, 60, 70, 80, 90, 100], rlnCoordinateY=120.0)
    result = run_spa("extract", "particles", near, "-d", picks.parent / "E", *BOX)
    assert result.status == 0 and "2 left out because their boxes reach over the edge" in result.stderr
    assert len(run(near, *BOX, "--pad")["particles"]) == 9
    assert np.isfinite(stack(star.read(picks.parent / "e.star"))).all()


def test_boxes_with_nothing_in_them_are_left_out_and_counted(picks: Path) -> None:
    """As in the margins where frames of a movie had moved away."""
    path = picks.parent / "tiny.mrc"
    micrograph = mrc.read(path)
    pixels = np.array(micrograph.data)
    pixels[:, :100] = 7
    mrc.write(path, pixels, micrograph.pixel_size)
    there = changed(picks, rlnCoordinateX=[50.0] * 4 + [150.0] * 5, rlnCoordinateY=120.0)
    result = run_spa("extract", "particles", there, "-d", picks.parent / "E", "-o", picks.parent / "e.star", *BOX)
    assert result.status == 0 and "4 left out because all pixels of their boxes are the same" in result.stderr
    assert len(star.read(picks.parent / "e.star")["particles"]) == 5
    result = run_spa("extract", "particles", changed(picks, rlnCoordinateX=50.0), "-d", picks.parent / "E", *BOX)
    assert result.status == 65 and "no particles: all 9 have nothing in them" in result.stderr


def test_coordinates_outside_of_the_micrograph_are_left_out_even_with_pad(picks: Path) -> None:
    far = changed(picks, rlnCoordinateX=[-500.0, 9000, *[100.0] * 7])
    assert len(run(far, *BOX, "--pad")["particles"]) == 7


@pytest.mark.parametrize("words, status, said", [
    (("--box", 41), 2, "even"), (("--box", 40, "--crop", 21), 2, "even"), (("--box", 40, "--crop", 60), 2, "larger"),
    (("--box", 400), 65, "larger than its 256 x 240 pixels"),
    ((), 2, "--box PX"), (("--pixel-size", 6), 2, "--crop PX"), (("--box", 40, "--pixel-size", 6), 2, "either"),
    (("--pixel-size", 6, "--crop", 30, "--virtual"), 2, "--virtual"), (("--pixel-size", 6, "--crop", 31), 2, "even"),
    (("--pixel-size", 4, "--crop", 30), 65, "micrographs of 5 A a pixel"),
    (("--pixel-size", 60, "--crop", 30), 65, "a box of 360 pixels"), (("--box", 4), 2, "4"),
    (("--box", 40, "--recenter"), 65, "rlnOriginXAngst"), (("--box", 40, "--min-score", 99), 65, "no rows"),
    (("--box", 40, "--micrographs", "nothing.star"), 66, "nothing.star"),
    (("--box", 40, "--background", "nan"), 2, "nan"),
])  # fmt: skip
def test_what_cannot_be_is_said(picks: Path, words: tuple, status: int, said: str) -> None:
    result = run_spa("extract", "particles", picks, "-d", picks.parent / "E", *words)
    assert result.status == status and said in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("drop", ["rlnCoordinateX", "rlnMicrographName"])
def test_a_missing_column_is_named(picks: Path, drop: str) -> None:
    result = run_spa("extract", "particles", changed(picks, drop=(drop,)), "-d", picks.parent / "E", *BOX)
    assert result.status == 65 and drop in result.stderr


def test_coordinates_that_are_no_numbers_are_named_by_row(picks: Path) -> None:
    bad = changed(picks, rlnCoordinateX=[50.0, float("nan"), *[50.0] * 7])
    result = run_spa("extract", "particles", bad, "-d", picks.parent / "E", *BOX)
    assert result.status == 65 and "row 2" in result.stderr


def test_a_pick_of_an_unknown_micrograph_is_named(picks: Path) -> None:
    bad = changed(picks, rlnMicrographName="elsewhere.mrc")
    result = run_spa("extract", "particles", bad, "-d", picks.parent / "E", *BOX)
    assert result.status == 65 and "elsewhere.mrc" in result.stderr


def test_a_defocus_that_is_no_number_is_named_and_left_out(picks: Path) -> None:
    many = copies(picks, 2)
    tables = star.read(many)
    table = tables["micrographs"].with_columns(rlnDefocusV=["nan", "15000"])
    star.write(tables.with_block("micrographs", table), many)
    words = ("extract", "particles", many, "-d", picks.parent / "E", "-o", picks.parent / "e.star", *BOX)
    result = run_spa(*words)
    assert result.status == 1 and "m000.mrc: the defocus of 9 of its 9 particles is no number" in result.stderr
    found = star.read(picks.parent / "e.star")["particles"]
    assert len(found) == 9 and not (picks.parent / "E" / "m000.mrcs").exists()
    star.write(tables.with_block("micrographs", table.with_columns(rlnDefocusV="nan")), many)
    assert run_spa(*words).status == 65


@pytest.mark.parametrize("bad, said", spoiled.SAID.items())
def test_a_bad_micrograph_is_left_out_and_the_others_done(picks: Path, bad: str, said: str) -> None:
    many = copies(picks, 3)
    path = picks.parent / "m001.mrc"
    spoiled.micrograph(path, bad)
    out = picks.parent / "e.star"
    result = run_spa("extract", "particles", many, "-d", picks.parent / "E", "-o", out, *BOX)
    assert result.status == 1 and said in result.stderr and "m001.mrc" in result.stderr
    assert len(star.read(out)["particles"]) == 18 and not (picks.parent / "E" / "m001.mrcs").exists()


def test_micrographs_beside_must_be_micrographs(picks: Path, tiny_particles: Path) -> None:
    result = run_spa("extract", "particles", picks, "-d", picks.parent / "E", *BOX, "--micrographs", tiny_particles)
    assert result.status == 65 and "no data_micrographs in it" in result.stderr
