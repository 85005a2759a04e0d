"""EER written: the camera's frames hold each electron once, and two other programs read what this one wrote."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from spa.io import eer, eer_code, movies

SHAPE = (48, 80)


@pytest.mark.parametrize("rate", [0.0, 0.02, 2.0, 20.0])
def test_what_is_read_is_what_was_written(tmp_path, rate: float) -> None:
    rng = np.random.default_rng(5)
    counts = rng.poisson(rate, (3, *SHAPE)).astype(np.uint8)
    counts[:, 3, 4], counts[:, -1, -1], counts[:, 0, 0] = 16, 11, 1
    eer_code.write(tmp_path / "m.eer", counts, 16, rng)
    wanted = np.minimum(counts, 16)
    np.testing.assert_array_equal(list(movies.read(tmp_path / "m.eer", 16).frames()), wanted)
    with tifffile.TiffFile(tmp_path / "m.eer") as file:
        assert file.is_bigtiff and len(file.pages) == 48
        theirs = np.stack([page.asarray() for page in file.pages])
    assert theirs.max() <= 1
    np.testing.assert_array_equal(theirs.reshape(3, 16, *SHAPE).sum(1), wanted)


def test_as_the_tests_own_slow_coder_writes_it() -> None:
    from tests import eer_files

    rng = np.random.default_rng(2)
    for places in ([], [0], [126, 127, 254, 255], [510, 3839], range(3840), rng.choice(3840, 300, replace=False)):
        at = np.sort(np.array(places, int))
        inside = rng.integers(0, 16, len(at))
        known = eer_files.encoded(np.column_stack([at, inside & 3, inside >> 2]).astype(int), 3840)
        assert eer_code.code(at, inside, 3840) == known


def test_electrons_fall_evenly_within_pixels_and_frames(tmp_path) -> None:
    rng = np.random.default_rng(1)
    counts = np.full((1, 256, 256), 3, np.uint8)
    eer_code.write(tmp_path / "m.eer", counts, 8, rng)
    fine = sum(eer.read(tmp_path / "m.eer", 8, 4).frame(0).reshape(256, 4, 256, 4).sum((0, 2), dtype=int) for _ in "1")
    assert fine.sum() == counts.sum() and abs(fine / fine.mean() - 1).max() < 0.05
    each = [frame.sum(dtype=int) for frame in movies.read(tmp_path / "m.eer", 1).frames()]
    assert abs(np.array(each) / np.mean(each) - 1).max() < 0.02
    assert imagecodecs.eer_decode(eer_code.code(np.array([5]), np.array([0]), 100), (10, 10), 7, 2, 2).sum() == 1
