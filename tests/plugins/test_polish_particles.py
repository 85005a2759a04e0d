"""`spa polish particles`: tracks against a map, frames weighed by what they show, particles summed anew."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from spa.image.fft import good_size
from spa.io import mrc, star
from spa.io.star import Tables
from spa.testing import is_png, run_spa
from spa_plugins.polish_particles.sizes import Sizes
from tests.plugins.polishing import BOX, LIKE, PIXEL, agreed, errors, noisy, placed, polish, spa


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two movies whose particles stray, their sums, particles with true poses in p.star, and half maps."""
    folder = tmp_path_factory.mktemp("polish")
    spa(folder, "simulate", "movies", "-d", "S", "-o", "m.star", "--n", 2, "--size", 400, 360, "--frames", 8,
        "--pixel-size", PIXEL, "--box", BOX, "--specimen-diameter", 80, "--symmetry", "D2", *LIKE)  # fmt: skip
    spa(folder, "motion", "patch", "m.star", "-d", "M", "-o", "motion.star")
    placed(folder, "motion.star", "S", "coordinates.star")
    spa(folder, "extract", "particles", "coordinates.star", "--box", BOX, "--pad", "-d", "P", "-o", "p.star")
    truth = mrc.read(folder / "S/truth.mrc")
    for number in (1, 2):
        mrc.write(folder / f"half{number}.mrc", noisy(truth.data, number), PIXEL)
    return folder


@pytest.fixture(scope="module")
def mixed(folder: Path) -> Path:
    """both.star: these particles and those of a movie of another microscope, in pixels that divide neither's."""
    spa(folder, "simulate", "movies", "-d", "S2", "-o", "m2.star", "--map", "S/truth.mrc", "--n", 1, "--size", 420, 400,
        "--frames", 7, "--pixel-size", 2.62, "--voltage", 200, "--seed", 5, *LIKE)  # fmt: skip
    spa(folder, "motion", "patch", "m2.star", "-d", "M2", "-o", "motion2.star")
    placed(folder, "motion2.star", "S2", "coordinates2.star")
    spa(folder, "star", "cat", "coordinates.star", "coordinates2.star", "-o", "cat.star")
    spa(folder, "extract", "particles", "cat.star", "--pixel-size", 3.1, "--crop", 48, "--pad", "-d", "PB", "-o",
        "both.star")  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def done(folder: Path) -> Path:
    result = polish(folder, "Q", "--plot", "q.png", "--threads", 2, "-v")
    assert result.status == 0, result.stderr
    assert "from the motion that was known" in result.stderr and "a movie, 2 at once" in result.stderr
    return folder / "Q"


def test_tracks_are_nearer_to_the_truth_than_the_motion_that_was_known(folder: Path, done: Path) -> None:
    for stem in ("mov00001", "mov00002"):
        after, before = errors(folder, done, stem)
        assert after < 0.6 * before, stem


def test_images_show_more_of_the_map(folder: Path, done: Path) -> None:
    """Agreement at fine detail with what is expected, before and after."""
    found = {}
    for name in ("p.star", "Q.star"):
        result = run_spa("optics", "defocus", name, "-d", "D", "-o", "d.star", "--map", "S/truth.mrc", "--range", 100,
                         "--max-resolution", 7, cwd=folder)  # fmt: skip
        assert result.status == 0, result.stderr
        found[name] = star.read(folder / "d.star")["particles"].floats("spaDefocusError").mean()
    assert found["Q.star"] < found["p.star"]


