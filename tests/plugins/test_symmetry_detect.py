"""spa symmetry detect: the group of a map, from a file or the stream; every option; bad input in one line."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.io import mrc, star
from spa.simulate.specimen import of_phantom
from spa.symmetry.align import turned
from spa.testing import is_png, run_spa

PIXEL = 3.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A D3 map astray (map.mrc), two noisy halves of it in maps.star, and a C1 map (plain.mrc)."""
    folder, rng = tmp_path_factory.mktemp("maps"), np.random.default_rng(1)
    volume = turned(of_phantom(64, PIXEL, "D3", 150, rng).volume, Rotation.random(random_state=2).as_matrix())
    volume = np.roll(volume, (1, 2, -2), (0, 1, 2)).astype(np.float32)
    mrc.write(folder / "map.mrc", volume, PIXEL)
    mrc.write(folder / "plain.mrc", of_phantom(64, PIXEL, "C1", 150, rng).volume.astype(np.float32), PIXEL)
    rows = []
    for role in ("half1", "half2"):
        noise = 0.5 * volume.std() * rng.standard_normal(volume.shape)
        mrc.write(folder / f"{role}.mrc", (volume + noise).astype(np.float32), PIXEL)
        rows.append(f"{folder / role}.mrc {role} 1")
    (folder / "maps.star").write_text(
        "data_maps\n\nloop_\n_spaMapName #1\n_spaMapRole #2\n_spaMapClass #3\n" + "\n".join(rows) + "\n"
    )
    return folder


def groups(path: Path) -> dict[str, int]:
    table = star.read(path)["symmetry"]
    return dict(zip(table.text("spaSymmetry"), table.ints("spaChosen")))


def test_of_a_file_with_a_figure(folder: Path, tmp_path: Path) -> None:
    result = run_spa("symmetry", "detect", "--map", folder / "map.mrc", "-o", tmp_path / "o.star",
                     "--plot", tmp_path / "p.png")  # fmt: skip
    assert result.status == 0 and "D3: score" in result.stderr, result.stderr
    assert is_png(tmp_path / "p.png")
    found = groups(tmp_path / "o.star")
    assert found["D3"] == 1 and sum(found.values()) == 1
    table = star.read(tmp_path / "o.star")["symmetry"]
    assert table.floats("spaSymmetryWeakest")[0] > 0.6 > table.floats("spaSymmetryChance")[0] + 0.5
    origin = [table.floats(f"spaOrigin{axis}")[0] for axis in "XYZ"]
    np.testing.assert_allclose(origin, np.array((-2, 2, 1)) * PIXEL, atol=0.3 * PIXEL)


def test_of_the_half_maps_of_a_stream(folder: Path, tmp_path: Path) -> None:
    result = run_spa("symmetry", "detect", folder / "maps.star", "-o", tmp_path / "o.star", "--class", 1,
                     "--max-resolution", 16)  # fmt: skip
    assert result.status == 0, result.stderr
    assert groups(tmp_path / "o.star")["D3"] == 1
    assert "maps" in star.read(tmp_path / "o.star")


def test_a_map_without_symmetry_has_none(folder: Path, tmp_path: Path) -> None:
    result = run_spa("symmetry", "detect", "--map", folder / "plain.mrc", "-o", tmp_path / "o.star")
    assert result.status == 0 and "C1 (nearest" in result.stderr
    assert sum(groups(tmp_path / "o.star").values()) == 0


def test_folds_that_are_not_looked_for_are_not_found(folder: Path, tmp_path: Path) -> None:
    result = run_spa("symmetry", "detect", "--map", folder / "map.mrc", "-o", tmp_path / "o.star", "--max-fold", 2)
    assert result.status == 0 and "C2: score" in result.stderr, result.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--max-resolution", 2), 2, "7 to 56 A"),
        (("--max-resolution", 100), 2, "7 to 56 A"),
        (("--max-fold", 1), 2, "max-fold"),
        (("--map", "nowhere.mrc"), 66, "nowhere.mrc"),
        (("--device", "cuda"), 69, "cuda"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, words: tuple, status: int, said: str) -> None:
    result = run_spa("symmetry", "detect", *(() if "--map" in words else ("--map", folder / "map.mrc")), *words)
    assert result.status == status and said in result.stderr, result.stderr
