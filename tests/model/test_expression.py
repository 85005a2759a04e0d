"""Expressions: numpy's answers, row by row; nothing else is ever run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spa.errors import DataError
from spa.io.star import Table
from spa.model.expression import assignment, evaluate, mask

TABLE = Table.of(
    rlnCtfMaxResolution=[3.0, 6.5, 5.0, 9.0], rlnDefocusU=[1e4, 2e4, 1.5e4, 3e4], rlnClassNumber=[1, 2, 2, 3],
    rlnMicrographName=["a.mrc", "b.mrc", "dir/a.mrc", "000012"], rlnOpticsGroup=[1, 2, 1, 2],
    rlnMissing=["1", "<NA>", "nan", "4"],
)  # fmt: skip
OPTICS = Table.of(rlnOpticsGroup=[2, 1], rlnVoltage=[200, 300], rlnOpticsGroupName=["low", "high"])


def rows(expression: str) -> list[int]:
    return (np.flatnonzero(mask(expression, TABLE, OPTICS)) + 1).tolist()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rlnCtfMaxResolution < 6", [1, 3]),
        ("_rlnCtfMaxResolution < 6", [1, 3]),
        ("3 < rlnCtfMaxResolution <= 6.5", [2, 3]),
        ("rlnCtfMaxResolution < 6 and rlnDefocusU > 12000", [3]),
        ("rlnCtfMaxResolution < 4 or not rlnDefocusU < 25e3", [1, 4]),
        ("(rlnCtfMaxResolution < 4) | (rlnDefocusU > 25e3)", [1, 4]),
        ("rlnMicrographName == 'a.mrc'", [1]),
        ("rlnMicrographName == '000012'", [4]),
        ("rlnClassNumber == 2", [2, 3]),
        ("rlnClassNumber in [1, 3]", [1, 4]),
        ("rlnClassNumber not in [1, 3]", [2, 3]),
        ("isin(rlnMicrographName, ['a.mrc', 'b.mrc'])", [1, 2]),
        ("contains(rlnMicrographName, 'a.m')", [1, 3]),
        ("matches(rlnMicrographName, '^[0-9]+$')", [4]),
        ("startswith(rlnMicrographName, 'dir/') or endswith(rlnMicrographName, '12')", [3, 4]),
        ("rlnDefocusU > median(rlnDefocusU)", [2, 4]),
        ("abs(rlnDefocusU - 15000) / 1000 <= 5", [1, 2, 3]),
        ("row <= 2", [1, 2]),
        ("rlnVoltage == 300", [1, 3]),
        ("rlnOpticsGroupName == 'low'", [2, 4]),
        ("isnan(rlnMissing)", [2, 3]),
        ("rlnMissing < 5", [1, 4]),
        ("rank(rlnDefocusU) == 1", [1]),
        ("count(rlnClassNumber == 2) == 2", [1, 2, 3, 4]),
        ("-rlnDefocusU ** 2 < -1.1e8", [2, 3, 4]),
        ("rlnDefocusU < quantile(rlnDefocusU, 0.5)", [1, 3]),
        ("True", [1, 2, 3, 4]),
    ],
)
def test_rows_that_fulfil_it(expression: str, expected: list[int]) -> None:
    assert rows(expression) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("rlnCtfMaxResolutoin < 6", "no column rlnCtfMaxResolutoin; near it: rlnCtfMaxResolution"),
        ("ctfmaxresolution < 6", "near it: rlnCtfMaxResolution"),
        ("MaxResolution < 6", "near it: rlnCtfMaxResolution"),
        ("zzz < 6", "no column zzz; there are rlnCtfMaxResolution"),
        ("rlnCtfMaxResolution", "neither true nor false"),
        ("rlnMicrographName < 6", "rlnMicrographName is 'a.mrc', not a number"),
        ("rlnCtfMaxResolution <", "invalid syntax"),
        ("", "invalid syntax"),
        ("rlnX = 3", "invalid syntax"),
        ("__import__('os').system('true')", "only plain functions"),
        ("open('/etc/passwd')", "no function open"),
        ("rlnDefocusU.__class__", "Attribute has no place"),
        ("[x for x in [1]] == 1", "ListComp has no place"),
        ("(lambda: 1)() == 1", "only plain functions"),
        ("rlnDefocusU[0] == 1", "Subscript has no place"),
        ("f'{rlnDefocusU}' == 'a'", "JoinedStr has no place"),
        ("abs(rlnDefocusU, out=rlnDefocusU)", "only plain functions"),
        ("clip(rlnDefocusU) > 1", "clip takes 3 values, not 1"),
        ("abs(rlnDefocusU, rlnDefocusU) > 1", "abs takes 1 value, not 2"),
        ("quantile(rlnDefocusU, 2) > 1", "quantile"),
        ("matches(rlnMicrographName, '(')", "matches"),
        ("rlnDefocusU in 3", "a list is wanted"),
        ("abs(rlnMicrographName) > 1", "not a number"),
        ("rlnDefocusU and rlnClassNumber", "neither true nor false"),
        ("rlnDefocusU is None", "has no place|neither a number"),
        ("b'x' == 1", "neither a number nor a text"),
    ],
)
def test_what_cannot_be_is_said(expression: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        mask(expression, TABLE, OPTICS)


def test_values_are_arrays_or_one() -> None:
    np.testing.assert_array_equal(evaluate("rlnDefocusU / 1e4", TABLE), [1, 2, 1.5, 3])
    assert evaluate("max(rlnClassNumber)", TABLE) == 3
    assert evaluate("rlnMicrographName", TABLE).tolist() == TABLE.text("rlnMicrographName").tolist()
    assert evaluate("'x' if rlnClassNumber == 2 else 'y'", TABLE).tolist() == ["y", "x", "x", "y"]
    assert evaluate("1 if rlnClassNumber == 2 else rlnDefocusU", TABLE).tolist() == [1e4, 1, 1, 3e4]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(-1e6, 1e6))
def test_a_condition_and_its_opposite_part_the_rows(values: list[float], bound: float) -> None:
    table = Table.of(x=values)
    assert (mask(f"x < {bound!r}", table) ^ mask(f"not x < {bound!r}", table)).all()


def test_assignments() -> None:
    assert assignment(" _rlnX = rlnY == 3") == ("rlnX", "rlnY == 3")
    for bad in ("rlnX", "rlnX == 3", "3 = x", "rlnX ="):
        with pytest.raises(DataError, match="not of the form"):
            assignment(bad)
