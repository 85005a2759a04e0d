"""`spa train neural`: a tiny training, and the laws of its objective."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spa.errors import DataError
from spa.io import mrc, star
from spa.io.star import Table
from spa.picking import network
from spa.recipe import picker
from spa.testing import is_png, run_spa

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'spa[neural]'")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

from spa_plugins.train_neural import net, samples, training  # noqa: E402
from spa_plugins.train_neural.loss import expected_count, objective  # noqa: E402
from spa_plugins.train_neural.samples import MASS, Sample, piece  # noqa: E402

FAST = ("--epochs", 1, "--threads", 1)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of two steps of two small pieces."""
    monkeypatch.setattr(training, "STEPS", 2)
    monkeypatch.setattr(training, "BATCH", 2)
    monkeypatch.setattr(samples, "PIECE", 121)


@pytest.fixture
def labelled(tiny_micrograph: Path, tmp_path: Path) -> Path:
    """Two micrographs of nine discs with six picks each."""
    image = np.array(mrc.read(tmp_path / "tiny.mrc").data)
    mrc.write(tmp_path / "turned.mrc", image[::-1].copy(), 5.0)
    xy = np.loadtxt(tmp_path / "truth.txt")
    places = [xy[:6], np.stack([xy[:6, 0], 239 - xy[:6, 1]], 1)]
    tables = star.read(tiny_micrograph)
    row = tables["micrographs"]
    names = [str(tmp_path / "tiny.mrc"), str(tmp_path / "turned.mrc")]
    both = star.Table.concat([row.with_columns(rlnMicrographName=name) for name in names])
    star.write(tables.with_block("micrographs", both), tmp_path / "m.star")
    x, y = np.concatenate(places).T
    picks = star.Table.of(rlnMicrographName=np.repeat(names, 6).astype(object), rlnCoordinateX=x, rlnCoordinateY=y)
    star.write(star.Tables({"particles": picks}), tmp_path / "picks.star")
    return tmp_path


def train(folder: Path, *words: object, model: str = "p.npz"):
    return run_spa("train", "neural", folder / "m.star", "--picks", folder / "picks.star", "--diameter", 120,
                   "--model-out", folder / model, "-o", folder / "t.star", *words)  # fmt: skip


