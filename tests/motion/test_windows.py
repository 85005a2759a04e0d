"""What is cut out has no mean under its window, of bytes as of floats."""

import numpy as np

from spa.motion import windows


def test_a_part_of_an_image_less_its_mean_times_factors_along_both_axes() -> None:
    rng = np.random.default_rng(3)
    images = rng.integers(-128, 128, (3, 40, 50)).astype(np.int8)
    corners, along_y, along_x = np.array([[7, 5], [0, 0], [30, 22]]), *(rng.random(n, np.float32) for n in (18, 20))
    found = np.empty((3, 18, 20), np.float32)
    windows.windowed_each(images, corners, along_y, along_x, found)
    for image, (left, top), one in zip(images, corners, found):
        part = image[top : top + 18, left : left + 20].astype(np.float64)
        np.testing.assert_allclose(one, (part - part.mean()) * np.outer(along_y, along_x), atol=1e-4)
        again = np.empty_like(one)
        windows.windowed(image.astype(np.float32), top, left, along_y, along_x, again)
        np.testing.assert_array_equal(again, one)
