"""On a device templates score as on the host, in one tile or many, some templates at a time or all."""

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.picking import correlate, correlate_cuda
from spa.picking.field import Contrast, prepared
from tests.picking.test_correlate import ASTIGMATIC, PIXEL, SCOPE, blobs, ready


@pytest.mark.parametrize("tile", [2**18, 2**28])
@pytest.mark.parametrize("contrast", [None, ASTIGMATIC])
def test_twins(device: Device, tile: int, contrast: Contrast | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlate_cuda, "TILE", tile)
    side = 64 if tile < 2**20 else 256  # what filters lose at a tile's edges depends on its size
    monkeypatch.setattr(correlate_cuda, "SIDES", (side,))
    monkeypatch.setattr(correlate, "_TILE", side)
    image = np.random.default_rng(4).normal(0, 1, (300, 320)).astype(np.float32)
    image[100:140, 60:100] -= 3 * blobs(0.7)
    field = prepared(image, PIXEL, SCOPE, contrast)
    made = ready(field, 12)
    wanted, found = correlate.scored(field, made), correlate_cuda.scored(device, field, made)
    assert np.allclose(found.best, wanted.best, atol=1e-3) and np.allclose(found.worst, wanted.worst, atol=1e-3)
    assert (found.which == wanted.which).mean() > 0.999  # where two angles are as good, rounding chooses
