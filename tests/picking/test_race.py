"""Shapes run on one micrograph after another."""

from types import SimpleNamespace

import numpy as np
import pytest

from spa.picking import race as module
from spa.picking.field import Scope, prepared
from spa.picking.matched import evidence
from spa.picking.race import Runner, race
from spa.picking.shapes import family, make

PIXEL, ROOM = 5.0, 90.0
SCOPE = Scope(90, 150, 20)


@pytest.fixture(scope="module")
def jury(scene):
    """Fields of solid balls, 115 A."""
    rng = np.random.default_rng(4)
    places = [scene.centres(rng, 30, (240, 260), 34, 22) for _ in range(3)]
    return [
        prepared(scene.micrograph(scene.density((240, 260), truth, 11.5), rng, 0.2, PIXEL), PIXEL, SCOPE)
        for truth in places
    ]


def test_whoever_runs_to_the_end_has_all_the_evidence_and_the_best_is_the_best_of_all(jury):
    shapes = list(family(("ball", "shell"), 90, 150, 20))
    found = race(shapes, jury, ROOM, map)
    whole = {one.label: sum(evidence(field, one, ROOM) for field in jury) for one in shapes}
    assert found[0].shape.label == max(whole, key=whole.get) and len(found) == len(shapes)
    ran = [one for one in found if len(one.gains) == len(jury)]
    assert [one.after(3) for one in ran] == pytest.approx([whole[one.shape.label] for one in ran])
    assert len(ran) < len(shapes) and {one.shape.name for one in ran} == {"ball", "shell"}  # the best of each kind did


def test_who_is_far_behind_a_rival_stops_after_the_first(jury):
    (rival,) = race([make("ball", 115, 20)], jury, ROOM, map)
    (thin,) = race([make("ellipse", 90, 20, ratio=2.0)], jury, ROOM, map, rival)
    assert len(thin.gains) == 1 and thin.after(3) == pytest.approx(3 * thin.gains[0])
    (alone,) = race([make("ellipse", 90, 20, ratio=2.0)], jury, ROOM, map)
    assert len(alone.gains) == 3


@pytest.mark.parametrize("gains", [[(-1, -9, -9), (-2, 5, 5)], [(9, -9, -9), (4, 1, 1)], [(0, 0, 0), (0, 0, 0)]])
def test_someone_always_ends(monkeypatch, gains):
    """Also where nothing is found, or the first falls behind what has stopped."""
    shapes = [make("ball", size, 20) for size in (90, 115)]
    fields = [SimpleNamespace(number=number, passed=0, white_ft=0) for number in range(3)]
    monkeypatch.setattr(module, "evidence", lambda field, shape, room: gains[shapes.index(shape)][field.number])
    found = race(shapes, fields, ROOM, map)
    assert found[0].gains == gains[0]


def test_what_was_not_run_is_as_what_was():
    one = Runner(make("ball", 100, 20), (4.0, 8.0))
    assert [one.after(count) for count in (0, 1, 2, 4)] == [0, 4, 12, 24]
