"""On a device a batch from nothing gives the averages, the evidence and the maps that it gives on the host."""

from dataclasses import replace

import numpy as np
import pytest

from spa.abinit import batch, plan, sharpen, shifted, soft, stochastic
from spa.gpu.device import Device
from spa.image import amx
from spa.refine.engine_cuda import Cuda
from spa.refine.problem import ALONE, Workers
from spa.search import exhaustive_cuda, orientations
from spa.search.orientations import angles_between


@pytest.fixture(scope="module")
def data(planted, lumps):
    made = planted(lumps(1), n=120)
    return replace(made, images=replace(made.images, planes=made.images.planes.copy()))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's definition in float32, whatever unit its processor has, with a turn for every shift."""
    monkeypatch.setattr(amx, "there", lambda: False)
    monkeypatch.setattr(shifted, "ERROR", 1e-5)


def near(found: np.ndarray, wanted: np.ndarray, part: float = 1e-3) -> None:
    assert np.abs(found - wanted).max() < part * np.abs(wanted).max()


@pytest.mark.parametrize("tile", [1, 2**28])
@pytest.mark.parametrize("temper", [soft.Temper(), soft.Temper(0.4, 0.5)])
def test_twins(data, device: Device, tile: int, temper: soft.Temper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two classes with bands of their own, one image a tile or all; weights and averages are the host's."""
    monkeypatch.setattr(exhaustive_cuda, "TILE", tile)
    rows, maps = np.arange(3, 40), np.stack([data.volume, data.volume[::-1]])
    poses = orientations.grid(0.6, data.settings.operators, np.random.default_rng(0))
    grid = batch.Grid(poses, (6, 4), tuple(orientations.shift_grid(step, 2.0) for step in (1.0, 1.3)), 1.5)
    given, hands = (data.images, rows, maps, data.noise, grid), Workers(engine=Cuda(device))
    found, wanted = batch.averages(*given, temper, hands), batch.averages(*given, temper, ALONE)
    for name in ("evidence", "share", "peak"):
        near(getattr(found, name), getattr(wanted, name))
    for one, other in zip(found.values + found.weights, wanted.values + wanted.weights, strict=True):
        near(one, other)
    assert np.ptp(wanted.evidence) > 1
    for one, other in zip(batch.evidence(*given, hands), batch.evidence(*given, ALONE)):
        near(one, other)


def test_batches_and_rounds(data, device: Device) -> None:
    """A few mini-batches from one seed, and a round of sharpening after them."""
    settings = replace(data.settings, batch=60)
    todo, rows = plan.plan(settings, 192.0)[:2], np.arange(len(data.images))
    ends, rounds = [], []
    for hands in (ALONE, Workers(engine=Cuda(device))):
        state = stochastic.first_state(data.images, data.noise, settings, 2)
        *_, state = stochastic.steps(data.images, state, data.noise, settings, 2, rows, todo, hands)
        ends.append(state)
        known = data.volume[None].astype(np.float32)
        start = sharpen.first_state(data.images, known, np.ones(1), 7, data.noise)
        rounds.append(sharpen.iterated(data.images, replace(start, last=True), settings, 1, hands))
    near(ends[1].maps, ends[0].maps, 0.02)
    assert ends[1].evidence == pytest.approx(ends[0].evidence, rel=1e-3)
    wanted, found = (one.found for one in rounds)
    turn = angles_between(wanted.poses, found.poses)
    assert np.median(turn) < np.deg2rad(0.1) and (turn < np.deg2rad(1)).mean() > 0.95