def test_the_table_and_the_files(folder: Path, done: Path) -> None:
    before, after = star.read(folder / "p.star"), star.read(folder / "Q.star")
    old, new = before["particles"], after["particles"]
    assert new.text("spaOwn").tolist() == old.text("spaOwn").tolist()
    assert new.ints("rlnRandomSubset").tolist() == old.ints("rlnRandomSubset").tolist()
    for axis in "XY":
        was, now = (table.floats(f"rlnCoordinate{axis}") - table.floats(f"rlnOrigin{axis}Angst") / PIXEL
                    for table in (old, new))  # fmt: skip
        np.testing.assert_allclose(now, was, atol=1e-4)
        assert np.abs(new.floats(f"rlnOrigin{axis}Angst")).max() <= PIXEL / 2 + 1e-6
    assert after["optics"].floats("rlnImagePixelSize")[0] == pytest.approx(PIXEL)
    images = mrc.read(folder / "Q/mov00001.mrcs").data
    assert images.shape[1:] == (BOX, BOX) and images[:, BOX // 2, BOX // 2].mean() > 0.5
    assert {path.name for path in done.iterdir()} >= {"bfactors.star", "prior.star", "tracks", "mov00002.mrcs"}
    assert not list((done / "tracks").glob("*.npy")) and is_png(folder / "q.png")
    frames = star.read(done / "bfactors.star")["perframe_bfactors"]
    assert frames.ints("rlnMovieFrameNumber").tolist() == list(range(8))
    assert frames.floats("rlnBfactorUsedForSharpening")[-1] < frames.floats("rlnBfactorUsedForSharpening")[0]


def test_the_prior_is_learnt_or_taken(folder: Path, done: Path) -> None:
    learnt = star.read(done / "prior.star")["prior"]
    given = ("--train", 0, "--sigma-velocity", 0.5, "--sigma-divergence", 700, "--sigma-acceleration", 0.6,
             "--slowing", 1, "--sigma-place", 0.8)  # fmt: skip
    result = polish(folder, "G", *given, "--weights", "dose", "--reach", 12, "--map", "S/truth.mrc")
    assert result.status == 0, result.stderr
    prior = star.read(folder / "G/prior.star")["prior"]
    told = [float(prior.floats(name)[0]) for name in prior.columns]
    assert told == [0.5, 700, 0.6, 1, 0.8] and learnt.floats("spaSigmaVelocity")[0] != 0.5
    assert not (folder / "G/bfactors.star").exists()
    assert errors(folder, folder / "G", "mov00001")[0] < 0.7 * errors(folder, folder / "G", "mov00001")[1]


def test_any_box_and_crop_and_half_floats(folder: Path) -> None:
    result = polish(folder, "B", "--train", 0, "--box", 64, "--crop", 32, "--float16", "--weights", "none",
                    "--background", 0.9, "--micrographs", "motion.star")  # fmt: skip
    assert result.status == 0, result.stderr
    stack = mrc.read(folder / "B/mov00001.mrcs")
    assert stack.data.shape[1:] == (32, 32) and stack.data.dtype == np.float16
    optics = star.read(folder / "B.star")["optics"]
    assert optics.floats("rlnImagePixelSize")[0] == pytest.approx(2 * PIXEL) and optics.ints("rlnImageSize")[0] == 32


def test_a_set_of_two_microscopes_gains_as_each_does(mixed: Path) -> None:
    """Movies of 3 A at 300 kV and of 2.62 A at 200 kV, images of 3.1 A, which they stay."""
    folder = mixed
    result = polish(folder, "X", "--plot", "x.png", table="both.star")
    assert result.status == 0, result.stderr
    for stem, own, pixel in (("mov00001", "", PIXEL), ("mov00002", "", PIXEL), ("mov00001", "2", 2.62)):
        after, before = errors(folder, folder / "X", stem, own, pixel)
        assert after < 0.6 * before, (own, stem)
    old, new = agreed(folder, "both.star"), agreed(folder, "X.star")
    assert len(new) == 2 and all(new[number] < old[number] for number in new)
    optics = star.read(folder / "X.star")["optics"]
    assert optics.floats("rlnImagePixelSize").tolist() == [3.1, 3.1]
    for name in ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize"):
        assert optics.floats(name).tolist() == [PIXEL, 2.62]
    blocks = star.read(folder / "X/bfactors.star").blocks
    assert sorted(len(block) for block in blocks.values()) == [7, 8]
    names = {name.split("@")[1] for name in star.read(folder / "X.star")["particles"].listed("rlnImageName")}
    assert len(names) == 3
    for name in names:
        stack = mrc.read(folder / name)
        assert stack.data.shape[1:] == (BOX, BOX) and stack.pixel_size == pytest.approx(3.1)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (("--box", 64), "--box 64: movies of 2.62 and 3 A a pixel"),
        (("--pixel-size", 2.8), "--pixel-size 2.8: 2.8 A a pixel, where movies of 3 A"),
        (("--crop", 1000), "--crop 1000: "),
        (("--pixel-size", 1e9), "would be 0 pixels wide; 8 at least"),
        (("--reach", 1e9), "half of it at most"),
        (("--pixel-size", 3.2, "--box", 64), "exclude each other"),
    ],
)
def test_sizes_that_two_microscopes_cannot_have(mixed: Path, more: tuple, text: str) -> None:
    result = polish(mixed, "E", "--train", 0, *more, table="both.star")
    assert result.status == 2 and text in result.stderr, result.stderr


