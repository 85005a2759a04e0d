"""On a device particles are cut, cropped and normalised as on the host."""

from dataclasses import replace

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.image import extraction_cuda
from spa.image.extraction import Extraction

CENTRES = np.array([(40, 40), (61, 35), (0, 0), (89, 70), (-50, 20), (45, 3)])  # inside, over edges, and wholly outside


@pytest.fixture(scope="module")
def micrograph() -> np.ndarray:
    y, x = np.mgrid[:80, :90]
    return (500 + 0.3 * x - 0.2 * y + np.random.default_rng(0).normal(0, 4, (80, 90))).astype(np.float32)


@pytest.mark.parametrize("changes", [
    {}, {"crop": 20}, {"ramp": False}, {"normalise": False}, {"normalise": False, "invert": False, "crop": 16},
    {"background": 0.5, "invert": False}, {"crop": 20, "step": 1.54},
])  # fmt: skip
def test_twins(device: Device, micrograph: np.ndarray, changes: dict) -> None:
    how = replace(Extraction(32, 32, pad=True), **changes)
    wanted = how.images(micrograph, CENTRES)
    found = extraction_cuda.images(how, device.array(micrograph), CENTRES)
    assert found.shape == wanted.shape and found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=2e-3 if how.normalise else 2e-4 * 500)


def test_a_flat_background_gives_zeros(device: Device) -> None:
    flat = np.full((64, 64), 7, np.float32)
    found = extraction_cuda.images(Extraction(32, 32), device.array(flat), np.array([(32, 32)]))
    assert not found.any()
