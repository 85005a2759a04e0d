"""A particle is as wide as its map must be: what is told may be far more, and each class has its own."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import zoom

from spa.abinit import plan, stochastic, width
from spa.image import fft
from spa.refine.data import Images
from spa.volume import insert as into
from spa.volume.shells import radii

SIDE = 192.0
BANDS = (6,)


def shrunk(volume: np.ndarray) -> np.ndarray:
    """The same particle at two thirds of its size, its density as it was."""
    n = len(volume)
    small = zoom(volume, 2 / 3, order=1)
    room = (n - len(small)) // 2
    return np.pad(small, [(room, n - len(small) - room)] * 3).astype(np.float32)


def width_of(data, told: float, *others) -> list[float]:
    """Of the particles of data and others, in images of all, where so much is told."""
    every = [data, *others]
    both = {
        name: np.concatenate([getattr(one.images, name) for one in every])
        for name in ("planes", "chi", "bfactor", "group", "half")
    }
    images: Images = replace(data.images, **both)
    settings = replace(data.settings, diameter=told, classes=len(every))
    maps = np.stack([one.volume for one in every])
    found = width.measured(images, maps, np.full(len(every), 1 / len(every)), data.noise, settings,
                           np.arange(len(images)), BANDS * len(every))  # fmt: skip
    return [found.width_of(number) for number in range(len(every))]


def test_a_particle_that_fills_the_sphere_is_as_wide_as_was_told(planted, lumps) -> None:
    data = planted(lumps(1), n=200)
    assert width_of(data, 110.0) == [110.0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_told_may_be_far_more(planted, lumps, seed: int) -> None:
    """Nothing of the particle lies outside, and not much more than the particle is inside."""
    data = planted(shrunk(lumps(seed)), n=200)
    (found,) = width_of(data, 180.0)
    line = np.arange(32) - 16
    radius = np.sqrt(line**2 + line[:, None] ** 2 + line[:, None, None] ** 2) * 6.0
    within = (data.volume**2)[radius < found / 2].sum() / (data.volume**2).sum()
    assert within > 0.97 and found < 150


def test_each_class_has_its_own(planted, lumps) -> None:
    wide, narrow = planted(lumps(1), n=200), planted(shrunk(lumps(2)), n=200, seed=3)
    found = width_of(wide, 180.0, narrow)
    assert found[1] < 0.85 * found[0]
    assert found[::-1] == pytest.approx(width_of(narrow, 180.0, wide), rel=0.11)  # whichever comes first


def test_images_that_say_nothing_of_a_class_leave_its_width(planted, lumps) -> None:
    none = np.zeros((50, len(width.PARTS)))
    assert width.narrowest(none, np.zeros(50)) == width.PARTS[-1]
    worse = none - np.array([0.0, 1, 2, 3, 4, 5, 6, 7])
    assert width.narrowest(worse, np.ones(50)) == 1.0  # the first sphere already cuts
    assert width.narrowest(worse + 250, np.ones(50)) == width.PARTS[2]  # by next to nothing of what the map is worth
    chance = np.random.default_rng(0).normal(0, 1, (50, 1)) * np.arange(8)
    assert width.narrowest(chance - chance.mean(axis=0), np.ones(50)) == width.PARTS[-1]


def test_narrower_particles_are_followed_to_finer_details_on_no_finer_a_grid(planted, lumps) -> None:
    told = planted(lumps(1), n=4).settings
    known = replace(told, classes=2, widths=(150.0, 100.0))
    wide, both = plan.plan(told, SIDE), plan.plan(known, SIDE)
    assert [step.bands[0] for step in both] == [step.band for step in wide]
    assert all(step.bands[1] >= step.bands[0] for step in both) and both[-1].bands[1] > 1.3 * both[-1].bands[0]
    assert both[-1].step > 0.85 * wide[-1].step


def test_a_class_has_nothing_beyond_its_own_band(planted, lumps) -> None:
    data = planted(lumps(1), n=200)
    settings = replace(data.settings, classes=2, widths=(150.0, 100.0), steps=4, batch=100)
    state = stochastic.first_state(data.images, data.noise, settings, 1)
    todo = plan.plan(settings, SIDE)
    *_, state = stochastic.steps(data.images, state, data.noise, settings, 1, np.arange(200), todo)
    shell = np.rint(radii(32))
    for volume, band in zip(state.maps, todo[-1].bands):
        power = np.abs(fft.rfft3(volume)) ** 2
        assert power[shell > band].max() < 1e-6 * power.max() < power[shell == band].max()


def test_sums_with_more_room_stand_for_the_same_map(planted, lumps) -> None:
    data = planted(lumps(1), n=100)
    state = stochastic.first_state(data.images, data.noise, data.settings, 1)
    *_, state = stochastic.steps(data.images, state, data.noise, data.settings, 1, np.arange(100),
                                 plan.plan(data.settings, SIDE)[:2])  # fmt: skip
    more = stochastic.widened(data.images, state, replace(data.settings, widths=(90.0,)))
    assert more.sums.shape[1] > state.sums.shape[1]
    last, later = (plan.last_bands(one, SIDE)[0] for one in (data.settings, replace(data.settings, widths=(90.0,))))
    maps = [into.solve(into.Accumulator(32, band, sums), np.full(band + 2, 1e-3))
            for band, sums in ((last, state.sums[0]), (later, more.sums[0]))]  # fmt: skip
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-5 * np.abs(maps[0]).max())
