"""Curves in cones, drawn."""

import numpy as np
import pytest

from spa.plot.orientation import overview

pytest.importorskip("matplotlib")


def test_curves_of_cones_stand_over_resolution() -> None:
    points = np.eye(3)
    curves = np.tile(np.linspace(1, 0, 33), (3, 1))
    figure = overview(points, curves, {"resolution (Å)": np.ones(3)}, None, "", 128.0)
    axis = figure.axes[0]
    assert axis.get_xlabel() == "resolution (Å)" and axis.get_xlim()[1] == pytest.approx(32 / 128)
    said = [float(one.get_text()) for one in axis.get_xticklabels()]
    assert [1 / place for place in axis.get_xticks()] == pytest.approx(said)
