"""`spa import particles`: tables of cisTEM, parameter files of Frealign."""

import io
from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from spa.model.poses import matrices
from spa.testing import run_spa

OPTICS = ("--pixel-size", 1.5, "--voltage", 300, "--cs", 2.7, "--amplitude-contrast", 0.1)
HEAD = """# Written by cisTEM Version 2.0.0-alpha

data_

loop_
_cisTEMPositionInStack #1
_cisTEMAnglePsi #2
_cisTEMAngleTheta #3
_cisTEMAnglePhi #4
_cisTEMXShift #5
_cisTEMYShift #6
_cisTEMDefocus1 #7
_cisTEMDefocus2 #8
_cisTEMDefocusAngle #9
_cisTEMPhaseShift #10
_cisTEMOccupancy #11
_cisTEMPixelSize #12
_cisTEMMicroscopeVoltagekV #13
_cisTEMMicroscopeCsMM #14
_cisTEMAmplitudeContrast #15
_cisTEMBeamTiltX #16
_cisTEMStackFilename #17
_cisTEMOriginalImageFilename #18
#    POS     PSI
"""
ROWS = ("3 10 20 30 4.5 -6 20000 19000 35 1.5708 100 1.5 300 2.7 0.07 0 's.mrcs' 'a b.mrc'",
        "1 -80 120 70 0 1 15000 14500 -5 0 42 1.5 200 2.7 0.07 0 's.mrcs' 'c.mrc'")  # fmt: skip


def imported(folder: Path, text: str, *more: object, name: str = "c.star") -> star.Tables:
    (folder / name).write_text(text)
    result = run_spa("import", "particles", name, *more, cwd=folder)
    assert result.status == 0, result.stderr
    return star.read(io.StringIO(result.stdout))


def refused(folder: Path, text: str, *more: object, name: str = "c.star") -> tuple[int, str]:
    (folder / name).write_text(text)
    result = run_spa("import", "particles", name, *more, cwd=folder)
    assert result.stdout == "" and "Traceback" not in result.stderr
    return result.status, result.stderr


def test_a_table_of_cistem_in_relions_conventions(five_images: Path) -> None:
    tables = imported(five_images, HEAD + "\n".join(ROWS) + "\n")
    rows, optics = tables["particles"], tables["optics"]
    assert rows.text("rlnImageName").tolist() == ["000003@s.mrcs", "000001@s.mrcs"]
    assert rows.text("rlnMicrographName").tolist() == ["a b.mrc", "c.mrc"]
    assert [rows.floats(f"rlnAngle{name}")[0] for name in ("Rot", "Tilt", "Psi")] == [30, 20, 10]
    assert rows.floats("rlnOriginXAngst").tolist() == [-4.5, 0] and rows.floats("rlnOriginYAngst").tolist() == [6, -1]
    assert rows.floats("rlnDefocusU").tolist() == [20000, 15000] and rows.floats("rlnDefocusAngle")[0] == 35
    assert rows.floats("rlnPhaseShift") == pytest.approx([90, 0], abs=1e-3)
    assert rows.ints("rlnOpticsGroup").tolist() == [1, 2] and optics.floats("rlnVoltage").tolist() == [300, 200]
    assert rows.floats("cisTEMOccupancy").tolist() == [100, 42]  # what RELION has no name for keeps its own
    assert not {"cisTEMAnglePsi", "cisTEMPositionInStack", "cisTEMPixelSize"} & set(rows.columns)


def test_axes_of_an_image_are_those_of_cistems_matrix(five_images: Path) -> None:
    """The first column of cisTEM's matrix is the image's x axis in the volume (written out: phi, theta, psi)."""
    rows = imported(five_images, HEAD + ROWS[0] + "\n")["particles"]
    phi, theta, psi = np.deg2rad([30, 20, 10])
    flat = np.cos(theta) * np.cos(psi)
    x = [np.cos(phi) * flat - np.sin(phi) * np.sin(psi), np.sin(phi) * flat + np.cos(phi) * np.sin(psi),
         -np.sin(theta) * np.cos(psi)]  # fmt: skip
    angles = np.deg2rad([rows.floats(f"rlnAngle{name}") for name in ("Rot", "Tilt", "Psi")])
    np.testing.assert_allclose(matrices(*angles)[0, 0], x, atol=1e-9)


@pytest.mark.parametrize("phase", ["", "1.5708 "])
def test_a_par_is_the_table_without_names(five_images: Path, phase: str) -> None:
    """16 columns of Frealign 9, 17 of cisTEM."""
    text = (
        "C   PSI THETA PHI SHX SHY MAG FILM DF1 DF2 ANGAST\n"
        f"3 10 20 30 4.5 -6 50000 1 20000 19000 35 {phase}100 -500 1.0 9.5 0.1\n\nC a word\n"
    )
    rows = imported(five_images, text, "--stack", "s.mrcs", *OPTICS, name="p.PAR")["particles"]
    wanted = imported(five_images, HEAD + ROWS[0] + "\n")["particles"]
    assert rows.text("rlnImageName").tolist() == ["000003@s.mrcs"] and rows.floats("cisTEMScore").tolist() == [9.5]
    for name in [name for name in wanted.columns if name.startswith(("rlnAngle", "rlnOrigin", "rlnDefocus"))]:
        assert rows.floats(name) == pytest.approx(wanted.floats(name))
    assert ("rlnPhaseShift" in rows) == bool(phase)


def test_what_is_not_carried_over_is_told(five_images: Path) -> None:
    text = HEAD + ROWS[0].replace("0.07 0 ", "0.07 0.3 ") + "\n"
    (five_images / "c.star").write_text(text)
    assert "cisTEMBeamTiltX is not zero" in run_spa("import", "particles", "c.star", cwd=five_images).stderr


def test_the_stack_must_be_known(five_images: Path) -> None:
    text = "data_\n\nloop_\n_cisTEMPositionInStack #1\n_cisTEMAnglePsi #2\n1 10.0\n"
    assert refused(five_images, text)[0] == 2 and "--stack FILE" in refused(five_images, text)[1]
    rows = imported(five_images, text, "--stack", "s.mrcs", *OPTICS)["particles"]
    assert rows.floats("rlnAnglePsi").tolist() == [10]
    for name in ("s.mrcs", "old.star"):
        (five_images / "old.star").write_text("data_\nloop_\n_rlnImageName\n1@s.mrcs\n")
        result = run_spa("import", "particles", name, "--stack", "s.mrcs", *OPTICS, cwd=five_images)
        assert result.status == 2 and "--stack goes with" in result.stderr


@pytest.mark.parametrize("row, said", [
    (ROWS[0].replace("3 10", "0 10"), "row 1: cisTEMPositionInStack is 0"),
    (ROWS[0].replace("1.5708", "90"), "no angle in radians"), (ROWS[0].replace("4.5", "x"), "'x', not a number"),
])  # fmt: skip
def test_values_that_make_no_sense_are_named(five_images: Path, row: str, said: str) -> None:
    status, words = refused(five_images, HEAD + row + "\n")
    assert status == 65 and said in words


@pytest.mark.parametrize("text, said", [
    ("C nothing\n", "no particles"), ("1 2 3\n", "line 1: 3 values"),
    ("1 " * 16 + "\n" + "1 " * 17 + "\n", "line 2: 17 values, and 16"),
])  # fmt: skip
def test_a_par_of_another_form_is_refused(five_images: Path, text: str, said: str) -> None:
    status, words = refused(five_images, text, "--stack", "s.mrcs", *OPTICS, name="p.par")
    assert status == 65 and said in words
