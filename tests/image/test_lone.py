"""Pixels that stand alone are found and given what surrounds them; nothing else is touched."""

from collections.abc import Callable

import numpy as np
import pytest

from spa.image.lone import filled, lone

SHAPE = (300, 411)


def noise(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 10, SHAPE).astype(np.float32)


def _pixels(image: np.ndarray, value: float) -> None:
    image[[0, 77, 299, 120], [0, 200, 410, 33]] = value


def _line(image: np.ndarray, value: float) -> None:
    image[140] = value


def _lines(image: np.ndarray, value: float) -> None:
    image[:, 200:202] = value


@pytest.mark.parametrize("spoil", [_pixels, _line, _lines])
@pytest.mark.parametrize("value", [1e6, 250.0, -1e5])
def test_what_stands_alone_is_as_its_surroundings(spoil: Callable[[np.ndarray, float], None], value: float) -> None:
    image = noise()
    spoil(image, value)
    bad = image == value
    found, number = filled(image)
    assert number == bad.sum()
    assert (found[~bad] == image[~bad]).all()
    assert np.abs(found[bad] - 100).max() < 25
    assert image[bad].min() == value, "the image that was given is changed"


def test_noise_and_things_stay_as_they_are_and_hide_no_hot_pixel() -> None:
    image = noise()
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    image -= 150 - 150 * np.tanh((np.hypot(y - 150, x - 200) - 30) / 2).astype(np.float32)  # a crystal
    image[:, :40] += 200  # carbon
    assert not len(lone(image)[0])
    image[20, 130] = 1e5
    assert lone(image)[0].tolist() == [[20, 130]]


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float16])
def test_files_of_any_kind_of_number(dtype: type) -> None:
    image = np.random.default_rng(2).normal(60, 4, SHAPE).astype(dtype)
    image[50, 60] = 127
    found, number = filled(image)
    assert number == 1 and found.dtype == dtype and 50 < found[50, 60] < 70


def test_what_has_no_spread_tells_nothing() -> None:
    image = np.zeros(SHAPE, np.float32)
    image[10, 10] = 1
    assert not len(lone(image)[0])
