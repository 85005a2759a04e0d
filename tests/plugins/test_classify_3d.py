"""`spa classify 3d`: classes, maps and evidence out; bad input in one line; resumed to the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spa.class3d.apart import Worth
from spa.io import mrc, star
from spa.job import maps
from spa.testing import run_spa
from spa.volume.masks import distances
from spa_plugins.classify_3d import results

BOX, PIXEL = 32, 6.0
QUICK = ("--max-resolution", 16, "--start-resolution", 20, "--iterations", 6)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """180 images of a lump and 120 of the same with a ball at its side, joined, with their poses; and a ball's mask."""
    folder = tmp_path_factory.mktemp("two")
    made = run_spa("simulate", "particles", "-d", folder / "a", "--box", BOX, "--pixel-size", PIXEL, "--n", 180,
                   "--snr", 1, "--specimen-diameter", 100, "--seed", 1)  # fmt: skip
    assert made.status == 0, made.stderr
    lump = mrc.read(folder / "a" / "truth.mrc")
    ball = np.roll(np.exp(-((distances(BOX) / 3.0) ** 2)), (0, 7, 0), (0, 1, 2))
    other = lump.data + 0.7 * lump.data.max() * ball
    mrc.write(folder / "other.mrc", other.astype(np.float32), PIXEL)
    mrc.write(folder / "focus.mrc", (ball > 0.05).astype(np.float32), PIXEL)
    made = run_spa("simulate", "particles", "-d", folder / "b", "--map", folder / "other.mrc", "--n", 120, "--snr", 1,
                   "--seed", 2)  # fmt: skip
    assert made.status == 0, made.stderr
    tables = []
    for number, name in enumerate("ab", 1):
        table = star.read(folder / name / "truth.star")
        tables.append(table.with_block("particles", table["particles"].with_columns(spaTruth=number)))
        images = mrc.read(folder / name / "particles.mrcs").data
        scale = mrc.read(folder / name / "truth.mrc").data.sum() / (lump.data.sum() if number == 1 else other.sum())
        mrc.write(folder / name / "particles.mrcs", (images / scale).astype(np.float32), PIXEL)
    both = star.Table.concat([one["particles"] for one in tables])
    star.write(tables[0].with_block("particles", both), folder / "in.star")
    return folder


def classified(two: Path, outdir: Path, *more: object, table: str = "in.star") -> object:
    return run_spa("classify", "3d", two / table, "-d", outdir, "-o", outdir / "out.star", *QUICK, *more)


