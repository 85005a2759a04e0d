"""Diameters that no particle has are refused by every job in the same words."""

from pathlib import Path

import pytest

from spa.testing import run_spa

JOBS = (("classify", "2d"), ("vary", "linear"), ("classify", "3d"), ("refine", "flex"), ("reconstruct",),
        ("abinit", "model"))  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("p")
    made = run_spa("simulate", "particles", "-d", folder, "-o", folder / "o.star", "--n", 60, "--box", 32,
                   "--pixel-size", 5, "--specimen-diameter", 90)  # fmt: skip
    assert made.status == 0, made.stderr
    return folder / "truth.star"


@pytest.mark.parametrize("job", JOBS, ids=" ".join)
@pytest.mark.parametrize("diameter", [3, 9000])
def test_a_tenth_to_all_of_the_box(table: Path, tmp_path: Path, job: tuple, diameter: float) -> None:
    """In another unit, most likely: 3 had become components that moved by nan, or a finest detail of 1 A."""
    result = run_spa(*job, table, "-d", tmp_path / "d", "--diameter", diameter)
    assert result.status == 2 and f"--diameter {diameter}: the box is 160 A wide" in result.stderr
