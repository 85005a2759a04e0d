"""Small images of micrographs for figures."""

from pathlib import Path

import numpy as np

from spa.io import star
from spa.job.micrographs import entries
from spa.recipe.micrographs_figure import _Small
from spa.testing import run_spa

BODY = ["--symmetry", "D2", "--box", 32, "--pixel-size", 5, "--specimen-diameter", 100, "--n", 1, "--size", 400, 400]


def test_a_ctf_without_rings_is_not_seen_through(tmp_path: Path) -> None:
    """Its evidence decides: below the limit the image is that of a micrograph of which no CTF is known."""
    run_spa("simulate", "micrographs", "-d", tmp_path / "M", *BODY, "--particles", 15, "-o", tmp_path / "m.star")
    plain = star.read(tmp_path / "m.star")

    def image(**columns: float) -> np.ndarray:
        table = plain["micrographs"].with_columns(**{name: np.array([value]) for name, value in columns.items()})
        tables = plain.with_block("micrographs", table)
        return _Small.of(tables, 100.0)(entries(tables)[0])[0]

    fitted = {"rlnDefocusU": 3000.0, "rlnDefocusV": 2900.0, "rlnDefocusAngle": 0.0}
    np.testing.assert_array_equal(image(**fitted, spaCtfEvidence=2.0), image())
    assert not np.allclose(image(**fitted, spaCtfEvidence=40.0), image())
