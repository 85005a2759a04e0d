"""`spa post filter`."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import HALF_BOX, HALF_PIXEL, is_png, run_spa, write_half_maps
from spa.volume.fsc import fsc
from spa.volume.shells import apply_radial, power


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("halves")
    truth = write_half_maps(folder)
    mrc.write(folder / "map.mrc", truth, HALF_PIXEL)
    mrc.write(folder / "ten.mrc", np.full(truth.shape, 10, np.float32), HALF_PIXEL)
    return folder


def run(data: Path, out: Path, *more: object) -> np.ndarray:
    result = run_spa("post", "filter", "-d", out, "-o", out.with_suffix(".star"), *more)
    assert result.status == 0, result.stderr
    name = star.read(out.with_suffix(".star"))["maps"].text("spaMapName")[-1]
    return np.array(mrc.read(name).data)


def test_one_resolution_everywhere_is_a_low_pass(data: Path, tmp_path: Path) -> None:
    made = run(data, tmp_path / "o", "--map", data / "map.mrc", "--local", data / "ten.mrc")
    share = power(made)[1:] / power(mrc.read(data / "map.mrc").data)[1:]
    cut = round(HALF_BOX * HALF_PIXEL / 10)
    assert np.allclose(share[: cut - 3], 1, atol=1e-3) and np.all(share[cut + 3 :] < 1e-3)


def test_each_place_has_its_own(data: Path, tmp_path: Path) -> None:
    field = np.full((HALF_BOX,) * 3, 8, np.float32)
    field[:, :, : HALF_BOX // 2] = 20
    mrc.write(tmp_path / "field.mrc", field, HALF_PIXEL)
    made = run(data, tmp_path / "o", "--map", data / "map.mrc", "--local", tmp_path / "field.mrc")
    plain = {level: np.full_like(field, level) for level in (8, 20)}
    for level, part in ((20, np.s_[:, :, :22]), (8, np.s_[:, :, 26:])):
        mrc.write(tmp_path / "one.mrc", plain[level], HALF_PIXEL)
        alone = run(data, tmp_path / "p", "--map", data / "map.mrc", "--local", tmp_path / "one.mrc")
        assert np.allclose(made[part], alone[part], atol=1e-3 * np.abs(alone).max())


def test_halves_and_local_resolution_of_the_stream(data: Path, tmp_path: Path) -> None:
    tables = star.read(data / "maps.star")
    more = tables["maps"].take([0]).with_columns(spaMapName=[str(data / "ten.mrc")], spaMapRole=["local"])
    star.write(tables.with_block("maps", star.Table.concat([tables["maps"], more])), tmp_path / "in.star")
    made = run(data, tmp_path / "o", tmp_path / "in.star", "--plot", tmp_path / "f.png")
    halves = [mrc.read(data / f"half{one}.mrc").data for one in (1, 2)]
    mrc.write(tmp_path / "mean.mrc", (halves[0] + halves[1]) / 2, HALF_PIXEL)
    named = run(data, tmp_path / "p", "--map", tmp_path / "mean.mrc", "--local", data / "ten.mrc")
    assert np.allclose(made, named, atol=1e-5) and is_png(tmp_path / "f.png")


def test_sharpening_lifts_what_is_faint_and_not_the_noise(data: Path, tmp_path: Path) -> None:
    """The phantom was blurred with B = 150 A^2: what comes out is flatter in amplitude, and no worse in phase."""
    made = run(data, tmp_path / "o", data / "maps.star", "--sharpen", "--threads", 2)
    truth, mask = mrc.read(data / "map.mrc").data, mrc.read(data / "mask.mrc").data
    mean = (mrc.read(data / "half1.mrc").data + mrc.read(data / "half2.mrc").data) / 2
    shells = slice(HALF_BOX * 3 // 12, HALF_BOX * 3 // 7)

    def slope(volume: np.ndarray) -> float:
        return float(np.polyfit(np.arange(99)[shells], np.log(power(volume * mask)[shells]), 1)[0])

    assert abs(slope(made)) < 0.5 * abs(slope(mean))
    before, after = (fsc(one * mask, truth * mask)[shells].mean() for one in (mean, made))
    assert after > before - 0.02
    outside = mask < 0.01
    k = np.arange(HALF_BOX // 2 + 1) / (HALF_BOX * HALF_PIXEL)
    everywhere = apply_radial(mean, np.exp(150 / 4 * k**2))
    kept = [float((one[outside] ** 2).mean() / (one[mask > 0.9] ** 2).mean()) for one in (everywhere, made)]
    assert kept[1] < kept[0]


def test_a_part_that_fades_faster_is_sharpened_more(data: Path, tmp_path: Path) -> None:
    """Half of the particle has B = 250 A^2 more: against the map without it, local sharpening gains over one B."""
    truth, mask = mrc.read(data / "map.mrc").data, mrc.read(data / "mask.mrc").data
    k = np.arange(HALF_BOX // 2 + 1) / (HALF_BOX * HALF_PIXEL)
    faded = apply_radial(truth, np.exp(-250 / 4 * k**2))
    side = np.clip((np.arange(HALF_BOX) - HALF_BOX / 2) / 4 + 0.5, 0, 1)
    rng = np.random.default_rng(4)
    for one in (1, 2):
        noise = 0.05 * truth.std() * rng.standard_normal(truth.shape)
        mixed = (side * faded + (1 - side) * truth + noise).astype(np.float32)
        mrc.write(tmp_path / f"half{one}.mrc", mixed, HALF_PIXEL)
    files = ("--half1", tmp_path / "half1.mrc", "--half2", tmp_path / "half2.mrc", "--mask", data / "mask.mrc")
    options = [("--sharpen", "--max-gain", most) for most in (5, 1)]  # 1: no local B-factors
    made = [run(data, tmp_path / "o", *files, *more) for more in options]
    shells = slice(HALF_BOX * 3 // 10, HALF_BOX * 3 // 6)
    whole, one = (fsc(volume * mask, truth * mask)[shells].mean() for volume in made)
    assert whole > one + 0.002


def test_options_of_sharpening(data: Path, tmp_path: Path) -> None:
    files = ("--half1", data / "half1.mrc", "--half2", data / "half2.mrc", "--mask", data / "mask.mrc", "--sharpen")
    loud = run(data, tmp_path / "a", *files, "--class", 1, "--seed", 2)
    strict = run(data, tmp_path / "c", *files, "--threshold", 0.7)
    assert power(strict)[-6:].sum() < power(loud)[-6:].sum()
    result = run_spa("post", "filter", *files, "--threshold", 0, "-d", tmp_path / "d")
    assert result.status == 2 and "0<x<1" in result.stderr


def test_bad_input(data: Path, tmp_path: Path) -> None:
    call = ("post", "filter", data / "maps.star", "-d", tmp_path / "o")
    result = run_spa(*call)
    assert result.status == 65 and "role local" in result.stderr
    assert run_spa(*call, "--sharpen", "--map", data / "map.mrc").status == 2
    assert run_spa(*call, "--half1", data / "half1.mrc").status == 2
    mrc.write(tmp_path / "zero.mrc", np.zeros((HALF_BOX,) * 3, np.float32), HALF_PIXEL)
    result = run_spa(*call, "--local", tmp_path / "zero.mrc")
    assert result.status == 65 and "positive" in result.stderr
