"""spa abinit model: maps from nothing, resumed to the same bytes, every option, bad input in one line."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.abinit import compact
from spa.image.ctf import Lens, ctf
from spa.io import mrc, star
from spa.symmetry import align
from spa.testing import Result, run_spa
from spa.volume.symmetry import operators
from tests.plugins import spoiled

SIMULATION = ("--box", 40, "--pixel-size", 6, "--n", 300, "--snr", 1, "--specimen-diameter", 150, "--shift", 3)
FILES = ("class001.mrc", "seeds.star", "out.star")
DIAMETER = ("--diameter", 170)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("particles")
    made = run_spa("simulate", "particles", "-d", folder, "-o", folder / "in.star", *SIMULATION)
    assert made.status == 0, made.stderr
    return folder


def with_images(data: Path, folder: Path, images: np.ndarray, *drop: str) -> None:
    """The particles' table in another folder, with these images (n, box, box), and without some columns."""
    mrc.write(folder / "made.mrcs", images, 6.0)
    names = [f"{row + 1:06d}@{folder}/made.mrcs" for row in range(len(images))]
    spoiled.particles(data / "in.star", folder / "in.star", *drop, rlnImageName=names)


def abinit(data: Path, outdir: Path, *more: object) -> Result:
    return run_spa("abinit", "model", data / "in.star", "-d", outdir, "-o", outdir / "out.star", *DIAMETER, *more)


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("model")
    result = abinit(data, outdir, "--seeds", 2, "--max-resolution", 20)
    assert result.status == 0, result.stderr
    assert "FSC 0.143" in result.stderr.splitlines()[-1]
    return outdir


def likeness(data: Path, found: Path, shell: int = 7) -> float:
    """Least FSC over low shells between the truth and a map, laid on it whatever its hand."""
    truth, map_ = (np.asarray(mrc.read(path).data) for path in (data / "truth.mrc", found))
    laid = align.fit(truth, map_, shell)
    return float(align.shell_correlation(truth, map_, laid, shell)[1:].min())


def test_the_map_is_the_particle(data: Path, done: Path) -> None:
    assert likeness(data, done / "class001.mrc") > 0.6
    assert not list((done / "states").glob("quench*"))
    image = mrc.read(done / "class001.mrc")
    assert image.pixel_size == pytest.approx(6) and image.data.shape == (40, 40, 40)


def test_the_table_has_poses_classes_and_maps(data: Path, done: Path) -> None:
    tables = star.read(done / "out.star")
    table, maps = tables["particles"], tables["maps"]
    assert len(table) == 300 and set(table.ints("rlnClassNumber")) == {1}
    assert set(table.ints("rlnRandomSubset")) == {1, 2}
    assert list(maps.text("spaMapRole")) == ["map"] and Path(maps.text("spaMapName")[0]).is_file()
    peak = table.floats("rlnMaxValueProbDistribution")
    assert peak.min() >= 0 and peak.max() <= 1
    assert (table.floats("spaParticleEvidence") > 5).mean() > 0.95
    for name in ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst"):
        assert np.isfinite(table.floats(name)).all()
    seeds = star.read(done / "seeds.star")["seeds"]
    assert len(seeds) == 2 and seeds.ints("spaChosen").sum() == 1


def test_particles_are_looked_for_where_the_table_has_them(data: Path, tmp_path: Path) -> None:
    """As far from their images' centres as no shift reaches."""
    images = np.asarray(mrc.read(data / "particles.mrcs").data)
    with_images(data, tmp_path, np.roll(images, 9, axis=2))  # to x = +9 pixels
    tables = star.read(tmp_path / "in.star")
    table = tables["particles"].with_columns(rlnOriginXAngst=[-54.0] * 300, rlnOriginYAngst=[0.0] * 300)
    star.write(tables.with_block("particles", table), tmp_path / "in.star")
    result = abinit(tmp_path, tmp_path, "--seeds", 1, "--max-resolution", 20, "--shift-range", 12)
    assert result.status == 0, result.stderr
    assert likeness(data, tmp_path / "class001.mrc") > 0.6
    assert abs(star.read(tmp_path / "out.star")["particles"].floats("rlnOriginXAngst") + 54).max() < 20


