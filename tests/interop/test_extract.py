"""`relion_preprocess` cuts the same boxes, finds our coordinate files, and makes tables that we read."""

from pathlib import Path

import numpy as np

from spa.io import star
from spa.io.stacks import ImageSource
from tests.interop.conftest import spa

BOXES = ["--extract", "--extract_size", 72, "--scale", 48, "--norm", "--bg_radius", 18, "--invert_contrast"]


def test_the_same_pixels(relion, extracted: Path, tmp_path: Path, monkeypatch) -> None:
    """Cutting, Fourier cropping, contrast, ramp and normalisation: to rounding."""
    relion("preprocess", extracted, "--i", "ctf.star", "--reextract_data_star", "x.star", "--part_dir", f"{tmp_path}/",
           "--part_star", tmp_path / "p.star", *BOXES)  # fmt: skip
    monkeypatch.chdir(extracted)
    tables = [star.read(path)["particles"] for path in ("x.star", tmp_path / "p.star")]
    places = [list(zip(t.text("rlnMicrographName"), t.floats("rlnCoordinateX"), t.floats("rlnCoordinateY")))
              for t in tables]  # fmt: skip
    assert sorted(places[0]) == sorted(places[1])
    ours, theirs = (ImageSource(list(t.text("rlnImageName"))).read(np.arange(len(t))) for t in tables)
    same = ours[[places[0].index(place) for place in places[1]]]
    assert np.linalg.norm(same - theirs) < 1e-5 * np.linalg.norm(theirs)


def test_coordinate_files_beside_the_micrographs(relion, extracted: Path, tmp_path: Path) -> None:
    """(RELION 3.1 cuts at the whole numbers below our coordinates, and leaves the rest unsaid.)"""
    relion("preprocess", extracted, "--i", "ctf.star", "--coord_dir", "./", "--coord_suffix", "_autopick.star",
           "--part_dir", f"{tmp_path}/", "--part_star", tmp_path / "p.star", *BOXES)  # fmt: skip
    found, picks = star.read(tmp_path / "p.star")["particles"], star.read(extracted / "picks.star")["particles"]
    assert len(found) == len(picks)
    for name in ("rlnCoordinateX", "rlnAutopickFigureOfMerit", "rlnDefocusU"):
        if name in picks:
            np.testing.assert_allclose(np.sort(found.floats(name)), np.sort(picks.floats(name)), rtol=1e-5)
    said = spa(extracted, f"import particles {tmp_path / 'p.star'} -o {tmp_path / 'i.star'}")
    assert f"{len(picks)} particles, 48 px at 3.75 A" in said
