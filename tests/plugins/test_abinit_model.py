"""spa abinit model: a map from nothing, on its axes, the same whoever computes it and after kill -9."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from spa.abinit import align
from spa.io import mrc, star
from spa.testing import is_png, run_spa
from spa.volume.masks import soft_sphere

BOX, PIXEL, DIAMETER = 40, 6.0, 150
OPTIONS = ("--diameter", DIAMETER, "--seeds", 1, "--max-resolution", 20)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("particles")
    made = run_spa(
        "simulate", "particles", "-d", folder, "-o", folder / "in.star", "--box", BOX, "--pixel-size", PIXEL,
        "--n", 400, "--snr", 1, "--specimen-diameter", 130, "--symmetry", "C4", "--shift", 3,
    )  # fmt: skip
    assert made.status == 0, made.stderr
    return folder


def abinit(data: Path, outdir: Path, *more: object) -> object:
    return run_spa("abinit", "model", data / "in.star", "-d", outdir, "-o", outdir / "out.star", *OPTIONS, *more)


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("model")
    result = abinit(data, outdir)
    assert result.status == 0, result.stderr
    assert "starts agree" in result.stderr.splitlines()[-1]
    return outdir


def likeness(data: Path, path: Path) -> np.ndarray:
    """Correlation of a model with the truth in each shell, once laid on it (hand free)."""
    ball = soft_sphere(BOX, DIAMETER / 2 / PIXEL, 3)
    truth, model = (mrc.read(one).data * ball for one in (data / "truth.mrc", path))
    return align.shell_correlation(truth, model, align.fit(truth, model, 9), 10)


def test_a_map_from_nothing_is_like_the_truth(data: Path, done: Path) -> None:
    assert likeness(data, done / "class001.mrc")[1:8].min() > 0.6


def test_the_table_goes_on_to_refinement(data: Path, done: Path) -> None:
    tables = star.read(done / "out.star")
    assert tables["maps"].text("spaMapRole").tolist() == ["map"]
    particles = tables["particles"]
    assert len(particles) == 400 and set(particles.ints("rlnClassNumber")) == {1}
    assert set(particles.ints("rlnRandomSubset")) == {1, 2}
    assert np.isfinite(particles.floats("rlnAngleTilt")).all()


def test_the_start_that_was_chosen_is_said(done: Path) -> None:
    seeds = star.read(done / "seeds.star")["seeds"]
    assert seeds.ints("spaChosen").sum() == 1


def test_a_symmetric_model_lies_on_its_axes(data: Path, tmp_path: Path) -> None:
    result = abinit(data, tmp_path, "--symmetry", "C4", "--plot", tmp_path / "a.png", "--shift-range", 15)
    assert result.status == 0, result.stderr
    assert is_png(tmp_path / "a.png")
    inner = np.array(mrc.read(tmp_path / "class001.mrc").data)[1:, 1:, 1:]  # about pixel n // 2
    assert np.corrcoef(inner.ravel(), np.rot90(inner, axes=(1, 2)).ravel())[0, 1] > 0.97
    assert likeness(data, tmp_path / "class001.mrc")[1:8].min() > 0.6


def test_threads_do_not_change_a_byte(data: Path, done: Path, tmp_path: Path) -> None:
    assert abinit(data, tmp_path, "--threads", 1).status == 0
    assert (tmp_path / "class001.mrc").read_bytes() == (done / "class001.mrc").read_bytes()


def test_another_seed_is_another_start(data: Path, done: Path, tmp_path: Path) -> None:
    assert abinit(data, tmp_path, "--seed", 5).status == 0
    assert (tmp_path / "class001.mrc").read_bytes() != (done / "class001.mrc").read_bytes()


def test_kill_9_and_resume_give_the_same_bytes(data: Path, done: Path, tmp_path: Path) -> None:
    words = [Path(sys.executable).parent / "spa", "abinit", "model", data / "in.star", "-d", tmp_path, "-o",
             tmp_path / "out.star", *OPTIONS]  # fmt: skip
    with subprocess.Popen([str(word) for word in words], stderr=subprocess.DEVNULL) as process:
        while not list(tmp_path.glob("states/*.npz")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "class001.mrc").exists()
    again = abinit(data, tmp_path, "--resume")
    assert again.status == 0, again.stderr
    assert (tmp_path / "class001.mrc").read_bytes() == (done / "class001.mrc").read_bytes()
    assert star.read(tmp_path / "out.star")["particles"] == star.read(done / "out.star")["particles"]


def test_classes_part_two_specimens(data: Path, tmp_path: Path) -> None:
    other = run_spa(
        "simulate", "particles", "-d", tmp_path / "b", "-o", tmp_path / "b.star", "--box", BOX, "--pixel-size", PIXEL,
        "--n", 400, "--snr", 1, "--specimen-diameter", 80, "--symmetry", "D3", "--seed", 9, "--shift", 3,
    )  # fmt: skip
    assert other.status == 0, other.stderr
    both = run_spa("star", "cat", data / "in.star", tmp_path / "b.star", "-o", tmp_path / "both.star")
    assert both.status == 0, both.stderr
    result = run_spa("abinit", "model", tmp_path / "both.star", "-d", tmp_path / "m", "-o", tmp_path / "o.star",
                     *OPTIONS, "--classes", 2)  # fmt: skip
    assert result.status == 0, result.stderr
    number = star.read(tmp_path / "o.star")["particles"].ints("rlnClassNumber")
    right = np.mean(number == np.repeat([1, 2], 400))
    assert max(right, 1 - right) > 0.9
    assert (tmp_path / "m" / "class002.mrc").exists()


def test_too_few_particles_are_refused(data: Path, tmp_path: Path) -> None:
    tables = star.read(data / "in.star")
    star.write(tables.with_block("particles", tables["particles"].take(np.arange(10))), tmp_path / "few.star")
    result = run_spa("abinit", "model", tmp_path / "few.star", "-d", tmp_path / "m", *OPTIONS)
    assert result.status == 65 and len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("option", "value"), [("--classes", 9), ("--symmetry", "Q3"), ("--diameter", -3)])
def test_options_out_of_range_are_usage_errors(data: Path, tmp_path: Path, option: str, value: object) -> None:
    assert abinit(data, tmp_path, option, value).status == 2