def test_the_result_does_not_depend_on_threads(data: Path, done: Path, tmp_path: Path) -> None:
    assert abinit(data, tmp_path, "--seeds", 2, "--max-resolution", 20, "--threads", 1).status == 0
    assert (tmp_path / "class001.mrc").read_bytes() == (done / "class001.mrc").read_bytes()
    assert star.read(tmp_path / "out.star")["particles"] == star.read(done / "out.star")["particles"]


def test_kill_9_and_resume_give_the_same_bytes(data: Path, done: Path, tmp_path: Path) -> None:
    words = [
        Path(sys.executable).parent / "spa", "abinit", "model", data / "in.star", "-d", tmp_path, "-o",
        tmp_path / "out.star", *DIAMETER, "--seeds", 2, "--max-resolution", 20,
    ]  # fmt: skip
    first = tmp_path / "states" / "heat_C1_0.npz"
    with subprocess.Popen([str(word) for word in words], stderr=subprocess.DEVNULL) as process:
        while not first.exists() and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "class001.mrc").exists()
    written = first.stat().st_mtime_ns
    result = abinit(data, tmp_path, "--seeds", 2, "--max-resolution", 20, "--resume")
    assert result.status == 0, result.stderr
    assert first.stat().st_mtime_ns == written
    assert (tmp_path / "class001.mrc").read_bytes() == (done / "class001.mrc").read_bytes()


def test_resuming_with_other_options_is_refused(data: Path, done: Path) -> None:
    result = abinit(data, done, "--seeds", 3, "--max-resolution", 20, "--resume")
    assert result.status == 65 and "seeds" in result.stderr


def test_states_of_another_run_are_not_taken(data: Path, tmp_path: Path) -> None:
    words = ("--seeds", 1, "--max-resolution", 30)
    assert abinit(data, tmp_path, *words, "--seed", 5).status == 0
    old = {path.name: path.read_bytes() for path in (tmp_path / "states").iterdir()}
    assert abinit(data, tmp_path, *words).status == 0
    for path in (tmp_path / "states").iterdir():
        assert path.read_bytes() != old.get(path.name)


def test_a_state_that_is_broken_is_named(data: Path, tmp_path: Path) -> None:
    words = ("--seeds", 1, "--max-resolution", 30)
    assert abinit(data, tmp_path, *words).status == 0
    state = tmp_path / "states" / "heat_C1_0.npz"
    for broken in (b"nonsense", b"", state.read_bytes()[:3000]):
        state.write_bytes(broken)
        result = abinit(data, tmp_path, *words, "--resume")
        assert result.status == 74 and "heat_C1_0.npz" in result.stderr


def test_a_symmetric_map_lies_on_its_axes(tmp_path: Path) -> None:
    made = run_spa("simulate", "particles", "-d", tmp_path, "-o", tmp_path / "in.star", "--symmetry", "C4", *SIMULATION)
    assert made.status == 0, made.stderr
    result = abinit(tmp_path, tmp_path, "--symmetry", "c4", "--seeds", 1, "--max-resolution", 20, "-v",
                    "--plot", tmp_path / "a.png", "--shift-range", 15, "--seed", 3)  # fmt: skip
    assert result.status == 0, result.stderr
    assert (tmp_path / "a.png").stat().st_size > 10000
    assert "held-out evidence" in result.stderr
    inner = np.asarray(mrc.read(tmp_path / "class001.mrc").data)[:, 1:, 1:]
    assert np.corrcoef(inner.ravel(), np.rot90(inner, 1, (1, 2)).ravel())[0, 1] > 0.98
    assert likeness(tmp_path, tmp_path / "class001.mrc", 6) > 0.5
    assert set(star.read(tmp_path / "seeds.star")["seeds"].text("spaSymmetry")) == {"C1", "C4"}