@pytest.fixture(scope="module")
def done(two: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("classes")
    result = classified(two, outdir, "--diameter", 130)
    assert result.status == 0, result.stderr
    assert "2 classes of 300 particles" in result.stderr.splitlines()[-1]
    return outdir


def right(path: Path) -> float:
    """Share of the particles that are with those of their kind."""
    table = star.read(path)["particles"]
    found, truth = table.ints("rlnClassNumber"), table.ints("spaTruth")
    return sum(np.bincount(truth[found == k]).max() for k in np.unique(found)) / len(found)


def test_both_kinds_come_apart(done: Path) -> None:
    assert right(done / "out.star") > 0.93
    table = star.read(done / "out.star")["particles"]
    assert (table.floats("spaClassEntropy") >= 0).all() and (table.floats("spaClassEntropy") <= np.log(2) + 1e-5).all()
    assert table.floats("rlnMaxValueProbDistribution").min() >= 0.5 - 1e-6
    assert table.floats("spaClassEvidence").mean() > 0


def test_maps_and_classes_are_in_the_stream(two: Path, done: Path) -> None:
    tables = star.read(done / "out.star")
    classes, maps = tables["classes"], tables["maps"]
    sizes = np.bincount(tables["particles"].ints("rlnClassNumber"), minlength=3)[1:]
    assert list(classes.ints("spaClassSize")) == list(sizes) and sizes[0] >= sizes[1]
    assert (classes.floats("spaEffectiveSize") <= 300 + 1e-6).all()
    assert sorted(set(zip(maps.ints("spaMapClass"), maps.text("spaMapRole")))) == sorted(
        (k, role) for k in (1, 2) for role in ("map", "half1", "half2", "mask", "fsc")
    )
    for name in maps.text("spaMapName"):
        assert Path(name).is_file()
    with_ball = mrc.read(two / "other.mrc").data - mrc.read(two / "a" / "truth.mrc").data
    first, second = (mrc.read(done / f"class00{k}.mrc") for k in (1, 2))
    assert first.data.shape == (BOX,) * 3 and first.pixel_size == pytest.approx(PIXEL)
    assert abs(np.corrcoef((second.data - first.data).ravel(), with_ball.ravel())[0, 1]) > 0.6
    mask = mrc.read(done / "mask.mrc").data
    assert mask.max() == pytest.approx(1, abs=0.02) and mask.min() >= 0


def test_the_result_does_not_depend_on_threads(two: Path, done: Path, tmp_path: Path) -> None:
    assert classified(two, tmp_path, "--diameter", 130, "--threads", 1).status == 0
    for name in ("class001.mrc", "class002_half1.mrc", "class002_fsc.star"):
        assert (tmp_path / name).read_bytes() == (done / name).read_bytes(), name
    assert star.read(tmp_path / "out.star")["particles"] == star.read(done / "out.star")["particles"]


def test_kill_9_and_resume_give_the_same_bytes(two: Path, done: Path, tmp_path: Path) -> None:
    words = [Path(sys.executable).parent / "spa", "classify", "3d", two / "in.star", "-d", tmp_path, "-o",
             tmp_path / "out.star", *QUICK, "--diameter", 130]  # fmt: skip
    with subprocess.Popen([str(word) for word in words], stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "state.npz").exists() and process.poll() is None:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    again = classified(two, tmp_path, "--diameter", 130, "--resume")
    assert again.status == 0 and "going on after iteration" in again.stderr
    assert (tmp_path / "class002.mrc").read_bytes() == (done / "class002.mrc").read_bytes()
    assert classified(two, tmp_path, "--diameter", 120, "--resume").status == 65


def test_a_focus_mask_sees_only_what_lies_in_it(two: Path, done: Path, tmp_path: Path) -> None:
    result = classified(two, tmp_path, "--focus-mask", two / "focus.mrc", "--mask", done / "mask.mrc", "--plot",
                        tmp_path / "a.png")  # fmt: skip
    assert result.status == 0, result.stderr
    assert right(tmp_path / "out.star") > 0.93 and (tmp_path / "a.png").stat().st_size > 10000
    elsewhere = np.roll(mrc.read(two / "focus.mrc").data, -14, 1)
    mrc.write(tmp_path / "else.mrc", elsewhere, PIXEL)
    away = classified(two, tmp_path / "away", "--focus-mask", tmp_path / "else.mrc", "--diameter", 130)
    assert away.status == 0 and right(tmp_path / "away" / "out.star") < 0.8


def test_random_starts_find_the_classes_too(two: Path, tmp_path: Path) -> None:
    more = ("--seeds", 2, "--similarity", 0.6, "--seed", 4, "--tau", 0.1)
    result = classified(two, tmp_path, "--init", "random", *more)
    assert result.status == 0, result.stderr
    assert right(tmp_path / "out.star") > 0.9


def test_one_kind_of_particle_is_doubted(two: Path, tmp_path: Path) -> None:
    result = run_spa("classify", "3d", two / "a" / "truth.star", "-d", tmp_path, "-o", tmp_path / "out.star", *QUICK,
                     "--classes", 3)  # fmt: skip
    assert result.status == 0 and "they may be noise" in result.stderr
    assert set(star.read(tmp_path / "out.star")["particles"].ints("rlnClassNumber")) <= {1, 2, 3}


def test_the_classes_can_be_chosen_from(done: Path, tmp_path: Path) -> None:
    chosen = run_spa("select", "classes", done / "out.star", "--classes", 2, "-o", tmp_path / "two.star")
    assert chosen.status == 0, chosen.stderr
    assert set(star.read(tmp_path / "two.star")["particles"].ints("rlnClassNumber")) == {2}


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        (("--classes", 40), 65, "too few"),
        (("--diameter", 1000), 2, "--diameter"),
        (("--max-resolution", 100), 2, "--max-resolution"),
        (("--focus-mask", "nowhere.mrc"), 66, "nowhere.mrc"),
    ],
)
def test_bad_options_are_one_line(two: Path, tmp_path: Path, more: tuple, status: int, words: str) -> None:
    result = classified(two, tmp_path, *more)
    assert result.status == status and words in result.stderr, result.stderr


