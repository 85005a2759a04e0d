"""On a device shapes score as on the host."""

from functools import partial

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.picking import matched, matched_cuda, shapes
from spa.picking.field import Contrast, prepared
from tests.picking.test_correlate import ASTIGMATIC, PIXEL, SCOPE


@pytest.mark.parametrize("name, ratio, hollow", [
    ("ball", 1.0, 0.0), ("shell", 1.0, 0.7), ("ellipse", 1.5, 0.0), ("log", 1.0, 0.0),
])  # fmt: skip
@pytest.mark.parametrize("contrast", [None, ASTIGMATIC])
def test_twins(device: Device, contrast: Contrast | None, name: str, ratio: float, hollow: float) -> None:
    image = np.random.default_rng(4).normal(0, 1, (150, 170)).astype(np.float32)
    field = prepared(image, PIXEL, SCOPE, contrast)
    shape = shapes.make(name, SCOPE.largest, SCOPE.lowpass, hollow, ratio)
    wanted, found = matched.compared(field, shape, True), matched_cuda.compared(device, field, shape, True)
    assert found.inside is not None and wanted.inside is not None
    assert found.ground.level == pytest.approx(wanted.ground.level, abs=0.01)
    assert found.ground.spread == pytest.approx(wanted.ground.spread, rel=2e-3)
    for a, b in ((found.best, wanted.best), (found.worst, wanted.worst), (found.inside, wanted.inside)):
        np.testing.assert_allclose(a, b, atol=2e-3 * np.abs(b).max())
    scores = matched.score_map(field, shape)
    field.compare = partial(matched_cuda.compared, device)
    np.testing.assert_allclose(matched.score_map(field, shape), scores, atol=5e-3)
    assert field.middle(60).compare is field.compare
    assert matched_cuda.compared(device, field, shape, False).inside is None
