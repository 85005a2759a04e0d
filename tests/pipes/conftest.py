"""Real shells, with the toy jobs installed beside spa's own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a shell in which `spa` and the toy jobs are found."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(Path(__file__).parents[1] / "toy.py", site)
    metadata = site / "spa_toy-0.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: spa-toy\nVersion: 0.1\n")
    (metadata / "entry_points.txt").write_text("[spa.plugins]\ntoy = toy\n")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PYTHONPATH": str(site), "PATH": path, "PYTHONWARNINGS": "error"}


@pytest.fixture
def shell(environment: dict[str, str], tmp_path: Path) -> Shell:
    """Run a script in bash with pipefail, in an empty folder."""

    def run(script: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["bash", "-o", "pipefail", "-c", script], env={**environment, **more}, cwd=tmp_path,
                              capture_output=True, text=True, timeout=120)  # fmt: skip

    return run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A `data_micrographs` table of twelve names without files."""
    rows = "".join(f"m{n:03d} {n}.5\n" for n in range(12))
    path = tmp_path / "in.star"
    path.write_text(f"data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnCtfMaxResolution #2\n{rows}")
    return path
