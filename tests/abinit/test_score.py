"""What speaks for an image: the map of the half that it is not in."""

from dataclasses import replace

import numpy as np

from spa.abinit import score, stochastic
from spa.abinit.plan import plan

BANDS = (7,)


def shown(data, maps: np.ndarray) -> np.ndarray:
    side = stochastic.side_of(data.images)
    scale = score.scale(data.settings, side, BANDS)
    number = np.zeros(len(data.images), int)
    return score.shown(data.images, maps[None], number, data.noise, data.settings, scale, BANDS)


def test_noise_gains_nothing_by_maps_that_it_has_made_itself(planted, lumps) -> None:
    """Each half's map is made of its own images; held against that, they would be likelier than nothing is."""
    data = planted(lumps(1), n=120, snr=1e-6)
    side, own = stochastic.side_of(data.images), []
    for half in (0, 1):
        settings = replace(data.settings, steps=6, batch=60)
        start = stochastic.first_state(data.images, data.noise, settings, half)
        rows = np.flatnonzero(data.images.half == half)
        todo = plan(settings, side)
        *_, state = stochastic.steps(data.images, start, data.noise, settings, half, rows, todo)
        own.append(state.maps[0])
    maps = np.stack(own)
    assert shown(data, maps).mean() < 0.0 < shown(data, maps[::-1]).mean()


def test_a_particle_is_likelier_than_nothing(planted, lumps) -> None:
    data = planted(lumps(1), n=60)
    assert shown(data, np.stack([data.volume, data.volume])).min() > 5


def test_a_faint_map_promises_little(planted, lumps) -> None:
    """What noise does not show costs evidence in a map of full power, and next to none in one that is as faint."""
    data, volume = planted(lumps(1), n=60, snr=1e-6), planted(lumps(1), n=4, snr=1.0).volume
    scale = score.scale(data.settings, stochastic.side_of(data.images), BANDS)
    maps = np.stack([volume, 0.1 * volume])
    full, faint = score.logs(data.images, maps, data.noise, data.settings, np.arange(60), scale, BANDS * 2)[0].T
    assert full.mean() < -1 and abs(faint.mean()) < 0.2


def test_a_start_is_hopeless_where_twice_its_last_gains_do_not_reach_the_leader() -> None:
    behind = [4.0, 4.5, 4.6, 4.7, 4.8]
    assert score.hopeless(behind, 4, 6.0) and not score.hopeless(behind, 8, 6.0)  # a tenth a step
    assert not score.hopeless(behind, 0, 4.7) and not score.hopeless(behind, 4, -np.inf)
    assert not score.hopeless(behind[: score.LAST], 4, 100.0)  # too early to tell
