"""Gain references: turned as RELION turns them, made to multiply; defects in both forms."""

import numpy as np
import pytest

from spa.errors import DataError, MissingInput
from spa.io import defects, gain, mrc, tiff

GAIN = np.random.default_rng(0).uniform(0.8, 1.2, (6, 4)).astype(np.float32)


def test_a_quarter_turn_is_clockwise_with_the_first_row_at_the_top() -> None:
    probe = np.array([[1, 2, 3], [4, 5, 6]])
    assert gain.turned(probe, 1).tolist() == [[4, 1], [5, 2], [6, 3]]
    assert gain.turned(probe, 0, 1).tolist() == [[4, 5, 6], [1, 2, 3]]
    assert gain.turned(probe, 0, 2).tolist() == [[3, 2, 1], [6, 5, 4]]
    assert gain.turned(probe, 1, 1).tolist() == [[6, 3], [5, 2], [4, 1]]  # first the turn, then the flip


def test_all_turns_are_different_ways() -> None:
    ways = {gain.turned(np.arange(9).reshape(3, 3), rotate, flip).tobytes() for rotate in range(4) for flip in (0, 1)}
    assert len(ways) == 8


def test_files(tmp_path) -> None:
    mrc.write(tmp_path / "g.mrc", GAIN, 1.0)
    tiff.write(tmp_path / "g.tif", iter([GAIN]), "none")
    (tmp_path / "g.gain").write_bytes((tmp_path / "g.tif").read_bytes())
    np.testing.assert_array_equal(gain.read(tmp_path / "g.mrc"), GAIN)
    np.testing.assert_array_equal(gain.read(tmp_path / "g.tif"), GAIN)
    np.testing.assert_array_equal(gain.read(tmp_path / "g.gain", eer=True), GAIN[::-1])  # EER frames are not turned


def test_of_eer_it_divides_but_for_gain_files(tmp_path) -> None:
    holes = GAIN.copy()
    holes[2, 1] = 0
    mrc.write(tmp_path / "g.mrc", holes, 1.0)
    found = gain.read(tmp_path / "g.mrc", eer=True)
    there = holes > 0
    np.testing.assert_allclose(found[there] * holes[there], holes[there].mean(), rtol=1e-5)
    assert found[2, 1] == 0


def test_finer_frames_repeat_its_pixels() -> None:
    fine = gain.fitted(GAIN, (12, 8), "g")
    np.testing.assert_array_equal(fine[::2, 1::2], GAIN)
    with pytest.raises(DataError, match=r"g: a gain of 4 x 6 pixels, for frames of 6 x 4; --gain-rotate 1 would"):
        gain.fitted(GAIN, (4, 6), "g")


@pytest.mark.parametrize("bad, what", [(-1, "below 0"), (np.nan, "not finite")])
def test_what_is_no_gain(tmp_path, bad, what) -> None:
    wrong = GAIN.copy()
    wrong[0, 0] = bad
    mrc.write(tmp_path / "g.mrc", wrong, 1.0)
    with pytest.raises(DataError, match=what):
        gain.read(tmp_path / "g.mrc")
    mrc.write(tmp_path / "z.mrc", 0 * GAIN, 1.0)
    with pytest.raises(DataError, match="all its pixels are 0"):
        gain.read(tmp_path / "z.mrc")


def test_defects_as_rectangles_and_as_a_map(tmp_path) -> None:
    wanted = np.zeros((20, 30), bool)
    wanted[4:6, 3:13] = wanted[19, 29] = True
    (tmp_path / "d.txt").write_text("# x y w h\n3 4 10 2\n\n29 19 1 1\n")
    mrc.write(tmp_path / "d.mrc", wanted.astype(np.int8), 1.0)
    tiff.write(tmp_path / "d.tif", iter([wanted.astype(np.uint8)]), "lzw")
    for name in ("d.txt", "d.mrc", "d.tif"):
        np.testing.assert_array_equal(defects.read(tmp_path / name, (20, 30)), wanted)


@pytest.mark.parametrize("text, what", [
    ("1 2 3\n", "line 1: x y w h are wanted"), ("0 0 1 1\n25 0 6 1\n", "line 2: 25 0 6 1 is not within"),
    ("0 0 0 1\n", "not within"), ("a b c d\n", "whole numbers"),
])  # fmt: skip
def test_bad_lines_are_named(tmp_path, text, what) -> None:
    (tmp_path / "d.txt").write_text(text)
    with pytest.raises(DataError, match=what):
        defects.read(tmp_path / "d.txt", (20, 30))


def test_bad_maps_are_named(tmp_path) -> None:
    mrc.write(tmp_path / "d.mrc", np.zeros((5, 5), np.int8), 1.0)
    with pytest.raises(DataError, match="a defect map of 5 x 5 pixels, for frames of 30 x 20"):
        defects.read(tmp_path / "d.mrc", (20, 30))
    with pytest.raises(MissingInput):
        defects.read(tmp_path / "none.txt", (20, 30))