def test_symmetry_is_found(tmp_path: Path) -> None:
    made = run_spa("simulate", "particles", "-d", tmp_path, "-o", tmp_path / "in.star", "--symmetry", "D3", *SIMULATION)
    assert made.status == 0, made.stderr
    result = abinit(tmp_path, tmp_path, "--symmetry", "auto", "--seeds", 1, "--max-resolution", 16)
    assert result.status == 0 and "D3, 300 particles" in result.stderr, result.stderr
    found = star.read(tmp_path / "out.star")["symmetry"]
    assert found.text("spaSymmetry").tolist() == ["D3"] and found.ints("spaMapClass").tolist() == [1]
    map_ = np.asarray(mrc.read(tmp_path / "class001.mrc").data)
    for one in operators("D3")[1:]:
        assert np.corrcoef(map_.ravel(), align.turned(map_, one).ravel())[0, 1] > 0.97
    assert likeness(tmp_path, tmp_path / "class001.mrc", 6) > 0.6


def test_auto_leaves_a_particle_without_symmetry_alone_and_junk_is_the_last_class(data: Path, tmp_path: Path) -> None:
    result = abinit(data, tmp_path, "--symmetry", "auto", "--junk", "--seeds", 1, "--max-resolution", 20,
                    "--plot", tmp_path / "both.png")  # fmt: skip
    assert result.status == 0, result.stderr
    assert re.search(r"classes: \d+ % C1 at \d+\.\d A; \d+ % junk, 300 particles", result.stderr.splitlines()[-1])
    assert (tmp_path / "both.png").stat().st_size > 10000
    tables = star.read(tmp_path / "out.star")
    assert tables["symmetry"].text("spaSymmetry").tolist() == ["C1"]
    assert tables["maps"].ints("spaMapClass").tolist() == [1, 2]
    assert (tables["particles"].ints("rlnClassNumber") == 1).mean() > 0.95
    assert likeness(data, tmp_path / "class001.mrc", 6) > 0.6


def test_classes_are_numbered_by_size(data: Path, tmp_path: Path) -> None:
    result = abinit(data, tmp_path, "--classes", 2, "--seeds", 1, "--max-resolution", 30)
    assert result.status == 0, result.stderr
    tables = star.read(tmp_path / "out.star")
    counts = np.bincount(tables["particles"].ints("rlnClassNumber"), minlength=3)[1:]
    assert counts[0] >= counts[1] and counts.sum() == 300
    assert list(tables["maps"].ints("spaMapClass")) == [1, 2]
    assert (tmp_path / "class002.mrc").is_file()
    classes = tables["classes"]
    each = [f"{100 * part:.0f} % C1 at {end:.1f} A" for part, end in
            zip(classes.floats("rlnClassDistribution"), classes.floats("rlnEstimatedResolution"))]  # fmt: skip
    assert f"classes: {'; '.join(each)}, 300 particles" in result.stderr.splitlines()[-1]
    assert classes.ints("spaClassSize").tolist() == counts.tolist()
    assert classes.text("rlnReferenceImage").tolist() == tables["maps"].text("spaMapName").tolist()
    assert classes.floats("rlnClassDistribution").sum() == pytest.approx(1, abs=1e-4)
    kept = run_spa("select", "classes", "--classes", 2, tmp_path / "out.star")
    assert kept.status == 0 and f"1 of 2 classes kept, {counts[1]} of 300 particles" in kept.stderr


@pytest.mark.parametrize("seen", ["flipped", "none"])
def test_images_whose_phases_were_flipped(data: Path, tmp_path: Path, seen: str) -> None:
    """Taken as such, or, without their defocus, as they are: the CTF's sign is all that a low band needs of it."""
    table = star.read(data / "in.star")["particles"]
    k = np.fft.fftfreq(40, 6.0)
    u, v, angle = (table.floats(f"rlnDefocus{name}")[:, None, None] for name in ("U", "V", "Angle"))
    value = ctf(Lens(300.0, 2.7, 0.1), k[None, None], k[None, :, None], u, v, np.radians(angle))
    stack = np.asarray(mrc.read(table.text("rlnImageName")[0].split("@")[1]).data)
    flipped = np.fft.ifft2(np.fft.fft2(stack) * np.sign(value)).real.astype(np.float32)
    unknown = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle") if seen == "none" else ()
    with_images(data, tmp_path, flipped, *unknown)
    words = ("--seeds", 2, "--max-resolution", 20)
    if seen == "none":
        refused = run_spa("abinit", "model", tmp_path / "in.star", "-d", tmp_path / "R", *DIAMETER, *words)
        assert refused.status == 65 and "rlnDefocusU; --ctf none takes images as they are" in refused.stderr
    found = run_spa("abinit", "model", tmp_path / "in.star", "-d", tmp_path / "M", "-o", tmp_path / "o.star", *DIAMETER,
                    *words, "--ctf", seen)  # fmt: skip
    assert found.status == 0, found.stderr
    assert likeness(data, tmp_path / "M" / "class001.mrc", 5) > 0.6


