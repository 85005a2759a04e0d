"""Optics groups as records."""

import pytest

from spa.errors import DataError
from spa.io.star import Table, Tables
from spa.model.optics import optics_groups
from spa.testing import OPTICS


def groups(**more: list):
    return optics_groups(Tables({"optics": Table.of(**OPTICS, rlnImagePixelSize=[1.0], **more)}))


def test_aberrations_are_read_as_relion_writes_them() -> None:
    found = groups(
        rlnBeamTiltX=[0.5], rlnBeamTiltY=[-0.25], rlnOddZernike=["[0,1.5,-2]"], rlnEvenZernike=["[]"],
        rlnMagMat00=[1.01], rlnMagMat01=[0.002], rlnMagMat10=[0.001], rlnMagMat11=[0.99],
    )[1]  # fmt: skip
    assert found.beam_tilt == (0.5, -0.25)
    assert found.odd == (0, 1.5, -2) and found.even == ()
    assert found.magnification == (1.01, 0.002, 0.001, 0.99)


def test_a_group_without_them_has_none() -> None:
    found = groups()[1]
    assert (found.beam_tilt, found.odd, found.even, found.magnification) == ((0, 0), (), (), (1, 0, 0, 1))


@pytest.mark.parametrize(
    ("columns", "text"),
    [({"rlnOddZernike": ["0,1"]}, "row 1: rlnOddZernike is '0,1'"), ({"rlnEvenZernike": ["[0,x]"]}, "rlnEvenZernike"),
     ({"rlnEvenZernike": ["[nan]"]}, "rlnEvenZernike has nan"), ({"rlnBeamTiltX": [1e4]}, "rlnBeamTiltX is 10000"),
     ({"rlnMagMat00": [1.0]}, "rlnMagMat00 alone"),
     ({f"rlnMagMat{at}": [0.0] for at in ("00", "01", "10", "11")}, "a magnification of")],
)  # fmt: skip
def test_what_makes_no_sense_is_named(columns: dict, text: str) -> None:
    with pytest.raises(DataError, match=text.replace("[", r"\[")):
        groups(**columns)
