"""What another program has packed comes out as it went in; what makes no sense is refused."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from spa.errors import ReadError
from spa.io import lzw, movies, tiff

RNG = np.random.default_rng(2)
COUNTS = RNG.poisson(1.5, 200_000).astype(np.uint8)  # the table is filled and cleared many times
NOISE = RNG.integers(0, 256, 50_000).astype(np.uint8)
EMPTY = np.zeros(2_000_000, np.uint8)  # each string is the last one and its first byte, up to thousands long
WORDS = np.resize(np.frombuffer(b"strings of more than eight bytes, ", np.uint8), 30_000)
SPARSE = (RNG.random(300_000) < 0.01).astype(np.uint8)


def unpacked(packed: bytes, size: int) -> np.ndarray | None:
    out = np.full(size + lzw.SPARE, 99, np.uint8)
    return out[:size] if lzw.decoded(packed, out) else None


@pytest.mark.parametrize("values", [COUNTS, NOISE, EMPTY, WORDS, SPARSE, COUNTS[:1], COUNTS[:2]])
def test_what_went_in(values: np.ndarray) -> None:
    np.testing.assert_array_equal(unpacked(imagecodecs.lzw_encode(values), len(values)), values)


@pytest.mark.parametrize("size", [len(COUNTS) - 1, len(COUNTS) + 1])
def test_more_or_less_than_was_packed_is_not_all_of_it(size: int) -> None:
    assert unpacked(imagecodecs.lzw_encode(COUNTS), size) is None


def test_nonsense_writes_nothing_beyond_its_place() -> None:
    for seed in range(200):
        packed = b"\x80" + np.random.default_rng(seed).integers(0, 256, 300).astype(np.uint8).tobytes()
        out = np.full(1000, 7, np.uint8)
        lzw.decoded(packed, out[: 500 + lzw.SPARE])
        assert (out[500 + lzw.SPARE :] == 7).all()


@pytest.mark.parametrize(
    "options", [{}, {"rowsperstrip": 7}, {"byteorder": ">"}, {"predictor": True}, {"tile": (16, 16)}]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_movie_however_it_lies_in_its_file(tmp_path, dtype, options: dict) -> None:
    frames = COUNTS[:36_000].reshape(3, 100, 120).astype(dtype)
    tifffile.imwrite(tmp_path / "m.tif", frames, photometric="minisblack", compression="lzw", **options)
    found = list(movies.read(tmp_path / "m.tif").frames())
    assert found[0].dtype == dtype and found[0].dtype.isnative
    np.testing.assert_array_equal(found, frames[:, ::-1])


def test_a_damaged_frame_is_named(tmp_path) -> None:
    tiff.write(tmp_path / "m.tif", iter(COUNTS[:24_000].reshape(2, 100, 120)))
    with tiff.opened(tmp_path / "m.tif") as pages:
        at, length = pages[1].dataoffsets[0], pages[1].databytecounts[0]
    raw = bytearray((tmp_path / "m.tif").read_bytes())
    raw[at + length // 2 : at + length] = bytes(length - length // 2)
    (tmp_path / "m.tif").write_bytes(raw)
    with pytest.raises(ReadError, match="frame 2 cannot be decoded"):
        list(movies.read(tmp_path / "m.tif").frames())
