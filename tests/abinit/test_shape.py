"""Power, centre and grid of a map; the small box stands for the large one."""

import numpy as np
import pytest
from scipy.ndimage import shift as shifted

from spa.abinit import compact, shape
from spa.image.disc import coefficients, disc
from spa.volume import insert as into
from spa.volume.shells import power
from spa.volume.slices import reference, slices
from spa.volume.symmetry import operators


def test_power_is_set_in_every_shell(lumps) -> None:
    wanted = np.linspace(3, 1, 17)
    found = power(shape.with_power(lumps(1), wanted, 9)) / 32**2
    np.testing.assert_allclose(found[1:10], wanted[1:10], rtol=1e-3)
    assert found[0] < 1e-9 and found[10:].max() < 1e-6


def test_signal_power_is_that_of_the_projections(planted, lumps) -> None:
    data = planted(lumps(2), n=1500, snr=4, shift=0)
    found = shape.signal_power(data.images, np.arange(1500), data.noise, np.ones((1500, 1)))[0]
    band = data.images.band
    cut = slices(reference(data.volume, band.radius), data.poses, band.kx, band.ky)
    true = np.bincount(band.shell, (cut**2).sum(axis=1).mean(axis=0)) / np.maximum(np.bincount(band.shell), 1)
    strong = true > 0.02 * true.max()
    np.testing.assert_allclose(found[strong][1:], true[strong][1:], rtol=0.25)


def test_a_map_off_centre_is_moved_back(planted, lumps) -> None:
    volume = shifted(lumps(1), (1, -2, 3), order=3).astype(np.float32)  # z, y, x
    there = shape.centre_of(volume, operators("C1")) - shape.centre_of(lumps(1), operators("C1"))
    np.testing.assert_allclose(there, (3, -2, 1), atol=0.2)
    data = planted(volume, n=600, snr=50, shift=0)
    sums = into.accumulator(32, 11)
    block = data.images.block(np.arange(600), 11, data.noise)
    every = into.Samples(np.arange(600), data.poses, np.zeros((600, 2)), np.ones(600))
    into.insert(sums, every, block.matched(), block.ctf**2, block.kx, block.ky)
    into.close(sums)
    shape.moved(sums, np.array([3.0, -2.0, 1.0]))
    weight = sums.shell_weight()
    back = into.solve(sums, 0.01 * weight + 1e-6)
    assert np.corrcoef(back.ravel(), lumps(1).ravel())[0, 1] > 0.95


def test_symmetry_leaves_only_what_it_leaves() -> None:
    line = np.arange(32) - 16
    z, y, x = np.meshgrid(line, line, line, indexing="ij")
    blob = np.exp(-((x - 2) ** 2 + (y - 1) ** 2 + (z - 3) ** 2) / 18)
    assert shape.centre_of(blob, operators("C1")) == pytest.approx([2, 1, 3], abs=0.05)
    assert shape.centre_of(blob, operators("C3")) == pytest.approx([0, 0, 3], abs=0.05)
    assert shape.centre_of(blob, operators("D3")) == pytest.approx([0, 0, 0], abs=0.05)


def test_compact_images_keep_the_band(planted, lumps) -> None:
    data = planted(lumps(1), n=4)
    small = compact.compact(data.images, 6)
    assert small.band.box < data.images.band.box
    assert small.band.box * small.pixel_size == pytest.approx(32 * 6.0)
    np.testing.assert_array_equal(small.planes, data.images.planes[:, :, : len(small.band)])
    some = compact.compact(data.images, 6, np.array([2, 0]))
    np.testing.assert_array_equal(some.planes, small.planes[[2, 0]])
    np.testing.assert_array_equal(some.chi, small.chi[[2, 0]])
    assert compact.compact(data.images, data.images.band.radius).planes is data.images.planes
    np.testing.assert_array_equal(small.band.kx, data.images.band.kx[: len(small.band)])
    np.testing.assert_allclose(small.ctf(np.arange(4), 20), data.images.ctf(np.arange(4), 20), atol=1e-6)


def test_an_enlarged_map_has_the_same_projections(lumps) -> None:
    small = compact.faded(lumps(1), 12)
    large = compact.rescaled(small, 48)
    poses = np.eye(3)[None]
    band = disc(32, 8)
    a, b = (slices(reference(one, 8), poses, band.kx, band.ky) for one in (small, large))
    np.testing.assert_allclose(b, a, atol=0.01 * np.abs(a).max())
    image = large.sum(axis=0)
    found = coefficients(image[None], disc(48, 8))
    np.testing.assert_allclose(found, a, atol=0.05 * np.abs(a).max())


def test_what_is_most_probable_fades_where_little_is_known() -> None:
    """A shell of as much weight as its prior gets half of what its sums say; sums of fewer images ask for less."""
    power = np.array([0.0, 4.0, 1.0, 0.25])
    prior = shape.prior(power, 1.0, 6)
    assert np.allclose(prior * np.array([4.0, 4.0, 1.0, 0.25, 0.25, 0.25]), 1 / 8)
    assert np.allclose(shape.prior(power, 0.5, 6), prior / 2)


def test_shells_beyond_the_band_are_left_out(lumps) -> None:
    volume = lumps(1)
    found, whole = power(shape.banded(volume, 5)), power(volume)
    np.testing.assert_allclose(found[1:6], whole[1:6], rtol=1e-3)
    assert found[0] < 1e-6 * whole[0] and found[6:].max() < 1e-6 * whole[1]
