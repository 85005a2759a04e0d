"""Bad pixels are found and filled; steps and specks of the specimen are not bad pixels."""

import numpy as np
import pytest

from spa.motion import bad, orientation


def test_hot_and_dead_pixels_are_found_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    total = rng.poisson(90, (300, 310)).astype(np.float32)
    total[:, 200:] *= 1.6  # an edge of the carbon
    total[120:126, 60:66] -= 50  # a speck of gold
    hot, dead = [(5, 7), (0, 0), (150, 199), (299, 309)], [(33, 250), (200, 100)]
    for place in hot:
        total[place] += 900
    for place in dead:
        total[place] = 0
    found = bad.outliers(total, np.zeros(total.shape, bool))
    assert set(map(tuple, np.argwhere(found))) == {*hot, *dead}


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("value", [0, 250, 5000])
def test_lines_of_bad_pixels_are_found_where_a_step_is_none(width: int, value: int) -> None:
    seen = np.full((300, 310), 90)
    seen[:, 250:], seen[:, :40] = 180, 1  # edges of carbon, and of the beam
    total = np.random.default_rng(3).poisson(seen).astype(np.float32)
    wanted = np.zeros(total.shape, bool)
    wanted[:, 100 : 100 + width] = wanted[30 : 30 + width, 110:200] = wanted[300 - width :, 110:200] = True
    total[wanted] = value
    found = bad.outliers(total, np.zeros(total.shape, bool))
    assert (found & wanted).sum() > 0.98 * wanted.sum()
    assert (found & ~wanted).sum() <= 3


def test_clusters_brighter_than_any_specimen_are_found() -> None:
    total = np.random.default_rng(4).poisson(90, (300, 310)).astype(np.float32)
    total[100:104, 50:54] = 900
    found = bad.outliers(total, np.zeros(total.shape, bool))
    assert found[100:104, 50:54].all() and found.sum() == 16


def test_known_ones_are_not_found_again() -> None:
    total = np.random.default_rng(1).poisson(90, (200, 200)).astype(np.float32)
    known = np.zeros((200, 200), bool)
    known[50:60, 50:60] = True
    total[known] = 1e6
    assert not bad.outliers(total, known).any()


def test_filled_with_good_neighbours_not_always_the_same() -> None:
    image = np.arange(40 * 50, dtype=np.float32).reshape(40, 50)
    mask = np.zeros((40, 50), bool)
    mask[10, 10] = mask[0, 0] = True
    mask[20:34, 20:34] = True
    filling, seen = bad.Filling(mask), set()
    for number in range(20):
        frame = image.copy()
        frame[mask] = -1
        filling.fill(frame, number)
        assert (frame >= 0).all() and (frame[~mask] == image[~mask]).all()
        y, x = divmod(int(frame[10, 10]), 50)
        assert abs(y - 10) <= 2 and abs(x - 10) <= 2 and (y, x) != (10, 10)
        seen.add((y, x))
    assert len(seen) > 5


def test_all_bad_is_left_alone() -> None:
    frame = np.ones((30, 30), np.float32)
    bad.Filling(np.ones((30, 30), bool)).fill(frame, 0)
    assert (frame == 1).all()


def camera(turn: tuple[int, int], spread: float = 0.03, invert: bool = False) -> orientation.Evidence:
    rng = np.random.default_rng(2)
    gain = np.exp(spread * rng.normal(size=(400, 400))).astype(np.float32)
    total = rng.poisson(80 / gain).astype(np.float32)
    rotate, flip = turn
    used = np.rot90(gain, rotate)
    used = used[::-1] if flip else used
    return orientation.tried(total, 1 / used if invert else used)


def test_a_gain_that_lies_right_needs_no_word() -> None:
    assert camera((0, 0)).verdict() is None


def test_all_other_ways_are_noticed_and_the_right_one_named() -> None:
    probe = np.arange(9).reshape(3, 3)
    for rotate, flip in orientation.TURNS[1:]:
        used = np.rot90(probe, rotate)[::-1] if flip else np.rot90(probe, rotate)
        verdict = camera((rotate, flip)).verdict()
        assert verdict is not None and not verdict[2]
        back = np.rot90(used, -verdict[0])
        back = back[::-1] if verdict[1] else back
        np.testing.assert_array_equal(back, probe)


def test_a_gain_that_divides_is_noticed() -> None:
    assert camera((0, 0), invert=True).verdict() == (0, 0, True)


def test_a_flat_gain_says_nothing() -> None:
    assert camera((1, 0), spread=0.0).verdict() is None


def test_movies_add_their_evidence() -> None:
    one, faint = camera((1, 0)), camera((1, 0), spread=0.0012)
    assert faint.verdict() is None
    both = faint + faint + one
    assert both.pixels == 3 * one.pixels and both.verdict() == one.verdict()


def test_draws_are_even_and_streams_differ() -> None:
    drawn = np.stack([bad.uniform(4000, stream) for stream in range(6)])
    assert drawn.min() >= 0 and drawn.max() < 1
    np.testing.assert_allclose(np.histogram(drawn, 10, (0, 1))[0] / drawn.size, 0.1, atol=0.01)
    assert np.abs(np.corrcoef(drawn) - np.eye(6)).max() < 0.08  # five standard deviations
    np.testing.assert_array_equal(bad.uniform(10, 3), drawn[3, :10])
