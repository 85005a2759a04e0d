"""On a device classes at fixed poses are what they are on the host: consensus, residuals, likelihoods, sums, maps."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from spa.class3d import consensus, loop
from spa.class3d.consensus import Posed
from spa.gpu.device import Device
from spa.refine.engine_cuda import Cuda
from spa.refine.problem import Workers
from spa.volume.masks import soft_sphere
from spa.volume.symmetry import operators
from tests.class3d.test_class3d import BOX, HANDS, N, alike, planted, problem_of

ROOMS = {"float32": 2**31, "float16": 9 * N * 360, "streamed": 2 * N * 360}
ROWS = np.r_[5:60:3, 60:200]


def odd(group: str = "C1") -> tuple[Posed, np.ndarray]:
    """Images of two maps with all that an image may have, in two groups of their own noise, over a point group."""
    posed, _, _ = planted(0.5)
    rng, band = np.random.default_rng(1), posed.images.band
    images = replace(
        posed.images, planes=posed.images.planes.copy(), group=np.arange(N) % 2,
        bfactor=np.where(np.arange(N) % 3, 0.0, 80.0), even=rng.normal(0, 0.1, (2, len(band))).astype(np.float32),
        bend=np.array([[[1.01, 0.002], [0.002, 0.99]], [[1.0, 0.0], [0.0, 1.0]]]),
    )  # fmt: skip
    return replace(posed, images=images, operators=operators(group)), rng.uniform(0.8, 1.2, (2, band.radius + 1))


def left(group: str, hands: Workers) -> tuple[consensus.Consensus, consensus.Differences]:
    posed, noise = odd(group)
    sphere = soft_sphere(BOX, 11, 3)
    whole = consensus.consensus(posed, noise, sphere, hands)
    return whole, consensus.residuals(posed, whole.volume * sphere, noise, hands)[0]


def near(found: np.ndarray, wanted: np.ndarray, part: float) -> None:
    assert np.abs(found - wanted).max() < part * np.abs(wanted).max()


@pytest.mark.parametrize("kept", list(ROOMS))
@pytest.mark.parametrize("group, maps", [("C1", 6), ("C2", 1)])
def test_twins(device: Device, kept: str, group: str, maps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the images lie there, and in however many passes the sums are made."""
    monkeypatch.setattr(device, "free", lambda: ROOMS[kept])
    rng, tolerance = np.random.default_rng(2), 2e-3 if kept == "float16" else 2e-4
    (plain, wanted), (whole, found) = left(group, HANDS), left(group, Workers(engine=Cuda(device)))
    assert found.held.kept_as == kept  # type: ignore[attr-defined]
    near(whole.volume, plain.volume, tolerance)
    near(found.scale, wanted.scale, tolerance)
    near(found.noise, wanted.noise, tolerance)
    given = gaussian_filter(rng.standard_normal((maps, BOX, BOX, BOX)), (0, 2, 2, 2)).astype(np.float32)
    for one, other in zip(found.moments(ROWS, given, 12, HANDS), wanted.moments(ROWS, given, 12, HANDS)):
        near(one, other, 5 * tolerance)
    values, powers = rng.standard_normal((len(ROWS), maps)), rng.uniform(0.1, 1, (len(ROWS), maps))
    powers[::3] = 0
    sums = (one.sums(ROWS, values, powers, 12, HANDS) for one in (found, wanted))
    for one, other in zip(*sums):
        assert one.kernels == other.kernels and one.grid[..., 2].max() > 0
        for part in range(3):
            near(one.grid[..., part], other.grid[..., part], 5 * tolerance)


def test_classes_are_found(device: Device) -> None:
    posed, number, noise = planted(0.5)
    hands = Workers(engine=Cuda(device))
    problem: Any = problem_of(posed, noise, hands, iterations=3)
    state = loop.settled(problem, hands)
    assert alike(state.number, number) > 0.85
