"""Surfaces in files."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.image.surface import Surface
from spa.recipe import surface


def test_what_was_written_is_read(tmp_path):
    planted = Surface((200, 300), (0.5, 0.75), np.arange(6) * 1.5)
    surface.write(tmp_path / "s.star", planted)
    found = surface.read(tmp_path / "s.star")
    assert (found.shape, found.reach) == (planted.shape, planted.reach)
    np.testing.assert_array_equal(found.coefficients, planted.coefficients)


def test_a_table_with_a_row_lost_is_refused(tmp_path):
    surface.write(tmp_path / "s.star", Surface((200, 300), (0.5, 0.75), np.arange(6) * 1.5))
    text = (tmp_path / "s.star").read_text().splitlines()
    (tmp_path / "s.star").write_text("\n".join(line for line in text if not line.startswith("1 1")) + "\n")
    with pytest.raises(DataError, match="coefficients of a surface"):
        surface.read(tmp_path / "s.star")