def test_what_it_prints_starts_a_refinement(done: Path, tmp_path: Path) -> None:
    result = run_spa("refine", "homo", "-", "-d", tmp_path, "--iterations", 1,
                     input=(done / "out.star").read_bytes())  # fmt: skip
    assert result.status == 0, result.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--diameter", 500), 2, "box is 240 A"),
        (("--diameter", 5), 2, "box is 240 A"),
        (("--symmetry", "Q7"), 2, "Q7"),
        (("--shift-range", 500), 2, "--shift-range 500: the box is 240 A"),
        (("--max-resolution", 5), 2, "images end at 12 A"),
        (("--classes", 9), 2, "classes"),
        (("--device", "cuda"), 69, "cuda"),
    ],
)
def test_what_cannot_be_is_refused(data: Path, tmp_path: Path, words: tuple, status: int, said: str) -> None:
    result = abinit(data, tmp_path, *words)
    assert result.status == status and said in result.stderr, result.stderr


def test_too_few_particles_are_refused(data: Path, tmp_path: Path) -> None:
    tables = star.read(data / "in.star")
    star.write(tables.with_block("particles", tables["particles"].take(np.arange(20))), tmp_path / "in.star")
    result = abinit(tmp_path, tmp_path)
    assert result.status == 65 and "20 particles" in result.stderr


def test_flat_images_are_refused(data: Path, tmp_path: Path) -> None:
    with_images(data, tmp_path, np.ones((300, 40, 40), np.float32))
    result = abinit(tmp_path, tmp_path)
    assert result.status == 65 and "none of its 300 images" in result.stderr.splitlines()[-1]


def test_a_bad_image_is_left_out(data: Path, tmp_path: Path) -> None:
    images = np.array(mrc.read(data / "particles.mrcs").data)
    images[7] = np.nan
    with_images(data, tmp_path, images)
    result = abinit(tmp_path, tmp_path, "--seeds", 1, "--max-resolution", 30)
    assert result.status == 1 and "row 8" in result.stderr
    assert len(star.read(tmp_path / "out.star")["particles"]) == 299


def test_the_small_box_gives_the_grey_scale_of_the_images(data: Path, done: Path) -> None:
    """The map is the truth's, in scale as well: the images' signal is what it was measured from."""
    truth, found = (np.asarray(mrc.read(path).data) for path in (data / "truth.mrc", done / "class001.mrc"))
    powers = [np.abs(np.fft.rfftn(one))[:6, :6, :6].mean() for one in (truth, found)]
    assert 0.5 < powers[1] / powers[0] < 1.6
    assert compact.rescaled(found, 40) is found


def test_a_device_finds_the_map_too(data: Path, tmp_path: Path, card: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few batches and one round of sharpening: it is slow where there is no card."""
    plan = "spa.recipe.abinit.course.plan"
    whole = import_module("spa.abinit.plan").plan
    monkeypatch.setattr(plan, lambda *given: whole(*given)[::10])
    monkeypatch.setattr("spa.abinit.sharpen.ROUNDS", (1, 1, 1))
    tables = star.read(data / "in.star")
    star.write(tables.with_block("particles", tables["particles"].take(np.arange(60))), tmp_path / "in.star")
    result = abinit(tmp_path, tmp_path, "--seeds", 1, "--max-resolution", 40, "--device", "cuda")
    assert result.status in (0, 1) and "emulated device" in result.stderr, result.stderr
    assert card.launches["weigh"] and card.launches["climb"] and (tmp_path / "class001.mrc").exists()
