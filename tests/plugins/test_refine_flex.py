"""`spa refine flex`: a planted motion is found, nothing is found where nothing moves, bad input is one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.flex.motion import Common, Frame
from spa.io import mrc, star
from spa.testing import run_spa
from spa.volume.masks import distances
from spa_plugins.refine_flex.found import curve_through
from tests.lumps import simulated

BOX, PIXEL, N = 32, 6.0, 320
QUICK = ("--max-resolution", 14, "--train-resolution", 16, "--start-resolution", 20, "--diameter", 130, "--mesh", 8,
         "--epochs", 24, "--iterations", 3, "--frames", 2, "--latent", 1)  # fmt: skip


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """in.star: images of a lump with a ball at its side that is shifted by each particle's truth (pixels); none.star:
    of both, the ball always in the middle."""
    lump = simulated(tmp_path_factory.mktemp("planted"), BOX, PIXEL, N, snr=2, diameter=90)
    ball = lump.map.max() * np.roll(np.exp(-((distances(BOX) / 2.5) ** 2)), 7, 1)
    steps = np.array([-2, -1, 0, 1, 2])
    truth = np.random.default_rng(3).integers(0, 5, N)
    moving, still = lump.images.copy(), lump.images + lump.seen(ball, np.arange(N))
    for number, step in enumerate(steps):
        mine = np.flatnonzero(truth == number)
        moving[mine] += lump.seen(np.roll(ball, step, 2), mine)
    for name, stack in (("in", moving), ("none", still)):
        lump.write(name, stack, steps[truth])
    return lump.folder


def bent(planted: Path, outdir: Path, *more: object, table: object = "in.star") -> object:
    return run_spa("refine", "flex", planted / str(table), "-d", outdir, "-o", outdir / "out.star", *QUICK, *more)


def few(planted: Path, folder: Path) -> Path:
    """The folder, with in.star of the first 80 images."""
    tables = star.read(planted / "in.star")
    star.write(tables.with_block("particles", tables["particles"].take(np.arange(80))), folder / "in.star")
    return folder


@pytest.fixture(scope="module")
def done(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("bent")
    result = bent(planted, outdir, "--plot", outdir / "p.png")
    assert result.status == 0, result.stderr
    assert "nothing moves" not in result.stderr and "A with motions" in result.stderr
    return outdir


def test_on_a_device_it_is_what_it_is_here(planted: Path, tmp_path: Path, card: Any) -> None:
    maps = []
    for device in ("cpu", "cuda"):
        words = ("--epochs", 2, "--iterations", 1, "--device", device)
        result = bent(few(planted, tmp_path), tmp_path / device, *words)
        assert result.status == 0, result.stderr
        assert ("on emulated device" in result.stderr) == (device == "cuda")
        maps.append(np.asarray(mrc.read(tmp_path / device / "map.mrc").data, np.float64).ravel())
    assert card.launches["spread"] and card.launches["gathered"]
    assert np.corrcoef(*maps)[0, 1] > 0.9999


def alike(path: Path) -> float:
    table = star.read(path)["particles"]
    return abs(float(np.corrcoef(table.floats("spaLatent1"), table.floats("spaTruth"))[0, 1]))


def test_a_planted_motion_is_found(done: Path) -> None:
    tables = star.read(done / "out.star")
    rows = tables["particles"]
    assert alike(done / "out.star") > 0.87
    assert (rows.floats("spaLatentError1") > 0).all()
    place = rows.floats("spaLatentPath")
    assert abs(np.corrcoef(place, rows.floats("spaTruth"))[0, 1]) > 0.85
    found = tables["components"]
    assert list(found.ints("spaSignificant")) == [1] and found.floats("spaLatentAgreement")[0] > 0.9
    assert 0 < found.floats("spaMotionError")[0] < found.floats("spaMotion")[0]


def test_a_coordinate_that_halves_disagree_on_does_not_lead_the_curve() -> None:
    """Images say little of the second one: the curve had turned into it, away from the first, along which all move."""
    rng = np.random.default_rng(0)
    true, n = rng.uniform(-1.7, 1.7, 1500), 1500
    seen = np.stack([true + rng.normal(0, 0.3, n), rng.normal(0, 0.4, n) + 0.2 * true**2], axis=1)
    spread = np.tile(np.diag([0.09, 0.87]), (n, 1, 1))
    frame = Frame(np.zeros((2, 2)), np.tile(np.eye(2), (2, 1, 1)))
    way = curve_through(Common(frame, seen, spread, np.array([0.98, 0.37])), rng)
    assert np.abs(way[:, 1]).max() == 0 and np.ptp(way[:, 0]) > 3
    both = curve_through(Common(frame, seen, spread, np.array([0.98, 0.9])), rng)
    assert np.ptp(both[:, 1]) > 0


def test_it_moves_where_the_ball_is(done: Path) -> None:
    size = mrc.read(done / "motion.mrc").data
    middle = BOX // 2
    assert size[middle, middle + 7, middle] > 2 * size[middle, middle - 4, middle]


def test_the_ball_goes_along_its_axis_in_the_series(done: Path) -> None:
    tables = star.read(done / "out.star")
    ends = [mrc.read(name).data for name in tables["series"].text("spaMapName")]
    at = []
    for volume in ends:
        part = np.maximum(volume[:, BOX // 2 + 5 : BOX // 2 + 11], 0) ** 2
        at.append(np.array([np.average(np.arange(BOX), weights=part.sum(axis=(0, 1))),
                            np.average(np.arange(BOX), weights=part.sum(axis=(1, 2)))]))  # fmt: skip
    assert abs(at[1][0] - at[0][0]) > 1 and abs(at[1][1] - at[0][1]) < 1


def test_maps_and_latents_are_in_the_stream(done: Path, tmp_path: Path) -> None:
    tables = star.read(done / "out.star")
    roles = set(zip(tables["maps"].ints("spaMapClass"), tables["maps"].text("spaMapRole")))
    assert roles == {(1, role) for role in ("map", "half1", "half2", "fsc", "mask", "series")}
    for name in tables["maps"].text("spaMapName"):
        assert Path(name).is_file(), name
    assert (done / "p.png").stat().st_size > 5000
    some = run_spa("select", "latent", done / "out.star", "--where", "spaLatent1 > 0", "-o", tmp_path / "some.star")
    assert some.status == 0, some.stderr
    assert 0 < len(star.read(tmp_path / "some.star")["particles"]) < N
    session = run_spa("export", "chimerax", done / "out.star", "-d", tmp_path, "-o", tmp_path / "session.star")
    assert session.status == 0, session.stderr
    assert any("series01" in path.read_text() for path in tmp_path.glob("*.cxc"))


def test_the_result_does_not_depend_on_threads(planted: Path, tmp_path: Path) -> None:
    for threads in (1, 2):
        words = ("--epochs", 3, "--threads", threads)
        assert bent(few(planted, tmp_path), tmp_path / str(threads), *words).status == 0
    for name in ("map.mrc", "half1.mrc", "motion.mrc"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_where_nothing_moves_it_says_so(planted: Path, tmp_path: Path) -> None:
    result = bent(planted, tmp_path, "--epochs", 12, table="none.star")
    assert result.status == 0 and "nothing moves" in result.stderr
    assert list(star.read(tmp_path / "out.star")["components"].ints("spaSignificant")) == [0]


def test_a_motion_that_one_half_alone_has_is_not_believed(planted: Path, tmp_path: Path) -> None:
    tables = star.read(planted / "in.star")
    moving, still = (star.read(planted / name)["particles"].text("rlnImageName") for name in ("in.star", "none.star"))
    first = tables["particles"].ints("rlnRandomSubset") == 1
    rows = tables["particles"].with_columns(rlnImageName=list(np.where(first, moving, still)))
    star.write(tables.with_block("particles", rows), tmp_path / "one.star")
    result = bent(planted, tmp_path / "out", "--epochs", 12, table=tmp_path / "one.star")
    assert result.status == 0 and "nothing moves" in result.stderr, result.stderr
    assert list(star.read(tmp_path / "out" / "out.star")["components"].ints("spaSignificant")) == [0]


def test_nothing_moves_in_noise(planted: Path, done: Path, tmp_path: Path) -> None:
    tables = star.read(planted / "in.star")
    noise = np.random.default_rng(5).standard_normal((N, BOX, BOX)).astype(np.float32)
    mrc.write(tmp_path / "noise.mrcs", noise, PIXEL)
    rows = tables["particles"].with_columns(rlnImageName=[f"{i + 1:06d}@{tmp_path / 'noise.mrcs'}" for i in range(N)])
    star.write(tables.with_block("particles", rows), tmp_path / "noise.star")
    words = ("--mask", done / "mask.mrc", "--epochs", 12)
    result = bent(planted, tmp_path / "out", *words, table=tmp_path / "noise.star")
    assert result.status == 0 and "nothing moves" in result.stderr, result.stderr


def test_every_other_option_and_resume(planted: Path, done: Path, tmp_path: Path) -> None:
    more = ("--latent", 2, "--epochs", 5, "--mask", done / "mask.mrc", "--rigidity", 1, "--no-contrast", "--seed", 4)
    result = bent(planted, tmp_path, *more, table=done / "out.star")
    assert result.status == 0, result.stderr
    table = star.read(tmp_path / "out.star")["particles"]
    assert np.allclose(table.floats("spaContrast"), 1) and "spaLatentCovariance1x2" in table
    before = (tmp_path / "map.mrc").read_bytes()
    again = bent(planted, tmp_path, *more, "--resume", table=done / "out.star")
    assert again.status == 0 and "going on after iteration 5" in again.stderr
    assert (tmp_path / "map.mrc").read_bytes() == before


@pytest.mark.parametrize(("words", "status", "text"), [
    (("--diameter", 900), 2, "--diameter 900"),
    (("--start-resolution", 12), 2, "--start-resolution 12"),
    (("--start-resolution", 90), 2, "--start-resolution 90"),
    (("--max-resolution", 17), 2, "--max-resolution 17: it is coarser"),
    (("--mask", "none.mrc"), 66, "none.mrc"),
    (("--latent", 0), 2, "--latent"),
    (("--rigidity", 1e30), 2, "--rigidity"),
])  # fmt: skip
def test_bad_options_are_one_line(planted: Path, tmp_path: Path, words: tuple, status: int, text: str) -> None:
    result = bent(planted, tmp_path, *words)
    assert result.status == status and text in result.stderr and "Traceback" not in result.stderr


def test_masks_and_latents_that_say_nothing_are_one_line(planted: Path, tmp_path: Path) -> None:
    dot = np.zeros((BOX,) * 3, np.float32)
    dot[BOX // 2, BOX // 2, BOX // 2] = 1
    for name, pixel_size, text in (("dot", PIXEL, "1 voxels in it are too few"), ("fine", PIXEL / 2, "nothing of it")):
        mrc.write(tmp_path / f"{name}.mrc", dot, pixel_size)
        result = bent(planted, tmp_path / name, "--mask", tmp_path / f"{name}.mrc")
        assert result.status == 65 and f"{name}.mrc: {text}" in result.stderr and "Traceback" not in result.stderr
    tables = star.read(planted / "in.star")
    latent = np.zeros(N)
    latent[4] = np.nan
    rows = tables["particles"].with_columns(spaLatent1=latent, spaLatentError1=np.full(N, 0.5))
    star.write(tables.with_block("particles", rows), tmp_path / "nan.star")
    result = bent(planted, tmp_path / "nan", table=tmp_path / "nan.star")
    assert result.status == 65 and "row 5: spaLatent1 is nan" in result.stderr
