"""spa abinit model where images say little: other starts than the heats are tried."""

from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.testing import run_spa
from tests.plugins import spoiled

SIMULATION = ("--box", 40, "--pixel-size", 6, "--n", 300, "--snr", 1, "--specimen-diameter", 150, "--shift", 3)


def test_where_poses_stay_unsure_other_starts_are_tried(tmp_path: Path) -> None:
    """Taken up again, the end is the same to the byte; the summary and seeds.star say whether a heat was taken."""
    made = run_spa("simulate", "particles", "-d", tmp_path, "-o", tmp_path / "clear.star", *SIMULATION)
    assert made.status == 0, made.stderr
    images = mrc.read(tmp_path / "particles.mrcs").data
    noise = np.random.default_rng(0).normal(0, 6, images.shape)
    mrc.write(tmp_path / "made.mrcs", (images + noise).astype(np.float32), 6.0)
    names = [f"{row + 1:06d}@{tmp_path}/made.mrcs" for row in range(len(images))]
    spoiled.particles(tmp_path / "clear.star", tmp_path / "in.star", rlnImageName=names)
    ends, folder = [], tmp_path / "model"
    for more in ((), ("--resume",)):
        result = run_spa("abinit", "model", tmp_path / "in.star", "-d", folder, "-o", folder / "out.star",
                         "--diameter", 170, "--seeds", 1, "--max-resolution", 30, *more)  # fmt: skip
        assert result.status == 0, result.stderr
        ends.append((folder / "class001.mrc").read_bytes())
        chosen = star.read(folder / "seeds.star")["seeds"].ints("spaChosen")
        assert chosen.sum() == ("1 of 1 starts agree" in result.stderr) == ("after the first 1" not in result.stderr)
    assert (folder / "states" / "quench_C1_0.npz").exists()
    assert ends[0] == ends[1]
