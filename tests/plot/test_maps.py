"""Figures of maps, FSC curves and views."""

from pathlib import Path

import numpy as np
import pytest

from spa.plot import figure, fsc, maps, surface, views
from spa.testing import is_png


def test_sections_have_a_bar_and_a_mask(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).standard_normal((24, 24, 24))
    drawn = maps.sections(volume, 3.0, "a map", np.abs(volume))
    assert len(drawn.axes) == 9
    labels = [text.get_text() for text in drawn.axes[0].texts]
    assert labels == ["20 Å"]  # the longest round length within a third of the box
    figure.save(drawn, tmp_path / "m.png")
    assert is_png(tmp_path / "m.png")


@pytest.mark.parametrize("pixel_size", [0.01, 1.0, 300.0])
def test_any_pixel_size_finds_a_bar(pixel_size: float) -> None:
    assert maps.sections(np.zeros((8, 8, 8)), pixel_size).axes


def test_curves_are_named_with_their_resolution(tmp_path: Path) -> None:
    curve = np.linspace(1, 0, 33)
    drawn = fsc.correlations({"corrected": curve, "phases randomised": curve**4}, 64, 2.0, {"corrected": 4.7}, "mask m")
    legend = drawn.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["corrected: 4.70 Å", "phases randomised"]
    figure.save(drawn, tmp_path / "f.png")
    assert is_png(tmp_path / "f.png")


def test_uniform_views_are_about_one_everywhere() -> None:
    rng = np.random.default_rng(0)
    cells = views.histogram(rng.uniform(-np.pi, np.pi, 400000), np.arccos(rng.uniform(-1, 1, 400000)))
    assert cells.mean() == pytest.approx(1) and cells.std() < 0.12


def test_a_view_falls_in_its_cell() -> None:
    cells = views.histogram(np.array([0.01 - 2 * np.pi]), np.array([0.05]))
    row, column = np.unravel_index(cells.argmax(), cells.shape)
    assert row == 0 and column == views.COLUMNS // 2
    assert np.isclose(views.smooth(cells).sum(), cells.sum(), rtol=0.5)


def test_symmetry_copies_are_views_too() -> None:
    turn = np.diag([-1.0, -1, 1])
    rot, tilt = views.copies(np.array([0.3]), np.array([1.1]), np.stack([np.eye(3), turn]))
    assert np.allclose(rot, [0.3, 0.3 - np.pi]) and np.allclose(tilt, 1.1)


def test_views_are_drawn(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    drawn = views.sphere(rng.uniform(-np.pi, np.pi, 500), np.arccos(rng.uniform(-1, 1, 500)), "p.star", np.eye(3)[None])
    figure.save(drawn, tmp_path / "v.png")
    assert is_png(tmp_path / "v.png")


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_ball_s_surface_is_nearest_and_brightest_towards_the_light(axis: int) -> None:
    x = np.arange(64) - 32.0
    ball = 20 - np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2)
    distance = surface.depth(ball, 0.0, axis)
    assert distance[32, 32] == pytest.approx(63 - 52, abs=0.1) and np.isnan(distance[2, 2])
    assert np.nanmin(distance) == distance[32, 32]
    bright = surface.shaded(distance)
    assert bright[42, 24] > bright[22, 40]  # the upper left against the lower right
    assert surface.grey(ball, 0.0, axis)[1, 1].tolist() == [1, 1, 1]
