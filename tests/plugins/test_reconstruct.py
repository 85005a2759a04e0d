"""`spa reconstruct`: maps of particles whose poses stay as they are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_spa
from spa.volume.fsc import fsc
from tests.plugins import spoiled

SIMULATION = ("--box", 40, "--pixel-size", 6, "--n", 200, "--snr", 0.5, "--specimen-diameter", 130, "--symmetry", "D2",
              "--per-micrograph", 25)  # fmt: skip
FILES = ("map.mrc", "half1.mrc", "half2.mrc", "mask.mrc", "fsc.star")
POSE = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """truth.star: particles with their poses and half-sets; truth.mrc."""
    folder = tmp_path_factory.mktemp("particles")
    made = run_spa("simulate", "particles", "-d", folder, "-o", folder / "in.star", *SIMULATION)
    assert made.status == 0, made.stderr
    return spoiled.particles(folder / "truth.star", folder / "p.star", rlnRandomSubset=np.arange(200) % 2 + 1).parent


def reconstruct(table: Path, outdir: Path, *more: object) -> Any:
    return run_spa("reconstruct", table, "-d", outdir, "-o", outdir / "out.star", *more)


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("D2")
    result = reconstruct(data / "p.star", outdir, "--symmetry", "D2", "--plot", outdir / "p.png")
    assert result.status == 0, result.stderr
    assert "200 particles, D2" in result.stderr and "warning" not in result.stderr
    return outdir


def volume(path: Path) -> np.ndarray:
    return np.asarray(mrc.read(path).data)


def test_the_map_is_the_truth_and_poses_stay(data: Path, done: Path) -> None:
    mask, truth = volume(done / "mask.mrc"), volume(data / "truth.mrc")
    assert fsc(volume(done / "map.mrc") * mask, truth * mask)[1:14].min() > 0.9
    before, after = star.read(data / "p.star")["particles"], star.read(done / "out.star")["particles"]
    assert all((before.text(name) == after.text(name)).all() for name in (*POSE, "rlnRandomSubset", "rlnImageName"))
    assert after.floats("rlnGroupScaleCorrection").mean() == pytest.approx(1, abs=0.01)
    assert list(star.read(done / "out.star")["maps"].text("spaMapRole")) == ["map", "half1", "half2", "mask", "fsc"]
    assert (done / "p.png").read_bytes().startswith(b"\x89PNG")


def test_half_maps_have_all_shells(done: Path) -> None:
    half = volume(done / "half1.mrc")
    power = np.abs(np.fft.fftn(half)) ** 2
    k = np.fft.fftfreq(40) * 40
    r = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2)
    assert power[(r > 18) & (r < 19)].mean() > 1e-4 * power[(r > 4) & (r < 6)].mean()


def test_threads_give_the_same_bytes(data: Path, done: Path, tmp_path: Path) -> None:
    assert reconstruct(data / "p.star", tmp_path, "--symmetry", "D2", "--threads", 1).status == 0
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes(), name


def test_resumed_after_the_first_maps_it_gives_the_same_bytes(
    data: Path, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spa.errors import Stopped
    from spa_plugins.reconstruct import making

    def stopped(*_: Any) -> None:
        keep(*_)
        raise Stopped("stopped")

    keep = making.kept.checkpoint
    monkeypatch.setattr(making.kept, "checkpoint", stopped)
    assert reconstruct(data / "p.star", tmp_path, "--symmetry", "D2").status != 0
    monkeypatch.undo()
    again = reconstruct(data / "p.star", tmp_path, "--symmetry", "D2", "--resume")
    assert again.status == 0 and "going on after iteration 1" in again.stderr
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes(), name


def test_expanded_copies_in_c1_make_the_map_of_the_group(data: Path, done: Path, tmp_path: Path) -> None:
    expanded = run_spa("symmetry", "expand", data / "p.star", "--symmetry", "D2", "-o", tmp_path / "e.star")
    assert expanded.status == 0, expanded.stderr
    assert reconstruct(tmp_path / "e.star", tmp_path / "C1").status == 0
    mask = volume(done / "mask.mrc")
    one, other = (volume(folder / "map.mrc") * mask for folder in (done, tmp_path / "C1"))
    assert fsc(one, other)[1:14].min() > 0.99


def test_a_mask_and_a_diameter_bound_it(data: Path, done: Path, tmp_path: Path) -> None:
    masked = reconstruct(data / "p.star", tmp_path / "M", "--symmetry", "D2", "--mask", done / "mask.mrc")
    assert masked.status == 0, masked.stderr
    assert np.array_equal(volume(tmp_path / "M/mask.mrc"), volume(done / "mask.mrc"))
    assert reconstruct(data / "p.star", tmp_path / "S", "--symmetry", "D2", "--diameter", 90).status == 0
    assert volume(tmp_path / "S/mask.mrc").sum() < 0.8 * volume(done / "mask.mrc").sum()


@pytest.mark.parametrize("way", [("--non-uniform",), ("--ewald", "positive")])
def test_other_ways_make_another_map_of_the_same_particle(
    data: Path, done: Path, tmp_path: Path, way: tuple[str, ...]
) -> None:
    assert reconstruct(data / "p.star", tmp_path, "--symmetry", "D2", *way).status == 0
    mask = volume(done / "mask.mrc")
    one, other = (volume(folder / "map.mrc") * mask for folder in (done, tmp_path))
    assert fsc(one, other)[1:12].min() > 0.9 and not np.array_equal(one, other)


def test_poses_of_other_images_are_doubted(data: Path, tmp_path: Path) -> None:
    particles = star.read(data / "p.star")["particles"]
    turned = {name: particles.floats(name)[::-1] for name in POSE[:3]}
    table = spoiled.particles(data / "p.star", data / "turned.star", **turned)
    result = reconstruct(table, tmp_path)
    assert result.status == 0 and "explains only" in result.stderr
    assert any("explains only" in words for words in json.loads((tmp_path / "job.json").read_text())["doubts"])


def test_half_sets_that_are_drawn_are_said(data: Path, tmp_path: Path) -> None:
    table = spoiled.particles(data / "p.star", data / "unset.star", "rlnRandomSubset")
    result = reconstruct(table, tmp_path, "--symmetry", "D2")
    assert result.status == 0 and "200 particles have no half-set" in result.stderr
    assert set(star.read(tmp_path / "out.star")["particles"].ints("rlnRandomSubset")) == {1, 2}


@pytest.mark.parametrize(
    ("drop", "columns", "options", "status", "words"),
    [
        (("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"), {}, (), 65, "has no poses"),
        ((), {"rlnRandomSubset": 1}, (), 65, "all particles are in one half-set"),
        ((), {}, ("--diameter", 1000), 2, "the box is 240 A wide"),
        ((), {}, ("--symmetry", "Q3"), 2, "Q3"),
        ((), {}, ("--mask", "gone.mrc"), 66, "gone.mrc"),
    ],
)
def test_bad_input_is_one_line(
    data: Path, tmp_path: Path, drop: tuple[str, ...], columns: dict, options: tuple, status: int, words: str
) -> None:
    table = spoiled.particles(data / "p.star", data / "bad.star", *drop, **columns)
    result = reconstruct(table, tmp_path, *options)
    lines = result.stderr.strip().splitlines()
    assert result.status == status and words in lines[-1] and "Traceback" not in result.stderr, result.stderr
