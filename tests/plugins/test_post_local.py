"""`spa post local`."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import is_png, run_spa
from spa.volume.masks import distances, soft_sphere
from spa.volume.shells import lowpass

BOX, PIXEL = 48, 2.0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half maps of a ball whose left side ends at 12 A and whose right side at 5 A, in noise."""
    folder = tmp_path_factory.mktemp("local")
    rng = np.random.default_rng(3)
    grain = 2 * rng.standard_normal((BOX,) * 3).astype(np.float32)
    side = np.arange(BOX) < BOX // 2
    ball = soft_sphere(BOX, 17, 3)
    signal = np.where(side, lowpass(grain, PIXEL, 12, 1), lowpass(grain, PIXEL, 5, 1)) * ball
    for number in (1, 2):
        mrc.write(folder / f"half{number}.mrc", signal + rng.standard_normal(signal.shape).astype(np.float32), PIXEL)
    mrc.write(folder / "mask.mrc", ball, PIXEL)
    names = [str(folder / name) for name in ("half1.mrc", "half2.mrc", "mask.mrc")]
    table = star.Table.of(spaMapName=names, spaMapRole=["half1", "half2", "mask"], spaMapClass=[1, 1, 1])
    star.write(star.Tables({"maps": table}), folder / "maps.star")
    return folder


def middles(field: np.ndarray) -> tuple[float, float]:
    """Medians in the middle of the coarse and of the fine side."""
    x = np.arange(BOX) - BOX // 2
    inside = distances(BOX) < 15
    return tuple(float(np.median(field[inside & part])) for part in (x < -6, x > 6))  # type: ignore[return-value]


def run(data: Path, out: Path, *more: object) -> tuple[np.ndarray, str]:
    result = run_spa("post", "local", data / "maps.star", "-d", out, "-o", out.with_suffix(".star"), *more)
    assert result.status == 0, result.stderr
    return np.array(mrc.read(out / "local.mrc").data), result.stderr


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "out"
    run(data, out, "--plot", out.with_suffix(".png"))
    return out


def test_each_side_has_its_own_resolution(made: Path) -> None:
    coarse, fine = middles(mrc.read(made / "local.mrc").data)  # near the edge the coarse side seems finer
    assert coarse == pytest.approx(12, abs=3) and fine == pytest.approx(5, abs=0.7)


def test_solvent_in_a_refiners_sphere_does_not_count(tmp_path: Path) -> None:
    """Of a rod a sphere holds far more solvent than particle; a mask that is named is taken as it is."""
    rng = np.random.default_rng(4)
    z, y, x = np.mgrid[:BOX, :BOX, :BOX] - BOX // 2
    rod = np.clip(6.5 - np.hypot(z, y), 0, 1) * np.clip(18 - np.abs(x), 0, 1)
    signal = rod * (3 + lowpass(2 * rng.standard_normal((BOX,) * 3).astype(np.float32), PIXEL, 5, 1))
    for number in (1, 2):
        noisy = signal + rng.standard_normal(signal.shape)
        mrc.write(tmp_path / f"half{number}.mrc", noisy.astype(np.float32), PIXEL)
    mrc.write(tmp_path / "mask.mrc", soft_sphere(BOX, 20, 3), PIXEL)
    names = [str(tmp_path / name) for name in ("half1.mrc", "half2.mrc", "mask.mrc")]
    table = star.Table.of(spaMapName=names, spaMapRole=["half1", "half2", "mask"], spaMapClass=[1, 1, 1])
    star.write(star.Tables({"maps": table}), tmp_path / "maps.star")
    said = run(tmp_path, tmp_path / "a")[1]
    whole = run(tmp_path, tmp_path / "b", "--mask", tmp_path / "mask.mrc")[1]
    assert "of the mask" in said and "is solvent" in said and "is solvent" not in whole
    close, wide = (float(line.split("median ")[1].split()[0]) for line in (said, whole))
    assert close < 0.8 * wide


