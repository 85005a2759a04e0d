"""A third party's picker, installed in its own distribution beside spa, seen and run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spa import __version__

SAMPLE = Path(__file__).parent / "sample_plugin"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the sample is installed; no network is asked."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(SAMPLE, folder / "source")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps",
         "--disable-pip-version-check", "--target", folder / "site", folder / "source"],
        check=True, capture_output=True,
    )  # fmt: skip
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PYTHONPATH": str(folder / "site"), "PATH": path}


def shell(script: str, environment: dict[str, str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], env=environment, cwd=folder, capture_output=True, text=True
    )


def test_it_is_in_the_help(environment: dict[str, str]) -> None:
    assert "pick sample" in shell("spa --help", environment).stdout
    assert "--diameter" in shell("spa pick sample --help", environment).stdout
    assert "spa-pick-sample 0.2" in shell("spa plugins", environment).stdout


def test_it_has_a_man_page(environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("pick-sample", "spa-pick-sample"):
        ran = shell(f"spa manpages man --plugin {name}", environment, tmp_path)
        assert ran.returncode == 0 and [one.name for one in (tmp_path / "man").iterdir()] == ["spa-pick-sample.1"]
    assert "diameter" in (tmp_path / "man" / "spa-pick-sample.1").read_text()
    ran = shell("spa manpages man --plugin nobody", environment, tmp_path)
    assert ran.returncode == 2 and "no plugin of that name" in ran.stderr


def test_it_runs_in_a_pipe_and_finds_what_is_there(environment: dict[str, str], tiny_micrograph: Path) -> None:
    script = f"cat {tiny_micrograph} | spa pick sample --diameter 120 -d picks - > picks.star"
    ran = shell(script, environment, tiny_micrograph.parent)
    assert ran.returncode == 0, ran.stderr
    assert "9 picks a micrograph" in ran.stderr
    from spa.io import star

    tables = star.read(tiny_micrograph.parent / "picks.star")
    picks = tables["particles"]
    truth = [
        tuple(map(float, line.split())) for line in (tiny_micrograph.parent / "truth.txt").read_text().splitlines()
    ]
    found = list(zip(picks.floats("rlnCoordinateX"), picks.floats("rlnCoordinateY")))
    assert len(found) == 9
    assert all(min(abs(x - u) + abs(y - v) for u, v in found) <= 4 for x, y in truth)
    assert tables.history[-1].startswith(f"{__version__} pick sample [spa-pick-sample 0.2] --outdir picks")


def test_spa_plugins_limits_third_parties(environment: dict[str, str]) -> None:
    def limited(value: str) -> str:
        return shell("spa --help", {**environment, "SPA_PLUGINS": value}).stdout

    assert "pick sample" not in limited("") and "pick blob" in limited("")
    assert "pick sample" not in limited("other,another")
    assert "pick sample" in limited("other, pick-sample") and "pick sample" in limited("spa_pick_sample")
    assert "shut out by SPA_PLUGINS" in shell("spa plugins", {**environment, "SPA_PLUGINS": ""}).stdout
