"""`relion_postprocess` and `spa post` on the half maps and the mask of a refinement."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from tests.interop.conftest import spa, voxels

CORRECTED = "rlnFourierShellCorrelationCorrected"
RANGE = (15, 8)


@pytest.fixture(scope="session")
def processed(relion, refined: Path) -> Path:
    """`refined` with its halves post-processed by RELION with four seeds, pp1/ to pp4/, and with our curves in F/."""
    for seed in range(1, 5):
        (refined / f"pp{seed}").mkdir()
        relion("postprocess", refined, "--i", "R/half1.mrc", "--i2", "R/half2.mrc", "--mask", "R/mask.mrc", "--angpix",
               3.5, "--auto_bfac", "--autob_lowres", RANGE[0], "--autob_highres", RANGE[1], "--random_seed", seed,
               "--o", f"pp{seed}/run")  # fmt: skip
    spa(refined, "post fsc r.star -d F -o f.star --repeats 12")
    return refined


def curves(processed: Path, name: str) -> np.ndarray:
    return np.array([star.read(processed / f"pp{seed}" / "run.star")["fsc"].floats(name) for seed in range(1, 5)])


@pytest.mark.parametrize("what", ["UnmaskedMaps", "MaskedMaps"])
def test_plain_curves(processed: Path, what: str) -> None:
    """To 0.01, but for Nyquist's shell, of which RELION counts one side twice."""
    name = f"rlnFourierShellCorrelation{what}"
    ours = star.read(processed / "F" / "fsc.star")["fsc"].floats(name)
    assert np.abs(ours - curves(processed, name)[0])[1:-1].max() < 0.01


def test_the_corrected_curve_is_the_mean_of_its_draws(processed: Path) -> None:
    ours, theirs = star.read(processed / "F" / "fsc.star")["fsc"].floats(CORRECTED), curves(processed, CORRECTED)
    assert np.abs(ours - theirs.mean(0))[1:].max() < 0.01 + 2 * theirs.std(0).max()


def test_the_sharpened_map(processed: Path, tmp_path: Path) -> None:
    """From RELION's curve over the same range: the same B, and the same map."""
    low, high = RANGE
    spa(processed, f"post sharpen r.star -d {tmp_path} -o {tmp_path}/s.star --fsc pp1/run.star --guinier {low} {high}")
    ours, theirs = voxels(tmp_path / "sharpened.mrc"), voxels(processed / "pp1" / "run.mrc")
    assert np.linalg.norm(ours - theirs) < 0.01 * np.linalg.norm(theirs)
    ours, theirs = voxels(tmp_path / "sharpened_masked.mrc"), voxels(processed / "pp1" / "run_masked.mrc")
    assert np.linalg.norm(ours - theirs) < 0.01 * np.linalg.norm(theirs)
