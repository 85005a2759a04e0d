"""The plugin that spa-plugins(7) shows is installed as it stands there, and its own tests pass; its picker and refiner
do what they say."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_command, run_spa
from spa.volume.masks import soft_sphere

PAGE = Path(__file__).parents[2] / "man" / "spa-plugins.7"


def files() -> dict[str, str]:
    """The files of the example, from the page's source."""
    blocks = re.findall(r'^\.\\" file: (\S+)\n\.EX\n(.*?)^\.EE$', PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {name: text.replace("\\-", "-").replace("\\e", "\\") for name, text in blocks}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all files that the page shows; what is in it can be imported."""
    for name, text in files().items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "source")
    return tmp_path / "source"


def test_the_example_of_the_manual(source: Path, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps"]
    install += ["--disable-pip-version-check", "--target", str(tmp_path / "site"), str(source)]
    subprocess.run(install, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    tests = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--import-mode=importlib"]
    ran = subprocess.run([*tests, str(source)], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0 and "2 passed" in ran.stdout, ran.stdout + ran.stderr


def test_its_picker_finds_what_is_there(source: Path, tmp_path: Path, tiny_micrograph: Path) -> None:
    command = import_module("spa_pick_dark.command").dark
    words = ("--diameter", 120, "-d", tmp_path / "P", "-o", tmp_path / "picks.star")
    assert run_command(command, tiny_micrograph, *words).status == 0
    picks = star.read(tmp_path / "picks.star")["particles"]
    found = np.stack([picks.floats("rlnCoordinateX"), picks.floats("rlnCoordinateY")], axis=1)
    apart = np.abs(np.loadtxt(tmp_path / "truth.txt")[:, None] - found).max(axis=2)
    assert len(found) == len(apart) and apart.min(axis=1).max() <= 4


def test_its_refiner_filters_as_it_says(source: Path, tmp_path: Path) -> None:
    """The map of the end is the mean of the half maps, cut where these no longer agree in the mask."""
    made = run_spa("simulate", "particles", "-d", tmp_path, "-o", tmp_path / "in.star", "--box", 32, "--pixel-size", 6,
                   "--n", 100, "--snr", 1)  # fmt: skip
    assert made.status == 0, made.stderr
    mask = soft_sphere(32, 10, 4)
    mrc.write(tmp_path / "mask.mrc", mask, 6.0)
    words = ("-d", tmp_path, "-o", tmp_path / "out.star", "--reference", tmp_path / "truth.mrc", "--iterations", 1,
             "--lowpass", 40, "--mask", tmp_path / "mask.mrc")  # fmt: skip
    ran = run_command(import_module("spa_refine_cut.command").cut, tmp_path / "in.star", *words)
    assert ran.status == 0, ran.stderr
    half1, half2, found = (np.array(mrc.read(tmp_path / f"{name}.mrc").data) for name in ("half1", "half2", "map"))
    expected = mask * import_module("spa_refine_cut.cut").Cut(mask).joint(half1, half2)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert "rlnAngleRot" in star.read(tmp_path / "out.star")["particles"]
