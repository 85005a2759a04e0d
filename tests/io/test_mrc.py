"""MRC files: what is written is valid and comes back; what is broken is one clear line."""

import bz2
import gzip

import mrcfile
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spa.errors import MissingInput, ReadError, WriteError
from spa.io import mrc


def image(dtype: str = "f4", shape: tuple[int, ...] = (5, 7)) -> np.ndarray:
    return (np.random.default_rng(1).normal(size=shape) * 20 + 60).astype(dtype)


@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2"])
@pytest.mark.parametrize(("name", "shape"), [("a.mrc", (5, 7)), ("v.mrc", (4, 5, 6)), ("s.mrcs", (3, 6, 6))])
def test_what_is_written_is_valid_and_comes_back(tmp_path, dtype: str, name: str, shape: tuple[int, ...]) -> None:
    data = image(dtype, shape)
    mrc.write(tmp_path / name, data, 1.37)
    back = mrc.read(tmp_path / name)
    assert back.data.dtype == data.dtype
    np.testing.assert_array_equal(back.data, data)
    assert back.pixel_size == pytest.approx(1.37, rel=1e-6)
    assert mrcfile.validate(tmp_path / name)
    with mrcfile.open(tmp_path / name) as theirs:
        np.testing.assert_array_equal(theirs.data, data)
        assert theirs.voxel_size.x == pytest.approx(1.37, rel=1e-6)
        assert theirs.is_volume() == (name == "v.mrc")
        assert theirs.is_image_stack() == (name == "s.mrcs")


@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2", "c8"])
def test_what_others_write_is_read(tmp_path, dtype: str) -> None:
    data = image(dtype)
    with mrcfile.new(tmp_path / "a.mrc", data) as file:
        file.voxel_size = 2.5
    back = mrc.read(tmp_path / "a.mrc")
    np.testing.assert_array_equal(back.data, data)
    assert back.pixel_size == 2.5


def test_big_endian_and_extended_header(tmp_path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(image().astype(">f4"))
        file.set_extended_header(np.zeros(100, "V10"))
        file.voxel_size = 3.0
    raw = bytearray((tmp_path / "a.mrc").read_bytes())
    assert raw[212:214] == b"\x11\x11"  # the machine stamp of big-endian files
    assert mrc.read(tmp_path / "a.mrc").pixel_size == 3.0
    np.testing.assert_array_equal(mrc.read(tmp_path / "a.mrc").data, image())


def test_mode_0_is_signed(tmp_path) -> None:
    mrc.write(tmp_path / "a.mrc", np.array([[-128, 127]], np.int8), 1)
    assert mrc.read(tmp_path / "a.mrc").data.tolist() == [[-128, 127]]


@pytest.mark.parametrize("width", [6, 7])
def test_packed_4_bit_is_read(tmp_path, width: int) -> None:
    pixels = np.arange(3 * width).reshape(3, width).astype(np.uint8) % 16
    padded = np.pad(pixels, ((0, 0), (0, width % 2)))
    mrc.write(tmp_path / "a.mrc", image(shape=(3, width)), 1)
    raw = bytearray((tmp_path / "a.mrc").read_bytes()[:1024])
    raw[12:16] = (101).to_bytes(4, "little")
    (tmp_path / "a.mrc").write_bytes(raw + (padded[:, 0::2] | padded[:, 1::2] << 4).tobytes())
    np.testing.assert_array_equal(mrc.read(tmp_path / "a.mrc").data, pixels)


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_files_are_read(tmp_path, suffix: str, pack) -> None:
    mrc.write(tmp_path / "a.mrc", image(), 1.5)
    packed = pack((tmp_path / "a.mrc").read_bytes())
    (tmp_path / f"a.mrc{suffix}").write_bytes(packed)
    np.testing.assert_array_equal(mrc.read(tmp_path / f"a.mrc{suffix}").data, image())
    (tmp_path / f"b.mrc{suffix}").write_bytes(packed[:-20])
    with pytest.raises(ReadError, match=f"b.mrc{suffix}"):
        mrc.read(tmp_path / f"b.mrc{suffix}")


def test_big_files_are_mapped_not_loaded(tmp_path) -> None:
    mrc.write(tmp_path / "a.mrc", image(), 1)
    assert isinstance(mrc.read(tmp_path / "a.mrc").data, np.memmap)


def test_the_header_has_the_figures_of_the_pixels(tmp_path) -> None:
    data = image(shape=(3, 6, 6))
    mrc.write(tmp_path / "s.mrcs", data, 1, label="averages")
    with mrcfile.open(tmp_path / "s.mrcs") as file:
        assert float(file.header.dmin) == data.min()
        assert float(file.header.dmax) == data.max()
        assert float(file.header.dmean) == pytest.approx(data.mean(), rel=1e-5)
        assert float(file.header.rms) == pytest.approx(data.std(), rel=1e-5)
        assert [label.split()[0] for label in file.get_labels()] == ["spa", "averages"]


def test_equal_pixels_give_equal_bytes(tmp_path) -> None:
    mrc.write(tmp_path / "a.mrc", image(), 1)
    mrc.write(tmp_path / "b.mrc", image(), 1)
    assert (tmp_path / "a.mrc").read_bytes() == (tmp_path / "b.mrc").read_bytes()


def test_a_stream_of_images_is_the_stack_written_at_once(tmp_path) -> None:
    data = image(shape=(5, 6, 6))
    with mrc.StackWriter(tmp_path / "s.mrcs", 5, 6, 1.5) as writer:
        writer.write(data[0])
        writer.write(data[1:4])
        assert not (tmp_path / "s.mrcs").exists()
        writer.write(data[4:])
    mrc.write(tmp_path / "t.mrcs", data, 1.5)
    assert (tmp_path / "s.mrcs").read_bytes() == (tmp_path / "t.mrcs").read_bytes()


def test_a_broken_stream_leaves_nothing(tmp_path) -> None:
    with pytest.raises(RuntimeError), mrc.StackWriter(tmp_path / "s.mrcs", 5, 6, 1.5) as writer:
        writer.write(image(shape=(6, 6)))
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="1 images of the 5"), mrc.StackWriter(tmp_path / "s.mrcs", 5, 6, 1) as writer:
        writer.write(image(shape=(6, 6)))
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_a_write_error(tmp_path) -> None:
    with pytest.raises(WriteError):
        mrc.StackWriter(tmp_path / "no" / "s.mrcs", 5, 6, 1.5)
    with pytest.raises(WriteError):
        mrc.write(tmp_path / "no" / "s.mrcs", image(), 1.5)


