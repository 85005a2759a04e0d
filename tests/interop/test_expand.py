"""`relion_particle_symmetry_expand` and `spa symmetry expand` make the same copies, and RELION reads ours."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.model.poses import matrices
from tests.interop.conftest import agreement, spa, voxels

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


def by_image(path: Path) -> dict[str, np.ndarray]:
    """Poses (g, 3, 3) of the rows of each image."""
    table = star.read(path)["particles"]
    poses = matrices(*np.deg2rad([table.floats(name) for name in ANGLES]))
    names = table.text("rlnImageName").astype(str)
    return {name: poses[names == name] for name in sorted(set(names))}


@pytest.fixture(scope="module")
def set_of_few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few")
    spa(folder, "simulate particles -d P -o p.star --symmetry D2 --box 48 --pixel-size 3.5 --n 60 --snr 5")
    return folder


@pytest.mark.parametrize("group", ["C5", "D3", "T", "O", "I", "I1", "I2", "I3", "I4"])
def test_the_copies_are_relion_s(relion, set_of_few: Path, group: str) -> None:
    spa(set_of_few, "star filter row<=5 P/truth.star -o five.star")
    spa(set_of_few, f"symmetry expand five.star --symmetry {group} -o ours.star")
    relion("particle_symmetry_expand", set_of_few, "--i", "five.star", "--o", "theirs.star", "--sym", group)
    ours, theirs = by_image(set_of_few / "ours.star"), by_image(set_of_few / "theirs.star")
    assert ours.keys() == theirs.keys()
    for name, poses in ours.items():
        apart = np.abs(poses[:, None] - theirs[name][None]).max((2, 3))
        assert poses.shape == theirs[name].shape and apart.min(1).max() < 1e-4 and apart.min(0).max() < 1e-4


def test_relion_reconstructs_from_our_copies(relion, set_of_few: Path) -> None:
    """Without any symmetry from the copies, and with it from the particles: one map."""
    spa(set_of_few, "symmetry expand P/truth.star --symmetry D2 -o copies.star")
    for table, group in (("copies.star", "C1"), ("P/truth.star", "D2")):
        words = f"--i {table} --o {group}.mrc --sym {group} --ctf"
        relion("reconstruct", set_of_few, *words.split())
    mrc.write(set_of_few / "ball.mrc", np.ones_like(voxels(set_of_few / "C1.mrc")), 3.5)
    assert agreement(*(set_of_few / name for name in ("C1.mrc", "D2.mrc", "ball.mrc")))[1:20].min() > 0.99
