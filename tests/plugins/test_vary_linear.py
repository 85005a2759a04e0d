"""`spa vary linear`: planted variation is found, nothing is found where nothing varies, bad input is one line."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.job.particles import pose_columns
from spa.model.poses import matrices
from spa.testing import run_spa
from spa.volume.masks import distances
from spa.volume.rotations import from_rotation_vectors
from tests.lumps import simulated

BOX, PIXEL, N = 32, 6.0, 300
QUICK = ("--max-resolution", 16, "--start-resolution", 24, "--iterations", 3, "--diameter", 130, "--frames", 2)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """in.star: images of a lump with a ball at its side of as much density as each particle's truth;
    a/truth.star: of the lump alone."""
    lump = simulated(tmp_path_factory.mktemp("planted"), BOX, PIXEL, N, snr=1, diameter=100)
    ball = (lump.map.max() * np.roll(np.exp(-((distances(BOX) / 3.0) ** 2)), (0, 7, 0), (0, 1, 2))).astype(np.float32)
    mrc.write(lump.folder / "ball.mrc", ball, PIXEL)
    mrc.write(lump.folder / "focus.mrc", (ball > 0.05 * ball.max()).astype(np.float32), PIXEL)
    amount = np.random.default_rng(3).uniform(-1, 1, N)
    images = lump.images + amount[:, None, None] * lump.seen(ball, np.arange(N))
    lump.write("in", images, amount)
    return lump.folder


def varied(planted: Path, outdir: Path, *more: object, table: object = "in.star") -> object:
    return run_spa("vary", "linear", planted / str(table), "-d", outdir, "-o", outdir / "out.star", *QUICK, *more)


@pytest.fixture(scope="module")
def done(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("varied")
    result = varied(planted, outdir, "--components", 1)
    assert result.status == 0, result.stderr
    assert "nothing varies" not in result.stderr and "1 of them certain" in result.stderr
    return outdir


def alike(path: Path) -> float:
    table = star.read(path)["particles"]
    return abs(float(np.corrcoef(table.floats("spaLatent1"), table.floats("spaTruth"))[0, 1]))


def test_planted_latents_are_found_up_to_sign_and_scale(planted: Path, done: Path) -> None:
    assert alike(done / "out.star") > 0.95
    tables = star.read(done / "out.star")
    error = tables["particles"].floats("spaLatentError1")
    assert (error > 0).all() and error.mean() < 0.5
    rows = tables["particles"]
    place = rows.floats("spaLatentPath")
    assert abs(np.corrcoef(place, rows.floats("spaTruth"))[0, 1]) > 0.94 and 0 <= place.min() <= place.max() <= 1
    component, ball = mrc.read(done / "component01.mrc"), mrc.read(planted / "ball.mrc")
    assert abs(np.corrcoef(component.data.ravel(), ball.data.ravel())[0, 1]) > 0.8
    assert component.pixel_size == pytest.approx(PIXEL)


def test_maps_and_components_are_in_the_stream(done: Path) -> None:
    tables = star.read(done / "out.star")
    roles = set(zip(tables["maps"].ints("spaMapClass"), tables["maps"].text("spaMapRole")))
    assert roles == {*((1, role) for role in ("map", "half1", "half2", "fsc", "mask", "component", "series"))}
    for name in tables["maps"].text("spaMapName"):
        assert Path(name).is_file(), name
    assert list(tables["components"].ints("spaSignificant")) == [1]
    first, last = (mrc.read(name).data for name in tables["series"].text("spaMapName"))
    values = tables["series"].floats("spaLatentValue")
    component = mrc.read(done / "component01.mrc").data
    assert np.allclose(last - first, (values[1] - values[0]) * component, atol=1e-3 * np.abs(component).max())


def test_the_result_does_not_depend_on_threads(planted: Path, done: Path, tmp_path: Path) -> None:
    assert varied(planted, tmp_path, "--components", 1, "--threads", 1).status == 0
    for name in ("component01.mrc", "mean_half1.mrc"):
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes(), name


def test_a_turn_of_everything_changes_nothing(planted: Path, done: Path, tmp_path: Path) -> None:
    tables = star.read(planted / "in.star")
    rows = tables["particles"]
    poses = matrices(*np.deg2rad([rows.floats(f"rlnAngle{x}") for x in ("Rot", "Tilt", "Psi")]))
    turned = poses @ from_rotation_vectors(np.array([[0.4, -0.9, 0.3]]))[0]
    columns = pose_columns(turned, np.zeros((N, 2)), PIXEL)
    angles = {name: value for name, value in columns.items() if "Angle" in name}
    star.write(tables.with_block("particles", rows.with_columns(**angles)), tmp_path / "turned.star")
    assert varied(planted, tmp_path, "--components", 1, table=tmp_path / "turned.star").status == 0
    a, b = (star.read(folder / "out.star")["particles"].floats("spaLatent1") for folder in (done, tmp_path))
    assert abs(np.corrcoef(a, b)[0, 1]) > 0.98


@pytest.mark.parametrize("method", ["em", "covariance", "pieces"])
def test_where_nothing_varies_it_says_so(planted: Path, tmp_path: Path, method: str) -> None:
    result = varied(planted, tmp_path, "--components", 2, "--method", method, table="a/truth.star")
    assert result.status == 0 and "nothing varies" in result.stderr
    assert list(star.read(tmp_path / "out.star")["components"].ints("spaSignificant")) == [0, 0]


def test_every_other_option_and_resume(planted: Path, tmp_path: Path) -> None:
    more = ("--components", 2, "--method", "covariance", "--mask", planted / "focus.mrc", "--focus-mask",
            planted / "focus.mrc", "--lowpass", 20, "--min-resolution", 150, "--tau", 0.1, "--no-contrast",
            "--clusters", 2, "--clustering", "kmeans", "--shuffles", 0, "--seed", 4)  # fmt: skip
    result = varied(planted, tmp_path, *more, "--plot", tmp_path / "p.png")
    assert result.status == 0, result.stderr
    assert (tmp_path / "p.png").stat().st_size > 5000 and (tmp_path / "focus.mrc").is_file()
    table = star.read(tmp_path / "out.star")["particles"]
    assert alike(tmp_path / "out.star") > 0.9 and set(table.ints("spaLatentCluster")) == {1, 2}
    assert np.allclose(table.floats("spaContrast"), 1) and "spaLatentCovariance1x2" in table
    frames_follow_the_curve(tmp_path)
    before = (tmp_path / "component01.mrc").read_bytes()
    again = varied(planted, tmp_path, *more, "--resume")
    assert again.status == 0 and "going on after iteration" in again.stderr
    assert (tmp_path / "component01.mrc").read_bytes() == before


def frames_follow_the_curve(folder: Path) -> None:
    """Frames of the path are the volumes at its points, and particles near their points have their places."""
    tables = star.read(folder / "out.star")
    series, rows = tables["series"], tables["particles"]
    here = np.flatnonzero(series.ints("spaComponent") == 0)
    assert len(here) == 2 and set(tables["maps"].ints("spaMapClass")) == {0, 1, 2}
    parts = [mrc.read(folder / f"{name}.mrc").data for name in ("mean", "component01", "component02")]
    for frame, number in enumerate(here, 1):
        point = np.array([series.floats(f"spaLatent{k}")[number] for k in (1, 2)])
        volume = parts[0] + point[0] * parts[1] + point[1] * parts[2]
        found = mrc.read(folder / f"path_{frame:03d}.mrc").data
        assert np.allclose(found, volume, atol=1e-3 * np.abs(volume).max())
    latent = np.stack([rows.floats(f"spaLatent{k}") for k in (1, 2)], axis=1)
    ends = np.stack([series.floats(f"spaLatent{k}")[here] for k in (1, 2)], axis=1)
    nearest = [np.argsort(np.linalg.norm(latent - end, axis=1))[:20] for end in ends]
    place = [rows.floats("spaLatentPath")[some].mean() for some in nearest]
    assert place[0] < 0.35 and place[1] > 0.65


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all.star: 600 particles of three subunits of which 48 lack one (spaTruth 1), poses known."""
    folder = tmp_path_factory.mktemp("rare")
    make = ("simulate", "particles", "--box", 32, "--pixel-size", 6, "--snr", 0.6, "--symmetry", "C3")
    whole = ("--specimen-diameter", 120)
    assert run_spa(*make, "-d", folder / "a", "--n", 552, "--seed", 1, *whole).status == 0
    more = ("--map", folder / "a" / "truth.mrc", "--odd-subunit", "missing")
    assert run_spa(*make, "-d", folder / "b", "--n", 48, "--seed", 2, *more).status == 0
    tables = [star.read(folder / name / "truth.star") for name in "ab"]
    for number, table in enumerate(tables):
        rows = table["particles"].with_columns(spaTruth=np.full(len(table["particles"]), number))
        star.write(table.with_block("particles", rows), folder / f"{number}.star")
    made = run_spa("star", "cat", folder / "0.star", folder / "1.star")
    assert made.status == 0, made.stderr
    (folder / "all.star").write_text(made.stdout)
    return folder


