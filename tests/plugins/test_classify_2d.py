"""`spa classify 2d`: tables and averages out, bad input, resuming."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.image.ctf import Lens, ctf
from spa.io import mrc, star
from spa.testing import run_spa

QUICK = ("--classes", 3, "--diameter", 100, "--max-resolution", 15, "--iterations", 4)


@pytest.fixture
def two_shapes(tmp_path: Path) -> Path:
    """48 images of discs and bars, 32 pixels of 5 A, next to no noise."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:32, :32] - 16
    disc, bar = np.hypot(x, y) < 7, (abs(x) < 9) & (abs(y) < 2)
    shape = np.arange(48) % 2
    stack = np.stack([[disc, bar][s] * 4.0 for s in shape]) + rng.normal(size=(48, 32, 32))
    mrc.write(tmp_path / "p.mrcs", stack.astype(np.float32), 5.0)
    optics = star.Table.of(rlnOpticsGroupName=["one"], rlnOpticsGroup=[1], rlnVoltage=[300.0], rlnImagePixelSize=[5.0],
                           rlnSphericalAberration=[2.7], rlnAmplitudeContrast=[1.0])  # fmt: skip
    particles = star.Table.of(
        rlnImageName=[f"{i + 1:06d}@{tmp_path / 'p.mrcs'}" for i in range(48)], rlnOpticsGroup=[1] * 48,
        rlnDefocusU=[0.0] * 48, rlnDefocusV=[0.0] * 48, rlnDefocusAngle=[0.0] * 48, rlnAngleRot=[7.0] * 48,
        rlnAngleTilt=[8.0] * 48, rlnOriginXAngst=[0.0] * 48, rlnOriginYAngst=[0.0] * 48, spaShape=shape,
    )  # fmt: skip
    star.write(star.Tables({"optics": optics, "particles": particles}), tmp_path / "p.star")
    return tmp_path / "p.star"


def test_the_table_has_classes_angles_and_shifts_and_keeps_the_rest(two_shapes: Path, tmp_path: Path) -> None:
    result = run_spa("classify", "2d", two_shapes, "-d", tmp_path / "C", *QUICK)
    assert result.status == 0, result.stderr
    tables = star.read(io.StringIO(result.stdout))
    particles, classes = tables["particles"], tables["classes"]
    assert set(particles.ints("rlnClassNumber")) <= {1, 2, 3} and len(classes) == 3
    assert (particles.ints("spaShape") == np.arange(48) % 2).all() and "rlnAngleRot" not in particles
    assert np.isclose(classes.floats("rlnClassDistribution").sum(), 1, atol=1e-4)
    assert (np.diff(classes.floats("rlnClassDistribution")) <= 0).all()
    assert (np.abs(particles.floats("rlnAnglePsi")) <= 180).all()
    assert particles.floats("rlnMaxValueProbDistribution").max() <= 1
    assert (np.hypot(particles.floats("rlnOriginXAngst"), particles.floats("rlnOriginYAngst")) < 30).all()
    stack = mrc.read(tmp_path / "C" / "classes.mrcs")
    assert stack.data.shape == (3, 32, 32) and np.isclose(stack.pixel_size, 5.0)
    assert "classes of 48 particles" in result.stderr


