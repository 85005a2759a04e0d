"""`spa star filter`: rows in, the rows that fulfil it out, untouched."""

import io

import pytest

from spa.io import star
from spa.testing import run_spa

TEXT = """# spa: 0.1.0 import micrographs
data_optics
loop_
_rlnOpticsGroup
_rlnOpticsGroupName
_rlnVoltage
1 a 300
2 b 200

data_micrographs
loop_
_rlnMicrographName
_rlnOpticsGroup
_rlnCtfMaxResolution
_strange
m1.mrc 1 3.10 000
000012 2 6.00 001
m3.mrc 1 9.00 'two words'
"""


def tables(result) -> star.Tables:
    return star.read(io.StringIO(result.stdout))


def test_rows_are_kept_as_they_stand() -> None:
    result = run_spa("star", "filter", "rlnCtfMaxResolution <= 6", input=TEXT)
    assert result.status == 0
    table = tables(result)
    assert table["micrographs"] == star.read(io.StringIO(TEXT))["micrographs"].take([0, 1])
    assert table["optics"] == star.read(io.StringIO(TEXT))["optics"]
    assert table.history[0] == "0.1.0 import micrographs"
    assert "star filter" in table.history[1]
    assert "2 of 3 rows kept" in result.stderr


def test_the_step_stands_in_the_history_as_it_was_typed() -> None:
    result = run_spa("star", "filter", "rlnCtfMaxResolution <= 6", input=TEXT)
    assert "'rlnCtfMaxResolution <= 6'" in tables(result).history[1]


def test_invert_and_rejected_part_the_rows(tmp_path) -> None:
    result = run_spa("star", "filter", "rlnVoltage == 300", "--invert", "--rejected", tmp_path / "r.star", input=TEXT)
    assert tables(result)["micrographs"].text("rlnMicrographName").tolist() == ["000012"]
    assert len(star.read(tmp_path / "r.star")["micrographs"]) == 2


def test_another_block() -> None:
    result = run_spa("star", "filter", "rlnVoltage == 300", "--block", "optics", input=TEXT)
    assert (len(tables(result)["optics"]), len(tables(result)["micrographs"])) == (1, 3)


def test_no_row_left_is_an_error_unless_it_may_be() -> None:
    result = run_spa("star", "filter", "rlnVoltage == 100", input=TEXT)
    assert (result.status, result.stdout) == (65, "")
    assert "none of its 3 rows is kept" in result.stderr
    assert len(tables(run_spa("star", "filter", "False", "--allow-empty", input=TEXT))["micrographs"]) == 0


@pytest.mark.parametrize(
    ("arguments", "text", "status", "message"),
    [
        (("rlnCtfMaxResolutoin < 6",), TEXT, 65, "near it: rlnCtfMaxResolution"),
        (("rlnCtfMaxResolution < 6",), "", 65, "empty"),
        (("rlnCtfMaxResolution < 6", "none.star"), None, 66, "none.star: no such file"),
        (("rlnVoltage < 6", "--block", "movies"), TEXT, 65, "no data_movies"),
        (("x < 6",), "data_a\nloop_\n_x\n1\n\ndata_b\nloop_\n_x\n1\n", 65, "say --block"),
    ],
)
def test_what_is_wrong_is_said(arguments, text, status: int, message: str) -> None:
    result = run_spa("star", "filter", *arguments, input=text)
    assert (result.status, result.stdout) == (status, "")
    assert message in result.stderr


def test_a_file_in_the_place_of_the_expression_is_told(tmp_path) -> None:
    (tmp_path / "m.star").write_text(TEXT)
    result = run_spa("star", "filter", "m.star", "rlnVoltage > 1", cwd=tmp_path)
    assert (result.status, result.stdout) == (2, "")
    assert "EXPR comes first, then STAR" in result.stderr
