"""`spa vary neural`: a planted motion is followed, nothing is found where nothing varies, bad input is one line."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from spa.io import mrc, star
from spa.model.poses import matrices
from spa.testing import run_spa
from tests.lumps import simulated

pytest.importorskip("torch")

BOX, PIXEL, N = 32, 6.0, 480
SWING = np.deg2rad(np.linspace(-45, 45, 9))
QUICK = ("--max-resolution", 16, "--start-resolution", 24, "--diameter", 150, "--frames", 2, "--latent", 1,
         "--maps", 8, "--width", 64, "--layers", 2, "--epochs", 50, "--rate", 0.005)  # fmt: skip


def ball(angle: float) -> np.ndarray:
    """A ball at the side of the box centre, swung about z."""
    z, y, x = np.mgrid[:BOX, :BOX, :BOX] - BOX // 2
    away = z**2 + (y - 8 * np.cos(angle)) ** 2 + (x - 8 * np.sin(angle)) ** 2
    return np.exp(-away / 5.0).astype(np.float32)


@pytest.fixture(scope="module")
def swing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """in.star: a lump with a ball that swings, each particle's angle in spaTruth; a/truth.star: the lump alone."""
    lump = simulated(tmp_path_factory.mktemp("swing"), BOX, PIXEL, N, snr=1, diameter=80)
    kind = np.random.default_rng(3).integers(len(SWING), size=N)
    images = lump.images.copy()
    for number, swung in enumerate(SWING):
        here = np.flatnonzero(kind == number)
        images[here] += lump.seen(2 * lump.map.max() * ball(swung), here)
    lump.write("in", images, np.rad2deg(SWING[kind]))
    return lump.folder


def varied(swing: Path, outdir: Path, *more: object, table: object = "in.star") -> object:
    return run_spa("vary", "neural", swing / str(table), "-d", outdir, "-o", outdir / "out.star", *QUICK, *more)