def test_truncated_says_bytes_there_and_wanted(tmp_path) -> None:
    mrc.write(tmp_path / "a.mrc", image(), 1)
    raw = (tmp_path / "a.mrc").read_bytes()
    (tmp_path / "a.mrc").write_bytes(raw[:-3])
    with pytest.raises(ReadError, match=rf"truncated: {len(raw) - 3} bytes of the {len(raw)}"):
        mrc.read(tmp_path / "a.mrc")


@pytest.mark.parametrize("raw", [b"", b"MRC", b"\xff" * 4000, bytes(2000), b"data_particles\n" * 200])
def test_garbage_is_named(tmp_path, raw: bytes) -> None:
    (tmp_path / "a.mrc").write_bytes(raw)
    with pytest.raises(ReadError, match=r"a\.mrc: not an MRC file"):
        mrc.read_header(tmp_path / "a.mrc")


def test_a_folder_and_nothing(tmp_path) -> None:
    with pytest.raises(MissingInput, match="no such file"):
        mrc.read(tmp_path / "none.mrc")
    with pytest.raises(ReadError):
        mrc.read(tmp_path)


def test_an_unknown_mode_is_named(tmp_path) -> None:
    mrc.write(tmp_path / "a.mrc", image(), 1)
    raw = bytearray((tmp_path / "a.mrc").read_bytes())
    raw[12:16] = (16).to_bytes(4, "little")
    (tmp_path / "a.mrc").write_bytes(raw)
    with pytest.raises(ReadError, match="mode 16"):
        mrc.read_header(tmp_path / "a.mrc")


def test_a_header_without_a_cell_says_no_pixel_size(tmp_path) -> None:
    mrc.write(tmp_path / "a.mrc", image(), 0)
    assert mrc.read_header(tmp_path / "a.mrc").pixel_size == 0


def test_every_real_file_agrees_with_the_reference_reader(shared_data) -> None:
    paths = sorted([*shared_data.glob("real/**/*.mrc"), *shared_data.glob("sim/**/*.mrcs")])
    assert paths
    for path in paths[::3]:
        ours = mrc.read(path)
        with mrcfile.mmap(path, permissive=True) as theirs:
            assert ours.data.shape == theirs.data.shape
            np.testing.assert_array_equal(ours.data[0], theirs.data[0])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(-(2**31), 2**31 - 1)), max_size=6), st.integers(0, 1200))
def test_any_header_is_read_or_named(tmp_path, words: list[tuple[int, int]], size: int) -> None:
    mrc.write(tmp_path / "a.mrc", image(), 1)
    raw = bytearray((tmp_path / "a.mrc").read_bytes())
    for place, value in words:
        raw[4 * place : 4 * place + 4] = value.to_bytes(4, "little", signed=True)
    (tmp_path / "a.mrc").write_bytes(raw[:size] if size < 1100 else raw)
    try:
        assert mrc.read(tmp_path / "a.mrc").data.size > 0
    except ReadError as error:
        assert "a.mrc" in str(error)
