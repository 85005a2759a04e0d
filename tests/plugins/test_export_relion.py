"""`spa export relion`: older tables, which `spa import particles` brings back."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_spa


def test_3_0_there_and_back(tiny_particles: Path, tmp_path: Path) -> None:
    tables = star.read(tiny_particles)
    moved = tables["particles"].with_columns(rlnOriginXAngst=np.linspace(-9, 9, 24))
    star.write(tables.with_block("particles", moved), tiny_particles)
    result = run_spa("export", "relion", tiny_particles, "--version", "3.0", "-o", tmp_path / "old.star")
    assert result.status == 0, result.stderr
    old = star.read(tmp_path / "old.star")
    assert "optics" not in old and old[""].floats("rlnOriginX") == pytest.approx(np.linspace(-9, 9, 24) / 5)
    assert run_spa("import", "particles", tmp_path / "old.star", "-o", tmp_path / "back.star").status == 0
    back = star.read(tmp_path / "back.star")
    for name in tables["particles"].columns:
        here, there = moved.listed(name), back["particles"].listed(name)
        if name.startswith("rlnOrigin"):
            assert list(map(float, here)) == pytest.approx(list(map(float, there)), abs=1e-6)
        else:
            assert here == there, name
    for name in ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnImagePixelSize"):
        assert back["optics"].floats(name) == pytest.approx(tables["optics"].floats(name)), name


@pytest.mark.parametrize("version", ["3.1", "4", "5"])
def test_tables_since_3_1_are_as_they_are(tiny_particles: Path, tmp_path: Path, version: str) -> None:
    result = run_spa("export", "relion", tiny_particles, "--version", version, "-o", tmp_path / "o.star")
    assert result.status == 0
    assert star.read(tmp_path / "o.star")["particles"] == star.read(tiny_particles)["particles"]


def test_plain_leaves_out_what_is_spas_own(tiny_particles: Path, tmp_path: Path) -> None:
    tables = star.read(tiny_particles)
    maps = star.Table.of(spaMapName=["a.mrc"], spaMapRole=["map"], spaMapClass=[1])
    particles = tables["particles"].with_columns(spaTurnError=1.0)
    star.write(tables.with_block("particles", particles).with_block("maps", maps), tiny_particles)
    assert run_spa("export", "relion", tiny_particles, "--plain", "-o", tmp_path / "o.star").status == 0
    made = star.read(tmp_path / "o.star")
    assert "maps" not in made and made["particles"].columns == tables["particles"].columns


def test_float16_is_said_to_old_versions(tiny_particles: Path, tmp_path: Path) -> None:
    stack = tiny_particles.parent / "tiny.mrcs"
    mrc.write(stack, np.array(mrc.read(stack).data, np.float16), 5.0)
    result = run_spa("export", "relion", tiny_particles, "--version", "3.1", "-o", tmp_path / "o.star")
    assert result.status == 0 and "float16" in result.stderr
    assert run_spa("export", "relion", tiny_particles, "--version", "2").status == 2