def test_a_piece_that_few_particles_lack_is_told_and_they_are_found(rare: Path, tmp_path: Path) -> None:
    words = ("--max-resolution", 14, "--iterations", 1, "--components", 1, "--frames", 2, "--seed", 3)
    for method in ("em", "pieces"):
        outdir = tmp_path / method
        result = run_spa("vary", "linear", rare / "all.star", "-d", outdir, "-o", outdir / "out.star",
                         "--method", method, *words)  # fmt: skip
        assert result.status == 0, result.stderr
        assert star.read(outdir / "out.star")["pieces"].floats("spaPieceExcess").max() > 4.5
        assert "nothing varies" not in result.stderr
    rows = star.read(tmp_path / "pieces" / "out.star")["particles"]
    latent, truth = np.abs(rows.floats("spaLatent1")), rows.floats("spaTruth") == 1
    assert truth[np.argsort(-latent)[:48]].mean() > 0.6


@pytest.mark.parametrize(("words", "status", "text"), [
    (("--diameter", 900), 2, "--diameter 900"),
    (("--max-resolution", 90), 2, "--max-resolution 90"),
    (("--min-resolution", 17), 2, "--min-resolution 17"),
    (("--lowpass", 300), 2, "--lowpass 300"),
    (("--lowpass", 5), 2, "--lowpass 5 is finer than --max-resolution 16"),
    (("--components", 20), 65, "too few for --components 20"),
])  # fmt: skip
def test_what_cannot_be_is_refused(planted: Path, tmp_path: Path, words: tuple, status: int, text: str) -> None:
    result = varied(planted, tmp_path, *words)
    assert result.status == status and text in result.stderr and "Traceback" not in result.stderr


def test_particles_without_poses_are_refused(planted: Path, tmp_path: Path) -> None:
    result = varied(planted, tmp_path, table="a/particles.star")
    assert result.status == 65 and "refine the particles first" in result.stderr
