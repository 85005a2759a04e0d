"""Counts agree with their nouns."""

import pytest

from spa.job.grammar import agreeing


@pytest.mark.parametrize(("said", "right"), [
    ("1 micrographs, defocus 1 A", "1 micrograph, defocus 1 A"),
    ("3 picks on 1 micrographs", "3 picks on 1 micrograph"),
    ("1 good classes, 1 copies, 1 patches", "1 good class, 1 copy, 1 patch"),
    ("11 movies, 0.1 degrees, 2.1 images, 1,001 images", "11 movies, 0.1 degrees, 2.1 images, 1,001 images"),
    ("000001@x/1 images", "000001@x/1 images"),
    ("1 of 40 particles kept", "1 of 40 particles kept"),
    ("1 particles have none, 1 odd images are out", "1 particle has none, 1 odd image is out"),
    ("2 of 1 rows lie", "2 of 1 row lies"),
    ("left out: Run 1 images/a.mrc, 21 particles have", "left out: Run 1 images/a.mrc, 21 particles have"),
    ("class 1 of particles", "class 1 of particles"),
])  # fmt: skip
def test_one_is_not_many(said: str, right: str) -> None:
    assert agreeing(said) == right
