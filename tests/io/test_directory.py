"""What is read of a TIFF's directories without a library is what the library says; what is not plain is left to it."""

import io

import numpy as np
import pytest
import tifffile

from spa.io import directory

FRAMES = np.random.default_rng(3).poisson(1.0, (3, 30, 41))


def written(**options) -> io.BytesIO:
    file = io.BytesIO()
    tifffile.imwrite(file, FRAMES.astype(options.pop("dtype", np.uint8)), photometric="minisblack",
                     **({"compression": "lzw"} | options))  # fmt: skip
    return file


@pytest.mark.parametrize(
    "options", [{}, {"rowsperstrip": 7}, {"byteorder": ">"}, {"bigtiff": True}, {"dtype": np.float32}]
)
def test_it_says_what_the_library_says(options: dict) -> None:
    file = written(**options)
    found = directory.pages(file)
    assert found is not None and len(found) == len(FRAMES)
    file.seek(0)
    with tifffile.TiffFile(file) as library:
        for one, page in zip(found, library.pages, strict=True):
            assert (one.shape, one.dtype.newbyteorder("=")) == (page.shape, page.dtype)
            assert (one.dataoffsets, one.databytecounts) == (page.dataoffsets, page.databytecounts)
            assert one.rowsperstrip == min(page.rowsperstrip, page.shape[0])


@pytest.mark.parametrize(
    "options", [{"predictor": True}, {"compression": "deflate"}, {"tile": (16, 16)}, {"dtype": np.float64}]
)
def test_what_is_not_plain_is_left_to_the_library(options: dict) -> None:
    assert directory.pages(written(**options)) is None


def test_what_is_cut_short_or_no_tiff_is_left_to_the_library() -> None:
    whole = written().getvalue()
    with tifffile.TiffFile(io.BytesIO(whole)) as library:
        last = library.pages[-1].offset
    for raw in (b"", whole[:6], whole[: last + 1], whole[: last + 20], b"MM" + whole[2:], b"no TIFF, by any means"):
        assert directory.pages(io.BytesIO(raw)) is None
    first = int.from_bytes(whole[4:8], "little")
    count = int.from_bytes(whole[first : first + 2], "little")
    at = first + 2 + 12 * count  # of the next directory: back to the first
    assert directory.pages(io.BytesIO(whole[:at] + whole[4:8] + whole[at + 4 :])) is None
