"""`spa export cryodrgn`: pickles as its documents define them."""

import pickle
from pathlib import Path

import numpy as np

from spa.io import star
from spa.testing import run_spa


def load(path: Path) -> object:
    with path.open("rb") as stream:
        return pickle.load(stream)


def euler(rot: float, tilt: float, psi: float) -> np.ndarray:
    """Turns about z, y, z of the frame, in this order (degrees)."""
    def z(angle: float) -> np.ndarray:
        c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    c, s = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
    return z(psi) @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) @ z(rot)


def test_poses_and_ctf(tiny_particles: Path, tmp_path: Path) -> None:
    tables = star.read(tiny_particles)
    shift = np.linspace(-8, 8, 24)
    moved = tables["particles"].with_columns(rlnOriginXAngst=shift, rlnPhaseShift=30.0)
    star.write(tables.with_block("particles", moved), tiny_particles)
    result = run_spa("export", "cryodrgn", tiny_particles, "-d", tmp_path, "-o", tmp_path / "o.star")
    assert result.status == 0, result.stderr
    rotations, shifts = load(tmp_path / "poses.pkl")  # type: ignore[misc]
    ctf = load(tmp_path / "ctf.pkl")
    assert rotations.dtype == shifts.dtype == ctf.dtype == np.float32  # type: ignore[attr-defined]
    angles = np.stack([moved.floats(name) for name in ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")], 1)
    assert np.allclose(rotations, [euler(*one) for one in angles], atol=1e-5)
    assert np.allclose(shifts, np.stack([shift / (32 * 5.0), np.zeros(24)], 1), atol=1e-6)
    wanted = [32, 5, 15000, 14800, 30, 300, 2.7, 0.1, 30]
    assert np.allclose(ctf, np.tile(wanted, (24, 1)), rtol=1e-5)  # type: ignore[arg-type]
    assert star.read(tmp_path / "o.star")["particles"] == star.read(tiny_particles)["particles"]


def test_the_box_comes_from_the_stack_where_the_table_does_not_say(tiny_particles: Path, tmp_path: Path) -> None:
    tables = star.read(tiny_particles)
    star.write(tables.with_block("optics", tables["optics"].without("rlnImageSize")), tiny_particles)
    assert run_spa("export", "cryodrgn", tiny_particles, "-d", tmp_path, "-o", tmp_path / "o.star").status == 0
    assert np.all(load(tmp_path / "ctf.pkl")[:, 0] == 32)  # type: ignore[index]


def test_without_poses_and_without_ctf(tiny_particles: Path, tmp_path: Path) -> None:
    tables = star.read(tiny_particles)
    star.write(tables.with_block("particles", tables["particles"].without("rlnAngleRot")), tiny_particles)
    result = run_spa("export", "cryodrgn", tiny_particles, "-d", tmp_path, "-o", tmp_path / "o.star")
    assert result.status == 0 and "no poses.pkl" in result.stderr and not (tmp_path / "poses.pkl").exists()
    star.write(tables.with_block("particles", tables["particles"].without("rlnDefocusU")), tiny_particles)
    result = run_spa("export", "cryodrgn", tiny_particles, "-d", tmp_path)
    assert result.status == 65 and "rlnDefocusU" in result.stderr
