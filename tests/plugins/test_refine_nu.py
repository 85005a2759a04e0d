"""spa refine nu: as refine homo but for the filter, which knows the particle from its disordered surroundings."""

import json
from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_spa
from spa.volume.nonuniform import NonUniform

SIMULATION = ("--box", 40, "--pixel-size", 6, "--n", 200, "--snr", 1, "--specimen-diameter", 130, "--micelle", -30, 30)
FILES = ("map.mrc", "half1.mrc", "half2.mrc", "mask.mrc", "fsc.star")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("particles")
    made = run_spa("simulate", "particles", "-d", folder, "-o", folder / "in.star", *SIMULATION)
    assert made.status == 0, made.stderr
    return folder


def refined(kind: str, data: Path, outdir: Path, *more: object, status: int = 0) -> str:
    result = run_spa(
        "refine", kind, data / "in.star", "-d", outdir, "-o", outdir / "out.star", "--reference", data / "truth.mrc",
        "--lowpass", 40, "--iterations", 3, "--diameter", 200, *more,
    )  # fmt: skip
    assert result.status == status, result.stderr
    return result.stderr


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("refined")
    assert "FSC 0.143" in refined("nu", data, outdir).splitlines()[-1]
    return outdir


def volume(path: Path) -> np.ndarray:
    return np.array(mrc.read(path).data)


def test_the_map_is_its_half_maps_filtered_place_by_place(data: Path, done: Path, tmp_path: Path) -> None:
    """In a mask that was given: else the solvent of a map of 25 A or better goes, too."""
    refined("nu", data, tmp_path, "--iterations", 1, "--mask", done / "mask.mrc")
    half1, half2, mask, found = (volume(tmp_path / f"{name}.mrc") for name in ("half1", "half2", "mask", "map"))
    expected = NonUniform(mask).joint(half1, half2) * mask
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_half_maps_are_those_of_homo_after_one_iteration(data: Path, tmp_path: Path) -> None:
    """Both jobs begin alike; from then on the references differ, and with them the poses."""
    for iterations, alike in ((1, True), (2, False)):
        halves = []
        for kind in ("nu", "homo"):
            outdir = tmp_path / f"{kind}{iterations}"
            refined(kind, data, outdir, "--iterations", iterations)
            halves.append((outdir / "half1.mrc").read_bytes())
        assert (halves[0] == halves[1]) == alike


def test_half_maps_are_not_filtered(done: Path) -> None:
    mask = volume(done / "mask.mrc")
    mean = (volume(done / "half1.mrc") + volume(done / "half2.mrc")) / 2 * mask
    fine = [(np.abs(np.fft.fftn(one))[20, 1:20, 1:20] ** 2).mean() for one in (mean, volume(done / "map.mrc"))]
    assert fine[1] < 0.5 * fine[0]


def test_maps_are_in_the_stream(done: Path) -> None:
    maps = star.read(done / "out.star")["maps"]
    assert list(maps.text("spaMapRole")) == ["map", "half1", "half2", "mask", "fsc"]
    assert all(Path(name).is_file() for name in maps.text("spaMapName"))
    assert json.loads((done / "job.json").read_text())["state"] == "finished"


def test_the_result_does_not_depend_on_threads(data: Path, done: Path, tmp_path: Path) -> None:
    refined("nu", data, tmp_path, "--threads", 3)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes(), name


def test_it_goes_on_to_the_same_bytes(data: Path, done: Path, tmp_path: Path) -> None:
    refined("nu", data, tmp_path)
    (tmp_path / "map.mrc").unlink()
    record = json.loads((tmp_path / "job.json").read_text())
    (tmp_path / "job.json").write_text(json.dumps({**record, "state": "stopped"}))
    assert "going on after iteration" in refined("nu", data, tmp_path, "--resume")
    assert (tmp_path / "map.mrc").read_bytes() == (done / "map.mrc").read_bytes()


def test_the_other_options(data: Path, done: Path, tmp_path: Path) -> None:
    refined("nu", data, tmp_path, "--symmetry", "C2", "--mask", done / "mask.mrc", "--plot", tmp_path / "a.png",
            "--shift-range", 12, "--seed", 3)  # fmt: skip
    assert (tmp_path / "a.png").stat().st_size > 10000
    inner = volume(tmp_path / "map.mrc")[1:, 1:, 1:]
    assert np.corrcoef(inner.ravel(), inner[:, ::-1, ::-1].ravel())[0, 1] > 0.98


def test_symmetry_is_relaxed_as_homo_does(data: Path, done: Path, tmp_path: Path) -> None:
    said = refined("nu", data, tmp_path, "--relax-symmetry", "C2", "--focus-mask", done / "mask.mrc", "--mask",
                   done / "mask.mrc")  # fmt: skip
    copies = star.read(tmp_path / "out.star")["particles"]
    assert "C2" in said.splitlines()[-1] and len(copies) == 200
    half1, half2, mask, found = (volume(tmp_path / f"{name}.mrc") for name in ("half1", "half2", "mask", "map"))
    assert np.allclose(found, NonUniform(mask).joint(half1, half2) * mask, atol=1e-4 * found.max())


def test_bad_input_is_one_line(data: Path, tmp_path: Path) -> None:
    said = refined("nu", data, tmp_path, "--diameter", 1000, status=2)
    assert "--diameter 1000: the box is 240 A wide" in said and len(said.strip().splitlines()) == 1