def test_a_trained_picker_finds_what_was_not_picked(labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best twelve picks hold all nine discs, six of which it was shown."""
    monkeypatch.setattr(training, "STEPS", 8)
    result = train(labelled, "--epochs", 2, "--plot", labelled / "t.png", "--no-refit", "--expected", 9)
    assert result.status == 0, result.stderr
    assert "held out" in result.stderr and is_png(labelled / "t.png")
    table = star.read(labelled / "t.star")["training"]
    assert table.ints("spaEpoch").tolist() == [1, 2] and (table.floats("spaRecall") <= 1).all()
    made = picker.read(labelled / "p.npz")
    assert made.diameter == 120 and not made.white
    result = run_spa("pick", "neural", labelled / "m.star", "-d", labelled / "P", "--model", labelled / "p.npz",
                     "--turns", 1, "--threshold", -4, "-o", labelled / "found.star")  # fmt: skip
    found = star.read(labelled / "found.star")["particles"]
    first = found.text("rlnMicrographName") == str(labelled / "tiny.mrc")
    xy = np.stack([found.floats("rlnCoordinateX"), found.floats("rlnCoordinateY")], 1)[first]
    truth = np.loadtxt(labelled / "truth.txt")
    assert (np.linalg.norm(truth[:, None] - xy[None, :12], axis=2).min(1) < 5).all()


def test_the_same_command_gives_the_same_picker(labelled: Path) -> None:
    for threads, model in ((1, "a.npz"), (2, "b.npz")):
        assert train(labelled, "--epochs", 1, "--threads", threads, "--validation", 0, model=model).status == 0
    assert (labelled / "a.npz").read_bytes() == (labelled / "b.npz").read_bytes()
    assert train(labelled, *FAST, "--seed", 1, "--validation", 0, model="c.npz").status == 0
    assert (labelled / "a.npz").read_bytes() != (labelled / "c.npz").read_bytes()


def test_from_fresh_and_white(labelled: Path) -> None:
    general = picker.read(None)
    assert train(labelled, *FAST, "--validation", 0, "--fresh", "--white", "--slack", 0.5).status == 0
    fresh = picker.read(labelled / "p.npz")
    assert fresh.white and np.abs(fresh.weights["coarse.weight"] - general.weights["coarse.weight"]).max() > 0.01
    words = ("--from", labelled / "p.npz", "--rate", 1e-6, "--validation", 0)
    assert train(labelled, *FAST, *words, model="q.npz").status == 0
    moved = picker.read(labelled / "q.npz")
    assert np.abs(moved.weights["coarse.weight"] - fresh.weights["coarse.weight"]).max() < 1e-3


def test_what_is_refused(labelled: Path) -> None:
    assert train(labelled, "--fresh", "--from", labelled / "m.star").status == 2
    result = run_spa("train", "neural", labelled / "m.star", "--diameter", 120, "--model-out", labelled / "p.npz")
    assert result.status == 2 and "--picks" in result.stderr
    assert train(labelled, "--from", labelled / "m.star").status == 65
    several = train(labelled, "--device", "cuda:0,1")
    assert several.status == 69 and "one device" in several.stderr
    if not torch.cuda.is_available():
        none = train(labelled, "--device", "cuda")
        assert none.status == 69 and "--device cpu" in none.stderr

    picks = star.read(labelled / "picks.star")["particles"]
    other = picks.with_columns(rlnMicrographName="elsewhere.mrc")
    star.write(star.Tables({"particles": other}), labelled / "picks.star")
    result = train(labelled)
    assert result.status == 65 and "none of its picks" in result.stderr
    star.write(star.Tables({"particles": picks.with_columns(rlnCoordinateX=5000.0)}), labelled / "picks.star")
    result = train(labelled)
    assert result.status == 65 and "outside" in result.stderr


def test_without_torch_the_extra_is_named(labelled: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from spa.cli.main import main; main()"
    words = ["train", "neural", labelled / "m.star", "--diameter", "120", "--model-out", labelled / "p.npz"]
    ran = subprocess.run([sys.executable, "-c", program, *map(str, words)], capture_output=True, text=True)
    assert ran.returncode == 69 and "spa[neural]" in ran.stderr


def test_the_count_is_likeliest_at_the_expected_rate() -> None:
    """Over uniform log-odds, the cross-entropy with Binomial(n, rate) is least where p is the rate."""
    rates = np.linspace(0.01, 0.3, 59)
    losses = [float(expected_count(torch.full((500,), float(np.log(p / (1 - p)))), 0.1)) for p in rates]
    assert rates[np.argmin(losses)] == pytest.approx(0.1, abs=0.011)


def test_pieces_hold_what_the_micrograph_holds() -> None:
    """A bright spot on each pick: wherever a piece hopes for a centre, it is bright; known, free and outside part."""
    rng = np.random.default_rng(0)
    picks = np.array([[100.0, 90.0], [180.0, 160.0]])
    y, x = np.ogrid[:260, :250]
    image = sum(np.exp(-0.5 * ((y - row) ** 2 + (x - column) ** 2) / 9) for row, column in picks).astype(np.float32)
    for _ in range(8):
        made = piece(Sample("m", image, picks, 4.0), rng)
        hope = np.nan_to_num(made.hope)
        assert not (np.isfinite(made.hope) & made.free).any()
        assert made.image[::2, ::2][hope > 0.9].min(initial=1) > 0.5 and made.image[::2, ::2][made.free].max() < 0.1


def test_the_rate_is_that_of_the_particles_nobody_picked() -> None:
    sample = Sample("m", np.zeros((480, 480), np.float32), np.zeros((10, 2)), 30.0)
    free = 240**2 - 10 * np.pi * 6**2
    assert sample.rate == pytest.approx(20 * MASS / free)


def test_the_gradient_does_not_depend_on_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    rng = np.random.default_rng(0)
    weights = net.fresh(rng)
    sample = Sample("m", rng.normal(size=(240, 240)).astype(np.float32), rng.uniform(20, 220, (12, 2)), 20.0)
    pieces = [piece(sample, rng) for _ in range(2)]
    found = []
    for threads in (1, 2):
        with ThreadPoolExecutor(threads) as pool:
            loss = objective(pieces, np.random.default_rng(1), 0.1)
            value = net.gradient([net.framed(one.image) for one in pieces], weights, pool, loss)
        found.append([value, *(one.grad.clone() for one in weights.values())])
    assert found[0][0] == found[1][0] and all(torch.equal(a, b) for a, b in zip(found[0][1:], found[1][1:]))


def test_held_out_micrographs_are_not_trained_on() -> None:
    every = [Sample(str(i), np.zeros((9, 9)), np.zeros((1, 2)), 1) for i in range(10)]
    seen, held = training.apart(every, 0.2, np.random.default_rng(0))
    assert len(held) == 2 and not {s.name for s in seen} & {s.name for s in held} and len(seen) == 8
    assert training.apart(every[:1], 0.5, np.random.default_rng(0))[1] == []


def test_of_thresholds_that_are_as_good_the_lowest_is_taken() -> None:
    from spa_plugins.train_neural.training import CLOSE, Curve

    recall = np.array([0.5, 0.90, 0.95, 0.97, 0.98, 0.98])
    picks = recall**2 / np.array([0.5, 0.9, 1.0, 1 - 0.9 * CLOSE, 1 - 1.1 * CLOSE, 0.5])
    assert Curve(np.arange(6.0)[::-1], recall, picks, 1000).best == 3
    assert Curve(np.arange(6.0)[::-1], recall, picks, 10).best == 4  # each of ten is a tenth of it


def test_an_answer_on_torch_s_device_is_that_of_the_network() -> None:
    """The path of a card, on torch's CPU."""
    rng = np.random.default_rng(3)
    weights = net.arrays(net.fresh(rng))
    for shape in ((40, 57), (33, 36)):
        image = rng.standard_normal(shape).astype(np.float32)
        np.testing.assert_allclose(net.log_odds(image, weights, "cpu"), network.log_odds(image, weights), atol=1e-4)


def _placed(said: list[str], known: list[str]) -> dict[str, list[float]]:
    """Of picks that call their micrographs so, x of the first on each of the micrographs that are known."""
    from spa.job.micrographs import Entry
    from spa.model.optics import Optics
    from spa_plugins.train_neural.reading import _places

    picks = Table.of(rlnMicrographName=said, rlnCoordinateX=np.arange(len(said)) + 1.0, rlnCoordinateY=0.0)
    rows = [Entry(name, Optics(1, "o", 300.0, 2.7, 0.1, 1.0), None, None, False) for name in known]
    return {name: xy[:, 0].tolist() for name, xy in _places(picks, rows).items()}


def test_picks_of_other_micrographs_whose_files_have_the_same_name_are_not_taken() -> None:
    assert _placed(["a/1.mrc", "b/1.mrc", "./a/1.mrc"], ["a/1.mrc"]) == {"a/1.mrc": [1.0, 3.0]}
    assert _placed(["raw/1.tif", "raw/2.tif"], ["a/1.mrc", "a/3.mrc"]) == {"a/1.mrc": [1.0]}
    with pytest.raises(DataError, match="x/1.tif and y/1.tif"):
        _placed(["x/1.tif", "y/1.tif"], ["a/1.mrc"])
    with pytest.raises(DataError, match="a/1.mrc and b/1.mrc"):
        _placed(["x/1.tif"], ["a/1.mrc", "b/1.mrc"])
