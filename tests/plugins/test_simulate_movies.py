"""`spa simulate movies`: counts of a specimen that moves as its truth says."""

import io

import numpy as np
import pytest

from spa.io import movies, mrc, star
from spa.testing import run_spa
from spa_plugins.simulate_movies import session

SMALL = ["simulate", "movies", "--size", 200, 160, "--frames", 6, "--n", 2, "--particles", 4, "--box", 40,
         "--pixel-size", 3, "--specimen-diameter", 60, "--gap", 5]  # fmt: skip
CAMERA = ["--dose", 2, "--gain-spread", 0.2, "--bad-pixels", 20]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("movies")
    result = run_spa(*SMALL, "-d", "S", *CAMERA, "--threads", 2, cwd=folder)
    assert result.status == 0, result.stderr
    return folder, result


def test_files_and_tables(made) -> None:
    folder, result = made
    tables = star.read(io.StringIO(result.stdout))
    names = tables["movies"].text("rlnMicrographMovieName").tolist()
    assert names == ["S/mov00001.tif", "S/mov00002.tif"]
    assert tables["movies"].floats("rlnMicrographDoseRate").tolist() == [2, 2]
    truth = star.read(folder / "S/truth_movies.star")["movies"]
    assert (truth.floats("rlnDefocusU") >= truth.floats("rlnDefocusV")).all()
    shifts = np.load(folder / "S/mov00001_shifts.npy")
    particles = star.read(folder / "S/mov00001_truth.star")["particles"]
    assert shifts.shape == (6, len(particles), 2) and not shifts[0].any() and np.abs(shifts[-1]).max() > 1
    assert "movies of 6 frames, 12 e/A^2" in result.stderr


def test_counts_are_the_dose_over_the_gain(made) -> None:
    folder, _ = made
    gain = mrc.read(folder / "S/gain.mrc").data
    movie = movies.read(folder / "S/mov00001.tif")
    assert (movie.count, movie.shape, movie.dtype) == (6, (160, 200), np.uint8)
    total = sum(frame.astype(float) for frame in movie.frames())
    assert (total * gain).mean() == pytest.approx(6 * 2 * 9, rel=0.02)
    assert np.corrcoef(total.ravel(), 1 / gain.ravel())[0, 1] > 0.6
    assert (total == 0).sum() == 10 and (total > 6 * 40).sum() >= 10  # dead and hot


def test_the_same_seed_the_same_bytes(made, tmp_path) -> None:
    folder, _ = made
    assert run_spa(*SMALL, "-d", "S", *CAMERA, "--threads", 1, cwd=tmp_path).status == 0
    for name in ("mov00001.tif", "mov00002_shifts.npy", "gain.mrc"):
        assert (tmp_path / "S" / name).read_bytes() == (folder / "S" / name).read_bytes()
    assert run_spa(*SMALL, "-d", "T", *CAMERA, "--seed", 1, "--n", 1, cwd=tmp_path).status == 0
    assert (tmp_path / "T/mov00001.tif").read_bytes() != (folder / "S/mov00001.tif").read_bytes()


def test_all_other_options(tmp_path) -> None:
    result = run_spa(*SMALL, "-d", "S", "-o", "o.star", "--n", 1, "--format", "mrc", "--drift", 0,
                     "--jitter", 0, "--local", 0, "--contrast", 0.1, "--ice", 0.02, "--bfactor", 30,
                     "--defocus", 9000, 9000, "--astigmatism", 0,
                     "--voltage", 200, "--cs", 1.4, "--amplitude-contrast", 0.07, "--symmetry", "D2",
                     cwd=tmp_path)  # fmt: skip
    assert result.status == 0, result.stderr
    movie = movies.read(tmp_path / "S/mov00001.mrcs")
    assert movie.count == 6 and movie.pixel_size == pytest.approx(3)
    assert not np.load(tmp_path / "S/mov00001_shifts.npy").any()
    optics = star.read(tmp_path / "o.star")["optics"]
    assert optics.floats("rlnVoltage").tolist() == [200] and optics.floats("rlnSphericalAberration").tolist() == [1.4]
    known = star.read(tmp_path / "S/truth_movies.star")["movies"]
    assert known.floats("rlnDefocusU").tolist() == known.floats("rlnDefocusV").tolist() == [9000]


@pytest.mark.parametrize("words, said", [
    (["--defocus", 9000, 8000], "the least comes first"), (["--bad-pixels", 9999], "more than a tenth"),
])  # fmt: skip
def test_nonsense_is_refused(tmp_path, words, said) -> None:
    result = run_spa(*SMALL, "-d", "S", *words, cwd=tmp_path)
    assert result.status == 2 and said in result.stderr


def test_fine_pixels_see_the_ice_that_coarse_ones_see() -> None:
    """White ice of a power at each frequency has a variance in inverse proportion to the area of a pixel."""
    for size in (0.5, 0.9, 2.5):
        assert session.ice_for(size) * size == pytest.approx(session.ICE * session.ICE_PIXEL)


def test_eer_movies_have_the_electrons_of_tiff_movies(made, tmp_path) -> None:
    """All of them, in frames that are read with no options; their gain divides, and `motion patch` finds the motion."""
    folder, _ = made
    result = run_spa(*SMALL, "-d", "E", *CAMERA, "--format", "eer", cwd=tmp_path)
    assert result.status == 0, result.stderr
    plain, coded = movies.read(folder / "S/mov00001.tif"), movies.read(tmp_path / "E/mov00001.eer")
    assert (coded.count, coded.shape) == (6, (160, 200)) and coded.events is not None
    assert len(coded.events.raw) == 6 * 32
    for one, other in zip(plain.frames(), coded.frames()):
        np.testing.assert_array_equal(other, np.minimum(one, 32))
    multiplies, divides = (mrc.read(name).data for name in (folder / "S/gain.mrc", tmp_path / "E/gain.mrc"))
    np.testing.assert_allclose(multiplies * divides, 1, rtol=1e-6)
    result = run_spa("motion", "patch", "E/movies.star", "-d", "M", "-o", "m.star", cwd=tmp_path)
    assert result.status == 0 and "fits" not in result.stderr, result.stderr
    gained = star.read(tmp_path / "m.star")["micrographs"]
    assert gained.floats("rlnAccumMotionTotal").min() > 0
