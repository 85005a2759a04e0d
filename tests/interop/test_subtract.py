"""`relion_project --subtract_exp` takes the same off the same particles, and RELION reads what we subtract."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from tests import two_bodies
from tests.interop.conftest import spa


@pytest.fixture(scope="module")
def folder(relion, tmp_path_factory: pytest.TempPathFactory, monkeypatch_module: pytest.MonkeyPatch) -> Path:
    """150 particles of two bodies, and S/ with B subtracted: s.star."""
    where = tmp_path_factory.mktemp("bodies")
    monkeypatch_module.chdir(where)
    two_bodies.write(two_bodies.make(150, 64, 4.0, snr=3.0), Path("P"))
    spa(where, "subtract signal P/particles.star -d S -o s.star --mask P/mask_a.mrc --map P/both.mrc --scale none")
    return where


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_the_same_pixels(relion, folder: Path) -> None:
    """To the interpolation, which differs, as do the corners of the spectrum."""
    words = "--i S/removed1.mrc --ang P/particles.star --subtract_exp --ctf --o R"
    relion("project", folder, *words.split())
    ours, theirs, before = (
        np.asarray(mrc.read(folder / name).data, np.float32)
        for name in ("S/subtracted000001.mrcs", "R.mrcs", "P/particles.mrcs")
    )
    assert np.linalg.norm(ours - theirs) < 0.06 * np.linalg.norm(before - ours)


@pytest.mark.parametrize("words", ["", "--recenter --box 48"])
def test_relion_reconstructs_from_the_table(relion, folder: Path, words: str) -> None:
    """Its map of subtracted particles is A, in the frame that we say, and has no B."""
    spa(folder, f"subtract signal P/particles.star -d T -o t.star --mask P/mask_a.mrc --map P/both.mrc {words}")
    assert "rlnImageOriginalName" in star.read(folder / "t.star")["particles"]
    relion("reconstruct", folder, "--i", "t.star", "--o", "t.mrc", "--ctf", "--maxres", 16)
    found, kept = (np.asarray(mrc.read(folder / name).data, np.float32) for name in ("t.mrc", "T/map.mrc"))
    mask = np.asarray(mrc.read(folder / "T/mask.mrc").data, np.float32)
    inside = mask > 0.5
    assert np.corrcoef(found[inside], kept[inside])[0, 1] > 0.6
    outside = mask < 0.01
    assert found[outside].std() < 0.6 * found[inside].std()
