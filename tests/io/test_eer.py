"""EER: what is decoded is what was encoded, on every grid; and as imagecodecs decodes it."""

import imagecodecs
import numpy as np
import pytest

from spa.errors import DataError, ReadError
from spa.io import eer, movies
from tests import eer_files

SIDE = 64


@pytest.fixture
def frames():
    rng = np.random.default_rng(3)
    return [eer_files.drawn(rng, SIDE, 0.02) for _ in range(7)]


def expected(frames, upsample: int) -> np.ndarray:
    """A direct count; the two bits of a place in a pixel count from its middle, as two's complement."""
    image = np.zeros((SIDE * upsample, SIDE * upsample), int)
    for place, x, y in np.concatenate(frames):
        fine_x, fine_y = (((bits ^ 2) * upsample) // 4 for bits in (x, y))
        image[place // SIDE * upsample + fine_y, place % SIDE * upsample + fine_x] += 1
    return image


@pytest.mark.parametrize("upsample", [1, 2, 4])
def test_fractions_hold_the_electrons_of_their_frames(tmp_path, frames, upsample: int) -> None:
    eer_files.write(tmp_path / "m.eer", [eer_files.encoded(one, SIDE * SIDE) for one in frames], SIDE)
    movie = movies.read(tmp_path / "m.eer", 3, upsample)
    assert movie.count == 2 and movie.shape == (SIDE * upsample,) * 2  # the seventh frame is left over
    for number, image in enumerate(movie.frames()):
        np.testing.assert_array_equal(image, expected(frames[3 * number : 3 * number + 3], upsample))


@pytest.mark.parametrize("bits, compression", [((7, 2, 2), 65001), ((8, 2, 2), 65000)])
@pytest.mark.parametrize("upsample", [1, 2, 4])
def test_as_another_program_decodes_it(frames, bits, compression, upsample: int) -> None:
    code = eer_files.encoded(frames[0], SIDE * SIDE, bits)
    image = np.zeros((SIDE * upsample,) * 2, np.uint8)
    assert eer.add_events(np.frombuffer(code + bytes(8), np.uint8), 8 * len(code), *bits, upsample, image)
    theirs = imagecodecs.eer_decode(code, image.shape, *bits, superres=upsample // 2)
    np.testing.assert_array_equal(image, theirs)


def test_many_frames_are_counted_in_wider_numbers(tmp_path, frames) -> None:
    one = eer_files.encoded(frames[0], SIDE * SIDE)
    eer_files.write(tmp_path / "m.eer", [one] * 600, SIDE)
    movie = movies.read(tmp_path / "m.eer", 300, 1)
    assert movie.dtype == np.uint16
    np.testing.assert_array_equal(next(movie.frames()), 300 * expected(frames[:1], 1))


def test_bad_files_say_what_is_wrong(tmp_path, frames) -> None:
    codes = [eer_files.encoded(one, SIDE * SIDE) for one in frames]
    eer_files.write(tmp_path / "m.eer", codes, SIDE)
    with pytest.raises(DataError, match="7 frames of the camera, fewer than the 32"):
        movies.read(tmp_path / "m.eer")
    with pytest.raises(DataError, match="not known to a 8th"):
        eer.read(tmp_path / "m.eer", 2, 8)
    whole = (tmp_path / "m.eer").read_bytes()
    (tmp_path / "cut.eer").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match=r"cut\.eer: "):
        movies.read(tmp_path / "cut.eer", 2)
    eer_files.write(tmp_path / "plain.eer", codes, SIDE, compression=1)
    with pytest.raises(ReadError, match="no frame of electrons"):
        movies.read(tmp_path / "plain.eer", 2)
    eer_files.write(tmp_path / "short.eer", [codes[0], b"\xff" * 400, codes[2]], SIDE)
    with pytest.raises(ReadError, match="frame 2 of the camera's 3: its code makes no sense"):
        list(movies.read(tmp_path / "short.eer", 1).frames())
