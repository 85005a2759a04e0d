"""Images of noise alone: no refiner finds detail beyond what it began with.

Chance correlates two maps of noise by about sqrt(g / (4 pi k^2 f)) in shell k, where g copies are averaged and a mask
keeps the part f of the box. The box and the start are such that a shell at 0.143 is beyond that: over seeds the mean of
every shell past the start is 0 and its scatter no more than this, for each job (tests/benchmarks/pure_noise.py).
"""

import json
from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.job.particles import pose_columns
from spa.testing import run_spa
from spa.volume.masks import soft_sphere

BOX, PIXEL, N, LOWPASS, DIAMETER = 64, 3.0, 120, 16, 175
WIDTH = BOX * PIXEL


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """n.star: images of noise with the CTF, poses and half-sets of particles; truth.mrc; mask.mrc, a sphere."""
    folder = tmp_path_factory.mktemp("noise")
    words = ("--box", BOX, "--pixel-size", PIXEL, "--n", N, "--specimen-diameter", 150)
    assert run_spa("simulate", "particles", "-d", folder, *words).status == 0
    rng = np.random.default_rng(0)
    mrc.write(folder / "noise.mrcs", rng.standard_normal((N, BOX, BOX)).astype(np.float32), PIXEL)
    table = star.read(folder / "truth.star")
    poses = np.linalg.qr(rng.standard_normal((N, 3, 3)))[0]
    poses *= np.linalg.det(poses)[:, None, None]
    rows = table["particles"].with_columns(
        rlnImageName=[f"{i + 1:06d}@{folder / 'noise.mrcs'}" for i in range(N)],
        **pose_columns(poses, np.zeros((N, 2)), PIXEL),
    )
    star.write(table.with_block("particles", rows), folder / "n.star")
    mrc.write(folder / "mask.mrc", soft_sphere(BOX, 27, 3), PIXEL)
    return folder


JOBS = {
    "homo": ("--reference", "truth.mrc"),
    "nu": ("--reference", "truth.mrc"),
    "C3": ("--reference", "truth.mrc", "--symmetry", "C3"),
    "relaxed": ("--reference", "truth.mrc", "--relax-symmetry", "C3"),
    "hetero": ("--reference", "truth.mrc", "--reference", "mask.mrc"),
    "local": ("--reference", "truth.mrc", "--mask", "mask.mrc"),
}


@pytest.mark.parametrize("name", JOBS)
def test_nothing_is_seen_in_noise(noise: Path, tmp_path: Path, name: str) -> None:
    """No half maps agree beyond the shell of the start and one more; refine local may say that nothing is there."""
    kind = "homo" if name in ("C3", "relaxed") else name
    search = () if kind == "local" else ("--diameter", DIAMETER)
    result = run_spa("refine", kind, "n.star", "-d", tmp_path, "-o", tmp_path / "o.star", "--lowpass", LOWPASS,
                     "--iterations", 4, *search, *JOBS[name], cwd=noise)  # fmt: skip
    if kind == "local" and result.status == 65:
        assert "do not have the map's signal" in result.stderr
        return
    assert result.status == 0, result.stderr
    if kind in ("homo", "nu"):
        assert any("did not converge" in text for text in json.loads((tmp_path / "job.json").read_text())["doubts"])
    for curve in tmp_path.glob("*fsc.star"):
        values = star.read(curve)["fsc"].floats("rlnGoldStandardFsc")
        beyond = round(WIDTH / LOWPASS) + 2
        assert values[beyond:].max() < 0.143, curve.name