def test_what_was_picked_twice_is_said(two_shapes: Path, tmp_path: Path) -> None:
    tables = star.read(two_shapes)
    said = []
    for step in (0, 40):  # pixels from one particle to its twin
        row = np.arange(48)
        table = tables["particles"].with_columns(rlnMicrographName=["m.mrc"] * 48, rlnCoordinateX=200.0 * (row // 2),
                                                 rlnCoordinateY=step * (row % 2))  # fmt: skip
        optics = tables["optics"].with_columns(rlnMicrographPixelSize=[5.0])
        star.write(tables.with_block("particles", table).with_block("optics", optics), tmp_path / "q.star")
        said.append(run_spa("classify", "2d", tmp_path / "q.star", "-d", tmp_path / "C", *QUICK).stderr)
    assert "24 particles lie within 25 A of another" in said[0] and "of another" not in said[1], said


def test_discs_and_bars_come_apart(two_shapes: Path, tmp_path: Path) -> None:
    result = run_spa("classify", "2d", two_shapes, "-d", tmp_path / "C", *QUICK[:-1], 10, "-o", tmp_path / "c.star")
    assert result.status == 0, result.stderr
    table = star.read(tmp_path / "c.star")["particles"]
    cls, shape = table.ints("rlnClassNumber"), table.ints("spaShape")
    assert sum(np.bincount(shape[cls == c]).max() for c in np.unique(cls)) >= 46


def test_model_star_has_what_relion_displays(two_shapes: Path, tmp_path: Path) -> None:
    assert run_spa("classify", "2d", two_shapes, "-d", tmp_path / "C", *QUICK).status == 0
    model = star.read(tmp_path / "C" / "model.star")
    assert model["model_general"].ints("rlnNrClasses")[0] == 3
    assert model["model_classes"].text("rlnReferenceImage")[0] == f"000001@{tmp_path / 'C' / 'classes.mrcs'}"


def test_threads_do_not_change_the_bytes_and_seeds_do(two_shapes: Path, tmp_path: Path) -> None:
    def out(name: str, *more: object) -> bytes:
        folder = tmp_path / name
        assert run_spa("classify", "2d", two_shapes, "-d", folder, *QUICK, *more).status == 0
        return (folder / "classes.mrcs").read_bytes()

    one = out("A", "--threads", 1)
    assert out("B", "--threads", 2) == one and out("C", "--seed", 5) != one


def test_resume_goes_on_from_the_last_iteration_to_the_same_bytes(two_shapes: Path, tmp_path: Path) -> None:
    call = ("classify", "2d", two_shapes, "-d", tmp_path / "C", *QUICK, "-o", tmp_path / "c.star")
    assert run_spa(*call).status == 0
    whole, stack = (tmp_path / "c.star").read_bytes(), (tmp_path / "C" / "classes.mrcs").read_bytes()
    (tmp_path / "C" / "classes.mrcs").unlink()
    again = run_spa(*call, "--resume")
    assert again.status == 0 and "going on after iteration 4" in again.stderr
    assert (tmp_path / "c.star").read_bytes() == whole and (tmp_path / "C" / "classes.mrcs").read_bytes() == stack


def test_a_broken_state_is_named(two_shapes: Path, tmp_path: Path) -> None:
    call = ("classify", "2d", two_shapes, "-d", tmp_path / "C", *QUICK)
    assert run_spa(*call).status == 0
    (tmp_path / "C" / "state.npz").write_bytes(b"PK\x03\x04 no more")
    result = run_spa(*call, "--resume")
    assert result.status == 74 and "state.npz" in result.stderr


def test_plot_and_shift_range(two_shapes: Path, tmp_path: Path) -> None:
    plot = tmp_path / "m.png"
    result = run_spa("classify", "2d", two_shapes, "-d", tmp_path / "C", *QUICK, "--plot", plot,
                     "--shift-range", 5, "-v", "-o", tmp_path / "c.star")  # fmt: skip
    assert result.status == 0 and plot.stat().st_size > 1000 and "iteration 4" in result.stderr
    table = star.read(tmp_path / "c.star")["particles"]
    assert np.abs(table.floats("rlnOriginXAngst")).max() < 15


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("--diameter", 500), 2, "box is 160 A wide"),
        (("--diameter", 100, "--max-resolution", 60), 2, "coarser than the start"),
        (("--diameter", 100, "--shift-range", 500), 2, "--shift-range 500: the box is 160 A wide"),
        (("--diameter", 100, "--classes", 40), 65, "too few"),
    ],
)
def test_options_that_cannot_be(two_shapes: Path, tmp_path: Path, options: tuple, status: int, words: str) -> None:
    result = run_spa("classify", "2d", two_shapes, "-d", tmp_path / "C", *options)
    assert result.status == status and words in result.stderr and result.stdout == ""


def test_an_image_with_a_nan_is_left_out_and_named(two_shapes: Path, tmp_path: Path) -> None:
    stack = np.array(mrc.read(tmp_path / "p.mrcs").data)
    stack[5, 3, 3] = np.nan
    mrc.write(tmp_path / "p.mrcs", stack, 5.0)
    result = run_spa("classify", "2d", two_shapes, "-d", tmp_path / "C", *QUICK, "-o", tmp_path / "c.star")
    assert result.status == 1 and "left out" in result.stderr and "000006" in result.stderr
    assert len(star.read(tmp_path / "c.star")["particles"]) == 47


def test_a_missing_column_is_named(two_shapes: Path, tmp_path: Path) -> None:
    tables = star.read(two_shapes)
    star.write(tables.with_block("particles", tables["particles"].without("rlnDefocusU")), tmp_path / "q.star")
    result = run_spa("classify", "2d", tmp_path / "q.star", "-d", tmp_path / "C", *QUICK)
    assert result.status == 65 and "rlnDefocusU; --ctf none takes images as they are" in result.stderr


def classified(source: Path, tmp_path: Path, *more: object) -> star.Table:
    result = run_spa("classify", "2d", source, "-d", tmp_path / "C", *QUICK, "-o", tmp_path / "c.star", *more)
    assert result.status == 0, result.stderr
    return star.read(tmp_path / "c.star")["particles"]


