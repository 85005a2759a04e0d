"""On a device the E-step finds what it finds on the host: cells, posteriors, sums, noise; whole iterations too."""

from functools import partial

import numpy as np
import pytest

from spa.class2d import expect_cuda, loop
from spa.class2d.expect import Expectation, Step
from spa.class2d.plane import Plane, resampled
from spa.class2d.sampling import levels
from spa.class2d.schedule import Settings
from spa.gpu.device import Device
from spa.refine.engine_cuda import Cuda

from .conftest import BOX, DIAMETER, PIXEL, Planted


def both(planted: Planted, device: Device, radius: int, window: float) -> tuple[Step, Step]:
    plane = Plane(BOX, radius)
    grids = plane.grids(resampled(planted.shapes, plane.small))
    grid = levels(BOX, DIAMETER / PIXEL, radius, 5.0, 0.5)
    given = plane, planted.images, grid, np.log([0.5, 0.3, 0.2]), planted.noise, 3.0, 5.0, window
    return Expectation(*given).against(grids), expect_cuda.Expectation(Cuda(device), *given).against(grids)


@pytest.mark.parametrize("radius", [10, 20])  # one level, and several
@pytest.mark.parametrize("window, tile", [(np.inf, 2**28), (3.0, 2**19)])
def test_twins(planted: Planted, device: Device, radius: int, window: float, tile: int, monkeypatch) -> None:
    """All shifts, or those about the last where an image was seen before; a tile of few images, or of all."""
    monkeypatch.setattr(expect_cuda, "TILE", tile)
    rows, seen = np.arange(5, 45), np.arange(len(planted.images)) % 4 > 0
    host, twin = both(planted, device, radius, window)
    wanted, found = (one(rows, planted.shift.astype(np.float32), seen) for one in (host, twin))
    assert np.array_equal(found.cls, wanted.cls)
    assert np.allclose(found.psi, wanted.psi) and np.allclose(found.shift, wanted.shift)
    for name, close in (("occupancy", 2e-3), ("best", 5e-3), ("shift2", 0.05), ("gain", 0.05)):
        assert np.allclose(getattr(found, name), getattr(wanted, name), atol=close), name
    plane = Plane(BOX, radius)  # on the line kx = 0 rounding says on which side a coefficient falls
    for one, other in zip(*(np.moveaxis(plane.folded(sums.sums), -1, 0) for sums in (found, wanted))):
        assert np.abs(other).max() > 0 and np.abs(one - other).max() < 5e-3 * np.abs(other).max()
    assert np.allclose(found.counted, wanted.counted)
    assert np.allclose(found.residual, wanted.residual, rtol=1e-3) and (wanted.residual.max() > 0) == (radius == 20)


def test_iterations(planted: Planted, device: Device) -> None:
    settings = Settings(3, DIAMETER / PIXEL, 4.0, 8, 14, 4, 1, 240, 0)
    ends = []
    for expectation in (Expectation, partial(expect_cuda.Expectation, Cuda(device))):
        state = loop.start(planted.images, settings, planted.noise)
        for _ in range(2):
            state = loop.step(planted.images, settings, state, map, expectation)
        ends.append(state)
    wanted, found = ends
    assert (found.cls == wanted.cls).mean() > 0.97 and np.allclose(found.prior, wanted.prior, atol=0.02)
    assert np.corrcoef(found.sums.ravel(), wanted.sums.ravel())[0, 1] > 0.99
