"""`spa star join`: columns of one table at the rows of another."""

import io

import numpy as np
import pytest

from spa.io import star
from spa.testing import run_spa

LEFT = star.Table.of(
    rlnImageName=["1@a.mrcs", "000002@a.mrcs", "3@a.mrcs"], rlnMicrographName=["d/m1.mrc", "d/m1.mrc", "d/m2.mrc"],
    rlnCoordinateX=[10, 20.25, 30], rlnCoordinateY=[1, 2, 3], rlnOpticsGroup=1, rlnClassNumber=[7, 8, 9],
)  # fmt: skip
RIGHT = star.Table.of(
    rlnImageName=["000003@a.mrcs", "000001@a.mrcs", "000002@a.mrcs"], rlnMicrographName=["m2.mrc", "m1.mrc", "m1.mrc"],
    rlnCoordinateX=["30.000000", "10.0", "20.250001"], rlnCoordinateY=[3, 1, 2], rlnOpticsGroup=1,
    rlnAngleRot=["003", "001", "002"], rlnClassNumber=[3, 1, 2],
)  # fmt: skip
OPTICS = star.Table.of(rlnOpticsGroup=[1], rlnVoltage=[300])


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "left.star", LEFT)
    save(tmp_path / "right.star", RIGHT)
    return tmp_path


def save(path, table: star.Table) -> None:
    star.write(star.Tables({"optics": OPTICS, "particles": table}), path)


def joined(folder, *options) -> star.Table:
    result = run_spa("star", "join", "left.star", "--with", "right.star", *options, cwd=folder)
    assert result.status == 0, result.stderr
    return star.read(io.StringIO(result.stdout))["particles"]


def test_new_columns_come_by_image_name_as_text(folder) -> None:
    table = joined(folder)
    assert table.text("rlnAngleRot").tolist() == ["001", "002", "003"]
    assert table.without("rlnAngleRot") == LEFT.named("")


def test_columns_named_are_taken_over_those_there(folder) -> None:
    table = joined(folder, "--columns", "_rlnClassNumber")
    assert table.ints("rlnClassNumber").tolist() == [1, 2, 3]
    assert "rlnAngleRot" not in table


def test_by_micrograph_and_coordinates_whatever_the_folder(folder) -> None:
    save(folder / "right.star", RIGHT.without("rlnImageName"))
    assert joined(folder, "--basename").text("rlnAngleRot").tolist() == ["001", "002", "003"]
    result = run_spa("star", "join", "left.star", "--with", "right.star", cwd=folder)
    assert result.status == 65
    assert "no row of left.star: data_particles has a partner" in result.stderr


def test_by_any_columns(folder) -> None:
    keys = "rlnCoordinateX, rlnCoordinateY"
    assert joined(folder, "--on", keys).text("rlnAngleRot").tolist() == ["001", "002", "003"]


def test_64_bit_identifiers_are_told_apart(folder) -> None:
    uids = np.array([2**63, 2**63 + 1, 2**63 + 2], np.uint64)
    save(folder / "left.star", LEFT.with_columns(spaCryosparcUid=uids))
    save(folder / "right.star", RIGHT.with_columns(spaCryosparcUid=uids[::-1]))
    assert joined(folder, "--on", "spaCryosparcUid").text("rlnAngleRot").tolist() == ["002", "001", "003"]


def test_rows_without_a_partner_need_a_word(folder) -> None:
    save(folder / "right.star", RIGHT.take([0, 1]))
    result = run_spa("star", "join", "left.star", "--with", "right.star", cwd=folder)
    assert (result.status, result.stdout) == (65, "")
    assert "1 of the 3 rows" in result.stderr
    assert "the first is row 2" in result.stderr
    assert joined(folder, "--inner").text("rlnAngleRot").tolist() == ["001", "003"]
    assert joined(folder, "--fill", "0").text("rlnAngleRot").tolist() == ["001", "0", "003"]
    assert joined(folder, "--anti").text("rlnImageName").tolist() == ["000002@a.mrcs"]
    assert joined(folder, "--fill", "0", "--columns", "rlnClassNumber").ints("rlnClassNumber").tolist() == [1, 8, 3]
    both = run_spa("star", "join", "left.star", "--with", "right.star", "--inner", "--anti", cwd=folder)
    assert both.status == 2


def test_many_rows_may_have_one_partner_but_not_the_other_way(folder) -> None:
    names = ["d/m1.mrc", "d/m2.mrc"]
    micrographs = star.Table.of(rlnMicrographName=names, rlnOpticsGroup=1, rlnCtfMaxResolution=[3, 4])
    star.write(star.Tables({"optics": OPTICS, "micrographs": micrographs}), folder / "right.star")
    table = joined(folder, "--on", "rlnMicrographName", "--columns", "rlnCtfMaxResolution,rlnVoltage")
    assert table.ints("rlnCtfMaxResolution").tolist() == [3, 3, 4]
    assert table.ints("rlnVoltage").tolist() == [300] * 3
    result = run_spa("star", "join", "right.star", "--with", "left.star", cwd=folder)
    assert result.status == 65
    assert "rows 1 and 2 have the same rlnMicrographName" in result.stderr


def test_another_block(folder) -> None:
    options = ("--block", "optics", "--on", "rlnVoltage")
    assert run_spa("star", "join", "left.star", "--with", "right.star", *options, cwd=folder).status == 0


def test_files_and_columns_that_are_not_there(folder) -> None:
    assert run_spa("star", "join", "left.star", "--with", "none.star", cwd=folder).status == 66
    for options in (("--on", "rlnQ"), ("--columns", "rlnQ")):
        result = run_spa("star", "join", "left.star", "--with", "right.star", *options, cwd=folder)
        assert result.status == 65
        assert "no column rlnQ" in result.stderr


def test_either_table_may_be_standard_input(folder) -> None:
    left, right = ((folder / name).read_text() for name in ("left.star", "right.star"))
    wanted = joined(folder)
    for words, given in ((("left.star", "--with", "-"), right), (("-", "--with", "right.star"), left)):
        result = run_spa("star", "join", *words, input=given, cwd=folder)
        assert result.status == 0, result.stderr
        assert star.read(io.StringIO(result.stdout))["particles"] == wanted
    both = run_spa("star", "join", "--with", "-", input=left, cwd=folder)
    assert both.status == 2 and "standard input is one table" in both.stderr


def test_a_table_of_which_nothing_is_left_is_no_result_unless_it_is_asked_for(folder) -> None:
    none = run_spa("star", "join", "left.star", "--with", "left.star", "--anti", cwd=folder)
    assert none.status == 65 and none.stdout == "" and "all 3 rows" in none.stderr and "--allow-empty" in none.stderr
    empty = run_spa("star", "join", "left.star", "--with", "left.star", "--anti", "--allow-empty", cwd=folder)
    assert empty.status == 0 and len(star.read(io.StringIO(empty.stdout))["particles"]) == 0


@pytest.mark.parametrize("words", [("--allow-empty",), ("--anti", "--columns", "rlnAngleRot")])
def test_options_that_would_do_nothing_are_refused(folder, words) -> None:
    result = run_spa("star", "join", "left.star", "--with", "right.star", *words, cwd=folder)
    assert result.status == 2 and "does nothing" in result.stderr
