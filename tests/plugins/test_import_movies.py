"""`spa import movies`: names in, RELION 5's table out, with what the camera did."""

import io

import numpy as np
import pytest

from spa.io import mrc, star, tiff
from spa.testing import run_spa
from tests import eer_files

NX, NY = 140, 130


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in (1, 2, 10):
        tiff.write(tmp_path / f"m{number}.tif", iter(rng.integers(0, 9, (10, NY, NX)).astype(np.uint8)))
    mrc.write(tmp_path / "gain.mrc", rng.uniform(0.9, 1.1, (NY, NX)).astype(np.float32), 1.0)
    (tmp_path / "bad.txt").write_text("3 4 5 6\n")
    (tmp_path / "mtf.star").write_text("data_\nloop_\n_rlnResolutionInversePixel\n_rlnMtfValue\n0 1\n0.5 0.3\n")
    return tmp_path


def tables(result) -> star.Tables:
    return star.read(io.StringIO(result.stdout))


def test_what_is_no_mtf_is_refused(folder) -> None:
    result = run_spa("import", "movies", "*.tif", "--pixel-size", 1.3, "--mtf", "bad.txt", cwd=folder)
    assert result.status == 65 and "bad.txt" in result.stderr and not result.stdout


def test_a_pattern_gives_a_table_in_natural_order(folder) -> None:
    result = run_spa("import", "movies", "*.tif", "--pixel-size", 1.3, "--voltage", 200, "--cs", 2.2, "--dose", 1.5,
                     "--amplitude-contrast", 0.07, "--optics-group", "krios", "--pre-dose", 2, "--gain", "gain.mrc",
                     "--gain-rotate", 2, "--gain-flip", 1, "--defects", "bad.txt", "--beam-tilt", 0.1, -0.2,
                     "--mtf", "mtf.star", cwd=folder)  # fmt: skip
    assert result.status == 0, result.stderr
    table, optics = tables(result)["movies"], tables(result)["optics"]
    assert table.text("rlnMicrographMovieName").tolist() == ["m1.tif", "m2.tif", "m10.tif"]
    for name, value in (("rlnMicrographDoseRate", "1.5"), ("rlnMicrographPreExposure", "2"), ("spaGainRotate", "2"),
                        ("rlnMicrographGainName", "gain.mrc"), ("spaGainFlip", "1"), ("rlnOpticsGroup", "1"),
                        ("rlnMicrographDefectFile", "bad.txt")):  # fmt: skip
        assert {text.removesuffix(".0") for text in table.listed(name)} == {value}
    assert optics.floats("rlnMicrographOriginalPixelSize").tolist() == [1.3]
    assert optics.floats("rlnBeamTiltY").tolist() == [-0.2] and optics.listed("rlnMtfFileName") == ["mtf.star"]
    assert "3 movies of 10 frames of 140 x 130 pixels, 1.3 A a pixel" in result.stderr


def test_what_is_not_said_is_not_in_the_table(folder) -> None:
    result = run_spa("import", "movies", "m1.tif", "--pixel-size", 1.3, cwd=folder)
    assert tables(result)["movies"].columns == ["rlnMicrographMovieName", "rlnOpticsGroup"]


def test_headers_say_the_pixel_size_or_it_must_be_told(folder) -> None:
    mrc.write(folder / "m.mrcs", np.ones((5, NY, NX), np.int8), 1.7)
    result = run_spa("import", "movies", "m.mrcs", cwd=folder)
    assert tables(result)["optics"].floats("rlnMicrographOriginalPixelSize").tolist() == [1.7]
    result = run_spa("import", "movies", "m1.tif", cwd=folder)
    assert result.status == 2 and "say --pixel-size" in result.stderr


