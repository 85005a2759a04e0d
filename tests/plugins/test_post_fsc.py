"""`spa post fsc`."""

import json
import shutil
import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import HALF_BOX, HALF_PIXEL, is_png, run_spa, write_half_maps
from spa.volume.fsc import Curves, independent
from spa.volume.masks import soft_sphere
from spa.volume.shells import lowpass
from spa_plugins.post_fsc.report import Report

CORRECTED = "rlnFourierShellCorrelationCorrected"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("halves")
    write_half_maps(folder)
    return folder


def run(data: Path, out: Path, *more: object) -> star.Tables:
    result = run_spa("post", "fsc", data / "maps.star", "-d", out, "-o", out.with_suffix(".star"), *more)
    assert result.status == 0, result.stderr
    return star.read(out / "fsc.star")


def test_the_resolution_names_its_mask_and_curve(data: Path, tmp_path: Path) -> None:
    result = run_spa("post", "fsc", data / "maps.star", "-d", tmp_path)
    assert f"FSC 0.143, corrected, mask {data / 'mask.mrc'}" in result.stderr
    for word in ("masked", "spherical", "unmasked", "randomised from"):
        assert word in result.stderr
    assert "fsc.star fsc 1" in result.stdout


def test_curves_stand_in_relions_columns(data: Path, tmp_path: Path) -> None:
    tables = run(data, tmp_path / "out")
    fsc = tables["fsc"]
    n = HALF_BOX // 2 + 1
    assert len(fsc) == n and fsc.ints("rlnSpectralIndex").tolist() == list(range(n))
    assert fsc.floats("rlnAngstromResolution")[4] == pytest.approx(HALF_BOX * HALF_PIXEL / 4)
    assert fsc.floats(CORRECTED)[1:4].min() > 0.95
    resolution = tables["general"].floats("rlnFinalResolution")[0]
    shell = round(HALF_BOX * HALF_PIXEL / resolution)
    below = fsc.floats(CORRECTED)[shell + 1 :]
    assert shell == n - 1 or below[0] < 0.143


def test_named_files_win_over_the_stream(data: Path, tmp_path: Path) -> None:
    twice = mrc.read(data / "half1.mrc")
    mrc.write(tmp_path / "twice.mrc", 2 * twice.data, twice.pixel_size)
    tables = run(data, tmp_path / "out", "--half1", data / "half1.mrc", "--half2", tmp_path / "twice.mrc")
    assert tables["fsc"].floats("rlnFourierShellCorrelationUnmaskedMaps").min() > 0.999


def test_no_table_is_needed_where_files_are_named(data: Path, tmp_path: Path) -> None:
    files = ("--half1", data / "half1.mrc", "--half2", data / "half2.mrc")
    result = run_spa("post", "fsc", *files, "-d", tmp_path)
    assert result.status == 0 and "automatic one is used" in result.stderr
    assert mrc.read(tmp_path / "mask.mrc").data.max() == 1
    assert f"{tmp_path / 'mask.mrc'} mask 1" in result.stdout


def test_xml_for_the_emdb(data: Path, tmp_path: Path) -> None:
    fsc = run(data, tmp_path / "out")["fsc"]
    assert (tmp_path / "out" / "fsc.xml").read_text().startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = xml.parse(tmp_path / "out" / "fsc.xml").getroot()
    assert root.tag == "fsc" and list(root.attrib) == ["title", "xaxis", "yaxis"]  # as RELION and Bsoft write it
    assert (root.get("xaxis"), root.get("yaxis")) == ("Resolution (A-1)", "Correlation Coefficient")
    assert all(point.tag == "coordinate" and [one.tag for one in point] == ["x", "y"] for point in root)
    x, y = ([float(point.findtext(name) or "nan") for point in root] for name in "xy")
    assert np.allclose(x, 1 / fsc.floats("rlnAngstromResolution")[1:], atol=1e-6) and np.all(np.diff(x) > 0)
    assert np.allclose(y, fsc.floats(CORRECTED)[1:], atol=1e-5) and np.abs(y).max() <= 1


