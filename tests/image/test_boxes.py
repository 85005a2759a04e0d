"""Boxes cut out of an image."""

import numpy as np
import pytest

from spa.image.boxes import cropped, cut, fits, varied


def test_the_pixel_asked_for_is_at_the_box_centre():
    image = np.arange(600, dtype=np.float32).reshape(20, 30)
    boxes = cut(image, np.array([[10, 7], [25, 15]]), 8)
    assert boxes[:, 4, 4].tolist() == [image[7, 10], image[15, 25]]
    assert (boxes[0] == image[3:11, 6:14]).all()


def test_what_fits_and_what_does_not():
    centres = np.array([[4, 4], [3, 4], [26, 16], [27, 16], [26, 17]])
    assert fits(centres, 8, (20, 30)).tolist() == [True, False, True, False, False]


def test_over_the_edge_the_mean_is_filled_in():
    image = np.ones((20, 30), np.float32)
    image[0, 0] = 17
    box = cut(image, np.array([[0, 0]]), 8)[0]
    assert (box[:4] == 2).all() and (box[:, :4] == 2).all() and box[4, 4] == 17 and box[5, 5] == 1


def test_wholly_outside_is_zeros():
    assert not cut(np.ones((9, 9), np.float32), np.array([[40, 40]]), 4).any()


@pytest.mark.parametrize("size", [16, 32])
def test_cropping_keeps_the_centre(size):
    y, x = np.mgrid[:64, :64] - 32
    blob = np.exp(-(x**2 + y**2) / 60)[None].astype(np.float32)
    small = cropped(blob, size)[0]
    offset = np.arange(size) - size // 2
    assert (small * offset).sum() == pytest.approx(0, abs=1e-3)
    assert np.unravel_index(small.argmax(), small.shape) == (size // 2, size // 2)


def test_boxes_whose_pixels_are_all_the_same_are_known():
    image = np.full((40, 60), 3, np.float32)
    image[30, 50] = 4
    centres = np.array([[10, 10], [50, 30], [53, 33], [0, 0], [60, 30], [200, 10]])
    assert varied(image, centres, 8).tolist() == [False, True, True, False, False, False]
    assert varied(image, np.array([[58, 33]]), 18).tolist() == [True]