def test_bad_movies_are_named_and_left_out(folder) -> None:
    whole = (folder / "m1.tif").read_bytes()
    (folder / "m3.tif").write_bytes(whole[: len(whole) // 2])
    (folder / "m4.tif").write_bytes(b"garbage")
    tiff.write(folder / "m5.tif", iter(np.ones((6, NY, NX), np.uint8)))
    tiff.write(folder / "m6.tif", iter(np.ones((10, NY, NX + 2), np.uint8)))
    tiff.write(folder / "m7.tif", iter(np.ones((2, NY, NX), np.uint8)))
    tiff.write(folder / "m8.tif", iter(np.ones((9, 20, 20), np.uint8)))
    result = run_spa("import", "movies", "*.tif", "none.tif", "--pixel-size", 1, "--gain", "gain.mrc", cwd=folder)
    assert result.status == 1
    assert tables(result)["movies"].text("rlnMicrographMovieName").tolist() == ["m1.tif", "m2.tif", "m10.tif"]
    lines = result.stderr.splitlines()
    for name, said in (("m3.tif", "truncated"), ("m4.tif", "not a whole TIFF"), ("m7.tif", "2 frames, too few"),
                       ("m5.tif", "6 frames, where most movies have 10"), ("m8.tif", "too small"),
                       ("m6.tif", "gain.mrc: a gain of 140 x 130 pixels, for frames of 142 x 130"),
                       ("none.tif", "no such file")):  # fmt: skip
        assert sum(name in line and said in line for line in lines) == 1, (name, result.stderr)
    assert "7 left out" in result.stderr
    assert run_spa("import", "movies", "*.tif", "--pixel-size", 1, "--strict", cwd=folder).status in (65, 74)


def test_a_gain_that_fits_no_movie_ends_it(folder) -> None:
    mrc.write(folder / "gain.mrc", np.ones((NX, NY), np.float32), 1.0)
    words = ["import", "movies", "*.tif", "--pixel-size", 1, "--gain", "gain.mrc"]
    result = run_spa(*words, cwd=folder)
    assert result.status == 65 and "--gain-rotate 1 would make it fit" in result.stderr
    assert run_spa(*words, "--gain-rotate", 1, cwd=folder).status == 0


def test_missing_files_are_status_66(folder) -> None:
    assert run_spa("import", "movies", "x*.tif", "--pixel-size", 1, cwd=folder).status == 66
    assert run_spa("import", "movies", "m1.tif", "--pixel-size", 1, "--gain", "no.mrc", cwd=folder).status == 66


def test_eer(folder) -> None:
    rng = np.random.default_rng(1)
    codes = [eer_files.encoded(eer_files.drawn(rng, 128, 0.005), 128 * 128) for _ in range(8)]
    eer_files.write(folder / "e.eer", codes, 128)
    words = ["import", "movies", "e.eer", "--pixel-size", 0.5, "--eer-fraction", 2, "--eer-upsample", 2]
    result = run_spa(*words, cwd=folder)
    assert result.status == 0 and result.stderr.count("EER movies without --gain") == 1
    table = tables(result)["movies"]
    assert table.ints("rlnEERGrouping").tolist() == [2] and table.ints("rlnEERUpsampling").tolist() == [2]
    assert "4 frames of 256 x 256" in result.stderr
    mrc.write(folder / "g.mrc", np.ones((128, 128), np.float32), 1.0)
    assert "without" not in run_spa(*words, "--gain", "g.mrc", cwd=folder).stderr
    mixed = run_spa("import", "movies", "m1.tif", "m2.tif", "e.eer", "--pixel-size", 1, "--eer-fraction", 2, cwd=folder)
    assert mixed.status == 1 and "different cameras" in mixed.stderr


@pytest.mark.parametrize("words", [("--gain-rotate", 1), ("--gain-flip", 2), ("--eer-fraction", 4),
                                   ("--eer-upsample", 2)])  # fmt: skip
def test_what_is_said_of_a_gain_or_of_eer_where_there_is_none_is_refused(folder, words) -> None:
    table = run_spa("import", "movies", "*.tif", "--pixel-size", 1.3, "-o", "m.star", cwd=folder)
    assert table.status == 0
    for job in (("import", "movies", "*.tif", "--pixel-size", 1.3), ("motion", "patch", "m.star", "-d", "M")):
        result = run_spa(*job, *words, cwd=folder)
        assert result.status == 2 and words[0] in result.stderr, result.stderr


def test_a_dose_that_is_the_whole_movies_is_said(folder) -> None:
    words = ["import", "movies", "*.tif", "--pixel-size", 1.3, "--dose"]
    assert "500 e/A^2 in all: --dose 50 is of each frame" in run_spa(*words, 50, cwd=folder).stderr
    assert "in all" not in run_spa(*words, 5, cwd=folder).stderr


def test_a_pixel_size_in_another_unit_is_refused(folder) -> None:
    for size in ("1.3e-10", "1e-9", "130"):  # metres, nothing, picometres
        assert run_spa("import", "movies", "*.tif", "--pixel-size", size, cwd=folder).status == 2