def test_randomisation_options(data: Path, tmp_path: Path) -> None:
    at = run(data, tmp_path / "a", "--randomise-from", 24)["general"].floats("rlnRandomiseFrom")[0]
    assert at == pytest.approx(24, abs=2)
    low = run(data, tmp_path / "b", "--randomise-below", 0.5)["general"].floats("rlnRandomiseFrom")[0]
    high = run(data, tmp_path / "c", "--randomise-below", 0.9)["general"].floats("rlnRandomiseFrom")[0]
    assert low < high


def test_repeats_and_seed(data: Path, tmp_path: Path) -> None:
    name = "rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps"
    curves = [run(data, tmp_path / str(i), *more)["fsc"].floats(name)
              for i, more in enumerate([(), (), ("--seed", 5), ("--repeats", 1)])]  # fmt: skip
    assert np.array_equal(curves[0], curves[1])
    assert not np.array_equal(curves[0], curves[2]) and not np.array_equal(curves[0], curves[3])


def test_more_repeats_than_could_help_are_refused(data: Path, tmp_path: Path) -> None:
    """Each holds its spectrum: a milliard of them took all memory, and no signal ended them."""
    result = run_spa("post", "fsc", data / "maps.star", "-d", tmp_path / "a", "--repeats", 10**9)
    assert result.status == 2 and "--repeats" in result.stderr


@pytest.mark.parametrize("words", [("--pixel-size", 1e-9), ("--diameter", 1e-9), ("--diameter", 1e9)])
def test_sizes_in_another_unit_are_refused(data: Path, tmp_path: Path, words: tuple) -> None:
    result = run_spa("post", "fsc", data / "maps.star", "-d", tmp_path / "a", *words)
    assert result.status == 2 and words[0] in result.stderr


def test_pixel_size_and_diameter(data: Path, tmp_path: Path) -> None:
    tables = run(data, tmp_path / "a", "--pixel-size", 1.5, "--mask", data / "mask.mrc")
    assert tables["fsc"].floats("rlnAngstromResolution")[4] == pytest.approx(HALF_BOX * 1.5 / 4)
    narrow, wide = (run(data, tmp_path / f"d{d}", "--diameter", d)["fsc"] for d in (60, 140))
    name = "spaFourierShellCorrelationSpherical"
    assert not np.allclose(narrow.floats(name), wide.floats(name))