def test_the_same_bytes_whatever_the_threads_and_after_resuming(folder: Path, done: Path) -> None:
    result = polish(folder, "T", "--threads", 1)
    assert result.status == 0, result.stderr
    for name in ("mov00001.mrcs", "mov00002.mrcs", "tracks/mov00001_tracks.star"):
        assert (folder / "T" / name).read_bytes() == (done / name).read_bytes()
    before = (folder / "T/mov00002.mrcs").read_bytes()
    (folder / "T/mov00002.mrcs").unlink()
    assert polish(folder, "T", "--threads", 1, "--resume").status == 0
    assert (folder / "T/mov00002.mrcs").read_bytes() == before


def test_relion_s_particles_of_binned_movies_take_the_pixel_size_of_their_micrographs(folder: Path) -> None:
    """RELION's data_optics of particles has the movie's alone, and the coordinates count the micrograph's."""
    spa(folder, "motion", "patch", "m.star", "--bin", 1.25, "-d", "M5", "-o", "motion5.star")
    placed(folder, "motion5.star", "S", "c5.star")
    tables = star.read(folder / "c5.star")
    table = tables["particles"]
    smaller = {f"rlnCoordinate{axis}": table.floats(f"rlnCoordinate{axis}") / 1.25 for axis in "XY"}
    star.write(tables.with_block("particles", table.with_columns(**smaller)), folder / "c5.star")
    spa(folder, "extract", "particles", "c5.star", "--box", 40, "--pad", "-d", "P5", "-o", "p5.star")
    tables = star.read(folder / "p5.star").without_block("micrographs")
    made = []
    for name, optics in (("ours", tables["optics"]), ("relion", tables["optics"].without("rlnMicrographPixelSize"))):
        star.write(tables.with_block("optics", optics), folder / f"{name}.star")
        result = polish(folder, f"V{name}", "--train", 0, "--weights", "none", "--micrographs", "motion5.star",
                        table=f"{name}.star")  # fmt: skip
        assert result.status == 0, result.stderr
        made.append(star.read(folder / f"V{name}.star"))
    for column in ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize"):
        assert made[0]["optics"].floats(column).tolist() == made[1]["optics"].floats(column).tolist()
    assert made[1]["optics"].floats("rlnMicrographPixelSize")[0] == pytest.approx(1.25 * PIXEL)
    assert (folder / "Vours/mov00001.mrcs").read_bytes() == (folder / "Vrelion/mov00001.mrcs").read_bytes()


def test_relion_s_motion_is_read(folder: Path) -> None:
    """Without a local model, and a frame that was left out."""
    shutil.copytree(folder / "M", folder / "N")
    for stem in ("mov00001", "mov00002"):
        tables = star.read(folder / f"N/{stem}.star")
        shifts = tables["global_shift"].take(np.arange(7))
        general = tables["general"].with_columns(rlnMotionModelVersion=0)
        star.write(Tables({"general": general, "global_shift": shifts}), folder / f"N/{stem}.star")
    tables = star.read(folder / "p.star")
    files = [name.replace("M/", "N/") for name in tables["micrographs"].listed("rlnMicrographMetadata")]
    table = tables["micrographs"].with_columns(rlnMicrographMetadata=files)
    star.write(tables.with_block("micrographs", table), folder / "n.star")
    result = polish(folder, "R", "--train", 0, table="n.star")
    assert result.status == 0, result.stderr
    assert len(star.read(folder / "R/tracks/mov00001_tracks.star")["0"]) == 7


