"""Borders of micrographs in which there is nothing."""

import numpy as np
import pytest

from spa.image.borders import inside, mirrored

SHAPE = (300, 400)
WITHIN = (24, 290, 0, 360)


def bordered(kind: str) -> np.ndarray:
    """Noise with borders above, below and right: of one value, or of copies of the last line before them."""
    image = np.random.default_rng(3).normal(50, 5, SHAPE).astype(np.float32)
    top, bottom, _, right = WITHIN
    image[:top], image[bottom:] = (0, 0) if kind == "empty" else (image[top], image[bottom - 1])
    image[:, right:] = 0 if kind == "empty" else image[:, right - 1 : right]
    return image


@pytest.mark.parametrize("kind", ["empty", "repeated"])
def test_borders_are_cut_off_to_the_line(kind: str) -> None:
    assert inside(bordered(kind)) == WITHIN


def test_a_micrograph_without_borders_is_whole() -> None:
    image = np.random.default_rng(4).normal(size=SHAPE)
    assert inside(image) == (0, SHAPE[0], 0, SHAPE[1])
    assert mirrored(image) is image


def test_the_inside_is_mirrored_over_them() -> None:
    found, (top, bottom, _, right) = mirrored(bordered("empty")), WITHIN
    assert found.shape == SHAPE
    assert (found[top - 1] == found[top]).all() and (found[bottom] == found[bottom - 1]).all()
    assert (found[:, right + 5] == found[:, right - 6]).all()