def test_without_a_ctf_it_is_one_everywhere(two_shapes: Path, tmp_path: Path) -> None:
    tables = star.read(two_shapes)
    optics = tables["optics"].with_columns(rlnSphericalAberration=[0.0])  # and an amplitude contrast of 1
    star.write(tables.with_block("optics", optics), two_shapes)
    known = classified(two_shapes, tmp_path)
    bare = tables["particles"].without("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
    star.write(tables.with_block("particles", bare), tmp_path / "q.star")
    found = classified(tmp_path / "q.star", tmp_path, "--ctf", "none")
    for name in ("rlnClassNumber", "rlnAnglePsi", "rlnOriginXAngst"):
        assert (found.floats(name) == known.floats(name)).all()


def test_phases_that_were_flipped_are_taken_as_such(two_shapes: Path, tmp_path: Path) -> None:
    tables = star.read(two_shapes)
    optics = tables["optics"].with_columns(rlnAmplitudeContrast=[0.1])
    seen = tables["particles"].with_columns(rlnDefocusU=[9000.0] * 48, rlnDefocusV=[8000.0] * 48)
    tables = tables.with_block("optics", optics).with_block("particles", seen)
    star.write(tables, two_shapes)
    known = classified(two_shapes, tmp_path)
    k = np.fft.fftfreq(32, 5.0)
    value = ctf(Lens(300.0, 2.7, 0.1), k[None], k[:, None], np.array(9000.0), np.array(8000.0), np.array(0.0))
    stack = np.array(mrc.read(tmp_path / "p.mrcs").data)
    mrc.write(tmp_path / "p.mrcs", np.fft.ifft2(np.fft.fft2(stack) * np.sign(value)).real.astype(np.float32), 5.0)
    found = classified(two_shapes, tmp_path, "--ctf", "flipped")
    same = found.ints("rlnClassNumber") == known.ints("rlnClassNumber")
    assert same.mean() > 0.95
    assert np.abs(found.floats("rlnOriginXAngst") - known.floats("rlnOriginXAngst"))[same].max() < 1


def test_denoised_images_are_used_as_far_as_they_go(two_shapes: Path, tmp_path: Path) -> None:
    stack = np.array(mrc.read(tmp_path / "p.mrcs").data)
    k = np.fft.fftfreq(32, 5.0)
    filtered = np.exp(-((k[None] ** 2 + k[:, None] ** 2) * 25.0**2) * 2)
    mrc.write(tmp_path / "p.mrcs", np.fft.ifft2(np.fft.fft2(stack) * filtered).real.astype(np.float32), 5.0)
    result = run_spa("classify", "2d", two_shapes, "-d", tmp_path / "C", *QUICK, "-o", tmp_path / "c.star")
    assert result.status == 0 and "filtered or denoised" in result.stderr
    made = star.read(tmp_path / "c.star")
    cls, shape = made["particles"].ints("rlnClassNumber"), made["particles"].ints("spaShape")
    purity = sum(np.bincount(shape[cls == one]).max() for one in np.unique(cls)) / len(cls)
    assert purity > 0.9 and made["classes"].floats("rlnEstimatedResolution").min() > 16


def test_particles_are_centred_where_the_table_says(two_shapes: Path, tmp_path: Path) -> None:
    tables = star.read(two_shapes)
    moved = np.roll(np.array(mrc.read(tmp_path / "p.mrcs").data), 4, axis=2)  # to x = +4 pixels
    mrc.write(tmp_path / "p.mrcs", moved, 5.0)
    table = tables["particles"].with_columns(rlnOriginXAngst=[-20.0] * 48)
    star.write(tables.with_block("particles", table), tmp_path / "q.star")
    result = run_spa("classify", "2d", tmp_path / "q.star", "-d", tmp_path / "C", *QUICK, "--shift-range", 5,
                     "-o", tmp_path / "c.star")  # fmt: skip
    assert result.status == 0, result.stderr
    assert abs(np.median(star.read(tmp_path / "c.star")["particles"].floats("rlnOriginXAngst")) + 20) < 6


def test_a_device_finds_the_same_classes(two_shapes: Path, tmp_path: Path, card: Any) -> None:
    found = {}
    for device in ("cpu", "cuda"):
        made = run_spa("classify", "2d", two_shapes, "-d", tmp_path / device, "-o", tmp_path / f"{device}.star", *QUICK,
                       "--device", device)  # fmt: skip
        assert made.status == 0 and ("emulated device" in made.stderr) == (device == "cuda"), made.stderr
        found[device] = star.read(tmp_path / f"{device}.star")["particles"].ints("rlnClassNumber")
    assert card.launches["whole"] and (found["cpu"] == found["cuda"]).mean() > 0.9
