"""`spa pick neural`: with the general picker, on a tiny micrograph."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import mrc, star
from spa.recipe import picker
from spa.testing import is_png, run_spa


def found(micrograph: Path, folder: Path, *words: object) -> np.ndarray:
    """x, y, score (n, 3)."""
    result = run_spa("pick", "neural", micrograph, "-d", folder / "P", "-o", folder / "picks.star", *words)
    assert result.status == 0, result.stderr
    table = star.read(folder / "picks.star")["particles"]
    return np.stack([table.floats(f"rln{name}") for name in ("CoordinateX", "CoordinateY", "AutopickFigureOfMerit")], 1)


def missed(micrograph: Path, xy: np.ndarray) -> int:
    """Of the nine discs, how many have no pick within 4 pixels."""
    truth = np.loadtxt(micrograph.parent / "truth.txt")
    return int((np.linalg.norm(truth[:, None] - xy[None, :, :2], axis=2).min(1) > 4).sum())


def test_the_general_picker_finds_discs(tiny_micrograph: Path, tmp_path: Path) -> None:
    picks = found(tiny_micrograph, tmp_path, "--diameter", 120, "--threads", 1)
    assert missed(tiny_micrograph, picks[:12]) == 0 and len(picks) <= 40
    assert (np.diff(picks[:, 2]) <= 0).all()
    again = found(tiny_micrograph, tmp_path, "--diameter", 120, "--resume", "--plot", tmp_path / "p.png")
    assert np.array_equal(picks, again) and is_png(tmp_path / "p.png")


def test_threshold_spacing_and_most(tiny_micrograph: Path, tmp_path: Path) -> None:
    few = ("--diameter", 120, "--turns", 1)
    more = found(tiny_micrograph, tmp_path, *few, "--threshold", -8, "--spacing", 0)
    apart = found(tiny_micrograph, tmp_path, *few, "--threshold", -8, "--spacing", 150)
    distance = np.linalg.norm(apart[:, None, :2] - apart[None, :, :2], axis=2) + 1e9 * np.eye(len(apart))
    assert len(more) > len(apart) and distance.min() * 5 > 140
    assert len(found(tiny_micrograph, tmp_path, *few, "--max-picks", 4)) == 4


def test_white_particles(tiny_micrograph: Path, tmp_path: Path) -> None:
    image = np.array(mrc.read(tmp_path / "tiny.mrc").data)
    mrc.write(tmp_path / "tiny.mrc", -image, 5.0)
    assert missed(tiny_micrograph, found(tiny_micrograph, tmp_path, "--diameter", 120, "--turns", 2, "--white")) == 0


def test_a_model_knows_diameter_threshold_and_contrast(tiny_micrograph: Path, tmp_path: Path) -> None:
    general = picker.read(None)
    picker.write(picker.Picker(general.weights, 120.0, 100.0), tmp_path / "strict.npz")
    strict = run_spa("pick", "neural", tiny_micrograph, "-d", tmp_path / "P", "--model", tmp_path / "strict.npz")
    assert strict.status == 65 and "no picks" in strict.stderr
    picker.write(picker.Picker(general.weights, 120.0, general.threshold, True), tmp_path / "white.npz")
    dark = found(tiny_micrograph, tmp_path, "--model", tmp_path / "white.npz", "--dark")
    assert missed(tiny_micrograph, dark) == 0


def test_what_is_refused(tiny_micrograph: Path, tmp_path: Path) -> None:
    place = ("-d", tmp_path / "P")
    result = run_spa("pick", "neural", tiny_micrograph, *place)
    assert result.status == 2 and "--diameter" in result.stderr
    assert run_spa("pick", "neural", tiny_micrograph, *place, "--model", tmp_path / "gone.npz").status == 66
    result = run_spa("pick", "neural", tiny_micrograph, *place, "--model", tiny_micrograph)
    assert result.status == 65 and "micrographs.star" in result.stderr
    result = run_spa("pick", "neural", tiny_micrograph, *place, "--diameter", 5000)
    assert result.status == 65 and "too small" in result.stderr


@pytest.mark.parametrize("value, said", [(np.nan, "not finite"), (0.0, "all equal")])
def test_a_bad_micrograph_is_named(tiny_micrograph: Path, tmp_path: Path, value: float, said: str) -> None:
    mrc.write(tmp_path / "tiny.mrc", np.full((240, 256), value, np.float32), 5.0)
    result = run_spa("pick", "neural", tiny_micrograph, "-d", tmp_path / "P", "--diameter", 120)
    assert result.status == 65 and said in result.stderr and "tiny.mrc" in result.stderr


def test_a_device_finds_the_same_picks(tiny_micrograph: Path, tmp_path: Path, card: Any) -> None:
    words = ("--diameter", 120, "--turns", 1)
    wanted, there = (found(tiny_micrograph, tmp_path, *words, "--device", one) for one in ("cpu", "cuda"))
    assert card.launches["windows"] and len(there) == len(wanted)
    np.testing.assert_allclose(there, wanted, atol=0.01)


def test_noise_has_no_particles_unless_a_threshold_asks_for_them(tiny_micrograph: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(4).standard_normal((500, 500)).astype(np.float32)
    mrc.write(tmp_path / "tiny.mrc", noise, 5.0)
    none = run_spa("pick", "neural", tiny_micrograph, "-d", tmp_path / "N", "--diameter", 120)
    assert none.status == 65 and "no picks" in none.stderr
    assert len(found(tiny_micrograph, tmp_path, "--diameter", 120, "--threshold", -0.5))
