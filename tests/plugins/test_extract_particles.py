"""`spa extract particles`."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.errors import DataError
from spa.image import surface as surfaces
from spa.image.normalise import background
from spa.io import mrc, star
from spa.job.micrographs import entries
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.model.poses import matrices
from spa.recipe import surface
from spa.testing import is_png, run_spa

BOX = ("--box", 40)


@pytest.fixture
def picks(tiny_micrograph: Path, tmp_path: Path) -> Path:
    """The nine discs of the tiny micrograph, as picks."""
    xy = np.loadtxt(tmp_path / "truth.txt")
    table = star.Table.of(
        rlnMicrographName=str(tmp_path / "tiny.mrc"), rlnCoordinateX=xy[:, 0], rlnCoordinateY=xy[:, 1],
        rlnAutopickFigureOfMerit=np.arange(9.0), rlnRandomSubset=[1, 2, 1, 2, 1, 2, 1, 2, 1],
    )  # fmt: skip
    star.write(star.read(tiny_micrograph).with_block("particles", table), tmp_path / "p.star")
    return tmp_path / "p.star"


def run(source: Path, *more: object) -> star.Tables:
    folder = source.parent
    result = run_spa("extract", "particles", source, "-d", folder / "E", "-o", folder / "e.star", *more)
    assert result.status == 0, result.stderr
    return star.read(folder / "e.star")


def changed(source: Path, drop: tuple[str, ...] = (), **columns: object) -> Path:
    tables = star.read(source)
    table = tables["particles"].with_columns(**columns) if columns else tables["particles"]
    star.write(tables.with_block("particles", table.without(*drop)), source.parent / "changed.star")
    return source.parent / "changed.star"


def stack(tables: star.Tables) -> np.ndarray:
    return np.array(mrc.read(tables["particles"].text("rlnImageName")[0].split("@")[1]).data)


def test_particles_are_centred_bright_and_normalised(picks: Path) -> None:
    tables = run(picks, *BOX)
    images = stack(tables)
    assert images.shape == (9, 40, 40) and images.dtype == np.float32
    outside = images[:, background(40, 15)]
    assert outside.mean(axis=1) == pytest.approx(0, abs=1e-4) and outside.std(axis=1) == pytest.approx(1, abs=1e-4)
    mean = images.mean(axis=0)
    inside = ~background(40, 12)
    assert mean[inside].mean() > 1.5
    offset = np.arange(40) - 20
    weight = np.where(inside, mean, 0)
    assert (weight * offset).sum() / weight.sum() == pytest.approx(0, abs=0.2)
    assert (weight * offset[:, None]).sum() / weight.sum() == pytest.approx(0, abs=0.2)


def test_optics_and_rows_say_all_that_a_refinement_needs(picks: Path) -> None:
    tables = run(picks, *BOX, "--crop", 20)
    optics, table = tables["optics"], tables["particles"]
    assert optics.floats("rlnImagePixelSize")[0] == 10 and optics.ints("rlnImageSize")[0] == 20
    assert optics.ints("rlnImageDimensionality")[0] == 2 and optics.ints("rlnCtfDataAreCtfPremultiplied")[0] == 0
    assert optics.floats("rlnMicrographOriginalPixelSize")[0] == 5
    assert table.floats("rlnDefocusU").tolist() == [15000] * 9 and table.floats("rlnDefocusAngle").tolist() == [30] * 9
    assert table.floats("rlnCtfMaxResolution").tolist() == [11] * 9 and table.ints("rlnOpticsGroup").tolist() == [1] * 9
    assert table.ints("rlnRandomSubset").tolist() == [1, 2, 1, 2, 1, 2, 1, 2, 1]
    assert mrc.read_header(table.text("rlnImageName")[0].split("@")[1]).pixel_size == pytest.approx(10)


def test_the_rows_point_at_their_images_in_the_order_of_the_table(picks: Path) -> None:
    names = run(picks, *BOX)["particles"].text("rlnImageName").tolist()
    assert names == [f"{n:06d}@{picks.parent / 'E' / 'tiny.mrcs'}" for n in range(1, 10)]


def test_cropping_is_the_same_picture_in_larger_pixels(picks: Path) -> None:
    plain = ("--no-normalise", "--no-invert")
    large, small = stack(run(picks, *BOX, *plain)), stack(run(picks, *BOX, "--crop", 20, *plain))
    assert small.mean(axis=(1, 2)) == pytest.approx(large.mean(axis=(1, 2)), abs=1e-4)
    blocks = large.reshape(9, 20, 2, 20, 2).mean(axis=(2, 4))
    assert np.corrcoef(blocks.ravel(), small.ravel())[0, 1] > 0.8


def test_no_invert_and_no_normalise_leave_the_pixels_alone(picks: Path) -> None:
    image = np.array(mrc.read(picks.parent / "tiny.mrc").data)
    xy = np.loadtxt(picks.parent / "truth.txt").astype(int)
    expected = [image[y - 20 : y + 20, x - 20 : x + 20] for x, y in xy]
    assert (stack(run(picks, *BOX, "--no-normalise", "--no-invert")) == expected).all()
    assert (stack(run(picks, *BOX, "--no-normalise", "--invert")) == -np.array(expected)).all()


def test_ramp_and_background(picks: Path) -> None:
    level = stack(run(picks, *BOX, "--no-ramp", "--background", 0.9))
    outside = level[:, background(40, 18)]
    assert outside.mean(axis=1) == pytest.approx(0, abs=1e-4) and outside.std(axis=1) == pytest.approx(1, abs=1e-4)
    assert not np.allclose(level, stack(run(picks, *BOX, "--ramp", "--background", 0.9)), atol=1e-3)


def test_float16_is_the_same_to_its_digits_and_half_the_size(picks: Path) -> None:
    full = stack(run(picks, *BOX, "--float32"))
    size = os.path.getsize(picks.parent / "E" / "tiny.mrcs")
    half = stack(run(picks, *BOX, "--float16"))
    assert half.dtype == np.float16 and os.path.getsize(picks.parent / "E" / "tiny.mrcs") < 0.55 * size
    assert half.astype(np.float32) == pytest.approx(full, rel=1e-3, abs=1e-3)


def test_what_is_not_a_whole_pixel_goes_to_the_origin(picks: Path) -> None:
    moved = changed(picks, rlnCoordinateX=np.loadtxt(picks.parent / "truth.txt")[:, 0] + 0.3)
    table = run(moved, *BOX)["particles"]
    assert (table.floats("rlnCoordinateX") % 1 == 0).all()
    where = table.floats("rlnCoordinateX") - table.floats("rlnOriginXAngst") / 5
    assert where == pytest.approx(np.loadtxt(picks.parent / "truth.txt")[:, 0] + 0.3, abs=1e-4)


def test_recentring_gives_the_images_of_the_true_centres(picks: Path) -> None:
    """A particle sits at coordinate - origin / pixel size."""
    xy = np.loadtxt(picks.parent / "truth.txt")
    straight = stack(run(picks, *BOX))
    x, y = xy[:, 0] + 6, xy[:, 1] - 4
    off = changed(picks, rlnCoordinateX=x, rlnCoordinateY=y, rlnOriginXAngst=30.0, rlnOriginYAngst=-20.0)
    table = run(off, *BOX, "--recenter")
    assert (stack(table) == straight).all()
    assert not table["particles"].floats("rlnOriginXAngst").any()
    assert not (stack(run(off, *BOX)) == straight).all()
    assert run(off, *BOX)["particles"].floats("rlnOriginYAngst").tolist() == [-20] * 9


def test_refined_particles_are_extracted_anew_without_the_micrographs_table(picks: Path) -> None:
    first = run(picks, *BOX, "--crop", 20)
    star.write(first, picks.parent / "again.star")
    again = run(picks.parent / "again.star", *BOX, "--crop", 32)
    assert again["optics"].floats("rlnImagePixelSize")[0] == pytest.approx(6.25)
    assert again["particles"].floats("rlnDefocusU").tolist() == [15000] * 9 and stack(again).shape[-1] == 32


def test_a_picks_own_defocus_is_kept(picks: Path) -> None:
    own = changed(picks, rlnDefocusU=np.arange(9) + 12000.0, rlnDefocusV=11000.0, rlnDefocusAngle=5.0)
    table = run(own, *BOX)["particles"]
    assert table.floats("rlnDefocusU").tolist() == list(range(12000, 12009)) and table.floats("rlnDefocusV")[0] == 11000


def test_a_bare_table_of_coordinates_with_micrographs_beside(picks: Path) -> None:
    table = star.read(picks)["particles"]
    star.write(star.Tables({"": table}, []), picks.parent / "bare.star")
    found = run(picks.parent / "bare.star", *BOX, "--micrographs", picks.parent / "micrographs.star")["particles"]
    assert found.floats("rlnDefocusV").tolist() == [14800] * 9


@pytest.mark.parametrize("name", ["tiny.mrc", "../{folder}/tiny.mrc"])
def test_picks_that_name_their_micrographs_otherwise(picks: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(picks.parent)
    table = star.read(picks)["particles"].with_columns(rlnMicrographName=name.format(folder=picks.parent.name))
    star.write(star.Tables({"": table}, []), picks.parent / "bare.star")
    found = run(picks.parent / "bare.star", *BOX, "--micrographs", picks.parent / "micrographs.star")["particles"]
    assert set(found.text("rlnMicrographName")) == {str(picks.parent / "tiny.mrc")} and len(found) == 9


def test_min_score_leaves_out(picks: Path) -> None:
    assert run(picks, *BOX, "--min-score", 6)["particles"].floats("rlnAutopickFigureOfMerit").tolist() == [6, 7, 8]


def test_boxes_over_the_edge_are_left_out_and_counted_or_padded(picks: Path) -> None:
    near = changed(picks, rlnCoordinateX=[5.0, 252, 50, 50, 60, 70, 80, 90, 100], rlnCoordinateY=120.0)
    result = run_spa("extract", "particles", near, "-d", picks.parent / "E", *BOX)
    assert result.status == 0 and "2 left out because their boxes reach over the edge" in result.stderr
    assert len(run(near, *BOX, "--pad")["particles"]) == 9
    assert np.isfinite(stack(star.read(picks.parent / "e.star"))).all()


def test_boxes_with_nothing_in_them_are_left_out_and_counted(picks: Path) -> None:
    """As in the margins where frames of a movie had moved away."""
    path = picks.parent / "tiny.mrc"
    micrograph = mrc.read(path)
    pixels = np.array(micrograph.data)
    pixels[:, :100] = 7
    mrc.write(path, pixels, micrograph.pixel_size)
    there = changed(picks, rlnCoordinateX=[50.0] * 4 + [150.0] * 5, rlnCoordinateY=120.0)
    result = run_spa("extract", "particles", there, "-d", picks.parent / "E", "-o", picks.parent / "e.star", *BOX)
    assert result.status == 0 and "4 left out because all pixels of their boxes are the same" in result.stderr
    assert len(star.read(picks.parent / "e.star")["particles"]) == 5
    result = run_spa("extract", "particles", changed(picks, rlnCoordinateX=50.0), "-d", picks.parent / "E", *BOX)
    assert result.status == 65 and "no particles: all 9 have nothing in them" in result.stderr


def test_coordinates_outside_of_the_micrograph_are_left_out_even_with_pad(picks: Path) -> None:
    far = changed(picks, rlnCoordinateX=[-500.0, 9000, *[100.0] * 7])
    assert len(run(far, *BOX, "--pad")["particles"]) == 7


def test_the_result_does_not_depend_on_the_threads(picks: Path) -> None:
    one = run(picks, *BOX, "--threads", 1)
    bytes_one = (picks.parent / "E" / "tiny.mrcs").read_bytes()
    assert run(picks, *BOX, "--threads", 2)["particles"] == one["particles"]
    assert (picks.parent / "E" / "tiny.mrcs").read_bytes() == bytes_one


@pytest.mark.parametrize("words, status, said", [
    (("--box", 41), 2, "even"), (("--box", 40, "--crop", 21), 2, "even"), (("--box", 40, "--crop", 60), 2, "larger"),
    (("--box", 400), 65, "larger than its 256 x 240 pixels"),
    ((), 2, "--box PX"), (("--pixel-size", 6), 2, "--crop PX"), (("--box", 40, "--pixel-size", 6), 2, "either"),
    (("--pixel-size", 6, "--crop", 30, "--virtual"), 2, "--virtual"), (("--pixel-size", 6, "--crop", 31), 2, "even"),
    (("--pixel-size", 4, "--crop", 30), 65, "micrographs of 5 A a pixel"),
    (("--pixel-size", 60, "--crop", 30), 65, "a box of 360 pixels"), (("--box", 4), 2, "4"),
    (("--box", 40, "--recenter"), 65, "rlnOriginXAngst"), (("--box", 40, "--min-score", 99), 65, "no rows"),
    (("--box", 40, "--micrographs", "nothing.star"), 66, "nothing.star"),
    (("--box", 40, "--background", "nan"), 2, "nan"),
])  # fmt: skip
def test_what_cannot_be_is_said(picks: Path, words: tuple, status: int, said: str) -> None:
    result = run_spa("extract", "particles", picks, "-d", picks.parent / "E", *words)
    assert result.status == status and said in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("drop", ["rlnCoordinateX", "rlnMicrographName"])
def test_a_missing_column_is_named(picks: Path, drop: str) -> None:
    result = run_spa("extract", "particles", changed(picks, drop=(drop,)), "-d", picks.parent / "E", *BOX)
    assert result.status == 65 and drop in result.stderr


def test_coordinates_that_are_no_numbers_are_named_by_row(picks: Path) -> None:
    bad = changed(picks, rlnCoordinateX=[50.0, float("nan"), *[50.0] * 7])
    result = run_spa("extract", "particles", bad, "-d", picks.parent / "E", *BOX)
    assert result.status == 65 and "row 2" in result.stderr


def test_a_pick_of_an_unknown_micrograph_is_named(picks: Path) -> None:
    bad = changed(picks, rlnMicrographName="elsewhere.mrc")
    result = run_spa("extract", "particles", bad, "-d", picks.parent / "E", *BOX)
    assert result.status == 65 and "elsewhere.mrc" in result.stderr


def test_a_defocus_that_is_no_number_is_named_and_left_out(picks: Path) -> None:
    many = copies(picks, 2)
    tables = star.read(many)
    table = tables["micrographs"].with_columns(rlnDefocusV=["nan", "15000"])
    star.write(tables.with_block("micrographs", table), many)
    words = ("extract", "particles", many, "-d", picks.parent / "E", "-o", picks.parent / "e.star", *BOX)
    result = run_spa(*words)
    assert result.status == 1 and "m000.mrc: the defocus of 9 of its 9 particles is no number" in result.stderr
    found = star.read(picks.parent / "e.star")["particles"]
    assert len(found) == 9 and not (picks.parent / "E" / "m000.mrcs").exists()
    star.write(tables.with_block("micrographs", table.with_columns(rlnDefocusV="nan")), many)
    assert run_spa(*words).status == 65


@pytest.mark.parametrize("beside", [False, True])
def test_coordinates_of_relion_3_0_are_those_of_today(picks: Path, beside: bool) -> None:
    """No optics block, no images; the CTF and the pixel size in the rows, or in the micrographs' table."""
    tables, folder = star.read(picks), picks.parent
    mine = tables["micrographs"].take([0] * 9)
    old = {name: str(tables["optics"].text(name)[0]) for name in ("rlnVoltage", "rlnSphericalAberration",
                                                                  "rlnAmplitudeContrast")}  # fmt: skip
    old |= {"rlnMagnification": "10000", "rlnDetectorPixelSize": "5"}
    ctf = {name: mine.text(name) for name in ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")}
    table = tables["particles"].with_columns(rlnOriginX=1.0, rlnOriginY=0.0)
    star.write(star.Tables({"": table.with_columns(**ctf, **old)}, []), folder / "old.star")
    star.write(star.Tables({"": tables["micrographs"].without("rlnOpticsGroup").with_columns(**old)}, []),
               folder / "mics.star")  # fmt: skip
    today = changed(picks, rlnOriginXAngst=5.0, rlnOriginYAngst=0.0)
    wanted, images = run(today, *BOX), stack(run(today, *BOX))
    made = run(folder / "old.star", *BOX, *(("--micrographs", folder / "mics.star") if beside else ()))
    np.testing.assert_array_equal(stack(made), images)
    for name in ("rlnDefocusU", "rlnOriginXAngst", "rlnCoordinateX"):
        np.testing.assert_allclose(made["particles"].floats(name), wanted["particles"].floats(name))
    assert made["optics"].floats("rlnImagePixelSize").tolist() == [5] and "rlnVoltage" not in made["particles"]


def copies(picks: Path, count: int) -> Path:
    """The same picks in ``count`` micrographs of their own."""
    tables = star.read(picks)
    image = np.array(mrc.read(picks.parent / "tiny.mrc").data)
    names = [str(picks.parent / f"m{n:03d}.mrc") for n in range(count)]
    for name in names:
        mrc.write(name, image, 5.0)
    blocks = {block: star.Table.concat([tables[block].with_columns(rlnMicrographName=name) for name in names])
              for block in ("micrographs", "particles")}  # fmt: skip
    star.write(star.Tables({"optics": tables["optics"], **blocks}, []), picks.parent / "many.star")
    return picks.parent / "many.star"


@pytest.mark.parametrize("bad, said", [("truncated", "truncated"), ("nan", "not finite"),
                                       ("zeros", "no contrast"), ("gone", "no such file")])  # fmt: skip
def test_a_bad_micrograph_is_left_out_and_the_others_done(picks: Path, bad: str, said: str) -> None:
    many = copies(picks, 3)
    path = picks.parent / "m001.mrc"
    if bad == "truncated":
        path.write_bytes(path.read_bytes()[:-5000])
    elif bad == "gone":
        path.unlink()
    else:
        mrc.write(path, np.full((240, 256), np.nan if bad == "nan" else 0, np.float32), 5.0)
    out = picks.parent / "e.star"
    result = run_spa("extract", "particles", many, "-d", picks.parent / "E", "-o", out, *BOX)
    assert result.status == 1 and said in result.stderr and "m001.mrc" in result.stderr
    assert len(star.read(out)["particles"]) == 18 and not (picks.parent / "E" / "m001.mrcs").exists()


def test_killed_and_resumed_gives_the_same_bytes(picks: Path) -> None:
    many, folder = copies(picks, 40), picks.parent
    words = [str(word) for word in ("extract", "particles", many, "-o", folder / "k.star", *BOX, "--threads", 1)]

    def command(outdir: str, *more: str) -> list[str]:
        return [sys.executable, "-c", "from spa.cli.main import main; main()", *words, "-d", outdir, *more]

    subprocess.run(command("folder_a"), cwd=folder, check=True, stderr=subprocess.DEVNULL)
    (folder / "k.star").rename(folder / "whole.star")
    with subprocess.Popen(command("folder_b"), cwd=folder, stderr=subprocess.DEVNULL) as process:
        while len(list((folder / "folder_b").glob("*.mrcs"))) < 3 and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert not (folder / "k.star").exists()
    subprocess.run(command("folder_b", "--resume"), cwd=folder, check=True, stderr=subprocess.DEVNULL)
    for file in sorted((folder / "folder_a").glob("*.mrcs")):
        assert (folder / "folder_b" / file.name).read_bytes() == file.read_bytes()
    assert (folder / "k.star").read_text().replace("folder_b", "folder_a") == (folder / "whole.star").read_text()
    assert not list((folder / "folder_b").glob("*.part"))


def test_in_a_pipe_from_micrographs_to_particles(tiny_micrograph: Path, tmp_path: Path) -> None:
    picked = run_spa("pick", "blob", tiny_micrograph, "-d", tmp_path / "P", "--diameter", 100, 140, "--no-ctf")
    seen = run_spa("inspect", "picks", "-", "--auto", input=picked.stdout)
    result = run_spa("extract", "particles", "-", "-d", tmp_path / "E", *BOX, input=seen.stdout)
    assert result.status == 0, result.stderr
    assert result.stdout.count("# spa:") == 3 and "tiny.mrcs" in result.stdout


def test_micrographs_beside_must_be_micrographs(picks: Path, tiny_particles: Path) -> None:
    result = run_spa("extract", "particles", picks, "-d", picks.parent / "E", *BOX, "--micrographs", tiny_particles)
    assert result.status == 65 and "no data_micrographs in it" in result.stderr


def test_other_tables_of_the_stream_go_through(picks: Path) -> None:
    """So that refined particles, extracted anew, still bring the map that they were refined to."""
    maps = star.Table.of(spaMapName=["map.mrc"], spaMapRole=["map"], spaMapClass=[1])
    star.write(star.read(picks).with_block("maps", maps), picks)
    tables = run(picks, *BOX)
    assert list(tables.blocks) == ["optics", "particles", "micrographs", "maps"] and tables["maps"] == maps


def test_each_particle_gets_the_defocus_of_the_surface_where_it_sits(picks: Path) -> None:
    wave = surfaces.Surface((256, 256), (1.0, 1.0), np.array([10.0, 300.0, -100.0]))
    surface.write(picks.parent / "s.star", wave)
    tables = star.read(picks)
    exposures = tables["micrographs"].with_columns(
        rlnDefocusU=15000.0, rlnDefocusV=14500.0, rlnDefocusAngle=20.0, spaDefocusSurface=str(picks.parent / "s.star")
    )
    star.write(tables.with_block("micrographs", exposures), picks)
    points = np.stack([tables["particles"].floats(f"rlnCoordinate{axis}") for axis in "XY"], axis=1)
    found = run(picks, *BOX)["particles"]
    assert found.floats("rlnDefocusU") == pytest.approx(15000 + wave.at(points), abs=0.01)
    assert found.floats("rlnDefocusV") == pytest.approx(14500 + wave.at(points), abs=0.01)
    star.write(tables.with_block("micrographs", exposures.with_columns(spaDefocusSurface="None")), picks)
    assert (run(picks, *BOX)["particles"].floats("rlnDefocusU") == 15000).all()


def test_a_defocus_of_the_picks_own_is_kept_and_not_moved(picks: Path) -> None:
    surface.write(picks.parent / "s.star", surfaces.Surface((256, 256), (1.0, 1.0), np.array([10.0, 300.0, -100.0])))
    tables = star.read(picks)
    exposures = tables["micrographs"].with_columns(spaDefocusSurface=str(picks.parent / "s.star"))
    own = tables["particles"].with_columns(rlnDefocusU=12000.0, rlnDefocusV=11000.0, rlnDefocusAngle=0.0)
    star.write(tables.with_block("micrographs", exposures).with_block("particles", own), picks)
    assert (run(picks, *BOX)["particles"].floats("rlnDefocusU") == 12000).all()


# ---- virtual extraction


def images_of(path: Path) -> np.ndarray:
    """All images of a table as jobs see them."""
    particles = open_particles(Run("some job", {}), star.read(path), ctf=False)
    return np.concatenate([images for _, images in particles.batches(Run("some job", {}))])


@pytest.mark.parametrize("words", [(), ("--crop", 20), ("--no-invert", "--no-normalise"), ("--no-ramp",),
                                   ("--background", 0.9), ("--pad",)])  # fmt: skip
def test_virtual_images_are_those_of_the_stack(picks: Path, words: tuple) -> None:
    real = run(picks, *BOX, *words)
    expected, stack_file = stack(real), picks.parent / "E" / "tiny.mrcs"
    stack_file.unlink()
    tables = run(picks, *BOX, *words, "--virtual")
    assert not stack_file.exists()
    assert (images_of(picks.parent / "e.star") == expected).all()
    drop = "rlnImageName"
    assert tables["particles"].without(drop) == real["particles"].without(drop)
    assert tables["optics"] == real["optics"]


def test_a_chain_runs_without_stacks(picks: Path) -> None:
    def chain(*words: object) -> str:
        run(picks, *BOX, *words)
        result = run_spa("classify", "2d", picks.parent / "e.star", "-d", picks.parent / "K", "--classes", 1,
                         "--diameter", 130, "--iterations", 4, "--max-resolution", 20)  # fmt: skip
        assert result.status == 0, result.stderr
        lines = result.stdout.partition("data_particles")[2].partition("data_")[0].splitlines()
        return "\n".join(re.sub(r"\d+@\S+", "", line) for line in lines)

    assert chain() == chain("--virtual")


def test_virtual_images_that_cannot_be_cut_are_named(picks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(picks, *BOX, "--virtual")
    tables = star.read(picks.parent / "e.star")
    table = tables["particles"]
    x = table.floats("rlnCoordinateX")
    x[3] = 5
    star.write(tables.with_block("particles", table.with_columns(rlnCoordinateX=x)), picks.parent / "e.star")
    assert len(images_of(picks.parent / "e.star")) == 8
    assert "reaches over the edge" in capsys.readouterr().err
    image = np.array(mrc.read(picks.parent / "tiny.mrc").data)
    image[120, 128] = np.nan
    mrc.write(picks.parent / "tiny.mrc", image, 5.0)
    assert len(images_of(picks.parent / "e.star")) == 7
    assert "not finite" in capsys.readouterr().err
    moved = table.with_columns(rlnMicrographName=[*table.text("rlnMicrographName")[:8], "other.mrc"])
    star.write(tables.with_block("particles", moved), picks.parent / "e.star")
    with pytest.raises(DataError, match="does not lie in the row's"):
        images_of(picks.parent / "e.star")


def test_virtual_tables_are_extracted_anew(picks: Path) -> None:
    expected = stack(run(picks, *BOX))
    run(picks, *BOX, "--crop", 20, "--virtual")
    again = picks.parent / "e.star"
    (picks.parent / "v.star").write_bytes(again.read_bytes())
    tables = run(picks.parent / "v.star", *BOX)
    assert (stack(tables) == expected).all() and "extraction" not in tables


@pytest.mark.parametrize("columns, said", [
    ({"spaExtractBox": [41]}, "even numbers"), ({"spaExtractCrop": [80]}, "even numbers"),
    ({"spaExtractBox": [40, 40]}, "2 rows"),
])  # fmt: skip
def test_a_description_that_makes_no_sense(picks: Path, columns: dict, said: str) -> None:
    tables = run(picks, *BOX, "--virtual")
    block = tables["extraction"]
    if len(next(iter(columns.values()))) > 1:
        block = star.Table({name: np.repeat(block.text(name), 2) for name in block.columns})
    else:
        block = block.with_columns(**columns)
    star.write(tables.with_block("extraction", block), picks.parent / "bad.star")
    with pytest.raises(DataError, match=said):
        images_of(picks.parent / "bad.star")


# ---- centring


def test_a_point_of_the_map_becomes_the_centre(picks: Path) -> None:
    """Each particle at its own pose; the point lies where RELION's matrices show it, to the rest in the origins."""
    rng = np.random.default_rng(2)
    rot, tilt, psi = rng.uniform(-180, 180, (3, 9))
    origin = rng.normal(0, 9, (2, 9))
    posed = changed(picks, rlnAngleRot=rot, rlnAngleTilt=abs(tilt), rlnAnglePsi=psi, rlnOriginXAngst=origin[0],
                    rlnOriginYAngst=origin[1])  # fmt: skip
    point = (10.0, -20.0, 15.0)
    table = run(posed, "--box", 32, "--recenter", "--center", *point)["particles"]
    before = star.read(posed)["particles"]
    seen = matrices(*np.deg2rad([rot, abs(tilt), psi]))[:, :2] @ np.array(point)
    for axis, name in enumerate("XY"):
        was = before.floats(f"rlnCoordinate{name}") * 5 - before.floats(f"rlnOrigin{name}Angst")
        now = table.floats(f"rlnCoordinate{name}") * 5 - table.floats(f"rlnOrigin{name}Angst")
        assert now == pytest.approx(was + seen[:, axis], abs=1e-3)
        assert abs(table.floats(f"rlnOrigin{name}Angst")).max() <= 2.5 + 1e-6


def test_recentring_twice_changes_nothing(picks: Path) -> None:
    moved = changed(picks, rlnOriginXAngst=np.linspace(-12, 12, 9), rlnOriginYAngst=np.linspace(7, -3, 9))
    first = run(moved, *BOX, "--crop", 20, "--recenter")["particles"]
    (picks.parent / "again.star").write_bytes((picks.parent / "e.star").read_bytes())
    second = run(picks.parent / "again.star", *BOX, "--recenter")["particles"]
    for name in ("rlnCoordinateX", "rlnCoordinateY", "rlnOriginXAngst", "rlnOriginYAngst", "rlnRandomSubset"):
        assert first.text(name).tolist() == second.text(name).tolist()


def test_a_centre_needs_recenter_and_poses(picks: Path) -> None:
    words = ("-d", picks.parent / "E", *BOX, "--center", 1, 2, 3)
    assert run_spa("extract", "particles", picks, *words).status == 2
    moved = changed(picks, rlnOriginXAngst=[0.0] * 9, rlnOriginYAngst=[0.0] * 9)
    result = run_spa("extract", "particles", moved, *words, "--recenter")
    assert result.status == 65 and "rlnAngleRot" in result.stderr
    assert run_spa("extract", "particles", picks, *words[:4], "--virtual", "--float16").status == 2


def test_the_micrographs_come_along_with_their_own_pixel_size(picks: Path) -> None:
    tables = run(picks, *BOX, "--crop", 20)
    assert tables["micrographs"] == star.read(picks)["micrographs"]
    assert entries(tables)[0].optics.pixel_size == 5


def test_a_device_cuts_the_same_images(picks: Path, card: Any) -> None:
    wanted = stack(run(picks, *BOX, "--crop", 24))
    found = stack(run(picks, *BOX, "--crop", 24, "--device", "cuda"))
    assert card.launches["normalised"]
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    refused = run_spa("extract", "particles", picks, "-d", picks.parent / "V", *BOX, "--virtual", "--device", "cuda")
    assert refused.status == 69 and "--virtual" in refused.stderr


@pytest.mark.parametrize("how", [(), ("--virtual",)])
def test_the_plot_shows_particles(picks: Path, how: tuple[str, ...]) -> None:
    run(picks, *BOX, *how, "--plot", picks.parent / "p.png")
    assert is_png(picks.parent / "p.png")


def test_groups_of_different_pixel_sizes_become_one(picks: Path) -> None:
    """The same scene in pixels of 5 and of 4 angstroms: images of 6.2 angstroms of both are alike."""
    from spa.image.resample import fourier_resized

    scene = mrc.read(picks.parent / "tiny.mrc").data  # 256 x 240 pixels
    finer = fourier_resized(np.asarray(scene, np.float32)[None], (300, 320))[0]
    mrc.write(picks.parent / "finer.mrc", finer, 4.0)
    tables = star.read(picks)
    optics = star.Table.concat([tables["optics"]] * 2)
    names = ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize")
    sizes = {name: [5.0, 4.0] for name in names if name in optics}
    optics = optics.with_columns(rlnOpticsGroup=[1, 2], rlnOpticsGroupName=["a", "b"], **sizes)
    rows, exposures = tables["particles"], tables["micrographs"]
    name = str(picks.parent / "finer.mrc")
    other = rows.with_columns(rlnMicrographName=name, rlnOpticsGroup=2, **{
        f"rlnCoordinate{axis}": rows.floats(f"rlnCoordinate{axis}") * 1.25 for axis in "XY"})  # fmt: skip
    both = star.Table.concat([rows.with_columns(rlnOpticsGroup=1), other])
    exposures = star.Table.concat([exposures, exposures.with_columns(rlnMicrographName=name, rlnOpticsGroup=2)])
    tables = tables.with_block("optics", optics).with_block("particles", both).with_block("micrographs", exposures)
    star.write(tables, picks.parent / "two.star")
    found = run(picks.parent / "two.star", "--crop", 32, "--pixel-size", 6.2)
    assert found["optics"].floats("rlnImagePixelSize").tolist() == [6.2, 6.2]
    particles = open_particles(Run("some job", {}), found)  # one pixel size: no refusal
    images = np.concatenate([images for _, images in particles.batches(Run("some job", {}))])
    origin = np.stack([found["particles"].floats(f"rlnOrigin{axis}Angst") for axis in "XY"], 1)
    assert particles.pixel_size == 6.2
    for one, two, shift in zip(images[:9], images[9:], origin[9:] - origin[:9]):
        ky, kx = (np.fft.fftfreq(32)[:, None] / 6.2, np.fft.fftfreq(32)[None] / 6.2)
        moved = np.fft.ifft2(np.fft.fft2(one) * np.exp(-2j * np.pi * (kx * -shift[0] + ky * -shift[1]))).real
        assert np.corrcoef(moved[6:-6, 6:-6].ravel(), two[6:-6, 6:-6].ravel())[0, 1] > 0.98
