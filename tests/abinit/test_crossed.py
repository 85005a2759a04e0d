"""Sweeps over parts of the images: no image is weighed by a map that holds it, and kinds come apart."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from spa.abinit import crossed, plan, score, stochastic
from spa.refine.problem import Workers

SIDE = 192.0


def swept(data, settings, state: stochastic.State, map_=map) -> stochastic.State:
    todo = plan.sweep(settings, SIDE, plan.finest(settings, SIDE, plan.last_bands(settings, SIDE)))
    rows = np.arange(len(data.images))
    *_, last = crossed.swept(data.images, state, data.noise, settings, 1, rows, todo, 8, Workers(map_))
    return last


def test_a_map_says_more_to_images_that_it_holds(planted, lumps) -> None:
    """What is told is the evidence of images that are in none of the maps; of noise it is none."""
    bands = plan.last_bands(planted(lumps(1), n=4).settings, SIDE)
    for snr in (0.3, 1e-6):
        data = planted(lumps(1), n=120, snr=snr)
        found = swept(data, data.settings, stochastic.first_state(data.images, data.noise, data.settings, 1))
        own = score.evidence(data.images, found.maps, found.sizes, data.noise, data.settings, np.arange(120),
                             score.scale(data.settings, SIDE, bands), bands)[0]  # fmt: skip
        assert own > found.evidence + 0.1 if snr > 0.1 else abs(found.evidence) < 0.05


@pytest.fixture(scope="module")
def mixed(planted, lumps):
    """Two particles, 150 images of each."""
    a, b = planted(lumps(1), n=150, snr=0.7), planted(lumps(9), n=150, snr=0.7, seed=8)
    both = {
        name: np.concatenate([getattr(one.images, name) for one in (a, b)])
        for name in ("planes", "chi", "bfactor", "group", "half")
    }
    return replace(a, images=replace(a.images, **both))


def test_kinds_come_apart_and_threads_change_no_bit(mixed) -> None:
    settings = replace(mixed.settings, classes=2, batch=100, steps=30)
    start = stochastic.first_state(mixed.images, mixed.noise, settings, 4)
    todo, rows = plan.quench(settings, SIDE), np.arange(300)
    *_, state = stochastic.steps(mixed.images, start, mixed.noise, settings, 4, rows, todo)
    found = swept(mixed, settings, state)
    bands = plan.last_bands(settings, SIDE)
    maps = found.maps * stochastic.solvents(mixed.images, settings)
    logs, _ = score.logs(mixed.images, maps, mixed.noise, settings, rows, score.scale(settings, SIDE, bands), bands)
    right = (logs.argmax(axis=1) == np.repeat([0, 1], 150)).mean()
    assert max(right, 1 - right) > 0.9
    with ThreadPoolExecutor(3) as pool:
        np.testing.assert_array_equal(swept(mixed, settings, state, pool.map).maps, found.maps)
