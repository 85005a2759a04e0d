"""Images by name, in batches."""

import gzip
import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from spa.errors import DataError, MissingInput, ReadError
from spa.io import mrc, stacks


@pytest.fixture
def two_stacks(tmp_path, monkeypatch) -> dict[str, np.ndarray]:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    data = {"a.mrcs": rng.normal(size=(4, 6, 6)).astype("f4"), "b.mrcs": rng.normal(size=(3, 6, 6)).astype("f2")}
    for name, stack in data.items():
        mrc.write(name, stack, 2.5)
    return data


NAMES = ["000002@b.mrcs", "1@a.mrcs", "000004@a.mrcs", "000001@b.mrcs"]


def test_images_come_in_the_order_asked_for(two_stacks) -> None:
    source = stacks.ImageSource(NAMES)
    assert (source.box, source.pixel_size, len(source)) == (6, 2.5, 4)
    a, b = two_stacks["a.mrcs"], two_stacks["b.mrcs"]
    expected = np.stack([b[1], a[0], a[3], b[0]])
    images = source.read(np.arange(4))
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, expected.astype(np.float32))
    np.testing.assert_array_equal(source.read([3, 0, 0]), images[[3, 0, 0]])
    np.testing.assert_array_equal(source.read(slice(1, 3)), images[1:3])
    assert source.read([]).shape == (0, 6, 6)


def test_there_may_be_more_stacks_than_a_process_may_have_files_open(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    every = np.random.default_rng(3).standard_normal((64, 2, 4, 4)).astype(np.float32)
    for number, stack in enumerate(every):
        mrc.write(f"{number}.mrcs", stack, 1.0)
    source = stacks.ImageSource([f"{k + 1}@{number}.mrcs" for number in range(64) for k in range(2)])
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 8, before[1]))
    try:
        found = source.read(slice(None))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    np.testing.assert_array_equal(found, every.reshape(-1, 4, 4))


def test_threads_read_the_same(two_stacks) -> None:
    source = stacks.ImageSource(NAMES)
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda i: source.read([i])[0], [0, 1, 2, 3] * 8))
    np.testing.assert_array_equal(got, np.tile(source.read(range(4)), (8, 1, 1)))


def test_few_compressed_stacks_are_held_at_once(two_stacks, monkeypatch) -> None:
    monkeypatch.setattr(stacks, "_HELD", 1)
    for name in two_stacks:
        with gzip.open(f"{name}.gz", "wb") as packed:
            packed.write(Path(name).read_bytes())
    source = stacks.ImageSource([f"{name}.gz" for name in NAMES])
    np.testing.assert_array_equal(source.read(range(4)), stacks.ImageSource(NAMES).read(range(4)))
    assert len(source._held) == 1


def test_a_bare_path_is_a_single_image(two_stacks) -> None:
    mrc.write("one.mrc", two_stacks["a.mrcs"][2], 2.5)
    np.testing.assert_array_equal(stacks.ImageSource(["one.mrc"]).read([0])[0], two_stacks["a.mrcs"][2])


@pytest.mark.parametrize(
    ("names", "kind", "message"),
    [
        (["000001@a.mrcs", "000005@a.mrcs"], DataError, "row 2 asks for image 5 of a.mrcs, which has 4"),
        (["000000@a.mrcs"], DataError, "row 1 asks for image 0"),
        (["000001@none.mrcs"], MissingInput, "none.mrcs: no such file"),
        (["000001@a.mrcs", "000001@small.mrcs"], DataError, "small.mrcs: a box of 4 pixels, but a.mrcs has 6"),
        (["000001@oblong.mrcs"], DataError, "oblong.mrcs: images of 5 x 4 pixels, not square"),
        (["000001@cut.mrcs"], ReadError, "cut.mrcs: truncated"),
        ([], DataError, "no images"),
    ],
)
def test_bad_names_and_stacks(two_stacks, tmp_path, names, kind, message) -> None:
    mrc.write("small.mrcs", np.zeros((2, 4, 4), "f4"), 2.5)
    mrc.write("oblong.mrcs", np.zeros((2, 4, 5), "f4"), 2.5)
    (tmp_path / "cut.mrcs").write_bytes((tmp_path / "a.mrcs").read_bytes()[:-1])
    with pytest.raises(kind, match=message):
        stacks.ImageSource(names)


def test_an_image_with_a_nan_is_named(two_stacks) -> None:
    bad = two_stacks["a.mrcs"].copy()
    bad[3, 0, 0] = np.nan
    mrc.write("a.mrcs", bad, 2.5)
    with pytest.raises(DataError, match="row 3: image 000004@a.mrcs has pixels that are not finite"):
        stacks.ImageSource(NAMES).read(range(4))


def test_an_image_with_numbers_that_no_image_has_is_named(two_stacks) -> None:
    bad = two_stacks["a.mrcs"].copy()
    bad[3] *= 1e30
    mrc.write("a.mrcs", bad, 2.5)
    with pytest.raises(DataError, match="row 3: image 000004@a.mrcs: pixels as large as"):
        stacks.ImageSource(NAMES).read(range(4))


def test_names_and_their_parts_are_inverse() -> None:
    assert stacks.parse_name(stacks.image_name(11, "a@b/c.mrcs")) == (11, "a@b/c.mrcs")
    assert stacks.parse_name("odd@name.mrc") == (0, "odd@name.mrc")