def test_particles_without_poses_are_refused(two: Path, tmp_path: Path) -> None:
    result = run_spa("classify", "3d", two / "a" / "particles.star", "-d", tmp_path)
    assert result.status == 65 and "rlnAngleRot" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_copies_of_a_symmetric_particle_tell_which_is_odd(tmp_path: Path) -> None:
    """Expanded over its group and looked at where one subunit is: one copy of each particle is the odd one."""
    made = run_spa("simulate", "particles", "-d", tmp_path / "P", "--symmetry", "C3", "--odd-subunit", "missing",
                   "--box", BOX, "--pixel-size", PIXEL, "--n", 100, "--snr", 1, "--specimen-diameter", 130)  # fmt: skip
    assert made.status == 0, made.stderr
    truth, copies = tmp_path / "P" / "truth.star", tmp_path / "x.star"
    expanded = run_spa("symmetry", "expand", truth, "--symmetry", "C3", "-o", copies)
    assert expanded.status == 0, expanded.stderr
    result = run_spa("classify", "3d", copies, "-d", tmp_path / "C", "-o", tmp_path / "c.star", *QUICK,
                     "--focus-mask", tmp_path / "P" / "odd.mrc")  # fmt: skip
    assert result.status == 0, result.stderr
    table = star.read(tmp_path / "c.star")["particles"]
    odd = table.ints("rlnClassNumber") == 2
    assert (table.ints("spaSymmetryCopy")[odd] == 1).mean() > 0.95
    parents = table.text("spaSymmetryParent")
    assert len(set(parents[odd])) > 95 and abs(odd.sum() - 100) < 6
    halves = {(parent, half) for parent, half in zip(parents, table.ints("rlnRandomSubset"))}
    assert len(halves) == 100


@pytest.mark.parametrize(
    "group, columns, focus, agreement, words",
    [("C4", {}, None, 0.02, "symmetry expand --symmetry C4"), ("C1", {}, None, 0.02, "fewer classes"),
     ("C4", {"spaSymmetryCopy": [1]}, None, 0.02, "another of the copies"),
     ("C4", {"spaSymmetryCopy": [1]}, "unit.mrc", 0.02, "fewer classes"), ("C4", {}, None, 0.8, "")],
)  # fmt: skip
def test_classes_that_halves_do_not_share_are_doubted(
    group: str, columns: dict, focus: str | None, agreement: float, words: str
) -> None:
    """And where poses are known up to a group alone, what looks at each place that may break it is named."""
    tables = star.Tables(blocks={"particles": star.Table.of(rlnImageName=["1@a.mrcs"], **columns)})
    given = SimpleNamespace(stack=SimpleNamespace(tables=maps.with_symmetry(tables, [group])),
                            asked=SimpleNamespace(focus_mask=focus))  # fmt: skip
    worth = Worth(0.05, 0.01, agreement, np.zeros(1))
    told = results.doubt(SimpleNamespace(worth=worth, ready=SimpleNamespace(given=given)))  # type: ignore[arg-type]
    assert words in told and bool(told) == bool(words)


def test_a_device_finds_the_same_classes(two: Path, tmp_path: Path, card: Any) -> None:
    tables = star.read(two / "in.star")
    star.write(tables.with_block("particles", tables["particles"].take(np.arange(0, 300, 3))), tmp_path / "few.star")
    words = ("--diameter", 130, "--iterations", 1, "--seeds", 2)
    for device in ("cpu", "cuda"):
        result = classified(tmp_path, tmp_path / device, *words, "--device", device, table="few.star")
        assert result.status == 0 and ("emulated device" in result.stderr) == (device == "cuda"), result.stderr
    assert card.launches["moments"] and card.launches["subtract"] and card.launches["scatter"]
    found, wanted = (star.read(tmp_path / where / "out.star")["particles"] for where in ("cuda", "cpu"))
    assert (found.ints("rlnClassNumber") == wanted.ints("rlnClassNumber")).mean() > 0.97
    assert np.allclose(found.floats("spaClassEvidence"), wanted.floats("spaClassEvidence"), atol=0.5)
