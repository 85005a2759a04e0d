"""`spa refine hetero`: several references compete; junk leaves the good class; resumed to the same bytes."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.image import amx
from spa.io import mrc, star
from spa.testing import run_spa
from spa.volume.masks import soft_sphere

BOX, PIXEL, N, JUNK = 32, 6.0, 160, 60
QUICK = ("--diameter", 140, "--lowpass", 40, "--iterations", 4)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 particles and 60 images of noise alone; a good reference and a ball."""
    folder = tmp_path_factory.mktemp("mixed")
    made = run_spa("simulate", "particles", "-d", folder, "--box", BOX, "--pixel-size", PIXEL, "--n", N, "--snr", 1,
                   "--specimen-diameter", 120)  # fmt: skip
    assert made.status == 0, made.stderr
    rng = np.random.default_rng(0)
    images = mrc.read(folder / "particles.mrcs").data
    noise = rng.standard_normal((JUNK, BOX, BOX))
    mrc.write(folder / "all.mrcs", np.concatenate([images, noise]).astype(np.float32), PIXEL)
    table = star.read(folder / "particles.star")
    rows = table["particles"].take(np.arange(N + JUNK) % N)
    rows = rows.with_columns(
        rlnImageName=[f"{i + 1:06d}@{folder / 'all.mrcs'}" for i in range(N + JUNK)],
        spaTruth=(np.arange(N + JUNK) >= N).astype(int),
    )
    star.write(table.with_block("particles", rows), folder / "in.star")
    truth = mrc.read(folder / "truth.mrc").data
    ball = soft_sphere(BOX, 9, 4) * truth.mean() * 8 + 0.05 * truth.std() * rng.standard_normal(truth.shape)
    mrc.write(folder / "ball.mrc", ball.astype(np.float32), PIXEL)
    return folder


def hetero(mixed: Path, outdir: Path, *more: object) -> object:
    return run_spa(
        "refine", "hetero", mixed / "in.star", "-d", outdir, "-o", outdir / "out.star", "--reference",
        mixed / "truth.mrc", "--reference", mixed / "ball.mrc", *QUICK, *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("hetero")
    result = hetero(mixed, outdir)
    assert result.status == 0, result.stderr
    assert re.search(r"2 classes of 220 particles \(\d+ of them unclear\)", result.stderr.splitlines()[-1])
    assert "images show nothing that any class explains" in result.stderr
    return outdir


def test_junk_leaves_the_good_class(done: Path) -> None:
    table = star.read(done / "out.star")["particles"]
    junk, number = table.ints("spaTruth") == 1, table.ints("rlnClassNumber")
    good = int(np.bincount(number[~junk]).argmax())
    assert (number[~junk] == good).mean() > 0.9
    assert (number[junk] == good).mean() < 0.35
    shares = np.stack([table.floats(f"spaClassShare{k}") for k in (1, 2)], axis=1)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert (shares.argmax(axis=1) + 1 == number).all()
    assert (table.floats("spaClassEntropy") <= np.log(2) + 1e-5).all()


def test_what_no_class_explains_is_told(done: Path) -> None:
    """Noise has no evidence in either class, the one that it is in by itself included; particles have."""
    table = star.read(done / "out.star")["particles"]
    junk, evidence = table.ints("spaTruth") == 1, table.floats("spaParticleEvidence")
    assert (evidence[~junk] > 5).mean() > 0.95 and (evidence[junk] < 0).mean() > 0.9
    assert table.floats("spaWholeDeviation")[~junk].std() == pytest.approx(1, abs=0.3)


def test_maps_of_each_class_are_in_the_stream_and_can_be_chosen(done: Path, tmp_path: Path) -> None:
    tables = star.read(done / "out.star")
    maps, classes = tables["maps"], tables["classes"]
    assert sorted(zip(maps.ints("spaMapClass"), maps.text("spaMapRole"))) == sorted(
        (k, role) for k in (1, 2) for role in ("map", "half1", "half2", "mask", "fsc")
    )
    assert all(Path(name).is_file() for name in maps.text("spaMapName"))
    assert classes.ints("spaClassSize").sum() == N + JUNK
    chosen = run_spa("select", "classes", done / "out.star", "--classes", 1, "-o", tmp_path / "one.star")
    assert chosen.status == 0, chosen.stderr
    assert len(star.read(tmp_path / "one.star")["particles"]) == classes.ints("spaClassSize")[0]


def test_any_threads_and_resume_give_the_same_bytes(mixed: Path, done: Path, tmp_path: Path) -> None:
    assert hetero(mixed, tmp_path, "--threads", 1).status == 0
    (tmp_path / "class001.mrc").unlink()
    again = hetero(mixed, tmp_path, "--threads", 1, "--resume")
    assert again.status == 0 and "going on after iteration" in again.stderr
    for name in ("class001.mrc", "class002_half1.mrc"):
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes(), name


def test_references_come_from_the_stream(mixed: Path, done: Path, tmp_path: Path) -> None:
    result = run_spa("refine", "hetero", done / "out.star", "-d", tmp_path, "-o", tmp_path / "out.star", "--iterations",
                     1, "--mask", done / "mask.mrc", "--symmetry", "C1", "--shift-range", 15, "--seed", 2, "--plot",
                     tmp_path / "a.png")  # fmt: skip
    assert result.status == 0, result.stderr
    assert (tmp_path / "a.png").stat().st_size > 10000
    assert len(star.read(tmp_path / "out.star")["classes"]) == 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 65, "--reference"),
        (("--reference", "nowhere.mrc"), 66, "nowhere.mrc"),
        (("--reference", "ball.mrc", "--symmetry", "Q3"), 2, "Q3"),
    ],
)
def test_bad_input_is_one_line(mixed: Path, tmp_path: Path, words: tuple, status: int, said: str) -> None:
    words = tuple(str(mixed / word) if word == "ball.mrc" else word for word in words)
    result = run_spa("refine", "hetero", mixed / "in.star", "-d", tmp_path, *words)
    assert result.status == status and said in result.stderr, result.stderr