def test_plot(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out", "--plot", tmp_path / "f.png")
    assert is_png(tmp_path / "f.png")


def test_a_mask_that_is_too_tight_is_said(data: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    hard = (rng.uniform(size=(HALF_BOX,) * 3) < 0.02).astype(np.float32)
    mrc.write(tmp_path / "hard.mrc", hard, HALF_PIXEL)
    result = run_spa("post", "fsc", data / "maps.star", "-d", tmp_path, "--mask", tmp_path / "hard.mrc")
    assert result.status == 0 and ("too tight" in result.stderr or "cuts into" in result.stderr)


def test_bad_input(data: Path, tmp_path: Path) -> None:
    small = np.zeros((16, 16, 16), np.float32)
    mrc.write(tmp_path / "small.mrc", small, HALF_PIXEL)
    call = ("post", "fsc", data / "maps.star", "-d", tmp_path / "o")
    assert run_spa(*call, "--half1", data / "half1.mrc").status == 2
    result = run_spa(*call, "--mask", tmp_path / "small.mrc")
    assert result.status == 65 and "small.mrc: box 16 pixels" in result.stderr
    (tmp_path / "cut.mrc").write_bytes((data / "half1.mrc").read_bytes()[:5000])
    result = run_spa(*call, "--half1", tmp_path / "cut.mrc", "--half2", data / "half2.mrc")
    assert result.status == 74 and "cut.mrc" in result.stderr and "Traceback" not in result.stderr
    assert run_spa(*call, "--mask", tmp_path / "none.mrc").status == 66
    assert run_spa("post", "fsc", "-d", tmp_path / "o", input="").status == 65


@pytest.mark.skipif(not shutil.which("relion_postprocess"), reason="RELION is not here")
def test_relion_finds_the_same_curves(data: Path, tmp_path: Path) -> None:
    """Plain curves agree to 0.01; the corrected one to what RELION's own seeds leave open."""
    command = ["relion_postprocess", "--i", data / "half1.mrc", "--i2", data / "half2.mrc", "--mask", data / "mask.mrc",
               "--angpix", str(HALF_PIXEL)]  # fmt: skip
    theirs = []
    for seed in range(1, 7):
        root = tmp_path / f"r{seed}"
        subprocess.run([*map(str, command), "--o", str(root), "--random_seed", str(seed)], capture_output=True)
        theirs.append(star.read(f"{root}.star")["fsc"])
    ours = run(data, tmp_path / "out", "--repeats", 20)["fsc"]
    for name in ("rlnFourierShellCorrelationUnmaskedMaps", "rlnFourierShellCorrelationMaskedMaps"):
        assert np.abs(ours.floats(name) - theirs[0].floats(name))[1:].max() < 0.01
    curves = np.array([table.floats(CORRECTED) for table in theirs])
    assert np.abs(ours.floats(CORRECTED) - curves.mean(0))[1:].max() < 0.01 + 2 * curves.std(0).max()


def test_phases_cannot_be_randomised_from_beyond_the_box(data: Path, tmp_path: Path) -> None:
    result = run_spa("post", "fsc", data / "maps.star", "-d", tmp_path / "f", "--randomise-from", 1e5)
    assert result.status == 2 and "--randomise-from 100000: the box is 144 A wide" in result.stderr
    result = run_spa("post", "fsc", data / "maps.star", "-d", tmp_path / "f", "--randomise-from", 1)
    assert result.status == 2 and "--randomise-from 1: pixels of" in result.stderr


@pytest.mark.parametrize("below", [0.8, 0.0])
def test_a_curve_that_is_not_corrected_is_said(tmp_path: Path, below: float) -> None:
    write_half_maps(tmp_path, noise=2.0)
    result = run_spa("post", "fsc", tmp_path / "maps.star", "-d", tmp_path / "f", "--randomise-below", below)
    assert result.status == 0, result.stderr
    assert ("the curve is not corrected for the mask" in result.stderr) == (below == 0)


def test_the_band_holds_the_curve_and_symmetry_widens_it(data: Path, tmp_path: Path) -> None:
    tables = run(data, tmp_path / "out")
    low, high = (tables["fsc"].floats(f"spaFourierShellCorrelation{edge}") for edge in ("Low", "High"))
    curve = tables["fsc"].floats(CORRECTED)
    assert np.all(low <= curve + 1e-4) and np.all(curve <= high + 1e-4)
    wide = run(data, tmp_path / "d2", "--symmetry", "D2")["fsc"]
    spread = wide.floats("spaFourierShellCorrelationHigh") - wide.floats("spaFourierShellCorrelationLow")
    assert np.all(spread[8:] > (high - low)[8:])
    known = star.read(data / "maps.star").with_block("symmetry", star.Table.of(spaMapClass=[1], spaSymmetry=["D2"]))
    star.write(known, tmp_path / "known.star")
    assert run_spa("post", "fsc", tmp_path / "known.star", "-d", tmp_path / "k", "-o", tmp_path / "o.star").status == 0
    assert star.read(tmp_path / "k/fsc.star")["fsc"] == wide
    general = tables["general"]
    assert general.floats("spaResolutionLow")[0] >= general.floats("rlnFinalResolution")[0]
    assert {"spaResolutionLoose", "spaResolutionTight"} <= set(general.columns)


def test_of_few_coefficients_no_range_is_told() -> None:
    shells = np.arange(33)
    curve = 1 / (1 + np.exp((shells - 15) / 1.5))
    curves = Curves(curve, curve, curve, 0 * curve, curve, 10)
    for symmetry, known in ((1, True), (60, False)):
        report = Report(curves, 64, 2.0, "1.mrc", "2.mrc", "mask.mrc", 0.1, independent(64, 0.05, symmetry))
        assert ("95%: not known" not in report.line()) == known
        assert any("too few to say where the curve ends" in one for one in report.warnings()) != known


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nothing_is_claimed_of_pure_noise(data: Path, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for number in (1, 2):
        mrc.write(tmp_path / f"{number}.mrc", rng.standard_normal((HALF_BOX,) * 3).astype(np.float32), HALF_PIXEL)
    result = run_spa("post", "fsc", "--half1", tmp_path / "1.mrc", "--half2", tmp_path / "2.mrc",
                     "--mask", data / "mask.mrc", "-d", tmp_path / "o")  # fmt: skip
    assert result.status == 0 and "no resolution" in result.stderr and "nothing is resolved" in result.stderr


def test_what_a_refinement_said_against_itself_is_said_again(data: Path, tmp_path: Path) -> None:
    for name in ("half1.mrc", "half2.mrc"):
        shutil.copy(data / name, tmp_path / name)
    halves = ("--half1", tmp_path / "half1.mrc", "--half2", tmp_path / "half2.mrc")
    for doubts in (None, [], ["no"]):
        if doubts is not None:
            (tmp_path / "job.json").write_text(json.dumps({"job": "refine nu", "doubts": doubts}))
        result = run_spa("post", "fsc", *halves, "-d", tmp_path / "F", "-o", tmp_path / "f.star")
        assert result.status == 0, result.stderr
        assert ("half1.mrc: `spa refine nu` said of it: no\n" in result.stderr) == bool(doubts)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nothing_is_claimed_of_noise_that_shares_a_start(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second, start = (rng.standard_normal((HALF_BOX,) * 3).astype(np.float32) for _ in range(3))
    shared = 0.6 * lowpass(start, HALF_PIXEL, HALF_BOX * HALF_PIXEL / 10)  # an FSC of about a quarter in ten shells
    for number, noise in ((1, first), (2, second)):
        mrc.write(tmp_path / f"half{number}.mrc", noise + shared, HALF_PIXEL)
    mrc.write(tmp_path / "mask.mrc", soft_sphere(HALF_BOX, 0.4 * HALF_BOX, 4), HALF_PIXEL)
    result = run_spa("post", "fsc", "--half1", tmp_path / "half1.mrc", "--half2", tmp_path / "half2.mrc",
                     "--mask", tmp_path / "mask.mrc", "-d", tmp_path / "out", "-o", tmp_path / "out.star")  # fmt: skip
    assert result.status == 0 and "no resolution" in result.stderr


@pytest.mark.parametrize("job", ["fsc", "sharpen", "filter", "orientation"])
def test_no_job_is_led_on_by_a_mask_that_stands_where_noise_agrees(tmp_path: Path, job: str) -> None:
    rng = np.random.default_rng(0)
    for number in (1, 2):
        mrc.write(tmp_path / f"{number}.mrc", rng.standard_normal((64,) * 3).astype(np.float32), 1.5)
    halves = ("--half1", tmp_path / "1.mrc", "--half2", tmp_path / "2.mrc")
    more = ("--sharpen",) if job == "filter" else ()
    result = run_spa("post", job, *halves, "-d", tmp_path / "o", "-o", tmp_path / "o.star", *more)
    assert result.status == (0 if job == "fsc" else 65), result.stderr
    assert ("no resolution" if job == "fsc" else "agree no better than noise does") in result.stderr
    if job == "fsc":
        assert star.read(tmp_path / "o" / "fsc.star")["general"].floats("rlnFinalResolution")[0] == 64 * 1.5
