"""`spa import particles --crop`, `--resample`: the same images in larger pixels, which lead back to the fine ones."""

import io

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_spa

OPTICS = ("--pixel-size", 1.5, "--voltage", 300, "--cs", 2.7, "--amplitude-contrast", 0.1)


@pytest.fixture
def folder(five_images):
    return five_images


def tables(result) -> star.Tables:
    return star.read(io.StringIO(result.stdout))


@pytest.mark.parametrize("more", [(), ("--normalise", "--no-ramp"), ("--float16",)])
def test_cropped_images_show_the_same_in_larger_pixels(folder, more: tuple) -> None:
    result = run_spa("import", "particles", "s.mrcs", *OPTICS, "--crop", 16, "-d", "out", *more, cwd=folder)
    assert result.status == 0 and "16 px at 2.25 A" in result.stderr, result.stderr
    optics = tables(result)["optics"]
    assert (optics.floats("rlnImagePixelSize")[0], optics.ints("rlnImageSize")[0]) == (2.25, 16)
    before, after = (np.asarray(mrc.read(folder / name).data, "f8") for name in ("s.mrcs", "out/particles.mrcs"))
    assert mrc.read(folder / "out/particles.mrcs").pixel_size == pytest.approx(2.25)
    old, new = np.fft.fft2(before)[:, :4, :4] / 24**2, np.fft.fft2(after)[:, :4, :4] / 16**2
    if "--normalise" in more:  # but for the mean
        gain = (new / old)[:, 1:, 1:].reshape(5, -1)
        np.testing.assert_allclose(gain, gain.mean(axis=1, keepdims=True).repeat(9, axis=1), rtol=1e-3)
    else:
        np.testing.assert_allclose(new, old, atol=3e-3)


TWO = """data_optics
loop_
_rlnOpticsGroup
_rlnOpticsGroupName
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
_rlnImagePixelSize
1 fine 300 2.7 0.1 1.5
2 coarse 300 2.7 0.1 1.8

data_particles
loop_
_rlnImageName
_rlnOpticsGroup
1@fine.mrcs 1
1@coarse.mrcs 2
"""


def test_images_of_two_pixel_sizes_come_to_have_one(tmp_path) -> None:
    """One wave of 20 angstroms, sampled twice, is the same in both of the new stacks, about one centre."""

    def wave(box: int, pixel_size: float) -> np.ndarray:
        x = np.arange(-(box // 2), box // 2) * pixel_size
        blob = np.exp(-(x**2) / 2 / 6**2)
        return (blob[:, None] * blob * np.cos(2 * np.pi * x / 20 + 0.5))[None].astype(np.float32)

    mrc.write(tmp_path / "fine.mrcs", wave(64, 1.5), 1.5)
    mrc.write(tmp_path / "coarse.mrcs", wave(48, 1.8), 1.8)
    (tmp_path / "two.star").write_text(TWO)
    result = run_spa("import", "particles", "two.star", "--resample", 2, "-d", "out", cwd=tmp_path)
    assert result.status == 0 and "42 px at 2 A" in result.stderr, result.stderr
    optics = tables(result)["optics"]
    assert optics.floats("rlnImagePixelSize").tolist() == [2, 2] and optics.ints("rlnImageSize").tolist() == [42, 42]
    for number in (1, 2):
        stack = mrc.read(tmp_path / f"out/particles_{number}.mrcs")
        assert stack.pixel_size == pytest.approx(2)
        assert np.abs(stack.data - wave(42, 2)).max() < 0.01


@pytest.mark.parametrize(
    ("more", "said"),
    [(("--resample", 1.7), "1.8 A a pixel show nothing so fine"), (("--resample", 2, "--crop", 44), "43.2 pixels")],
)
def test_what_images_do_not_show_is_not_resampled(tmp_path, more: tuple, said: str) -> None:
    for name, box in (("fine", 64), ("coarse", 48)):
        mrc.write(tmp_path / f"{name}.mrcs", np.random.default_rng(0).random((1, box, box), np.float32), 1.5)
    (tmp_path / "two.star").write_text(TWO)
    result = run_spa("import", "particles", "two.star", *more, "-d", "out", cwd=tmp_path)
    assert result.status == 2 and said in result.stderr


@pytest.mark.parametrize(("crop", "said"), [(30, "--crop 30: boxes are of 24"), (15, "even"), (4, "--crop")])
def test_what_cannot_be_cropped_to_is_refused(folder, crop: int, said: str) -> None:
    result = run_spa("import", "particles", "s.mrcs", *OPTICS, "--crop", crop, "-d", "out", cwd=folder)
    assert result.status == 2 and said in result.stderr


def test_what_is_cropped_leads_back_to_the_fine_images(folder) -> None:
    """The name stays that of the first table, through a second crop, and nothing is kept where nothing is cropped."""
    first = run_spa("import", "particles", "s.mrcs", *OPTICS, "--crop", 16, "-d", "out", "-o", "one.star", cwd=folder)
    again = run_spa("import", "particles", "one.star", "--crop", 12, "-d", "again", cwd=folder)
    assert first.status == again.status == 0, first.stderr + again.stderr
    fine = tables(run_spa("import", "particles", "s.mrcs", *OPTICS, cwd=folder))["particles"]
    assert tables(again)["particles"].listed("spaImportedName") == fine.listed("rlnImageName")
    assert "spaImportedName" not in fine


@pytest.mark.parametrize("words", [("--normalise", "--no-ramp"), ("--crop", 24), ("--resample", 1.5)])
def test_an_odd_box_becomes_even_about_the_same_middle(folder, words) -> None:
    """Without its last row and column: pixel 12 of 25 is pixel 24 // 2 of 24."""
    image = np.random.default_rng(2).normal(0, 1, (2, 25, 25)).astype("f4")
    mrc.write(folder / "odd.mrcs", image, 1.5)
    plain = run_spa("import", "particles", "odd.mrcs", *OPTICS[2:], cwd=folder)
    assert plain.status == 0 and "images are 25 pixels wide" in plain.stderr
    result = run_spa("import", "particles", "odd.mrcs", *OPTICS[2:], *words, "-d", "E", cwd=folder)
    assert result.status == 0 and "pixels wide" not in result.stderr
    optics = tables(result)["optics"]
    assert (optics.ints("rlnImageSize")[0], optics.floats("rlnImagePixelSize")[0]) == (24, 1.5)
    written = mrc.read(folder / "E" / "particles.mrcs").data
    assert written.shape == (2, 24, 24)
    for new, old in zip(written, image[:, :24, :24]):
        assert np.corrcoef(new.ravel(), old.ravel())[0, 1] > (0.94 if "--resample" in words else 0.9999)  # a disc of it
