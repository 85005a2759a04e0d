"""The montage of fits: a picture and curves for each micrograph."""

from dataclasses import replace

import numpy as np
import pytest

from spa.plot.ctf import Panel, montage

pytest.importorskip("matplotlib")


def panel(certain: bool = True, resolution: float = 4.0) -> Panel:
    k = np.linspace(0.02, 0.25, 200)
    model = np.sin(900 * k**2) ** 2
    return Panel("a name", np.zeros((64, 64)), k, model - 0.5, model, np.ones(200), resolution, certain)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_every_micrograph_has_a_picture_and_curves(count):
    axes = montage([panel()] * count).axes
    assert sum(bool(axis.images) for axis in axes) == count
    assert sum(bool(axis.lines) for axis in axes) == count


def test_a_micrograph_without_rings_says_so():
    titles = [axis.get_title() for axis in montage([panel(), panel(certain=False, resolution=30)]).axes]
    assert sum("no rings" in title for title in titles) == 1


def test_the_resolution_is_marked():
    (curves,) = [axis for axis in montage([panel(resolution=5.0)]).axes if axis.lines]
    marks = [line.get_xdata()[0] for line in curves.lines if line.get_label() == "resolution"]
    assert marks == [pytest.approx(0.2)]


def test_a_surface_that_is_not_level_is_drawn_in_the_corner():
    slope = np.linspace(-80, 80, 20)[None] * np.ones((16, 1))
    drawn = montage([panel(), replace(panel(), surface=slope)])
    insets = [child for axis in drawn.axes for child in axis.child_axes]
    assert len(insets) == 1 and "-80 to +80" in insets[0].get_xlabel()
    assert insets[0].images[0].get_array().shape == slope.shape
