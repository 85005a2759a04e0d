"""`spa post bfactor`."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import is_png, run_spa
from spa_plugins.post_bfactor.command import _line
from spa_plugins.post_bfactor.line import bends, fitted
from spa_plugins.post_bfactor.subsets import sizes


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bfactor")
    words = "simulate particles -d P -o p.star --symmetry D2 --box 32 --pixel-size 4 --n 400 --snr 0.02"
    result = run_spa(*words.split(), cwd=folder)
    assert result.status == 0, result.stderr
    return folder


def run(data: Path, *more: object) -> tuple[star.Tables, str]:
    call = ("post", "bfactor", "P/truth.star", "-d", "B", "-o", "b.star", "--symmetry", "D2", "--smallest", 50)
    result = run_spa(*call, *more, cwd=data)
    assert result.status == 0, result.stderr
    return star.read(data / "B" / "bfactor.star"), result.stderr


def test_more_particles_resolve_more(data: Path) -> None:
    tables, said = run(data, "--repeats", 2, "--plot", "b.png", "--diameter", 90)
    subsets = tables["subsets"]
    counts, found = subsets.floats("spaParticles"), subsets.floats("spaResolution")
    assert sorted(set(counts)) == [50, 100, 200, 400] and len(counts) == 7
    means = [found[counts == count].mean() for count in (50, 100, 200, 400)]
    assert means[0] > means[-1] and "needs" in said and is_png(data / "b.png")
    assert tables["bfactor"].floats("spaBfactor")[0] > 0
    assert np.all(np.diff(tables["needed"].floats("spaParticles")) > 0)
    assert star.read(data / "b.star")["particles"] == star.read(data / "P" / "truth.star")["particles"]


def test_a_target_a_mask_and_threads(data: Path) -> None:
    mrc.write(data / "ball.mrc", np.ones((32, 32, 32), np.float32), 4.0)
    one, _ = run(data, "--repeats", 1, "--target", 6, "--mask", data / "ball.mrc", "--threads", 1, "--seed", 3)
    two, _ = run(data, "--repeats", 1, "--target", 6, "--mask", data / "ball.mrc", "--threads", 3, "--seed", 3)
    assert one["subsets"] == two["subsets"]
    assert one["needed"].floats("spaResolution").tolist() == [6]


def test_a_line_is_found_with_its_error() -> None:
    rng = np.random.default_rng(0)
    counts = np.repeat([100, 200, 400, 800, 1600, 3200], 3).astype(float)
    frequency = 0.01 + 2 / 120 * np.log(counts / 100) + 2e-4 * rng.standard_normal(len(counts))
    line = fitted(counts, 1 / np.sqrt(frequency), rng)
    assert line is not None
    assert line.bfactor == pytest.approx(120, abs=4 * line.error) and 0.05 < line.error < 5
    number, low, high = line.needed(line.resolution(20000))
    assert number == pytest.approx(20000, rel=1e-6) and low < number < high
    assert fitted(counts[:6], np.ones(6), rng) is None  # two numbers of particles are no line


def bending(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Resolutions whose squares grow as a line of B = 120 up to 400 particles, and as one of B = 600 from there."""
    late = np.maximum(np.log(counts / 400), 0)
    squares = 0.01 + 2 / 120 * np.log(np.minimum(counts, 400) / 100) + 2 / 600 * late
    return 1 / np.sqrt(squares + 2e-4 * rng.standard_normal(len(counts)))


def test_where_points_bend_the_end_foretells() -> None:
    rng = np.random.default_rng(1)
    counts = np.repeat([100, 200, 400, 800, 1600], 3).astype(float)
    line = fitted(counts, bending(counts, rng), rng)
    assert line is not None and line.bent and line.bfactor == pytest.approx(600, rel=0.25)
    straight = fitted(counts, 1 / np.sqrt(0.01 + 2 / 120 * np.log(counts / 100)), rng)
    assert straight is not None and not straight.bent


def test_straight_lines_are_seldom_said_to_bend() -> None:
    rng = np.random.default_rng(2)
    counts = np.array([100.0] * 3 + [200.0] * 3 + [400.0] * 3 + [800.0] * 3 + [1600.0])
    noisy = [0.01 + 2 / 120 * np.log(counts / 100) + 1e-3 * rng.standard_normal(len(counts)) for _ in range(40)]
    assert sum(bends(counts, 1 / np.sqrt(one), rng) for one in noisy) <= 6


def test_what_the_pixels_end_is_not_said_to_need_particles() -> None:
    rng = np.random.default_rng(3)
    counts = np.repeat([100, 200, 400, 800], 3).astype(float)
    line = fitted(counts, 1 / np.sqrt(0.01 + 2 / 120 * np.log(counts / 100)), rng)
    assert _line(line, 6.0, 1500, [5.7], 3.0).endswith("5.70 A needs smaller pixels than 3 A and no more particles")
    assert "5.70 A needs 3" in _line(line, 6.0, 150, [5.7], 2.0)
    assert _line(line, 6.0, 150, [0.5], 0.2).endswith("0.50 A needs more than 1e+12")


def test_subsets_are_halves() -> None:
    assert sizes(1000, 100) == [125, 250, 500, 1000]
    assert sizes(90, 50) == [90]


def test_bad_input(data: Path) -> None:
    call = ("post", "bfactor", "-d", "B", "--smallest")
    result = run_spa(*call, 300, "P/truth.star", cwd=data)
    assert result.status == 65 and "too few" in result.stderr
    result = run_spa(*call, 50, "--diameter", 1e5, "P/truth.star", cwd=data)
    assert result.status == 2 and "--diameter 100000: the box is" in result.stderr
    tables = star.read(data / "P" / "truth.star")
    bare = tables.with_block("particles", tables["particles"].without("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"))
    star.write(bare, data / "bare.star")
    result = run_spa(*call, 50, "bare.star", cwd=data)
    assert result.status == 65 and "no angles" in result.stderr
    for words in (("--repeats", 10**9), ("--target", 1e-9)):  # without end, and no resolution
        assert run_spa(*call, 50, *words, "P/truth.star", cwd=data).status == 2


def test_nothing_is_foretold_of_noise(data: Path) -> None:
    truth = star.read(data / "P" / "truth.star")
    names = [name.replace("P/particles", "P/noise") for name in truth["particles"].text("rlnImageName")]
    shape = mrc.read(data / "P" / "particles.mrcs").data.shape
    mrc.write(data / "P" / "noise.mrcs", np.random.default_rng(1).standard_normal(shape).astype(np.float32), 4.0)
    star.write(truth.with_block("particles", truth["particles"].with_columns(rlnImageName=names)), data / "noise.star")
    result = run_spa("post", "bfactor", "noise.star", "-d", "N", "-o", "n.star", "--smallest", 50, cwd=data)
    assert result.status == 0 and "no resolution" in result.stderr
    assert list(star.read(data / "N" / "bfactor.star").blocks) == ["subsets"]
