"""Bands and windows of local resolution."""

import numpy as np

from spa.volume.bands import averaged, bank, extent, let_through, windows

BANK = bank(96, 1.5, 18.0, 0.0)


def test_nothing_is_too_small_for_a_processor_to_work_on_at_speed() -> None:
    least = 1e-12  # three of them are far above 1e-38
    for band in range(len(BANK.resolutions)):
        for weight in (let_through(BANK, band), windows(32, BANK, BANK.window[band])):
            assert weight.max() > 0.01 and weight[weight > 0].min() > least


def test_a_cut_out_part_is_averaged_as_the_whole() -> None:
    volume = np.zeros((40,) * 3, np.float32)
    volume[3:20, 9:12, 30:40] = np.random.default_rng(0).standard_normal((17, 3, 10))
    part = extent(volume)
    assert part == (slice(3, 20), slice(9, 12), slice(30, 40))
    line = windows(40, BANK, 9.0)
    whole = averaged(volume, line)
    assert np.allclose(averaged(volume[part], line, part), whole, atol=1e-7)
    assert np.allclose(averaged(volume, line, part), whole, atol=1e-7)
