"""Arrays as pictures, and micrographs for the eye."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from spa.errors import MissingInput
from spa.image.ctf import Lens
from spa.io import star
from spa.job.micrographs import entries
from spa.picking.denoise import denoised
from spa.picking.field import Contrast
from spa.web import films, picture
from spa.web.page import BadRequest, Query


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_binning_keeps_means(factor: int) -> None:
    image = np.random.default_rng(0).normal(size=(13, 18)).astype(np.float32)
    small = picture.binned(image, factor)
    assert small.shape == (13 // factor, 18 // factor)
    assert small[1, 2] == pytest.approx(image[factor : 2 * factor, 2 * factor : 3 * factor].mean(), abs=1e-6)


def test_grey_levels_hold_the_spread_and_clip_beyond() -> None:
    image = np.random.default_rng(1).normal(5, 2, (64, 64)).astype(np.float32)
    image[0, 0], image[0, 1] = 1e6, -1e6
    found = picture.levelled(image)
    assert found[0, 0] == 255 and found[0, 1] == 0 and abs(np.median(found) - 127) < 4 and 25 < found.std() < 40


def test_png_is_lossless_and_jpeg_nearly() -> None:
    image = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    assert np.array_equal(imagecodecs.png_decode(picture.png(image).data), image)
    assert np.abs(imagecodecs.jpeg8_decode(picture.jpeg(image).data).astype(int) - image).max() < 8


def test_denoising_with_the_ctf_brings_the_specimen_nearer_than_any_low_pass() -> None:
    rng, lens, size, pixel = np.random.default_rng(2), Lens(300.0, 2.7, 0.1), 384, 4.0
    y, x = np.mgrid[:size, :size]
    specimen = np.zeros((size, size), np.float32)
    for cx, cy in rng.uniform(0, size, (60, 2)):
        specimen += np.hypot(x - cx, y - cy) < 14
    contrast = Contrast(lens, 20000.0, 19500.0, 0.3)
    ky, kx = np.fft.fftfreq(size, pixel)[:, None], np.fft.rfftfreq(size, pixel)[None]
    seen = np.fft.irfft2(np.fft.rfft2(-specimen) * contrast.at(kx, ky), s=(size, size))
    noisy = (seen + rng.normal(0, 3 * seen.std(), seen.shape)).astype(np.float32)

    def likeness(image: np.ndarray) -> float:
        return float(np.corrcoef(image.ravel(), -specimen.ravel())[0, 1])

    def best_of(image: np.ndarray) -> float:
        return max(likeness(films.lowpassed(image, pixel, d, 400.0)) for d in (15, 20, 30, 40, 60))

    best = best_of(noisy)
    assert likeness(denoised(noisy, pixel, contrast, 200.0)) > best + 0.02
    assert likeness(denoised(noisy, pixel, None, 200.0)) > likeness(noisy)
    ground = np.fft.rfft2(noisy)
    ground[np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) < 8.5 / size] = 0
    evened = np.fft.irfft2(ground, (size, size)).astype(np.float32)  # a flat ground: nothing in the coarsest rings
    assert likeness(denoised(evened, pixel, contrast, 200.0)) > best_of(evened)


def test_views_of_a_micrograph(tiny_micrograph: Path) -> None:
    made = films.Films(entries(star.read(tiny_micrograph)), diameter=120)
    for view in films.VIEWS:
        found = made.view(Query({"number": "0", "view": view}))
        assert found.kind == "image/jpeg" and imagecodecs.jpeg8_decode(found.data).shape == (240, 256)
        assert found.facts == {"width": 256, "height": 240, "pixel": 5.0, "defocus": 14900.0}
    assert max(imagecodecs.jpeg8_decode(made.thumb(Query({"number": "0"})).data).shape) <= films.THUMB
    with pytest.raises(BadRequest):
        made.view(Query({"number": "1", "view": "plain"}))
    with pytest.raises(BadRequest):
        made.view(Query({"number": "0", "view": "../x"}))
    Path(entries(star.read(tiny_micrograph))[0].name).unlink()
    with pytest.raises(MissingInput):
        made.view(Query({"number": "0", "view": "lowpass", "lowpass": "31"}))
