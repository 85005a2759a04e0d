"""`spa star set`: columns from expressions."""

import io

import pytest

from spa.io import star
from spa.testing import run_spa

TEXT = """data_optics
loop_
_rlnOpticsGroup
_rlnVoltage
1 300
2 200

data_particles
loop_
_rlnImageName
_rlnOpticsGroup
_rlnDefocusU
1@a.mrcs 1 10000.50
2@a.mrcs 2 20000.00
"""


def particles(result) -> star.Table:
    assert result.status == 0, result.stderr
    return star.read(io.StringIO(result.stdout))["particles"]


def test_assignments_see_those_before() -> None:
    table = particles(run_spa("star", "set", "rlnDefocusV = rlnDefocusU - 100", "_rlnX = rlnDefocusV / 2", input=TEXT))
    assert table.floats("rlnDefocusV").tolist() == [9900.5, 19900]
    assert table.floats("rlnX").tolist() == [4950.25, 9950]
    assert table.text("rlnDefocusU").tolist() == ["10000.50", "20000.00"]


def test_one_value_fills_all_rows_and_whole_numbers_stay_whole() -> None:
    words = ("rlnClassNumber = 3", "spaNote = 'two words'", "a = row * 2.0")
    table = particles(run_spa("star", "set", *words, input=TEXT))
    assert table.text("rlnClassNumber").tolist() == ["3", "3"]
    assert table.text("spaNote").tolist() == ["two words"] * 2
    assert table.text("a").tolist() == ["2", "4"]


def test_texts_by_condition_and_columns_of_the_optics() -> None:
    words = ("spaSet = 'high' if rlnVoltage == 300 else 'low'", "spaName = rlnImageName", "spaFlag = rlnVoltage > 250")
    table = particles(run_spa("star", "set", *words, input=TEXT))
    assert table.text("spaSet").tolist() == ["high", "low"]
    assert table.text("spaName").tolist() == ["1@a.mrcs", "2@a.mrcs"]
    assert table.text("spaFlag").tolist() == ["1", "0"]


def test_rename_and_delete_keep_places() -> None:
    options = ("--rename", "rlnOpticsGroup", "_spaG", "--delete", "_rlnDefocusU")
    table = particles(run_spa("star", "set", *options, input=TEXT))
    assert table.columns == ["rlnImageName", "spaG"]


def test_a_file_beside_the_assignments_and_another_block(tmp_path) -> None:
    (tmp_path / "p.star").write_text(TEXT)
    result = run_spa("star", "set", tmp_path / "p.star", "rlnAmplitudeContrast = 0.1", "--block", "data_optics")
    assert star.read(io.StringIO(result.stdout))["optics"].floats("rlnAmplitudeContrast").tolist() == [0.1, 0.1]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ((), 2, "nothing to set"),
        (("a.star", "b.star", "x = 1"), 2, "one table at a time"),
        (("x = rlnDefocsU",), 65, "near it: rlnDefocusU"),
        (("--delete", "rlnQ"), 65, "no column rlnQ"),
        (("--rename", "rlnQ", "rlnX"), 65, "no column rlnQ"),
        (("--rename", "rlnDefocusU", "rlnImageName"), 2, "there is a column rlnImageName already"),
    ],
)
def test_what_is_wrong_is_said(words, status: int, message: str) -> None:
    result = run_spa("star", "set", *words, input=TEXT)
    assert (result.status, result.stdout) == (status, "")
    assert message in result.stderr


def test_a_table_without_columns_or_rows_is_no_bug() -> None:
    result = run_spa("star", "set", "a = 1", input="data_\n")
    assert result.status == 0 and star.read(io.StringIO(result.stdout))[""].columns == ["a"]


@pytest.mark.parametrize(("text", "said"), [
    ("a = 1 / (rlnOpticsGroup - 1)", "a: 1 of 2 values are no finite numbers (row 1: inf)"),
    ("a = log(-rlnOpticsGroup)", "a: 2 of 2 values"), ("a = rlnOpticsGroup / 3", ""),
])  # fmt: skip
def test_numbers_that_are_none_are_said(text: str, said: str) -> None:
    result = run_spa("star", "set", text, input=TEXT)
    assert result.status == 0 and said in result.stderr and ("finite" in result.stderr) == bool(said)
