"""RELION 3.0 tables in 3.1's form: nothing lost that has no new home."""

import io

import numpy as np
import pytest

from spa.errors import DataError
from spa.io import star
from spa.model.upgrade import is_old, upgraded

OLD = """
data_
loop_
_rlnImageName
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
_rlnMagnification
_rlnDetectorPixelSize
_rlnOriginX
_rlnOriginY
_rlnStrange
000001@a.mrcs 300.0 2.7 0.1 10000 1.5 2.0 -1.0 007
000002@a.mrcs 200.0 2.7 0.1 10000 1.5 2.0 -1.0 008
000003@a.mrcs 300.0 2.7 0.1 20000 1.5 2.0 -1.0 009
000004@a.mrcs 300.0 2.7 0.1 10000 1.5 2.0 -1.0 010
"""


def parsed(text: str) -> star.Tables:
    return star.read(io.StringIO(text))


def test_groups_pixels_and_origins() -> None:
    tables = upgraded(parsed(OLD))
    assert list(tables.blocks) == ["optics", "particles"]
    assert tables["particles"].ints("rlnOpticsGroup").tolist() == [1, 2, 3, 1]
    np.testing.assert_allclose(tables["optics"].floats("rlnImagePixelSize"), [1.5, 1.5, 0.75])
    np.testing.assert_allclose(tables["particles"].floats("rlnOriginXAngst"), [3, 3, 1.5, 3])
    np.testing.assert_allclose(tables["particles"].floats("rlnOriginYAngst"), [-1.5, -1.5, -0.75, -1.5])
    assert tables["optics"].text("rlnVoltage").tolist() == ["300.0", "200.0", "300.0"]


def test_unknown_columns_stay_and_optics_leave_the_rows() -> None:
    particles = upgraded(parsed(OLD))["particles"]
    assert particles.text("rlnStrange").tolist() == ["007", "008", "009", "010"]
    assert "rlnVoltage" not in particles
    assert "rlnOriginX" not in particles


def test_new_tables_are_left_alone() -> None:
    tables = upgraded(parsed(OLD))
    assert not is_old(tables)
    assert upgraded(tables) is tables


def test_coordinates_without_optics_are_left_alone() -> None:
    tables = parsed("data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1 2\n")
    assert upgraded(tables) is tables


def test_micrographs_of_old() -> None:
    tables = upgraded(parsed("data_\nloop_\n_rlnMicrographName\n_rlnVoltage\n_rlnPixelSize\na.mrc 300 1.5\n"))
    assert list(tables.blocks) == ["optics", "micrographs"]
    assert tables["optics"].floats("rlnMicrographPixelSize").tolist() == [1.5]


def test_coordinates_of_old_with_optics_are_particles_in_pixels_of_the_micrograph() -> None:
    tables = upgraded(parsed("data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnVoltage\n"
                             "_rlnPixelSize\na.mrc 5 6 300 1.5\n"))  # fmt: skip
    assert list(tables.blocks) == ["optics", "particles"]
    assert tables["optics"].floats("rlnMicrographPixelSize").tolist() == [1.5]
    assert "rlnImagePixelSize" not in tables["optics"]


def test_no_pixel_size_and_bad_ones_are_said() -> None:
    with pytest.raises(DataError, match="rlnOriginX is in pixels, and no pixel size"):
        upgraded(parsed(OLD.replace("_rlnDetectorPixelSize", "_rlnOther")))
    with pytest.raises(DataError, match="row 3: rlnMagnification is 0"):
        upgraded(parsed(OLD.replace("20000", "0")))


def test_real_tables_of_3_0(shared_data) -> None:
    folder = shared_data / "real" / "metadata"
    tables = upgraded(star.read(folder / "FinalRefinement-OriginalParticles-PfCRT.star"))
    assert tables["optics"].floats("rlnImagePixelSize").tolist() == [1.035]
    assert len(tables["particles"]) == 5