def test_the_map_joins_the_stream_and_quantiles_are_kept(made: Path) -> None:
    maps = star.read(made.with_suffix(".star"))["maps"]
    assert "local" in maps.text("spaMapRole")
    table = star.read(made / "local.star")["local"]
    assert np.all(np.diff(table.floats("spaLocalResolution")) >= 0)
    assert is_png(made.with_suffix(".png"))


def test_threads_do_not_change_a_byte(data: Path, made: Path, tmp_path: Path) -> None:
    field, _ = run(data, tmp_path / "o", "--threads", 3)
    assert np.array_equal(field, mrc.read(made / "local.mrc").data)


def test_a_higher_threshold_is_coarser_and_limits_hold(data: Path, made: Path, tmp_path: Path) -> None:
    field, _ = run(data, tmp_path / "o", "--threshold", 0.5, "--min-resolution", 10, "--max-resolution", 6)
    assert field.min() >= 5.99 and field.max() <= 10.01
    assert np.median(field) >= np.median(np.clip(mrc.read(made / "local.mrc").data, 6, 10))


def test_pure_noise_is_refused(data: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    for number in (1, 2):
        mrc.write(tmp_path / f"{number}.mrc", rng.standard_normal((BOX,) * 3).astype(np.float32), PIXEL)
    for more in ((), ("--mask", data / "mask.mrc")):
        result = run_spa("post", "local", "--half1", tmp_path / "1.mrc", "--half2", tmp_path / "2.mrc",
                         "-d", tmp_path / "o", "-o", tmp_path / "o.star", *more)  # fmt: skip
        assert result.status == 65 and "agree no better than noise does" in result.stderr


def test_a_single_map(data: Path, tmp_path: Path) -> None:
    mean = (mrc.read(data / "half1.mrc").data + mrc.read(data / "half2.mrc").data) / 2
    mrc.write(tmp_path / "mean.mrc", mean, PIXEL)
    call = ("post", "local", "--map", tmp_path / "mean.mrc", "--mask", data / "mask.mrc", "-o", tmp_path / "o.star")
    result = run_spa(*call, "-d", tmp_path / "o")
    assert result.status == 0, result.stderr
    coarse, fine = middles(mrc.read(tmp_path / "o" / "local.mrc").data)
    assert coarse > fine + 3 and fine == pytest.approx(5, abs=1)
    strict = run_spa(*call, "-d", tmp_path / "s", "--significance", 0.999)
    assert strict.status == 0
    assert mrc.read(tmp_path / "s" / "local.mrc").data.mean() > mrc.read(tmp_path / "o" / "local.mrc").data.mean()


def test_a_flat_solvent_cannot_be_compared_with(data: Path, tmp_path: Path) -> None:
    ball = soft_sphere(BOX, 17, 3)
    mrc.write(tmp_path / "flat.mrc", mrc.read(data / "half1.mrc").data * ball, PIXEL)
    result = run_spa("post", "local", "--map", tmp_path / "flat.mrc", "--mask", data / "mask.mrc", "-d", tmp_path / "o")
    assert result.status == 65 and "solvent is flat" in result.stderr


def test_an_automatic_mask_is_said(data: Path, tmp_path: Path) -> None:
    halves = ("--half1", data / "half1.mrc", "--half2", data / "half2.mrc")
    band = ("--min-resolution", 12, "--max-resolution", 8)
    result = run_spa("post", "local", *halves, *band, "--seed", 1, "--class", 1, "-d", tmp_path / "o")
    assert result.status == 0 and "automatic one" in result.stderr


def test_bad_input(data: Path, tmp_path: Path) -> None:
    call = ("post", "local", data / "maps.star", "-d", tmp_path / "o")
    assert run_spa(*call, "--half1", data / "half1.mrc").status == 2
    assert run_spa(*call, "--min-resolution", 3).status == 2
    assert run_spa(*call, "--threshold", 1).status == 2
    assert run_spa(*call, "--mask", tmp_path / "none.mrc").status == 66


def test_a_resolution_coarser_than_the_box_shows_is_refused(data: Path) -> None:
    result = run_spa("post", "local", data / "maps.star", "-d", data / "wide", "--min-resolution", 1e9)
    assert result.status == 2 and "--min-resolution 1e+09: the box is 96 A wide, 48 at most" in result.stderr
