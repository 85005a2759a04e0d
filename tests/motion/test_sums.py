"""Sums along a field: what moved comes to rest; weights and interpolation are what they say."""

import numpy as np
import pytest

from spa.motion import dose, field, kernels, power, smaller, sums
from spa.motion.field import Field
from spa.motion.sums import Sums, Wanted
from tests.motion.conftest import FRAMES, Known, points

SHAPE = (96, 130)


def shifted(images: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Images moved by (n, 2) x y pixels, exactly, around the edges."""
    ky, kx = np.fft.fftfreq(SHAPE[0])[:, None], np.fft.fftfreq(SHAPE[1])[None]
    turn = np.exp(-2j * np.pi * (by[:, 0, None, None] * kx + by[:, 1, None, None] * ky))
    return np.fft.ifft2(np.fft.fft2(images) * turn).real.astype(np.float32)


def smooth(seed: int) -> np.ndarray:
    noise = np.fft.fft2(np.random.default_rng(seed).normal(size=SHAPE))
    k = np.hypot(np.fft.fftfreq(SHAPE[0])[:, None], np.fft.fftfreq(SHAPE[1])[None])
    return np.fft.ifft2(noise * (k < 0.33)).real


def whole_field(moved: np.ndarray) -> Field:
    return field.still(field.basis_for(len(moved), 1.0, (1, 1)), moved)


def summed(frames: np.ndarray, at: Field, wanted: Wanted, shape=SHAPE) -> dict[str, np.ndarray]:
    work = Sums(at, SHAPE, wanted)
    for _ in work.add(iter(frames)):
        pass
    return work.finished(shape)


def test_shifted_frames_come_to_rest() -> None:
    moved = np.array([[0, 0], [2.3, -1.6], [-0.4, 3.9], [5.5, 0.25], [7.1, -6.6]])
    image = smooth(0)
    found = summed(shifted(np.repeat(image[None], 5, 0), moved), whole_field(moved), Wanted(None, False, False))["sum"]
    inside = (slice(16, -16), slice(16, -16))
    assert np.corrcoef(found[inside].ravel(), image[inside].ravel())[0, 1] > 0.9995
    np.testing.assert_allclose(found[inside], 5 * image[inside], atol=0.06 * 5 * image.std())


def test_frames_at_rest_are_added_to_the_bit() -> None:
    images = np.random.default_rng(1).integers(0, 9, (6, *SHAPE)).astype(np.float32)
    found = summed(images, whole_field(np.zeros((6, 2))), Wanted(None, True, False, ((0, 3), (3, 6))))
    np.testing.assert_allclose(found["plain"], images.sum(0), atol=1e-4)
    np.testing.assert_allclose(found["sum"], images.sum(0), atol=1e-4)


def test_weights_are_those_of_every_frame_s_transform() -> None:
    images = np.random.default_rng(2).normal(size=(8, *SHAPE)).astype(np.float32)
    doses = 2.0 * np.arange(1, 9)
    factors = dose.factors(doses, 1.2, 300)
    found = summed(images, whole_field(np.zeros((8, 2))), Wanted(factors, False, False))["sum"]
    k = np.hypot(np.fft.fftfreq(SHAPE[0], 1.2)[:, None], np.fft.rfftfreq(SHAPE[1], 1.2)[None])
    weights = np.array([dose.weights(doses[i : i + 1], k.ravel(), 300).reshape(k.shape) for i in range(8)])
    wanted = np.fft.irfft2((weights * np.fft.rfft2(images)).sum(0) / np.sqrt((weights**2).sum(0)), SHAPE)
    np.testing.assert_allclose(found, wanted, atol=2e-3 * wanted.std())


def test_even_and_odd_make_the_sum() -> None:
    images = np.random.default_rng(3).normal(size=(7, *SHAPE)).astype(np.float32)
    still = whole_field(np.zeros((7, 2)))
    found = summed(images, still, Wanted(None, False, True))
    np.testing.assert_allclose(found["odd"], images[::2].sum(0), atol=1e-4)  # frames 1, 3, 5, 7
    np.testing.assert_allclose(found["even"], images[1::2].sum(0), atol=1e-4)
    np.testing.assert_allclose(found["sum"], images.sum(0), atol=1e-4)


def test_fewer_pixels_are_the_same_image_cropped_in_fourier_space() -> None:
    image = smooth(4)[None].astype(np.float32)
    found = summed(np.repeat(image, 3, 0), whole_field(np.zeros((3, 2))), Wanted(None, False, False), (48, 64))["sum"]
    full, small = np.fft.rfft2(3 * image[0]), np.fft.rfft2(found)
    scale = 48 * 64 / (96 * 130)
    np.testing.assert_allclose(small[:20, :20], scale * full[:20, :20], atol=1e-3 * np.abs(small).max())
    np.testing.assert_allclose(small[-20:, :20], scale * full[-20:, :20], atol=1e-3 * np.abs(small).max())


def test_groups_are_given_as_they_are_whole() -> None:
    images = np.random.default_rng(5).normal(size=(7, *SHAPE)).astype(np.float32)
    work = Sums(whole_field(np.zeros((7, 2))), SHAPE, Wanted(None, False, False, ((0, 2), (2, 7))))
    groups = [group.copy() for group in work.add(iter(images))]
    np.testing.assert_allclose(groups, [images[:2].sum(0), images[2:].sum(0)], atol=1e-5)


def test_a_bent_movie_is_sharper_along_its_field(bent: Known) -> None:
    """The power of the sum is that of frames at rest, within what interpolation and the edges take."""
    basis = field.basis_for(FRAMES, 2.0, (5, 4))
    told = field.Told(points(5), bent.moved(points(5)), np.full((25, FRAMES), 1e4))
    along, _ = field.fitted(basis, told, field.Prior(), 2)
    shape = bent.frames.shape[1:]
    power_of = []
    for at in (along, field.still(basis, bent.moved(np.zeros(2)))):
        work = Sums(at, shape, Wanted(None, False, False))
        list(work.add(iter(bent.frames)))
        inside = work.finished(shape)["sum"][30:-30, 30:-30]
        power_of.append(inside.var() - FRAMES * 16.0)
    assert power_of[0] > 1.02 * power_of[1]
    assert power_of[0] == pytest.approx(FRAMES**2, rel=0.2)


def test_interpolation_keeps_constants_and_whole_pixels() -> None:
    taps = sums.interpolation()
    np.testing.assert_allclose(taps.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(taps[0], np.eye(kernels.TAPS)[kernels.TAPS // 2 - 1], atol=1e-6)


def test_a_decimated_wave_is_the_wave() -> None:
    from spa.motion import frames as reduced

    x = np.arange(240)
    image = np.broadcast_to(np.cos(2 * np.pi * x / 30), (60, 240)).astype(np.float32)
    for factor in (2, 3):
        small = smaller.decimated(np.ascontiguousarray(image), reduced.lowpass_taps(factor), factor)
        middle = x[: 240 // factor] * factor + (factor - 1) / 2
        np.testing.assert_allclose(small[5, 8:-8], np.cos(2 * np.pi * middle / 30)[8:-8], atol=0.02)


@pytest.mark.parametrize("pixel", [1.6, 0.7])
def test_spectra_are_white_for_noise_and_have_a_wave_where_it_is(pixel: float) -> None:
    rng = np.random.default_rng(6)
    seen = power.Spectrum((1100, 1200), pixel)
    x = np.arange(1200) * pixel
    for _ in range(2):
        seen.add((rng.normal(size=(1100, 1200)) + np.cos(2 * np.pi * x / 8.0)).astype(np.float32))
    image = seen.amplitude()
    assert image.shape == (512, 512)
    row, column = np.unravel_index(np.argmax(image), image.shape)
    assert row == 256 and abs(abs(column - 256) / (512 * seen.pixel_size) - 1 / 8.0) < 2e-3
    np.testing.assert_allclose(image[1:, 1:], image[1:, 1:][::-1, ::-1], rtol=1e-5)
    outer = image[400:500, 60:200]
    assert outer.std() < 0.5 * outer.mean()


def test_groups_of_a_dose() -> None:
    assert power.groups(10, 1.5, 4.0) == ((0, 3), (3, 6), (6, 10))
    assert power.groups(10, 0.0, 4.0) == ((0, 10),)
    assert power.groups(3, 9.0, 4.0) == ((0, 1), (1, 2), (2, 3))
