"""STAR documents: text goes through exactly, every dialect is read, bad input is one clear line."""

import io
import string
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spa.errors import DataError, MissingInput, ReadError, WriteError
from spa.io import star


def parsed(text: str) -> star.Tables:
    return star.read(io.StringIO(text))


def written(tables: star.Tables) -> str:
    stream = io.StringIO()
    star.write(tables, stream)
    return stream.getvalue()


def loop(*rows: str, labels: str = "_rlnA #1\n_rlnB #2\n") -> str:
    return "data_particles\n\nloop_\n" + labels + "\n".join(rows) + "\n"


words = st.text(string.ascii_letters + string.digits + "@/_.-#'\" \tä漢", max_size=12).filter(
    lambda value: not ("'" in value and '"' in value)
)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(words, min_size=width, max_size=width), max_size=6)))
def test_what_is_written_is_read_back_exactly(rows: list[list[str]]) -> None:
    width = len(rows[0]) if rows else 2
    table = star.Table({f"c{i}": [row[i] for row in rows] for i in range(width)})
    back = parsed(written(star.Tables({"particles": table, "optics": table})))
    assert back["particles"] == table
    assert back["optics"] == table


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.from_regex(r"rln[A-Za-z]{1,8}", fullmatch=True), words, min_size=1))
def test_a_simple_block_comes_back_simple_and_exact(pairs: dict[str, str]) -> None:
    table = star.Table({name: [value] for name, value in pairs.items()}, simple=True)
    assert parsed(written(star.Tables({"general": table})))["general"] == table


def test_untouched_columns_go_through_as_text() -> None:
    table = parsed(loop("000012 0.10", "1e-9 -0.000"))["particles"].with_columns(rlnC=[1, 2])
    back = parsed(written(star.Tables({"particles": table})))["particles"]
    assert back.text("rlnA").tolist() == ["000012", "1e-9"]
    assert back.text("rlnB").tolist() == ["0.10", "-0.000"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_are_written_to_nine_digits(values: list[float]) -> None:
    back = parsed(written(star.Tables({"t": star.Table.of(x=values)})))["t"].floats("x")
    np.testing.assert_allclose(back, values, rtol=5e-9)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_float32_comes_back_as_itself(values: list[float]) -> None:
    column = np.array(values, np.float32)
    assert (star.Table.of(x=column).floats("x").astype(np.float32) == column).all()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_come_back_as_themselves(values: list[int]) -> None:
    assert star.Table.of(x=np.array(values)).ints("x").tolist() == values


def test_no_number_is_ever_written_as_minus_zero() -> None:
    assert star.Table.of(x=np.array([-0.0]), y=np.array([-0.0], np.float32)).text("x").tolist() == ["0"]


def test_tiny_numbers_do_not_become_zero() -> None:
    assert star.Table.of(x=[1e-9]).text("x").tolist() == ["1e-09"]


def test_64_bit_identifiers_keep_every_digit() -> None:
    assert star.Table.of(uid=np.array([2**64 - 1], np.uint64)).text("uid").tolist() == [str(2**64 - 1)]


def test_history_lines_are_kept_in_order_and_written_first() -> None:
    text = "# spa: import 0.1\n# version 50001\n# spa: ctf 0.1\n" + loop("1 2")
    tables = parsed(text)
    assert tables.history == ["import 0.1", "ctf 0.1"]
    assert written(tables).splitlines()[:2] == ["# spa: import 0.1", "# spa: ctf 0.1"]
    assert parsed(written(tables)).history == tables.history


def test_equal_tables_give_equal_bytes() -> None:
    assert written(parsed(loop("1 2"))) == written(parsed(loop("1 2")))


def test_relion_version_stands_before_each_table() -> None:
    text = written(parsed(loop("1 2") + "\ndata_optics\n\n_rlnX 3\n"))
    assert text.count("# version 50001") == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read(end: str) -> None:
    table = parsed(loop("1 2", "3 4").replace("\n", end))["particles"]
    assert table.columns == ["rlnA", "rlnB"]
    assert table.ints("rlnB").tolist() == [2, 4]


def test_a_missing_last_line_end_is_no_error() -> None:
    assert len(parsed(loop("1 2", "3 4").rstrip())["particles"]) == 2


def test_comments_quotes_and_blank_lines() -> None:
    text = loop("# a comment", "1 'two words' # another", "", '"it\'s" x#y', "it's \"\"")
    table = parsed(text)["particles"]
    assert table.text("rlnA").tolist() == ["1", "it's", "it's"]
    assert table.text("rlnB").tolist() == ["two words", "x#y", ""]


def test_labels_without_numbers_and_with_remarks() -> None:
    assert parsed(loop("1 2", labels="_rlnA\n_rlnB # what it is\n"))["particles"].columns == ["rlnA", "rlnB"]


def test_rows_that_begin_like_a_block_are_rows() -> None:
    table = parsed(loop("data_set/mic.mrc 2", "data_x/mic.mrc 3", "data_y 4"))["particles"]
    assert table.text("rlnA").tolist() == ["data_set/mic.mrc", "data_x/mic.mrc", "data_y"]


def test_bytes_that_are_not_utf8_go_through(tmp_path) -> None:
    source, target = tmp_path / "in.star", tmp_path / "out.star"
    source.write_bytes(loop("caf\xe9 2").encode("latin-1"))
    star.write(star.read(source), target)
    assert b"caf\xe9 2" in target.read_bytes()


def test_standard_input_and_output(monkeypatch, capsysbinary) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(loop("1 2").encode())))
    star.write(star.read("-"), "-")
    assert b"\n1 2\n" in capsysbinary.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("hello\n", "no data_ block"),
        ("data_a\nloop_\n_x\n_y\n1 2\n3\n", "line 6: 1 values in a table of 2 columns"),
        ("data_a\nloop_\n_x\n_y\n1 2\n\n3 4 5\n", "line 7: 3 values"),
        ("data_a\nloop_\n_x\n_x\n1 2\n", "column x twice"),
        ("data_a\n_x 1\n\ndata_a\n_x 1\n", "data_a is there twice"),
        ("data_a\n_x\n", "line 2: _x has 0 values"),
        ("data_a\n_x 1\n17\n", "line 3: a value outside of any loop_"),
        ("MRC\0\0\0data_", "binary"),
    ],
)
def test_bad_documents_are_named_with_the_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parsed(text)


