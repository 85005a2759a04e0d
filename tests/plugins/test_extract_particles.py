"""`spa extract particles`: the images, and the tables that go with them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.image.normalise import background
from spa.io import mrc, star
from spa.job.micrographs import entries
from spa.testing import is_png, run_spa
from tests.plugins.extracting import BOX, copies, run, stack


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


@pytest.mark.parametrize("words", [("--no-normalise", "--ramp"), ("--no-normalise", "--background", 0.5)])
def test_options_that_would_do_nothing_are_refused(picks: Path, words: tuple[object, ...]) -> None:
    result = run_spa("extract", "particles", picks, "-d", picks.parent / "no", "--box", 32, *words)
    assert result.status == 2 and "does nothing" in result.stderr


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


def test_refined_particles_are_extracted_anew_without_the_micrographs_table(picks: Path) -> None:
    first = run(picks, *BOX, "--crop", 20)
    star.write(first, picks.parent / "again.star")
    again = run(picks.parent / "again.star", *BOX, "--crop", 32)
    assert again["optics"].floats("rlnImagePixelSize")[0] == pytest.approx(6.25)
    assert again["particles"].floats("rlnDefocusU").tolist() == [15000] * 9 and stack(again).shape[-1] == 32


def test_min_score_leaves_out(picks: Path) -> None:
    assert run(picks, *BOX, "--min-score", 6)["particles"].floats("rlnAutopickFigureOfMerit").tolist() == [6, 7, 8]


def test_the_result_does_not_depend_on_the_threads(picks: Path) -> None:
    one = run(picks, *BOX, "--threads", 1)
    bytes_one = (picks.parent / "E" / "tiny.mrcs").read_bytes()
    assert run(picks, *BOX, "--threads", 2)["particles"] == one["particles"]
    assert (picks.parent / "E" / "tiny.mrcs").read_bytes() == bytes_one


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


def test_other_tables_of_the_stream_go_through(picks: Path) -> None:
    """So that refined particles, extracted anew, still bring the map that they were refined to."""
    maps = star.Table.of(spaMapName=["map.mrc"], spaMapRole=["map"], spaMapClass=[1])
    star.write(star.read(picks).with_block("maps", maps), picks)
    tables = run(picks, *BOX)
    assert list(tables.blocks) == ["optics", "particles", "micrographs", "maps"] and tables["maps"] == maps


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
