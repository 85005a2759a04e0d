"""Optics groups over documents: every row keeps its optics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spa.errors import DataError
from spa.io.star import Table, Tables
from spa.model.groups import merged_optics, numbered

numbers = st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True)


def document(groups: list[int], rows: list[int], voltages: list[int] | None = None) -> Tables:
    optics = Table.of(
        rlnOpticsGroupName=[f"g{n}" for n in groups], rlnOpticsGroup=groups,
        rlnVoltage=voltages or [100 + n for n in groups],
    )
    particles = Table.of(rlnImageName=[f"{n}@a" for n in range(len(rows))], rlnOpticsGroup=rows)
    return Tables(source="t.star").with_block("optics", optics).with_block("particles", particles)


def voltages(tables: Tables, optics: Table | None = None) -> list[int]:
    optics = optics or tables["optics"]
    of = dict(zip(optics.ints("rlnOpticsGroup").tolist(), optics.ints("rlnVoltage").tolist()))
    return [of[group] for group in tables["particles"].ints("rlnOpticsGroup").tolist()]


@given(numbers, st.data())
def test_numbered_from_1_without_gaps(groups: list[int], data) -> None:
    before = document(groups, data.draw(st.lists(st.sampled_from(groups), min_size=1)))
    after = numbered(before)
    assert after["optics"].ints("rlnOpticsGroup").tolist() == list(range(1, len(groups) + 1))
    assert voltages(after) == voltages(before)


@given(numbers, numbers)
def test_merged_rows_keep_their_optics_and_equal_groups_are_one(first: list[int], second: list[int]) -> None:
    documents = [document(first, first), document(second, second)]
    optics, renumbered = merged_optics(documents)
    assert len(optics) == len(set(first) | set(second))
    for before, after in zip(documents, renumbered):
        assert voltages(after, optics) == voltages(before)


def test_a_name_for_two_things_becomes_two_names() -> None:
    optics, _ = merged_optics([document([1], [1]), document([1], [1], [200])])
    assert optics.text("rlnOpticsGroupName").tolist() == ["g1", "g1_2"]


def test_bad_groups_are_named() -> None:
    with pytest.raises(DataError, match="row 2: optics group 7 is not in data_optics"):
        numbered(document([0], [0, 7]))
    with pytest.raises(DataError, match="an optics group is there twice"):
        numbered(document([1, 1], [1]))
