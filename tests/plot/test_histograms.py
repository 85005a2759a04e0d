"""Histograms with limits."""

import numpy as np
import pytest

from spa.plot.histograms import histograms

pytest.importorskip("matplotlib")


def test_each_quantity_has_its_histogram_and_its_limits():
    figure = histograms({"a": np.arange(20.0), "b": np.arange(5.0)}, {"a": [3.0, 15.0]})
    drawn = {axis.get_title(): axis for axis in figure.axes if axis.patches}
    assert set(drawn) == {"a", "b"}
    assert [line.get_xdata()[0] for line in drawn["a"].lines] == [3.0, 15.0]
    assert sum(patch.get_height() for patch in drawn["a"].patches) == 20


def test_what_is_not_a_number_is_counted():
    (axis,) = [axis for axis in histograms({"a": np.array([1.0, np.nan, 3.0])}, {}).axes if axis.patches]
    assert axis.get_title() == "a (1 missing)"


def test_axes_say_what_is_counted_and_counts_are_whole():
    (axis,) = [axis for axis in histograms({"a": np.arange(3.0)}, {}, {"a": "Tilt (°)"}).axes if axis.patches]
    assert axis.get_xlabel() == "Tilt (°)" and all(float(tick).is_integer() for tick in axis.get_yticks())