@pytest.mark.parametrize(
    ("more", "status", "text"),
    [
        (("--box", 65), 2, "--box 65: an even number"),
        (("--box", 32, "--crop", 64), 2, "--crop 64 is larger"),
        (("--box", 1000), 2, "larger than a movie's 400 x 360"),
        (("--micrographs", "none.star"), 66, "none.star"),
        (("--micrographs", "m.star"), 65, "data_micrographs"),
    ],
)
def test_what_cannot_be_is_said(folder: Path, more: tuple, status: int, text: str) -> None:
    result = polish(folder, "E", "--train", 0, *more)
    assert result.status == status and text in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


def test_tables_that_lack_something(folder: Path, tmp_path: Path) -> None:
    tables = star.read(folder / "p.star")
    mics, particles = tables["micrographs"], tables["particles"]
    name = "rlnMicrographMetadata"
    bad = {
        "metadata": (tables.with_block("micrographs", mics.without(name)), 65, name),
        "file": (tables.with_block("micrographs", mics.with_columns(**{name: "gone.star"})), 66, "gone.star"),
        "row": (tables.with_block("micrographs", mics.take([0])), 65, "is not in"),
        "poses": (tables.with_block("particles", particles.without("rlnAngleRot")), 65, "has no poses"),
        "block": (tables.without_block("micrographs"), 65, "with --micrographs"),
    }  # fmt: skip
    for name, (document, status, text) in bad.items():
        star.write(document, folder / "bad.star")
        result = polish(folder, "E", "--train", 0, table="bad.star")
        assert result.status == status and text in result.stderr, (name, result.stderr)


def test_a_movie_that_is_gone_is_named_and_left_out(folder: Path) -> None:
    text = (folder / "M/mov00002.star").read_text()
    (folder / "L").mkdir()
    (folder / "L/mov00002.star").write_text(text.replace("S/mov00002.tif", "S/gone.tif"))
    tables = star.read(folder / "p.star")
    files = ["M/mov00001.star", "L/mov00002.star"]
    star.write(tables.with_block("micrographs", tables["micrographs"].with_columns(rlnMicrographMetadata=files)),
               folder / "lost.star")  # fmt: skip
    result = polish(folder, "K", table="lost.star")
    assert result.status == 1 and "S/gone.tif" in result.stderr
    names = set(star.read(folder / "K.star")["particles"].listed("rlnMicrographName"))
    assert names == {"M/mov00001.mrc"}


def test_motion_that_is_gone_and_particles_beside_the_movie_are_named_and_left_out(folder: Path) -> None:
    tables = star.read(folder / "p.star")
    table = tables["particles"]
    first = np.flatnonzero(table.text("rlnMicrographName") == "M/mov00001.mrc")[0]
    places = table.floats("rlnCoordinateX")
    places[first] = 5000
    mics = tables["micrographs"].with_columns(rlnMicrographMetadata=["M/mov00001.star", "gone.star"])
    moved = table.with_columns(rlnCoordinateX=places)
    star.write(tables.with_block("micrographs", mics).with_block("particles", moved), folder / "beside.star")
    result = polish(folder, "O", "--train", 0, table="beside.star")
    assert result.status == 1 and "gone.star: no such file" in result.stderr
    assert f"image {table.text('rlnImageName')[first]}: its place " in result.stderr
    found = star.read(folder / "O.star")["particles"].text("spaOwn").tolist()
    kept = table.text("spaOwn")[table.text("rlnMicrographName") == "M/mov00001.mrc"].tolist()
    assert found == [name for name in kept if name != table.text("spaOwn")[first]]


@pytest.mark.parametrize("crop, size, movie", [(68, 4.0, 1.0 / 1.007), (100, 2.0, 1.59), (96, 1.31, 1.3),
                                                (64, 3.9, 1.1)])  # fmt: skip
def test_windows_of_movies_are_wide_enough_and_quick_to_transform(crop: int, size: float, movie: float) -> None:
    """And the step between the image's pixels is what it is in angstroms."""
    cut = Sizes(crop, size).cut(movie)
    assert crop * size <= cut.box * movie * (1 + 1e-9) < crop * size * 1.1
    assert cut.step * cut.box * movie / cut.inner == pytest.approx(size)
    assert crop <= cut.inner <= cut.box and cut.box * movie / cut.inner <= size * (1 + 1e-9)
    assert {cut.box, cut.inner} == {good_size(cut.box), good_size(cut.inner)}