def test_copies_of_one_reference_part_by_what_images_differ_in(tmp_path: Path) -> None:
    """240 particles, half of them without a piece: two copies of the whole map find them; resumed to the same bytes."""
    made = run_spa("simulate", "particles", "-d", tmp_path / "a", "--box", BOX, "--pixel-size", PIXEL, "--n", 120,
                   "--snr", 1, "--specimen-diameter", 120)  # fmt: skip
    assert made.status == 0, made.stderr
    whole = mrc.read(tmp_path / "a" / "truth.mrc").data
    piece = soft_sphere(BOX, 4, 2)
    place = np.unravel_index(int((whole * soft_sphere(BOX, 9, 2)).argmax()), whole.shape)
    without = whole * (1 - np.roll(piece, np.array(place) - BOX // 2, (0, 1, 2)))
    mrc.write(tmp_path / "without.mrc", without.astype(np.float32), PIXEL)
    other = run_spa("simulate", "particles", "-d", tmp_path / "b", "--map", tmp_path / "without.mrc", "--n", 120,
                    "--snr", 1, "--seed", 2)  # fmt: skip
    both = run_spa("star", "cat", *(tmp_path / name / "particles.star" for name in "ab"), "-o", tmp_path / "in.star")
    assert other.status == both.status == 0
    words = ("refine", "hetero", tmp_path / "in.star", "-d", tmp_path / "H", "-o", tmp_path / "out.star", *QUICK,
             "--reference", tmp_path / "a" / "truth.mrc", "--reference", tmp_path / "a" / "truth.mrc")  # fmt: skip
    result = run_spa(*words, "-v")
    assert result.status == 0 and "1 of them distinct" in result.stderr, result.stderr
    table = star.read(tmp_path / "out.star")["particles"]
    lacks = np.array(["/b/" in name for name in table.text("rlnImageName")])
    number = table.ints("rlnClassNumber")
    assert max((number == 1 + lacks).mean(), (number == 2 - lacks).mean()) > 0.9
    before = (tmp_path / "H" / "class001.mrc").read_bytes()
    again = run_spa(*words, "--resume")
    assert again.status == 0 and (tmp_path / "H" / "class001.mrc").read_bytes() == before


def test_a_device_sorts_alike(mixed: Path, tmp_path: Path, card: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few images in one iteration and the weighing after it: kernels are slow without a card.

    The host works in float32, as the device does: where junk goes by its noise, any rounding sends it.
    """
    monkeypatch.setattr(amx, "there", lambda: False)
    (tmp_path / "few").mkdir()
    table, few = star.read(mixed / "in.star"), np.r_[0:30, N : N + 20]
    star.write(table.with_block("particles", table["particles"].take(few)), tmp_path / "few" / "in.star")
    for name in ("truth.mrc", "ball.mrc"):
        (tmp_path / "few" / name).symlink_to(mixed / name)
    found = {}
    for device in ("cpu", "cuda"):
        result = hetero(tmp_path / "few", tmp_path / device, "--iterations", 1, "--device", device)
        assert result.status == 0 and ("emulated device" in result.stderr) == (device == "cuda"), result.stderr
        found[device] = star.read(tmp_path / device / "out.star")["particles"].floats("spaClassShare1")
    assert card.launches["climb"] and card.launches["moments"]
    assert np.corrcoef(found["cpu"], found["cuda"])[0, 1] > 0.9
