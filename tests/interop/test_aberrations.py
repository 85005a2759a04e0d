"""RELION takes our aberrations for what they are: its reconstruction of planted images is the map."""

from pathlib import Path

import numpy as np
import pytest

from tests.interop.conftest import agreement, spa

PLANTED = {
    "tilt": "--beam-tilt 6 -5",
    "odd": "--odd-zernike 2 300 --odd-zernike 5 -200",
    "even": "--even-zernike 2 -30 --even-zernike 3 25 --even-zernike 4 500",
    "magnification": "--magnification 10 30 --shift 8",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_aberrations_are_corrected(relion, tmp_path: Path, kind: str) -> None:
    make = "simulate particles -d P -o p.star --symmetry D2 --box 48 --pixel-size 2 --n 200 --snr 5 --defocus 4000 9000"
    spa(tmp_path, f"{make} {PLANTED[kind]}")
    for name in ("truth", "blind"):
        table = (tmp_path / "P" / "truth.star").read_text()
        if name == "blind":  # the same poses, and what the optics table of a user says
            optics = (tmp_path / "P" / "particles.star").read_text().split("data_particles")[0]
            table = optics + "data_particles" + table.split("data_particles")[1]
        (tmp_path / f"{name}.star").write_text(table)
        relion("reconstruct", tmp_path, "--i", f"{name}.star", "--o", f"{name}.mrc", "--ctf", "--sym", "D2")
    mask = tmp_path / "mask.mrc"
    spa(tmp_path, "post mask --map P/truth.mrc -d . -o m.star")
    truth = tmp_path / "P" / "truth.mrc"
    true, blind = (agreement(truth, tmp_path / f"{name}.mrc", mask) for name in ("truth", "blind"))
    assert true[1:21].min() > 0.97
    assert true[17:22].mean() - blind[17:22].mean() > 0.05
    assert np.isfinite(blind).all()
