"""Tables: columns of text, parsed on asking, never changed in place."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.io.star import Table, Tables


@pytest.fixture
def table() -> Table:
    return Table({"rlnA": ["1", "2", "3"], "rlnB": ["x", "y", "z"]}, "t.star: data_particles")


def test_adding_and_replacing_leave_the_old_table_alone(table: Table) -> None:
    new = table.with_columns(rlnA=[7, 8, 9], rlnC="k")
    assert table.columns == ["rlnA", "rlnB"]
    assert table.ints("rlnA").tolist() == [1, 2, 3]
    assert new.columns == ["rlnA", "rlnB", "rlnC"]
    assert new.text("rlnC").tolist() == ["k", "k", "k"]


def test_text_cannot_be_written_to(table: Table) -> None:
    with pytest.raises(ValueError, match="read-only"):
        table.text("rlnA")[0] = "9"


@pytest.mark.parametrize("rows", [[2, 0], np.array([2, 0]), slice(None, None, 2)])
def test_take_gives_these_rows(table: Table, rows) -> None:
    assert set(table.take(rows).text("rlnB")) == {"z", "x"}


def test_take_by_mask_and_of_nothing(table: Table) -> None:
    assert table.take(table.ints("rlnA") > 1).text("rlnB").tolist() == ["y", "z"]
    assert len(table.take([])) == 0
    assert table.take([]).columns == table.columns


def test_select_without_renamed(table: Table) -> None:
    assert table.select(["rlnB"]).columns == ["rlnB"]
    assert table.without("rlnB", "not there").columns == ["rlnA"]
    assert table.renamed(rlnA="rlnZ").columns == ["rlnZ", "rlnB"]


def test_concat_takes_the_order_of_the_first(table: Table) -> None:
    both = Table.concat([table, table.select(["rlnB", "rlnA"])])
    assert both.columns == table.columns
    assert both.text("rlnB").tolist() == ["x", "y", "z"] * 2


def test_concat_of_different_columns_says_which(table: Table) -> None:
    with pytest.raises(DataError, match="only t.star: data_particles has rlnB"):
        Table.concat([table, table.without("rlnB").named("u")])


def test_a_missing_column_is_named(table: Table) -> None:
    for ask in (table.text, table.floats, table.ints, table.listed):
        with pytest.raises(DataError, match="t.star: data_particles has no column rlnQ"):
            ask("rlnQ")


def test_what_is_no_number_is_named_with_its_row(table: Table) -> None:
    with pytest.raises(DataError, match="row 1: rlnB is 'x', not a number"):
        table.floats("rlnB")
    with pytest.raises(DataError, match="row 2: rlnA is '2.5', not a whole number"):
        Table({"rlnA": ["1", "2.5"]}).ints("rlnA")


def test_whole_numbers_may_have_a_point() -> None:
    assert Table({"a": ["1.000", "2e1"]}).ints("a").tolist() == [1, 20]


def test_missing_values_become_what_is_asked_for() -> None:
    column = Table({"a": ["1", "<NA>", "None", ""]})
    assert column.floats("a", missing=-1.0).tolist() == [1, -1, -1, -1]
    with pytest.raises(DataError, match="row 2: a is '<NA>'"):
        column.floats("a")


def test_defaults_stand_in_for_columns_that_are_not_there(table: Table) -> None:
    assert table.get_floats("rlnQ", 2.5).tolist() == [2.5] * 3
    assert table.get_ints("rlnQ", 2).tolist() == [2] * 3
    assert table.get_text("rlnQ", "k").tolist() == ["k"] * 3
    assert table.get_floats("rlnA", 9).tolist() == [1, 2, 3]


def test_booleans_are_written_as_relion_reads_them() -> None:
    assert Table.of(a=[True, False]).text("a").tolist() == ["1", "0"]


def test_unequal_columns_are_a_bug_of_the_caller(table: Table) -> None:
    with pytest.raises(ValueError, match="2 values for 3 rows"):
        table.with_columns(rlnC=[1, 2])


def test_blocks_put_in_and_taken_out(table: Table) -> None:
    tables = Tables(source="t.star").with_block("a", table).with_block("b", table)
    assert list(tables.blocks) == ["a", "b"]
    assert "a" not in tables.without_block("a")
    assert tables["b"] == table
