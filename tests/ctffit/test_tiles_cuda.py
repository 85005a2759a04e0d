"""On a device tiles have the spectra, the means and the sums over bins that they have on the host; fits follow."""

from functools import partial

import numpy as np
import pytest

from spa.ctffit import local, tiles, tiles_cuda
from spa.ctffit.fit import fit_ctf
from spa.ctffit.search import Bounds
from spa.errors import DataError
from spa.gpu.device import Device
from spa.image.ctf import Lens


@pytest.mark.parametrize("pixel_size", [1.6, 0.9])
def test_twins(device: Device, pixel_size: float) -> None:
    image = np.random.default_rng(0).normal(100, 5, (300, 210)).astype(np.float32)
    image[:20, :20] += 1e4  # levels are held
    wanted, found = tiles.tile_spectra(image, pixel_size, 64), tiles_cuda.tile_spectra(device, image, pixel_size, 64)
    np.testing.assert_allclose(found.power.get(), wanted.power, rtol=1e-3, atol=1e-4)
    assert found.box == wanted.box and found.pixel_size == wanted.pixel_size and found.side == wanted.side
    np.testing.assert_array_equal(found.centre, wanted.centre)
    np.testing.assert_allclose(found.mean().power, wanted.mean().power, rtol=1e-3)
    a, b = local.polar_tiles(found), local.polar_tiles(wanted)
    np.testing.assert_allclose(a.values, b.values, atol=5e-3)


def test_tiles_without_contrast_are_left_out(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(1).normal(0, 1, (128, 256)).astype(np.float32)
    image[:, :128] = 0
    monkeypatch.setattr(tiles_cuda, "SHARE", 10**9)  # one at a time
    wanted, found = tiles.tile_spectra(image, 2.0, 64), tiles_cuda.tile_spectra(device, image, 2.0, 64)
    np.testing.assert_array_equal(found.centre, wanted.centre)
    assert len(found.power) < len(tiles.cutting(image, 2.0, 64).corners)
    np.testing.assert_allclose(found.power.get(), wanted.power, rtol=1e-3, atol=1e-4)
    with pytest.raises(DataError):
        tiles_cuda.tile_spectra(device, np.zeros((128, 128), np.float32), 2.0, 64)


def test_a_fit_is_the_same(device: Device, micrograph) -> None:
    image, lens = micrograph(18000, 17400, 0.5, size=512, signal=1.0), Lens(300.0, 2.7, 0.1)
    fits = [fit_ctf(image, 1.4, lens, Bounds(), 256, tiled=tiled) for tiled in
            (tiles.tile_spectra, partial(tiles_cuda.tile_spectra, device))]  # fmt: skip
    assert fits[1].defocus.mean == pytest.approx(fits[0].defocus.mean, abs=5)
    assert fits[1].evidence == pytest.approx(fits[0].evidence, rel=0.02)
