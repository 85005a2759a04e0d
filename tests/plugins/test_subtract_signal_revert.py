"""`spa subtract signal --revert`."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_spa
from tests.plugins.subtracting import ONE, PIXEL, done, made_bodies, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(made_bodies(), tmp_path_factory.mktemp("bodies"))


@pytest.mark.parametrize("virtual", [[], ["--virtual"]], ids=["written", "virtual"])
def test_revert_gives_the_table_back(folder: Path, tmp_path: Path, virtual: list[str]) -> None:
    done(folder, tmp_path, ONE, folder / "both.mrc", "--recenter", "--box", 40, "--crop", 20, *virtual)
    result = run_spa("subtract", "signal", tmp_path / "s.star", "--revert")
    assert result.status == 0, result.stderr
    (tmp_path / "back.star").write_text(result.stdout)
    before, after = star.read(folder / "particles.star"), star.read(tmp_path / "back.star")
    assert list(after.blocks) == ["optics", "particles"] and after["particles"].columns == before["particles"].columns
    assert after["optics"] == before["optics"]
    for name in before["particles"].columns:
        if name.startswith(("rlnOrigin", "rlnCoordinate")):
            np.testing.assert_allclose(after["particles"].floats(name), before["particles"].floats(name), atol=1e-4)
        else:
            assert after["particles"].listed(name) == before["particles"].listed(name)


def test_revert_keeps_poses_that_were_refined_since(folder: Path, tmp_path: Path) -> None:
    """A pose turned in the new frame shows the mask's centre, in the old frame, where it was."""
    from spa.model.poses import matrices
    from spa.subtract.window import centre_of_mass

    tables = done(folder, tmp_path, ONE, folder / "both.mrc", "--recenter", "--virtual")
    turned = tables["particles"].with_columns(rlnAngleTilt=tables["particles"].floats("rlnAngleTilt") + 7)
    star.write(tables.with_block("particles", turned), tmp_path / "turned.star")
    (tmp_path / "back.star").write_text(run_spa("subtract", "signal", tmp_path / "turned.star", "--revert").stdout)
    after, before = star.read(tmp_path / "back.star")["particles"], star.read(folder / "particles.star")["particles"]
    centre = centre_of_mass(mrc.read(folder / "mask_a.mrc").data) * PIXEL

    def seen(table: star.Table) -> np.ndarray:
        poses = matrices(*(np.deg2rad(table.floats(f"rlnAngle{one}")) for one in ("Rot", "Tilt", "Psi")))
        origins = np.stack([table.floats(f"rlnOrigin{one}Angst") for one in "XY"], axis=1)
        return -origins + (poses @ centre)[:, :2]

    np.testing.assert_allclose(seen(after), seen(before), atol=1e-3)
    assert not np.allclose(after.floats("rlnAngleTilt"), before.floats("rlnAngleTilt"), atol=1)


def test_revert_of_what_was_not_subtracted_is_said(folder: Path) -> None:
    result = run_spa("subtract", "signal", folder / "particles.star", "--revert")
    assert result.status == 65 and "nothing was subtracted" in result.stderr


def test_revert_of_relions_table(folder: Path, tmp_path: Path) -> None:
    tables = star.read(folder / "particles.star")
    names = tables["particles"].text("rlnImageName")
    table = tables["particles"].with_columns(rlnImageOriginalName=names, rlnImageName=[f"x{name}" for name in names])
    star.write(tables.with_block("particles", table), tmp_path / "r.star")
    result = run_spa("subtract", "signal", tmp_path / "r.star", "--revert")
    (tmp_path / "back.star").write_text(result.stdout)
    assert result.status == 0 and star.read(tmp_path / "back.star")["particles"] == tables["particles"]