@pytest.fixture(scope="module")
def done(swing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("varied")
    result = varied(swing, outdir)
    assert result.status == 0, result.stderr
    assert "nothing varies" not in result.stderr
    return outdir


def test_a_planted_motion_is_followed(done: Path) -> None:
    table = star.read(done / "out.star")["particles"]
    truth = table.floats("spaTruth")
    assert abs(spearmanr(table.floats("spaLatent1"), truth).statistic) > 0.95
    assert abs(spearmanr(table.floats("spaLatentPath"), truth).statistic) > 0.95
    error = table.floats("spaLatentError1")
    assert (error > 0).all() and error.mean() < 0.4


def test_volumes_along_the_latent_show_the_ball_where_it_is(done: Path) -> None:
    tables = star.read(done / "out.star")
    latent, truth = (tables["particles"].floats(name) for name in ("spaLatent1", "spaTruth"))
    names = tables["series"].text("spaMapName")
    ends = [float(truth[np.argsort(np.abs(latent - value))[:20]].mean())
            for value in tables["series"].floats("spaLatentValue")]  # fmt: skip
    low, high = (mrc.read(name) for name in names)
    wanted = ball(np.deg2rad(ends[1])) - ball(np.deg2rad(ends[0]))
    assert np.corrcoef((high.data - low.data).ravel(), wanted.ravel())[0, 1] > 0.7
    assert low.pixel_size == pytest.approx(PIXEL)


def test_maps_are_in_the_stream(done: Path) -> None:
    tables = star.read(done / "out.star")
    assert set(tables["maps"].text("spaMapRole")) == {"map", "mask", "series"}
    for name in tables["maps"].text("spaMapName"):
        assert Path(name).is_file(), name
    assert list(tables["components"].ints("spaSignificant")) == [1]


def test_the_model_decodes_what_the_series_shows(done: Path, tmp_path: Path) -> None:
    tables = star.read(done / "out.star")
    value = tables["series"].floats("spaLatentValue")[0]
    result = run_spa("vary", "volumes", done / "out.star", "-d", tmp_path, "-o", tmp_path / "v.star", "--at",
                     f"{value}", "--model", done / "model.npz")  # fmt: skip
    assert result.status == 0, result.stderr
    series = mrc.read(tables["series"].text("spaMapName")[0]).data
    made = mrc.read(tmp_path / "volume001.mrc").data
    assert np.allclose(made, series, atol=1e-3 * np.abs(series).max())
    with (tmp_path / "junk.npz").open("wb") as file:
        np.savez(file, maps=np.zeros(3))
    refused = run_spa("vary", "volumes", done / "out.star", "-d", tmp_path, "--at", "0", "--model",
                      tmp_path / "junk.npz")  # fmt: skip
    assert refused.status == 65 and "not a model of spa vary neural" in refused.stderr


def test_the_result_does_not_depend_on_threads_or_a_stop(swing: Path, tmp_path: Path) -> None:
    for name, more in (("one", ("--threads", 1)), ("two", ("--threads", 2))):
        assert varied(swing, tmp_path / name, "--epochs", 2, "--shuffles", 0, *more).status == 0
    one, two = (star.read(tmp_path / name / "out.star")["particles"] for name in ("one", "two"))
    assert list(one.text("spaLatent1")) == list(two.text("spaLatent1"))
    assert (tmp_path / "one/model.npz").read_bytes() == (tmp_path / "two/model.npz").read_bytes()
    again = varied(swing, tmp_path / "two", "--epochs", 2, "--shuffles", 0, "--resume")
    assert again.status == 0 and "going on after iteration 2" in again.stderr
    assert (tmp_path / "one/model.npz").read_bytes() == (tmp_path / "two/model.npz").read_bytes()


def test_where_nothing_varies_it_says_so(swing: Path, tmp_path: Path) -> None:
    result = varied(swing, tmp_path, "--latent", 2, table="a/truth.star")
    assert result.status == 0 and "nothing varies" in result.stderr
    assert list(star.read(tmp_path / "out.star")["components"].ints("spaSignificant")) == [0, 0]


def test_two_kinds_are_two_clusters_also_where_training_is_short(swing: Path, tmp_path: Path) -> None:
    tables = star.read(swing / "in.star")
    angle = tables["particles"].floats("spaTruth")
    ends = tables["particles"].take(np.flatnonzero((np.abs(angle) > 30) & ((angle > 0) | (np.arange(N) % 2 == 0))))
    star.write(tables.with_block("particles", ends), tmp_path / "ends.star")
    result = varied(swing, tmp_path / "out", "--epochs", 3, "--clusters", 2, table=tmp_path / "ends.star")
    assert result.status == 0, result.stderr
    assert "no better than its linear start" in result.stderr and "nothing varies" not in result.stderr
    table = star.read(tmp_path / "out" / "out.star")["particles"]
    same = (table.ints("spaLatentCluster") == 1) == (table.floats("spaTruth") > 0)
    assert max(same.mean(), 1 - same.mean()) > 0.95


def test_every_other_option(swing: Path, tmp_path: Path) -> None:
    mrc.write(tmp_path / "focus.mrc", np.minimum(sum(ball(angle) for angle in SWING), 1).astype(np.float32), PIXEL)
    mask = tmp_path / "focus.mrc"
    more = ("--latent", 2, "--epochs", 2, "--mask", mask, "--focus-mask", mask, "--min-resolution", 150, "--beta", 0.5,
            "--clusters", 2, "--shuffles", 0, "--seed", 5, "--plot", tmp_path / "p.png", "--device", "cpu")  # fmt: skip
    result = varied(swing, tmp_path / "out", *more)
    assert result.status == 0, result.stderr
    assert (tmp_path / "p.png").stat().st_size > 10000
    tables = star.read(tmp_path / "out" / "out.star")
    assert set(tables["particles"].ints("spaLatentCluster")) <= {1, 2}
    assert "cluster" in set(tables["maps"].text("spaMapRole"))


def apart(table: star.Table) -> np.ndarray:
    """Angles (degrees) between the poses of neighbouring rows: neither the frame nor the hand is in them."""
    poses = matrices(*np.deg2rad([table.floats(f"rlnAngle{x}") for x in ("Rot", "Tilt", "Psi")]))
    trace = np.einsum("nij,nij->n", poses[1:], poses[:-1])
    return np.rad2deg(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def test_poses_come_from_nothing_and_a_stop_changes_nothing(tmp_path: Path) -> None:
    made = run_spa("simulate", "particles", "-d", tmp_path, "--box", BOX, "--pixel-size", PIXEL, "--n", 300, "--snr", 2,
                   "--specimen-diameter", 140, "--seed", 1)  # fmt: skip
    assert made.status == 0, made.stderr
    words = ("--abinit", "--rounds", 1, "--seeds", 1, "--epochs", 3, "--shuffles", 0)
    result = varied(tmp_path, tmp_path / "one", *words, table="particles.star")
    assert result.status == 0, result.stderr
    assert "round 1: poses searched to" in result.stderr
    rows, truth = star.read(tmp_path / "one/out.star")["particles"], star.read(tmp_path / "truth.star")["particles"]
    assert np.median(np.abs(apart(rows) - apart(truth))) < 8
    wrong = apart(rows.take(np.random.default_rng(0).permutation(len(rows))))
    assert np.median(np.abs(wrong - apart(truth))) > 25
    again = varied(tmp_path, tmp_path / "one", *words, "--resume", table="particles.star")
    assert again.status == 0, again.stderr
    assert star.read(tmp_path / "one/out.star")["particles"] == rows


def test_poses_from_nothing_want_a_diameter(swing: Path, tmp_path: Path) -> None:
    result = run_spa("vary", "neural", swing / "in.star", "-d", tmp_path, "--abinit")
    assert result.status == 2 and "--abinit: it needs --diameter" in result.stderr


def test_without_torch_it_names_the_extra(swing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    result = varied(swing, tmp_path)
    assert result.status == 69 and "spa[neural]" in result.stderr


@pytest.mark.parametrize("words, status, text", [
    (("--width", 33), 2, "--width 33"),
    (("--latent", 16), 65, "too few for --latent 16"),
    (("--diameter", 900), 2, "--diameter 900"),
    (("--device", "cuda"), 69, "--device cuda"),
])  # fmt: skip
def test_what_cannot_be_is_refused(swing: Path, tmp_path: Path, words: tuple, status: int, text: str) -> None:
    result = varied(swing, tmp_path, *words)
    assert result.status == status and text in result.stderr and "Traceback" not in result.stderr
