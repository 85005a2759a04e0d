"""Class averages side by side."""

from pathlib import Path

import numpy as np

from spa.plot.figure import save
from spa.plot.montage import montage


def test_a_montage_has_a_panel_for_every_average(tmp_path: Path) -> None:
    figure = montage(np.random.default_rng(0).normal(size=(13, 16, 16)), [str(i) for i in range(13)])
    assert sum(bool(axis.images) for axis in figure.axes) == 13
    save(figure, tmp_path / "m.png")
    assert (tmp_path / "m.png").stat().st_size > 1000


def test_kept_and_dropped_look_different_and_blank_averages_are_drawn() -> None:
    figure = montage(np.zeros((2, 8, 8)), ["1", "2"], np.array([True, False]))
    colours = [axis.spines["left"].get_edgecolor() for axis in figure.axes]
    assert colours[0] != colours[1]