def test_the_file_is_named(tmp_path) -> None:
    path = tmp_path / "bad.star"
    path.write_text("data_a\nloop_\n_x\n_y\n1 2\n3\n")
    with pytest.raises(DataError, match=r"bad\.star: line 6"):
        star.read(path)


def test_no_such_file_and_no_file_at_all(tmp_path) -> None:
    with pytest.raises(MissingInput, match="no such file"):
        star.read(tmp_path / "none.star")
    with pytest.raises(ReadError):
        star.read(tmp_path)
    with pytest.raises(WriteError):
        star.write(parsed(loop("1 2")), tmp_path / "none" / "out.star")


def test_a_missing_block_is_named_with_those_there() -> None:
    with pytest.raises(DataError, match="no data_micrographs in it .it has data_particles"):
        parsed(loop("1 2"))["micrographs"]


def test_a_line_break_in_a_value_is_refused() -> None:
    with pytest.raises(DataError, match="line break"):
        written(star.Tables({"t": star.Table.of(x=["a\nb"])}))


def test_columns_agree_with_the_reference_reader(tmp_path) -> None:
    starfile = pytest.importorskip("starfile")
    rng = np.random.default_rng(0)
    names = [f"{i:06d}@a.mrcs" for i in range(50)]
    table = star.Table.of(rlnX=rng.normal(size=50), rlnN=rng.integers(0, 9, 50), rlnName=names)
    star.write(star.Tables({"optics": table, "particles": table}), tmp_path / "t.star")
    theirs = starfile.read(tmp_path / "t.star")["particles"]
    assert list(theirs.columns) == table.columns
    np.testing.assert_allclose(theirs.rlnX, table.floats("rlnX"))
    assert theirs.rlnName.tolist() == table.text("rlnName").tolist()


def test_every_real_table_is_read_and_comes_back(shared_data) -> None:
    starfile = pytest.importorskip("starfile")
    paths = sorted(shared_data.glob("**/*.star"))
    assert paths
    for path in paths:
        tables = star.read(path)
        assert parsed(written(tables)).blocks == tables.blocks, path
        theirs = starfile.read(path, always_dict=True)
        assert {name: len(table) for name, table in tables.blocks.items()} == {
            name: len(table) if hasattr(table, "columns") else 1 for name, table in theirs.items()
        }


LINES = ["data_", "data_a", "loop_", "_x", "_y #2", "1 2", "'a b", '"', "# c", "", "a\tb", "\r", "\x00", "é"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(LINES)))
def test_any_text_is_a_document_or_a_data_error(lines: list[str]) -> None:
    try:
        tables = parsed("\n".join(lines))
    except DataError:
        return
    assert parsed(written(tables)).blocks == tables.blocks


def test_tables_without_columns_or_rows_come_back_as_they_are() -> None:
    nothing = star.Tables({"a": star.Table({}), "b": star.Table.pairs(x=1).take([])})
    back = parsed(written(nothing))
    assert (back["a"].columns, back["b"].columns, len(back["b"])) == ([], ["x"], 0)


def test_further_rows_of_a_block_are_written_as_they_come() -> None:
    parts = [star.Table({"rlnA": ["1", "a b"], "rlnB": ["x", ""]}), star.Table({"rlnA": ["2"], "rlnB": ["y"]}),
             star.Table({"rlnB": ["_z"], "rlnA": ["_3"]})]  # fmt: skip
    stream = io.StringIO()
    star.write(star.Tables({"particles": parts[0], "optics": parts[1]}), stream, {"particles": iter(parts[1:])})
    whole = star.Table.concat(parts)
    assert stream.getvalue() == written(star.Tables({"particles": whole, "optics": parts[1]}))
