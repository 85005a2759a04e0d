"""Numbers that make sense."""

import pytest

from spa.errors import DataError
from spa.io.star import Table
from spa.model.numbers import sensible, sensible_or_zero

TABLE = Table.of(a=["1", "-999999"], rlnCtfBfactor=["0", "20000"], b=["1", "nan"])


def test_numbers_within_the_limits_come_as_they_are() -> None:
    assert sensible(TABLE, "a").tolist() == [1, -999999]
    assert sensible_or_zero(TABLE, "absent").tolist() == [0, 0]


@pytest.mark.parametrize(("name", "said"), [("b", "row 2: b is nan"), ("rlnCtfBfactor", "rlnCtfBfactor is 20000")])
def test_others_are_named_by_row(name: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        sensible(TABLE, name)
