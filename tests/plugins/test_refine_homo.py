"""spa refine homo: maps and poses out, resumed to the same bytes, bad input in one line."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import mrc, star
from spa.job import maps
from spa.testing import run_spa
from spa.volume.fsc import fsc
from spa.volume.transform import resampled, transform
from tests.plugins import spoiled

SIMULATION = ("--box", 40, "--pixel-size", 6, "--n", 160, "--snr", 1, "--specimen-diameter", 130)
FILES = ("map.mrc", "half1.mrc", "half2.mrc", "mask.mrc", "fsc.star")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("particles")
    made = run_spa("simulate", "particles", "-d", folder, "-o", folder / "in.star", *SIMULATION)
    assert made.status == 0, made.stderr
    return folder


def homo(data: Path, outdir: Path, *more: object, particles: str = "in.star") -> object:
    return run_spa(
        "refine", "homo", data / particles, "-d", outdir, "-o", outdir / "out.star", "--reference", data / "truth.mrc",
        "--lowpass", 40, "--iterations", 3, *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("refined")
    result = homo(data, outdir, "--diameter", 150)
    assert result.status == 0, result.stderr
    assert "FSC 0.143" in result.stderr.splitlines()[-1]
    return outdir


def test_poses_are_near_the_truth(data: Path, done: Path) -> None:
    found, truth = (star.read(path)["particles"] for path in (done / "out.star", data / "truth.star"))
    error = found.floats("rlnOriginXAngst") - truth.floats("rlnOriginXAngst")
    assert np.median(np.abs(error)) < 3
    assert set(found.ints("rlnRandomSubset")) == {1, 2}
    names = ("rlnMaxValueProbDistribution", "rlnLogLikeliContribution", "spaPoseEntropy", "spaParticleEvidence")
    for name in (*names, "spaTurnError", "spaShiftError"):
        assert np.isfinite(found.floats(name)).all()
    assert found.floats("spaWholeDeviation").std() == pytest.approx(1, abs=0.3)  # all are whole
    scale, micrograph = found.floats("rlnGroupScaleCorrection"), found.text("rlnMicrographName")
    assert scale.mean() == pytest.approx(1, abs=0.01) and len(set(micrograph)) > 1
    assert len(set(zip(micrograph, found.ints("rlnRandomSubset"), scale))) <= 2 * len(set(micrograph))


def test_maps_are_in_the_stream(done: Path) -> None:
    maps = star.read(done / "out.star")["maps"]
    assert list(maps.text("spaMapRole")) == ["map", "half1", "half2", "mask", "fsc"]
    assert all(Path(name).is_file() for name in maps.text("spaMapName"))
    assert mrc.read(done / "half1.mrc").pixel_size == pytest.approx(6)
    record = json.loads((done / "job.json").read_text())
    assert record["options"]["lowpass"] == 40 and record["state"] == "finished"


def test_the_result_does_not_depend_on_threads(data: Path, done: Path, tmp_path: Path) -> None:
    assert homo(data, tmp_path, "--diameter", 150, "--threads", 1).status == 0
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes(), name


def test_kill_9_and_resume_give_the_same_bytes(data: Path, done: Path, tmp_path: Path) -> None:
    words = [
        Path(sys.executable).parent / "spa", "refine", "homo", data / "in.star", "-d", tmp_path, "-o",
        tmp_path / "out.star", "--reference", data / "truth.mrc", "--lowpass", 40, "--iterations", 3, "--diameter", 150,
    ]  # fmt: skip
    with subprocess.Popen([str(word) for word in words], stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "state.npz").exists() and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "map.mrc").exists()
    again = homo(data, tmp_path, "--diameter", 150, "--resume")
    assert again.status == 0 and "going on after iteration" in again.stderr
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes(), name
    ours, theirs = (star.read(folder / "out.star")["particles"] for folder in (tmp_path, done))
    assert ours == theirs


@pytest.mark.parametrize("whole", [0, 20000])
def test_a_state_that_is_cut_off_is_named(data: Path, done: Path, whole: int) -> None:
    state = done / "state.npz"
    kept = state.read_bytes()
    state.write_bytes(kept[:whole])
    result = homo(data, done, "--diameter", 150, "--resume")
    state.write_bytes(kept)
    assert result.status == 74 and "state.npz: cannot be read" in result.stderr


def test_resuming_with_other_options_is_refused(data: Path, done: Path) -> None:
    result = homo(data, done, "--diameter", 140, "--resume")
    assert result.status == 65 and "diameter" in result.stderr


def test_symmetry_mask_and_plot(data: Path, done: Path, tmp_path: Path) -> None:
    result = homo(data, tmp_path, "--symmetry", "C2", "--mask", done / "mask.mrc", "--plot", tmp_path / "a.png",
                  "--shift-range", 12, "--seed", 3)  # fmt: skip
    assert result.status == 0, result.stderr
    assert (tmp_path / "a.png").stat().st_size > 10000
    volume = mrc.read(tmp_path / "map.mrc").data
    inner = volume[1:, 1:, 1:]
    assert np.corrcoef(inner.ravel(), inner[:, ::-1, ::-1].ravel())[0, 1] > 0.98


def test_the_reference_comes_from_the_stream(data: Path, done: Path, tmp_path: Path) -> None:
    result = run_spa("refine", "homo", "-", "-d", tmp_path, "--iterations", 1, "--lowpass", 40,
                     input=(done / "out.star").read_bytes())  # fmt: skip
    assert result.status == 0, result.stderr
    assert "data_maps" in result.stdout


def test_of_several_maps_in_the_stream_one_is_chosen(done: Path, tmp_path: Path) -> None:
    tables = star.read(done / "out.star")
    first = maps.find(tables, "map")
    star.write(maps.with_maps(tables, [("map", "none.mrc")], 2), tmp_path / "two.star")
    call = ("refine", "homo", tmp_path / "two.star", "-d", tmp_path / "R", "--iterations", 1, "--lowpass", 40)
    result = run_spa(*call)
    assert result.status == 2 and "choose one with --class" in result.stderr
    result = run_spa(*call, "--class", 2, "--reference", first)
    assert result.status == 2 and "--class chooses among the stream's maps" in result.stderr
    result = run_spa(*call, "--class", 2)
    assert result.status == 66 and "none.mrc" in result.stderr
    result = run_spa(*call, "--class", 1)
    assert result.status == 0, result.stderr
    left = star.read(io.StringIO(result.stdout))
    assert first and maps.find(left, "map") == str(tmp_path / "R" / "map.mrc")


def test_a_point_group_of_the_stream_s_map_is_not_passed_over_in_silence(
    data: Path, done: Path, tmp_path: Path
) -> None:
    """As ab initio has found it; who names a symmetry has heard of it."""
    tables = star.read(done / "out.star")
    for group, more, said in (("C2", (), True), ("C1", (), False), ("C2", ("--symmetry", "C2"), False)):
        told = star.Table.of(spaMapClass=[1], spaSymmetry=[group])
        star.write(tables.with_block("symmetry", told), tmp_path / "s.star")
        result = run_spa("refine", "homo", tmp_path / "s.star", "-d", tmp_path / "R", "--iterations", 1, *more)
        assert result.status == 0 and ("--symmetry C2 uses that" in result.stderr) == said, result.stderr


def test_a_reference_on_another_grid_is_resampled(data: Path, tmp_path: Path) -> None:
    truth = mrc.read(data / "truth.mrc")
    mrc.write(tmp_path / "small.mrc", truth.data[4:-4, 4:-4, 4:-4], 6.0)
    result = run_spa("refine", "homo", data / "in.star", "-d", tmp_path, "--reference", tmp_path / "small.mrc",
                     "--iterations", 1)  # fmt: skip
    assert result.status == 0, result.stderr


@pytest.mark.parametrize(
    ("break_it", "status", "words"),
    [
        (lambda folder: (folder / "in.star").write_text(""), 65, "empty"),
        (lambda folder: (folder / "truth.mrc").unlink(), 66, "truth.mrc"),
        (lambda folder: _cut(folder / "particles.mrcs"), 74, "particles.mrcs"),
        (lambda folder: _without(folder / "in.star", "rlnDefocusU"), 65, "rlnDefocusU"),
    ],
)
def test_bad_input_is_one_line(data: Path, tmp_path: Path, break_it: object, status: int, words: str) -> None:
    for name in ("in.star", "truth.mrc", "particles.mrcs"):
        (tmp_path / name).write_bytes((data / name).read_bytes().replace(str(data).encode(), str(tmp_path).encode()))
    break_it(tmp_path)  # type: ignore[operator]
    result = homo(tmp_path, tmp_path / "out")
    assert result.status == status and words in result.stderr, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_image_of_nan_is_left_out(data: Path, tmp_path: Path) -> None:
    table = star.read(data / "in.star")
    images = np.array(mrc.read(data / "particles.mrcs").data)
    images[7] = np.nan
    mrc.write(tmp_path / "bad.mrcs", images, 6.0)
    names = [name.split("@")[0] + f"@{tmp_path}/bad.mrcs" for name in table["particles"].text("rlnImageName")]
    star.write(table.with_block("particles", table["particles"].with_columns(rlnImageName=names)), tmp_path / "b.star")
    result = run_spa("refine", "homo", tmp_path / "b.star", "-d", tmp_path / "r", "-o", tmp_path / "o.star",
                     "--reference", data / "truth.mrc", "--iterations", 1)  # fmt: skip
    assert result.status == 1 and "row 8" in result.stderr
    assert len(star.read(tmp_path / "o.star")["particles"]) == 159


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _without(path: Path, column: str) -> None:
    spoiled.particles(path, path, column)


@pytest.mark.parametrize("name, value", [("--lowpass", 5000), ("--shift-range", 1000), ("--diameter", 1000)])
def test_lengths_beyond_the_box_are_usage_errors(data: Path, tmp_path: Path, name: str, value: float) -> None:
    result = homo(data, tmp_path / "r", name, value)
    assert result.status == 2 and f"{name} {value}: the box is 240 A wide" in result.stderr


def test_a_start_that_halves_would_share_whole_is_refused(data: Path, tmp_path: Path) -> None:
    result = homo(data, tmp_path / "r", "--lowpass", 1)
    assert result.status == 2 and "--lowpass 1: pixels of 6 A end at 12 A" in result.stderr


def test_two_devices_give_the_map_of_one(data: Path, tmp_path: Path, card: Any) -> None:
    words = ("--diameter", 150, "--iterations", 1, "--shift-range", 5, "--ewald", "positive")
    for folder, device in (("one", "cuda"), ("two", "cuda:0,1")):
        result = homo(data, tmp_path / folder, *words, "--device", device)
        assert result.status == 0, result.stderr
        assert result.stderr.count("on emulated device") == (2 if folder == "two" else 1)
    assert card.launches["sphere"]
    for file in ("map.mrc", "half1.mrc"):
        one, two = (np.asarray(mrc.read(tmp_path / folder / file).data) for folder in ("one", "two"))
        np.testing.assert_array_equal(one, two)


def test_a_device_gives_the_same_map_and_none_is_one_line(
    data: Path, done: Path, tmp_path: Path, card: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = homo(data, tmp_path / "on", "--diameter", 150, "--device", "cuda")
    assert result.status == 0 and "emulated device" in result.stderr, result.stderr
    assert card.launches
    on, cpu = (np.asarray(mrc.read(folder / "map.mrc").data, float) for folder in (tmp_path / "on", done))
    assert np.corrcoef(on.ravel(), cpu.ravel())[0, 1] > 0.99
    monkeypatch.undo()  # the card is gone
    monkeypatch.setitem(sys.modules, "pycuda", None)
    result = homo(data, tmp_path / "none", "--device", "cuda")
    assert result.status == 69 and "PyCUDA" in result.stderr and "gpu-cuda13" in result.stderr
    assert len(result.stderr.splitlines()) == 1 and not (tmp_path / "none" / "map.mrc").exists()


def test_images_on_the_ewald_sphere(tmp_path: Path) -> None:
    """A thick particle and slow electrons: the right sign is better than flat, and the wrong one is said to be."""
    given = ("--box", 64, "--pixel-size", 2.5, "--n", 200, "--snr", 5, "--specimen-diameter", 115, "--symmetry", "D2",
             "--voltage", 10, "--cs", 0.01, "--defocus", 1000, 3000)  # fmt: skip
    made = run_spa("simulate", "particles", "-d", tmp_path, "-o", tmp_path / "in.star", *given, "--ewald", "negative")
    assert made.status == 0, made.stderr
    truth = mrc.read(tmp_path / "truth.mrc").data
    agree, said = {}, {}
    for way in ("none", "positive", "negative"):
        result = homo(tmp_path, tmp_path / way, "--lowpass", 12, "--symmetry", "D2", "--ewald", way)
        assert result.status == 0, result.stderr
        agree[way] = fsc(np.asarray(mrc.read(tmp_path / way / "map.mrc").data, np.float32), truth)[18:30].mean()
        said[way] = result.stderr
    assert agree["negative"] > agree["none"] > agree["positive"]
    assert "agree less" in said["positive"] and "agree less" not in said["negative"]


@pytest.mark.parametrize(("symmetry", "turn", "said"), [("D3", 0, False), ("D3", 50, True), ("C1", 50, False)])
def test_a_reference_off_the_axes_is_said(data: Path, tmp_path: Path, symmetry: str, turn: float, said: bool) -> None:
    made = run_spa("simulate", "particles", "-d", tmp_path, *SIMULATION[:4], "--n", 1, "--symmetry", "D3")
    assert made.status == 0
    found = mrc.read(tmp_path / "truth.mrc")
    tilted = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    rotation = np.array([[tilted[0], 0, tilted[1]], [0, 1, 0], [-tilted[1], 0, tilted[0]]])
    volume = resampled(transform(np.array(found.data), 6.0), 40, 6.0, rotation[None])
    mrc.write(tmp_path / "turned.mrc", volume, 6.0)
    result = run_spa("refine", "homo", data / "in.star", "-d", tmp_path / "R", "--reference", tmp_path / "turned.mrc",
                     "--symmetry", symmetry, "--iterations", 1)  # fmt: skip
    assert result.status == 0 and ("hardly has symmetry" in result.stderr) == said, result.stderr


def test_a_diameter_that_cuts_the_reference_is_said(done: Path, tmp_path: Path) -> None:
    call = ("refine", "homo", done / "out.star", "-d", tmp_path / "R", "--iterations", 1)
    said = [run_spa(*call, "--diameter", diameter).stderr for diameter in (40, 120)]
    assert "--diameter 40: the reference looks" in said[0] and "the reference looks" not in said[1], said
