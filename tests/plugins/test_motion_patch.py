"""`spa motion patch`: movies in, aligned sums out."""

import io
import shutil

import numpy as np
import pytest

from spa.io import movies, mrc, star, tiff
from spa.recipe import motion as motion_star
from spa.testing import OPTICS, run_spa
from spa_plugins.motion_patch.inputs import entries
from tests import eer_files

NX, NY = 320, 288


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two movies of large, contrasty particles, S/."""
    folder = tmp_path_factory.mktemp("motion")
    made = run_spa("simulate", "movies", "-d", "S", "-o", "m.star", "--n", 2, "--size", NX, NY, "--frames", 10,
                   "--dose", 2, "--pixel-size", 3, "--box", 48, "--specimen-diameter", 100, "--particles", 40,
                   "--gap", 0, "--ice", 0.06, "--contrast", 0.12, "--local", 3, "--drift", 12, "--gain-spread", 0.1,
                   "--bad-pixels", 30,
                   "--defocus", 15000, 15000, "--jitter", 0.02, cwd=folder)  # fmt: skip
    assert made.status == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def done(folder):
    result = run_spa("motion", "patch", "m.star", "-d", "M", "--save", "non-weighted", "--even-odd", "--patches", "4x3",
                     "--threads", 2, "--plot", "m.png", "-v", cwd=folder)  # fmt: skip
    assert result.status == 0, result.stderr
    return star.read(io.StringIO(result.stdout)), result.stderr


def error(folder, motion: str, name: str) -> tuple[float, float]:
    """Rms error of the motion at the particles, and rms of the motion, pixels."""
    shifts = np.load(folder / f"S/{name}_shifts.npy")
    truth = star.read(folder / f"S/{name}_truth.star")["particles"]
    at = np.stack([truth.floats("rlnCoordinateX") / NX - 0.5, truth.floats("rlnCoordinateY") / NY - 0.5], axis=1)
    model = motion_star.read(folder / motion / f"{name}.star").model
    apart = np.moveaxis(model.displacements(at), 0, 1) - shifts
    return tuple(float(np.sqrt(((e - e.mean(0)) ** 2).sum(-1).mean())) for e in (apart, shifts))


def test_the_motion_is_that_of_the_particles(folder, done) -> None:
    for name in ("mov00001", "mov00002"):
        left, before = error(folder, "M", name)
        assert left < 0.2 and left < 0.15 * before


def test_the_table_goes_on_to_the_ctf(folder, done) -> None:
    tables, said = done
    assert "movies" not in tables
    table, optics = tables["micrographs"], tables["optics"]
    assert table.text("rlnMicrographName").tolist() == ["M/mov00001.mrc", "M/mov00002.mrc"]
    for name in ("rlnMicrographNameNoDW", "rlnMicrographNameEven", "rlnMicrographNameOdd", "rlnCtfPowerSpectrum",
                 "rlnMicrographMetadata"):  # fmt: skip
        assert all((folder / file).exists() for file in table.text(name))
    total, early, late = (table.floats(f"rlnAccumMotion{part}") for part in ("Total", "Early", "Late"))
    np.testing.assert_allclose(total, early + late, atol=1e-3)
    assert (early > 0).all() and (total > 5).all()
    assert optics.floats("rlnMicrographPixelSize").tolist() == optics.floats("rlnMicrographOriginalPixelSize").tolist()
    assert "2 movies, motion" in said and "GiB a movie (frames held)" in said
    assert (folder / "m.png").stat().st_size > 2e4


def test_sums(folder, done) -> None:
    read = {end: np.asarray(mrc.read(folder / f"M/mov00001{end}.mrc").data) for end in ("", "_noDW", "_EVN", "_ODD")}
    image = mrc.read(folder / "M/mov00001.mrc")
    assert image.data.shape == (NY, NX) and image.data.dtype == np.float32 and image.pixel_size == pytest.approx(3)
    np.testing.assert_allclose(read[""], read["_EVN"] + read["_ODD"], atol=1e-3)
    assert read["_noDW"].mean() == pytest.approx(10 * 2 * 9, rel=0.03)  # bad pixels are filled, gain is applied
    assert np.abs(read["_noDW"] - read["_noDW"].mean()).max() < 12 * read["_noDW"].std()
    halves = [np.fft.rfft2(read[end])[1:12, 1:12] for end in ("_EVN", "_ODD")]
    assert np.real(halves[0] * halves[1].conj()).sum() > 0.5 * np.sqrt(np.prod([(abs(h) ** 2).sum() for h in halves]))


def test_the_motion_star(folder, done) -> None:
    tables = star.read(folder / "M/mov00001.star")
    general = tables["general"]
    for name, value in (("rlnImageSizeX", NX), ("rlnImageSizeY", NY), ("rlnImageSizeZ", 10), ("rlnVoltage", 300),
                        ("rlnMicrographDoseRate", 2), ("rlnMicrographStartFrame", 1), ("rlnMotionModelVersion", 1),
                        ("rlnMicrographBinning", 1), ("rlnMicrographOriginalPixelSize", 3)):  # fmt: skip
        assert general.floats(name)[0] == value
    shifts = tables["global_shift"]
    assert shifts.ints("rlnMicrographFrameNumber").tolist() == list(range(1, 11))
    assert shifts.floats("rlnMicrographShiftX")[0] == shifts.floats("rlnMicrographShiftY")[0] == 0
    assert len(tables["local_motion_model"]) == 36 and len(tables["local_shift"]) == 12 * 10
    hot = tables["hot_pixels"]
    gained = sum(frame.astype(float) for frame in movies.read(folder / "S/mov00001.tif").frames())
    x, y = hot.floats("rlnCoordinateX").astype(int), hot.floats("rlnCoordinateY").astype(int)
    assert len(hot) >= 28 and ((gained[y, x] == 0) | (gained[y, x] > 400)).mean() > 0.9


def test_threads_change_nothing_and_resume_goes_on(folder, done) -> None:
    words = ["motion", "patch", "m.star", "-d", "M1", "--save", "non-weighted", "--even-odd", "--patches", "4x3"]
    assert run_spa(*words, "--threads", 1, cwd=folder).status == 0
    for name in ("mov00002.mrc", "mov00002_PS.mrc"):
        assert (folder / "M1" / name).read_bytes() == (folder / "M" / name).read_bytes()
    (folder / "M1/mov00002.mrc").unlink()
    before = (folder / "M1/mov00001.mrc").stat().st_mtime_ns
    assert run_spa(*words, "--resume", cwd=folder).status == 0
    assert (folder / "M1/mov00002.mrc").exists() and (folder / "M1/mov00001.mrc").stat().st_mtime_ns == before


def test_fewer_frames_pixels_and_bytes(folder) -> None:
    result = run_spa("motion", "patch", "m.star", "-d", "B", "--patches", "1x1", "--bin", 2, "--no-dose-weight",
                     "--float16", "--first-frame", 2, "--last-frame", 8, "--power-dose", 0, "--bfactor", 100,
                     "--early-dose", 6, "-q", cwd=folder)  # fmt: skip
    assert result.status == 0, result.stderr
    tables = star.read(io.StringIO(result.stdout))
    image = mrc.read(folder / "B/mov00001.mrc")
    assert image.data.shape == (NY // 2, NX // 2) and image.data.dtype == np.float16
    assert image.pixel_size == pytest.approx(6) and tables["optics"].floats("rlnMicrographPixelSize").tolist() == [6]
    assert np.asarray(image.data, float).mean() == pytest.approx(7 * 2 * 9, rel=0.03)
    assert not (folder / "B/mov00001_PS.mrc").exists() and "rlnCtfPowerSpectrum" not in tables["micrographs"]
    motion = star.read(folder / "B/mov00001.star")
    assert motion["global_shift"].ints("rlnMicrographFrameNumber").tolist() == list(range(2, 9))
    assert motion["general"].ints("rlnMotionModelVersion")[0] == 0 and "local_motion_model" not in motion


@pytest.fixture
def gains(folder, tmp_path):
    """A fresh folder with one movie, its table without a gain, and the gain."""
    for name in ("mov00001.tif", "gain.mrc"):
        shutil.copy(folder / "S" / name, tmp_path)
    result = run_spa("import", "movies", "mov00001.tif", "-o", "m.star", "--pixel-size", 3, "--dose", 2, cwd=tmp_path)
    assert result.status == 0
    return tmp_path


def test_options_go_before_the_table(gains) -> None:
    gain = np.asarray(mrc.read(gains / "gain.mrc").data)
    mrc.write(gains / "other.mrc", np.rot90(gain, -1)[::-1], 3.0)  # lies so that a turn and a flip bring it back
    (gains / "bad.txt").write_text("10 20 30 40\n")
    options = ["--gain", "other.mrc", "--gain-rotate", 1, "--gain-flip", 1, "--defects", "bad.txt", "--dose", 1,
               "--pre-dose", 3, "--patches", 1]  # fmt: skip
    result = run_spa("motion", "patch", "m.star", "-d", "M", *options, cwd=gains)
    assert result.status == 0 and "gain" not in result.stderr, result.stderr
    motion = star.read(gains / "M/mov00001.star")["general"]
    assert motion.floats("rlnMicrographDoseRate")[0] == 1 and motion.floats("rlnMicrographPreExposure")[0] == 3
    used = mrc.read(gains / str(motion.text("rlnMicrographGainName")[0])).data
    np.testing.assert_array_equal(used, gain)  # as it was used, for RELION to read


@pytest.mark.parametrize("filled", ["<NA>", "0"])
def test_movies_of_several_cameras_stand_in_one_table(filled) -> None:
    optics = star.Table.of(**OPTICS, rlnMicrographOriginalPixelSize=[1.5])
    movies = star.Table.of(
        rlnMicrographMovieName=["a.tif", "b.eer"], rlnOpticsGroup=[1, 1], rlnEERGrouping=[filled, "40"],
        rlnEERUpsampling=[filled, "2"], spaGainFlip=["1", filled], rlnMicrographGainName=["g.mrc", "<NA>"],
    )  # fmt: skip
    tiff, eer = entries(star.Tables({"optics": optics, "movies": movies}), {"dose": 1.0})
    assert (eer.camera.fraction, eer.camera.upsample, eer.camera.flip, eer.camera.gain) == (40, 2, 0, None)
    assert (tiff.camera.flip, tiff.camera.gain, tiff.camera.dose) == (1, "g.mrc", 1.0)


def test_a_gain_that_lies_wrongly_is_said_once(gains) -> None:
    words = ["motion", "patch", "m.star", "--patches", 1, "--gain"]
    result = run_spa(*words, "gain.mrc", "--gain-flip", 1, "-d", "M", cwd=gains)
    assert result.status == 0 and result.stderr.count("--gain-rotate 0 --gain-flip 0 fits them") == 1, result.stderr
    mrc.write(gains / "inverse.mrc", 1 / np.asarray(mrc.read(gains / "gain.mrc").data), 3.0)
    result = run_spa(*words, "inverse.mrc", "-d", "I", cwd=gains)
    assert "this gain divides" in result.stderr


def test_of_eer_movies_a_gain_that_multiplies_is_told_so(tmp_path) -> None:
    """There one that divides is wanted: what the camera sees more with is larger in it."""
    rng, side = np.random.default_rng(0), 160
    sensitive = np.exp(rng.normal(0, 0.2, (side, side))).astype(np.float32)
    frames = []
    for _ in range(12):
        places = np.flatnonzero(rng.random(side * side) < 0.4 * sensitive.ravel())
        frames.append(eer_files.encoded(np.column_stack([places, rng.integers(0, 4, (len(places), 2))]), side * side))
    eer_files.write(tmp_path / "e.eer", frames, side)
    for name, gain, said in (("multiplies.mrc", 1 / sensitive, True), ("divides.mrc", sensitive, False)):
        mrc.write(tmp_path / name, gain, 1.0)
        words = ["--pixel-size", 1, "--dose", 1, "--eer-fraction", 2, "--gain", name]
        assert run_spa("import", "movies", "e.eer", *words, "-o", "e.star", cwd=tmp_path).status == 0
        result = run_spa("motion", "patch", "e.star", "-d", "E", "--patches", 1, cwd=tmp_path)
        assert ("this gain multiplies" in result.stderr) == said and "this gain divides" not in result.stderr


def test_bad_movies_are_named_and_the_rest_is_done(gains) -> None:
    whole = (gains / "mov00001.tif").read_bytes()
    (gains / "cut.tif").write_bytes(whole[: len(whole) // 2])
    tiff.write(gains / "zero.tif", iter(np.zeros((10, NY, NX), np.uint8)))
    spot = np.zeros((10, NY, NX), np.uint8)
    spot[:, 20, 30] = 200
    tiff.write(gains / "spot.tif", iter(spot))
    tiff.write(gains / "small.tif", iter(np.ones((10, NY, NX - 2), np.uint8)))
    nan = np.ones((5, NY, NX), np.float32)
    nan[2, 3, 4] = np.nan
    mrc.write(gains / "nan.mrcs", nan, 3.0)
    text = (gains / "m.star").read_text()
    row = next(line for line in text.splitlines() if line.startswith("mov00001"))
    names = ["cut.tif", "zero.tif", "spot.tif", "small.tif", "nan.mrcs", "none.tif", "mov00001.tif"]
    (gains / "all.star").write_text(text.replace(row, "\n".join(row.replace("mov00001.tif", name) for name in names)))
    strict = run_spa("motion", "patch", "all.star", "-d", "M", "--gain", "gain.mrc", "--strict", cwd=gains)
    assert strict.status == 74 and strict.stderr.count("\n") == 1 and "cut.tif: truncated" in strict.stderr
    result = run_spa("motion", "patch", "all.star", "-d", "M", "--gain", "gain.mrc", "--patches", 1, cwd=gains)
    assert result.status == 1 and "Traceback" not in result.stderr
    for name, said in (("cut.tif", "truncated"), ("zero.tif", "no contrast"), ("nan.mrcs", "not finite"),
                       ("spot.tif", "no contrast: over 99%"),
                       ("small.tif", f"a gain of {NX} x {NY} pixels"), ("none.tif", "no such file")):  # fmt: skip
        lines = [line for line in result.stderr.splitlines() if name in line]
        assert len(lines) == 1 and said in lines[0], result.stderr
    assert star.read(io.StringIO(result.stdout))["micrographs"].listed("rlnMicrographName") == ["M/mov00001.mrc"]


def test_a_movie_of_noise_is_left_as_it_lies_and_said(gains) -> None:
    noise = np.random.default_rng(0).poisson(2.0, (10, NY, NX)).astype(np.uint8)
    tiff.write(gains / "noise.tif", iter(noise))
    (gains / "noise.star").write_text((gains / "m.star").read_text().replace("mov00001.tif", "noise.tif"))
    result = run_spa("motion", "patch", "noise.star", "-d", "M", "--patches", 2, cwd=gains)
    assert result.status == 0 and result.stderr.count("noise.tif: whole frames do not tell how they moved") == 1
    assert star.read(io.StringIO(result.stdout))["micrographs"].floats("rlnAccumMotionTotal")[0] < 3


def test_movies_whose_own_gain_is_missing_are_named(gains) -> None:
    shutil.copy(gains / "mov00001.tif", gains / "other.tif")
    tables = star.read(gains / "m.star")
    two = tables["movies"].take(np.array([0, 0])).with_columns(
        rlnMicrographMovieName=["mov00001.tif", "other.tif"], rlnMicrographGainName=["gain.mrc", "none.mrc"],
    )  # fmt: skip
    star.write(tables.with_block("movies", two), gains / "both.star")
    star.write(tables.with_block("movies", two.take(np.array([1]))), gains / "lost.star")
    result = run_spa("motion", "patch", "both.star", "-d", "M", "--patches", 1, cwd=gains)
    assert result.status == 1 and "left out: other.tif: none.mrc: no such file" in result.stderr, result.stderr
    assert run_spa("motion", "patch", "lost.star", "-d", "M", "--patches", 1, cwd=gains).status == 66


def test_on_a_device_it_is_the_same(folder, card, tmp_path, monkeypatch) -> None:
    """Held there or streamed, by several threads."""
    from spa_plugins.motion_patch import pixels_cuda

    words = ["motion", "patch", "m.star", "--patches", "4x3", "--even-odd", "--save", "non-weighted", "--threads", 2]
    assert run_spa(*words, "-d", "C", cwd=folder).status == 0
    for number, share in enumerate((0.5, 0.0)):
        monkeypatch.setattr(pixels_cuda, "SHARE", share)
        result = run_spa(*words, "-d", tmp_path / f"G{number}", "--device", "cuda", cwd=folder)
        assert result.status == 0 and "emulated device" in result.stderr, result.stderr
    assert card.launches["add_warped"]
    for file in ("mov00001.mrc", "mov00001_noDW.mrc", "mov00002_EVN.mrc", "mov00002_PS.mrc"):
        wanted, found, again = (np.asarray(mrc.read(place / file).data) for place in
                                (folder / "C", tmp_path / "G0", tmp_path / "G1"))  # fmt: skip
        assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.999, file
        np.testing.assert_array_equal(found, again)
    shifts = [star.read(place / "mov00001.star")["global_shift"].floats("rlnMicrographShiftX")
              for place in (folder / "C", tmp_path / "G0")]  # fmt: skip
    np.testing.assert_allclose(*shifts, atol=0.05)
    monkeypatch.setattr(card, "all", 2**16)
    result = run_spa(*words, "-d", tmp_path / "N", "--device", "cuda", cwd=folder)
    assert result.status == 69 and "GiB of the device's memory" in result.stderr, result.stderr


@pytest.mark.parametrize("words, status, said", [
    (["--patches", "5y5"], 2, "5x5, say"), (["--patches", "0"], 2, "5x5, say"), (["--last-frame", 2], 65, "too few"),
    (["--first-frame", 9], 65, "too few"), (["--gain", "no.mrc"], 66, "no.mrc"),
])  # fmt: skip
def test_nonsense_is_refused(folder, tmp_path, words, status, said) -> None:
    result = run_spa("motion", "patch", "m.star", "-d", tmp_path / "M", *words, cwd=folder)
    assert result.status == status and said in result.stderr, result.stderr


def test_weights_need_a_dose(gains) -> None:
    text = (gains / "m.star").read_text().replace("_rlnMicrographDoseRate", "_rlnSomethingElse")
    (gains / "m.star").write_text(text)
    result = run_spa("motion", "patch", "m.star", "-d", "M", cwd=gains)
    assert result.status == 2 and "say --dose, or --no-dose-weight" in result.stderr
    result = run_spa("motion", "patch", "m.star", "-d", "M", "--no-dose-weight", "--patches", 1, cwd=gains)
    assert result.status == 0, result.stderr


def test_frames_that_do_not_fit_in_memory_are_read_again(folder, tmp_path, monkeypatch) -> None:
    from spa.job import memory
    from spa_plugins.motion_patch import movie

    monkeypatch.setattr(movie, "memory_for", lambda *_: movie.Memory(10**15, 0), raising=True)
    monkeypatch.setattr("spa_plugins.motion_patch.session.memory_for", lambda *_: movie.Memory(10**15, 1))
    result = run_spa("motion", "patch", "m.star", "-d", tmp_path / "M", "--patches", "4x3", "-v", cwd=folder)
    assert result.status == 0 and "frames read again when needed" in result.stderr
    assert run_spa("motion", "patch", "m.star", "-d", "H", "--patches", "4x3", cwd=folder).status == 0
    assert (tmp_path / "M/mov00001.mrc").read_bytes() == (folder / "H/mov00001.mrc").read_bytes()
    monkeypatch.setattr("spa_plugins.motion_patch.session.memory_for", lambda *_: movie.Memory(10**15, 10**15))
    if memory.available() is not None:
        result = run_spa("motion", "patch", "m.star", "-d", tmp_path / "N", cwd=folder)
        assert result.status == 69 and "GiB of memory" in result.stderr
