"""`spa export cryosparc`: what `spa import particles` reads back."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import cryosparc, mrc, star
from spa.model.positions import micrograph_pixel_sizes
from spa.testing import run_spa

COLUMNS = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle", "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi",
           "rlnOriginXAngst", "rlnOriginYAngst", "rlnRandomSubset", "rlnClassNumber", "rlnCoordinateX",
           "rlnCoordinateY", "rlnPhaseShift", "rlnCtfBfactor", "rlnCtfScalefactor", "rlnCtfMaxResolution")  # fmt: skip


@pytest.fixture
def table(tiny_particles: Path) -> Path:
    rng = np.random.default_rng(0)
    mrc.write(tiny_particles.parent / "mic.mrc", np.zeros((240, 256), np.float32), 5.0)
    tables = star.read(tiny_particles)
    particles = tables["particles"].with_columns(
        rlnMicrographName=str(tiny_particles.parent / "mic.mrc"), rlnClassNumber=rng.integers(1, 4, 24),
        rlnOriginXAngst=rng.uniform(-9, 9, 24), rlnOriginYAngst=rng.uniform(-9, 9, 24),
        rlnPhaseShift=rng.uniform(0, 90, 24), rlnCtfBfactor=rng.uniform(0, 50, 24),
        rlnCtfScalefactor=rng.uniform(0.5, 1, 24), rlnCtfMaxResolution=rng.uniform(3, 8, 24),
        spaCopyEntropy=rng.uniform(0, 1, 24),
    )  # fmt: skip
    optics = tables["optics"].with_columns(
        rlnBeamTiltX=0.4, rlnBeamTiltY=-0.3, rlnMicrographOriginalPixelSize=2.5
    )
    star.write(tables.with_block("particles", particles).with_block("optics", optics), tiny_particles)
    return tiny_particles


def test_there_and_back(table: Path, tmp_path: Path) -> None:
    result = run_spa("export", "cryosparc", table, "-d", tmp_path / "o", "-o", tmp_path / "with_uid.star")
    assert result.status == 0, result.stderr
    back = run_spa("import", "particles", tmp_path / "o" / "particles.cs", "-o", tmp_path / "back.star")
    assert back.status == 0, back.stderr
    ours, theirs = star.read(table), star.read(tmp_path / "back.star")
    assert ours["particles"].listed("rlnImageName") == theirs["particles"].listed("rlnImageName")
    assert ours["particles"].listed("rlnMicrographName") == theirs["particles"].listed("rlnMicrographName")
    for name in COLUMNS:
        ours_, theirs_ = (one["particles"].floats(name) for one in (ours, theirs))
        apart = (ours_ - theirs_ + 180) % 360 - 180 if "Angle" in name else ours_ - theirs_
        assert np.abs(apart).max() < 2e-3, name
    for name in ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnImagePixelSize", "rlnImageSize",
                 "rlnBeamTiltX", "rlnBeamTiltY"):  # fmt: skip
        assert ours["optics"].floats(name) == pytest.approx(theirs["optics"].floats(name), rel=1e-5), name
    sizes = [micrograph_pixel_sizes(one["particles"], one["optics"]) for one in (ours, theirs)]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-6)


def test_the_printed_table_keeps_the_rest_and_knows_the_uids(table: Path, tmp_path: Path) -> None:
    call = ("export", "cryosparc", table, "-d", tmp_path / "o", "-o", tmp_path / "u.star")
    assert run_spa(*call).status == 0
    printed = star.read(tmp_path / "u.star")["particles"]
    data = cryosparc.read(tmp_path / "o" / "particles.cs")
    assert printed.text("spaCryosparcUid").tolist() == [str(uid) for uid in data["uid"]]
    assert printed.listed("spaCopyEntropy") == star.read(table)["particles"].listed("spaCopyEntropy")
    again = run_spa("export", "cryosparc", tmp_path / "u.star", "-d", tmp_path / "p", "-o", tmp_path / "v.star")
    assert again.status == 0
    assert np.array_equal(cryosparc.read(tmp_path / "p" / "particles.cs")["uid"], data["uid"])
    assert run_spa(*call[:-3], tmp_path / "q", "-o", tmp_path / "w.star", "--seed", 5).status == 0
    assert not np.array_equal(cryosparc.read(tmp_path / "q" / "particles.cs")["uid"], data["uid"])


def test_angles_in_the_plane_and_absolute_paths(table: Path, tmp_path: Path) -> None:
    tables = star.read(table)
    names = [name.replace(str(table.parent), ".") for name in tables["particles"].text("rlnImageName")]
    flat = tables["particles"].without("rlnAngleRot", "rlnAngleTilt").with_columns(rlnImageName=names)
    star.write(tables.with_block("particles", flat), tmp_path / "flat.star")
    result = run_spa("export", "cryosparc", "flat.star", "-d", "o", "-o", "u.star", "--absolute", cwd=tmp_path)
    assert result.status == 0, result.stderr
    data = cryosparc.read(tmp_path / "o" / "particles.cs")
    assert "alignments2D/pose" in (data.dtype.names or ())
    assert cryosparc.paths(data["blob/path"])[0] == str(table.parent / "tiny.mrcs")


def test_bad_input(table: Path, tmp_path: Path) -> None:
    tables = star.read(table)
    twice = tables["particles"].with_columns(spaCryosparcUid=7)
    star.write(tables.with_block("particles", twice), tmp_path / "t.star")
    result = run_spa("export", "cryosparc", tmp_path / "t.star", "-d", tmp_path / "o")
    assert result.status == 65 and "there twice" in result.stderr
    optics = tables["optics"].with_columns(rlnOddZernike="[0,0,1,0,0,0]")
    star.write(tables.with_block("optics", optics), tmp_path / "z.star")
    result = run_spa("export", "cryosparc", tmp_path / "z.star", "-d", tmp_path / "o", "-o", tmp_path / "z2.star")
    assert result.status == 0 and "rlnOddZernike is not carried over" in result.stderr
