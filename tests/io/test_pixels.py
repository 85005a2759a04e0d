"""Pixels that no image has are refused in one line."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.io import pixels


def image() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(5, 7)).astype("f4")


def test_pixels_that_are_not_finite_are_counted() -> None:
    data = image()
    pixels.require_finite(data, "a.mrc")
    data[0, 0], data[1, 1] = np.nan, np.inf
    with pytest.raises(DataError, match=r"a\.mrc: 2 of 35 pixels"):
        pixels.require_finite(data, "a.mrc")


def test_pixels_that_no_image_has_are_refused() -> None:
    """Their squares would overflow, and one image would drown all others."""
    data = image()
    data[2, 3] = -1e30
    with pytest.raises(DataError, match=r"a\.mrc: pixels as large as 1e\+30"):
        pixels.require_finite(data, "a.mrc")


def test_one_value_everywhere_is_no_contrast() -> None:
    pixels.require_contrast(image(), "a.mrc")
    with pytest.raises(DataError, match=r"a\.mrc: no contrast: all its pixels are 7"):
        pixels.require_contrast(np.full((4, 4), 7), "a.mrc")
