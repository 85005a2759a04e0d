"""Movies of every kind give their frames, in order, the right way up; bad ones say what is wrong."""

import numpy as np
import pytest

from spa.errors import DataError, MissingInput, ReadError
from spa.io import movies, mrc, tiff

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 15, (4, 40, 33)).astype(np.uint8)


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate", "zstd"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_tiff(tmp_path, compression: str, dtype) -> None:
    tiff.write(tmp_path / "m.tif", iter(FRAMES.astype(dtype)), compression)
    movie = movies.read(tmp_path / "m.tif")
    assert (movie.count, movie.shape, movie.dtype) == (4, (40, 33), dtype)
    assert movie.bytes == FRAMES.astype(dtype).nbytes
    np.testing.assert_array_equal(list(movie.frames()), FRAMES)
    np.testing.assert_array_equal(list(movie.frames(1, 3)), FRAMES[1:3])


def test_rows_of_a_tiff_run_from_the_top(tmp_path) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "m.tif", FRAMES, photometric="minisblack")
    np.testing.assert_array_equal(next(movies.read(tmp_path / "m.tif").frames()), FRAMES[0, ::-1])


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32, np.uint16, np.float16])
def test_mrc(tmp_path, dtype) -> None:
    mrc.write(tmp_path / "m.mrcs", FRAMES.astype(dtype), 1.3)
    movie = movies.read(tmp_path / "m.mrcs")
    assert movie.pixel_size == pytest.approx(1.3)
    np.testing.assert_array_equal(list(movie.frames()), FRAMES)


def test_four_bits_a_pixel(tmp_path) -> None:
    packed = np.zeros((4, 40, 17), np.uint8)
    packed[..., :16] = FRAMES[..., 0:32:2] | FRAMES[..., 1:33:2] << 4
    packed[..., 16] = FRAMES[..., 32]
    mrc.write(tmp_path / "m.mrcs", FRAMES.astype(np.int8), 1.0)
    raw = bytearray((tmp_path / "m.mrcs").read_bytes()[:1024]) + packed.tobytes()
    raw[12:16] = (101).to_bytes(4, "little")
    (tmp_path / "m.mrcs").write_bytes(raw)
    np.testing.assert_array_equal(list(movies.read(tmp_path / "m.mrcs").frames()), FRAMES)


def test_a_truncated_tiff_is_named_whatever_is_missing(tmp_path) -> None:
    tiff.write(tmp_path / "m.tif", iter(FRAMES), "lzw")
    whole = (tmp_path / "m.tif").read_bytes()
    for length in (20, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.tif").write_bytes(whole[:length])
        with pytest.raises(ReadError, match=r"cut\.tif: "):
            movies.read(tmp_path / "cut.tif")
    (tmp_path / "cut.tif").write_bytes(b"no TIFF at all, by any means")
    (tmp_path / "nothing.tif").touch()
    with pytest.raises(ReadError, match="nothing.tif: an empty file"):
        movies.read(tmp_path / "nothing.tif")
    with pytest.raises(ReadError, match="not a whole TIFF"):
        movies.read(tmp_path / "cut.tif")


def test_a_damaged_frame_is_named_when_it_is_decoded(tmp_path) -> None:
    tiff.write(tmp_path / "m.tif", iter(FRAMES), "deflate")
    with tiff.opened(tmp_path / "m.tif") as pages:
        at, length = pages[2].dataoffsets[0], pages[2].databytecounts[0]
    raw = bytearray((tmp_path / "m.tif").read_bytes())
    raw[at : at + length] = bytes(length)
    (tmp_path / "m.tif").write_bytes(raw)
    with pytest.raises(ReadError, match="frame 3 cannot be decoded"):
        list(movies.read(tmp_path / "m.tif").frames())


def test_what_is_no_movie(tmp_path) -> None:
    mrc.write(tmp_path / "one.mrc", FRAMES[0].astype(np.float32), 1.0)
    with pytest.raises(DataError, match="one frame in it"):
        movies.read(tmp_path / "one.mrc")
    with pytest.raises(MissingInput, match="no such file"):
        movies.read(tmp_path / "none.tif")
    (tmp_path / "m.avi").write_bytes(b"x")
    with pytest.raises(DataError, match=r"ends in \.tif"):
        movies.read(tmp_path / "m.avi")
    import tifffile

    with tifffile.TiffWriter(tmp_path / "two.tif") as file:
        file.write(FRAMES[0], photometric="minisblack")
        file.write(FRAMES[0, :20], photometric="minisblack")
    with pytest.raises(DataError, match="frame 2 is 33 x 20 pixels of uint8, the first 33 x 40"):
        movies.read(tmp_path / "two.tif")
    mrc.write(tmp_path / "spectrum.mrcs", FRAMES.astype(np.complex64), 1.0)
    with pytest.raises(DataError, match="a transform"):
        movies.read(tmp_path / "spectrum.mrcs")
