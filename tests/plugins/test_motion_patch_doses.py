"""`spa motion patch`: doses that cannot be."""

import pytest

from spa.errors import DataError
from spa.io import star
from spa.testing import OPTICS
from spa_plugins.motion_patch.inputs import entries


def tables(dose: float, before: float = 0.0) -> star.Tables:
    movies = star.Table.of(rlnMicrographMovieName=["a.tif"], rlnOpticsGroup=[1], rlnMicrographDoseRate=[dose],
                           rlnMicrographPreExposure=[before])  # fmt: skip
    return star.Tables({"optics": star.Table.of(**OPTICS, rlnMicrographOriginalPixelSize=[1.5]), "movies": movies})


@pytest.mark.parametrize(("dose", "before"), [(1e-9, 0.0), (1e9, 0.0), (1.0, 1e9)])
def test_doses_of_another_unit_are_refused(dose: float, before: float) -> None:
    with pytest.raises(DataError, match=r"0\.001 to 1000 make sense"):
        entries(tables(dose, before), {})


def test_a_dose_that_is_not_known_is_none() -> None:
    assert entries(tables(0.0), {})[0].camera.dose == 0
