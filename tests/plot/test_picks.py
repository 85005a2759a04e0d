"""Figures of picks."""

import numpy as np

from spa.plot.picks import Panel, masked_micrographs, over_micrographs, score_and_power


def test_a_panel_for_each_micrograph_and_one_for_the_scores():
    image = np.random.default_rng(0).normal(0, 1, (40, 50))
    panels = [Panel(f"m{n}", image, np.array([[10.0, 20.0]] * n).reshape(-1, 2), 5.0) for n in range(4)]
    figure = over_micrographs(panels, np.arange(6.0), "log-odds")
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:5] == ["m0: 0", "m1: 1", "m2: 2", "m3: 3", "6 picks in all"]


def test_the_circles_lie_on_the_picks():
    panel = Panel("m", np.zeros((40, 50)), np.array([[10.0, 20.0]]), 5.0)
    circles = over_micrographs([panel], np.ones(1), "sd").axes[0].collections[0]
    assert circles.get_offsets().tolist() == [[10, 20]]


def test_picks_on_the_edge_do_not_widen_the_frame():
    panel = Panel("m", np.zeros((40, 50)), np.array([[49.8, 39.8], [0.0, 0.0]]), 5.0)
    axis = over_micrographs([panel], np.ones(2), "sd").axes[0]
    axis.figure.canvas.draw()
    assert (axis.get_xlim(), axis.get_ylim()) == ((-0.5, 49.5), (39.5, -0.5))


def test_limits_are_drawn():
    score, power = np.array([1.0, 5, 6]), np.array([1.0, 1.2, 9])
    kept = np.array([False, True, False])
    figure = score_and_power(score, power, kept, {"min_score": 2.0, "min_power": None, "max_power": 3.0})
    assert "1 of 3 kept" in figure.axes[0].get_title()
    assert len(figure.axes[0].lines) == 1 and len(figure.axes[1].lines) == 2
    assert not score_and_power(score, None, kept, {}).axes[1].axison


def test_masks_lie_over_their_micrographs_whatever_their_size():
    mask = np.zeros((20, 25), bool)
    mask[:10] = True
    figure = masked_micrographs([("m: 50 % junk", np.zeros((40, 50)), mask)], np.array([0.5]), np.array([0.2]))
    picture, over = figure.axes[0].images
    assert over.get_extent() == picture.get_extent()
    assert (~np.ma.getmaskarray(over.get_array())).sum() == mask.sum()
    assert figure.axes[1].collections[0].get_offsets().tolist() == [[0.2, 50]]
