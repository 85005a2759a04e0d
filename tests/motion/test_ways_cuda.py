"""On a device a movie is corrected, aligned and summed as on the host."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.gpu.device import Device
from spa.motion import align, bad, bad_cuda, dose, field, frames, frames_cuda, patches, power, sums, ways_cuda, whole
from spa.motion.sums import Wanted
from spa.motion.ways import HOST
from tests.motion.conftest import DOSE, EXPOSURE, FRAMES, PIXEL, Known, points

KINDS = (np.uint8, np.int8, np.uint16, np.int16, np.float32)


@pytest.fixture(scope="module")
def camera() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames (4, 67, 90) with hot and dead pixels, a gain, and the bad ones that are known."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(20, (4, 67, 90))
    counts[:, 5, 7] = counts[:, 66, 89] = 110
    counts[:, 30, 31] = 0
    gain = rng.uniform(0.8, 1.2, (67, 90)).astype(np.float32)
    known = np.zeros((67, 90), bool)
    known[40:50, 20:33] = known[0, 0] = True
    return counts, gain, known


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gained", [False, True])
def test_frames_are_corrected(device: Device, camera, kind: type, gained: bool) -> None:
    counts, gain, known = camera
    raw, filling = counts.astype(kind), bad.Filling(known)
    d_gain, places = device.array(gain) if gained else None, device.array(filling.places, np.int32)
    total = device.zeros(67, 90)
    for number, frame in enumerate(raw):
        frames_cuda.added(device.array(frame), total)
        found = frames_cuda.corrected(device.array(frame), d_gain, filling, places, number).get()
        wanted = np.empty((67, 90), np.float32)
        filling.corrected(frame, gain if gained else None, number, wanted)
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(total.get(), raw.sum(0, dtype=np.float32))
    d_found = bad_cuda.outliers(total, d_gain, known)
    summed = raw.sum(0, dtype=np.float32)
    np.testing.assert_array_equal(d_found, bad.outliers(summed * gain if gained else summed, known))
    assert d_found.sum() >= 3


def test_a_flat_image_is_refused_even_with_a_spot(device: Device) -> None:
    image = np.ones((30, 40), np.float32)
    for value in (1, 200):
        image[3, 4] = value
        with pytest.raises(DataError, match="over 99%"):
            bad_cuda.outliers(device.array(image), None, np.zeros((30, 40), bool))


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_frames_are_made_small(device: Device, factor: int) -> None:
    images = np.random.default_rng(1).normal(50, 7, (3, 61, 92)).astype(np.float32)
    wanted = frames.reduced(iter(images), 3, factor).astype(int)
    found = frames_cuda.reduced(map(device.array, images), 3, factor).get()
    assert found.dtype == np.int8 and found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1 and (found == wanted).mean() > 0.999


def test_whole_frames(device: Device, bent: Known) -> None:
    there = device.array(bent.small)
    parts = np.array_split(np.arange(FRAMES), 5)
    np.testing.assert_array_equal(frames_cuda.shrunk(there, parts, 3), whole.sums_of(bent.small, parts, 3))
    ways = ways_cuda.on(device)
    wanted, _ = whole.shifts(bent.small, PIXEL, DOSE)
    found, _ = whole.shifts(there, PIXEL, DOSE, whole.BFACTOR, ways.shrunk, ways.groups)
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_patches(device: Device, bent: Known) -> None:
    """But for the rounding of those that are kept here."""
    shifts = np.cumsum(np.random.default_rng(2).normal(size=(FRAMES, 2)), axis=0)
    at = patches.layout(bent.small.shape, 1, (3, 2), shifts, align._damage(EXPOSURE, FRAMES, 0), PIXEL)
    host, there = patches.cut(bent.small, at), ways_cuda.on(device).cut(device.array(bent.small), at)
    moved = at.offsets + np.random.default_rng(3).normal(size=at.offsets.shape)
    ends, weight = at.ends(0.2), np.random.default_rng(4).uniform(size=at.ring.shape).astype(np.float32)
    wanted, found = host.totals(moved, ends), there.totals(moved, ends)
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(np.stack([found.get().real, found.get().imag], axis=1), wanted, atol=2e-3 * scale)
    parts, inside = [slice(0, 5), slice(5, FRAMES)], at.inside(ends)
    common = [one.common(moved, ends, parts)[0][:, inside] for one in (there, host)]
    np.testing.assert_allclose(*common, atol=2e-3 * np.abs(common[1]).max())
    along = there.slopes(moved, ends, found, weight), host.slopes(moved, ends, wanted, weight)
    np.testing.assert_allclose(*along, atol=2e-3 * np.abs(along[1]).max())


def test_patches_cut_in_parts(device: Device, bent: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is short the spectra are the same."""
    at = patches.layout(bent.small.shape, 1, (2, 2), np.zeros((FRAMES, 2)), align._damage(EXPOSURE, FRAMES, 0), PIXEL)
    cut, there = ways_cuda.on(device).cut, device.array(bent.small)
    wanted = cut(there, at).spectra.get()
    monkeypatch.setattr(device, "free", lambda: 2**20)
    np.testing.assert_array_equal(cut(there, at).spectra.get(), wanted)


def test_a_movie_is_aligned(device: Device, bent: Known) -> None:
    wanted = align.align(bent.small, 1, (4, 3), EXPOSURE, ways=HOST)
    found = align.align(device.array(bent.small), 1, (4, 3), EXPOSURE, ways=ways_cuda.on(device))
    assert found.resolution == pytest.approx(wanted.resolution, rel=0.05)
    assert np.abs(found.field.at(points()) - wanted.field.at(points())).max() < 0.02


@pytest.mark.parametrize("weighted, halves, plain, groups, shape", [
    (True, False, False, (), (96, 130)), (True, True, True, ((0, 3), (3, 7)), (96, 130)),
    (False, False, True, ((0, 7),), (48, 64)), (False, True, False, (), (62, 90)),
])  # fmt: skip
def test_sums(device: Device, weighted, halves, plain, groups, shape) -> None:
    rng, size = np.random.default_rng(5), (96, 130)
    images = rng.normal(3, 1, (7, *size)).astype(np.float32)
    basis = field.basis_for(7, 2.0, (3, 3))
    local = rng.normal(size=(len(basis.degrees), basis.paths.shape[1], 2))
    bending = field.Field(basis, np.cumsum(rng.normal(size=(7, 2)) * 3, axis=0), local)
    factors = dose.factors(2.0 * np.arange(1, 8), 1.2, 300) if weighted else None
    wanted = Wanted(factors, plain, halves, groups)
    host, there = sums.Sums(bending, size, wanted), ways_cuda.on(device).sums(bending, size, wanted)
    given = [group.copy() for group in host.add(iter(images))]
    np.testing.assert_allclose([group.get() for group in there.add(map(device.array, images))], given, atol=1e-3)
    assert len(given) == len(groups) or not groups
    a, b = host.finished(shape), there.finished(shape)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(b[name], a[name], atol=2e-3 * a[name].std(), err_msg=name)


@pytest.mark.parametrize("pixel", [1.6, 0.7])
def test_spectra(device: Device, pixel: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "SIDE", 64)
    images = np.random.default_rng(6).normal(9, 1, (2, 300, 270)).astype(np.float32)
    host, there = power.Spectrum((300, 270), pixel), ways_cuda.on(device).spectrum((300, 270), pixel)
    for image in images:
        host.add(image)
        there.add(device.array(image))
    assert host.pixel_size == there.pixel_size
    np.testing.assert_allclose(there.amplitude(), host.amplitude(), atol=1e-3 * host.amplitude().mean())
