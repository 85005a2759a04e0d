"""Where particles sit."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.io.star import Table
from spa.model.positions import coordinates, micrograph_pixel_sizes, origins, pixel_size_column, positions

OPTICS = Table.of(rlnOpticsGroup=[1, 2], rlnMicrographPixelSize=[2.0, 4.0], rlnMicrographOriginalPixelSize=[1.0, 2.0])


def test_the_origin_is_subtracted_in_angstroms():
    table = Table.of(rlnCoordinateX=[100.0, 50.0], rlnCoordinateY=[10.0, 20.0], rlnOriginXAngst=[4.0, -8.0],
                     rlnOriginYAngst=[0.0, 2.0], rlnOpticsGroup=[1, 2])  # fmt: skip
    sizes = micrograph_pixel_sizes(table, OPTICS)
    assert sizes.tolist() == [2, 4]
    assert positions(table, sizes).tolist() == [[98, 10], [52, 19.5]]


def test_without_origins_the_coordinate_is_it():
    table = Table.of(rlnCoordinateX=[3.5], rlnCoordinateY=[4.5])
    assert origins(table) is None
    assert positions(table, np.ones(1)).tolist() == [[3.5, 4.5]]


def test_the_binned_micrographs_pixel_size_is_preferred():
    assert pixel_size_column(OPTICS) == "rlnMicrographPixelSize"
    assert pixel_size_column(OPTICS.without("rlnMicrographPixelSize")) == "rlnMicrographOriginalPixelSize"


def test_one_group_needs_no_column():
    assert micrograph_pixel_sizes(Table.of(rlnCoordinateX=[1.0, 2.0]), OPTICS.take([0])).tolist() == [2, 2]


def test_what_is_wrong_is_named():
    with pytest.raises(DataError, match="no pixel size"):
        pixel_size_column(Table.of(rlnOpticsGroup=[1]))
    with pytest.raises(DataError, match="row 2: optics group 7"):
        micrograph_pixel_sizes(Table.of(rlnOpticsGroup=[1, 7]), OPTICS)
    with pytest.raises(DataError, match="row 1: a pixel size of 0"):
        micrograph_pixel_sizes(Table.of(rlnOpticsGroup=[1]), Table.of(rlnOpticsGroup=[1], rlnMicrographPixelSize=[0.0]))
    with pytest.raises(DataError, match="row 2"):
        coordinates(Table.of(rlnCoordinateX=[1.0, float("nan")], rlnCoordinateY=[1.0, 1.0]))


@pytest.mark.parametrize("column", ["rlnCoordinateX", "rlnCoordinateY", "rlnOriginXAngst", "rlnOriginYAngst"])
@pytest.mark.parametrize("value", ["nan", "1e30", "-inf"])
def test_a_place_that_makes_no_sense_is_named_by_row(column, value):
    columns = dict.fromkeys(("rlnCoordinateX", "rlnCoordinateY", "rlnOriginXAngst", "rlnOriginYAngst"), ["1", "2"])
    with pytest.raises(DataError, match=f"row 2: {column} is {value}"):
        positions(Table.of(**{**columns, column: ["1", value]}), np.ones(2))
