"""`spa post sharpen`."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from spa.image import fft
from spa.io import mrc, star
from spa.testing import HALF_BOX, HALF_PIXEL, is_png, run_spa, write_half_maps
from spa.volume.sharpen import amplitudes


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("halves")
    write_half_maps(folder, noise=0.05)
    return folder


def run(data: Path, out: Path, *more: object) -> tuple[np.ndarray, star.Tables, str]:
    result = run_spa("post", "sharpen", data / "maps.star", "-d", out, "-o", out.with_suffix(".star"), *more)
    assert result.status == 0, result.stderr
    return mrc.read(out / "sharpened.mrc").data, star.read(out / "guinier.star"), result.stderr


def spectrum(volume: np.ndarray) -> np.ndarray:
    return amplitudes(fft.rfft3(np.array(volume)))


def test_auto_b_undoes_more_of_the_blur_that_there_is_more_of(tmp_path: Path) -> None:
    """The same phantom blurred by 100 more has a B lower by 100."""
    found = []
    for blur in (100.0, 200.0):
        folder = tmp_path / str(blur)
        folder.mkdir()
        write_half_maps(folder, noise=0.05, blur=blur)
        _, tables, _ = run(folder, folder / "out", "--guinier", 10, 6.5)
        found.append(tables["general"].floats("rlnBfactorUsedForSharpening")[0])
    assert found[0] - found[1] == pytest.approx(100, abs=8)


def test_a_given_b_is_applied(data: Path, tmp_path: Path) -> None:
    plain, _, _ = run(data, tmp_path / "a", "--bfactor", 0)
    sharp, tables, said = run(data, tmp_path / "b", "--bfactor", -120)
    k = np.arange(HALF_BOX // 2 + 1) / (HALF_BOX * HALF_PIXEL)
    ratio = (spectrum(sharp) / spectrum(plain))[2:20]
    assert ratio == pytest.approx(np.exp(30 * k**2)[2:20], rel=0.03)
    assert "B = -120 A^2 (given)" in said
    assert tables["general"].floats("rlnBfactorUsedForSharpening")[0] == -120


def test_maps_join_the_stream_and_the_mask_is_applied(data: Path, tmp_path: Path) -> None:
    sharp, _, _ = run(data, tmp_path / "out", "--bfactor", -50)
    masked, mask = mrc.read(tmp_path / "out" / "sharpened_masked.mrc").data, mrc.read(data / "mask.mrc").data
    assert np.allclose(masked, sharp * mask, atol=1e-6)
    table = star.read(tmp_path / "out.star")["maps"]
    assert dict(zip(table.text("spaMapRole"), table.text("spaMapName")))["map"] == str(tmp_path / "out/sharpened.mrc")


def test_the_fsc_of_the_stream_is_the_one_that_is_used(data: Path, tmp_path: Path) -> None:
    assert run_spa("post", "fsc", data / "maps.star", "-d", tmp_path / "f", "-o", tmp_path / "f.star").status == 0
    result = run_spa("post", "sharpen", tmp_path / "f.star", "-d", tmp_path / "a", "--bfactor", 0)
    assert result.status == 0
    by_stream = mrc.read(tmp_path / "a" / "sharpened.mrc").data
    computed, _, _ = run(data, tmp_path / "b", "--bfactor", 0)
    named, _, _ = run(data, tmp_path / "c", "--bfactor", 0, "--fsc", tmp_path / "f" / "fsc.star")
    assert np.array_equal(by_stream, named) and np.allclose(by_stream, computed, atol=1e-5)


def test_no_weighting(data: Path, tmp_path: Path) -> None:
    mean = (mrc.read(data / "half1.mrc").data + mrc.read(data / "half2.mrc").data) / 2
    made, _, _ = run(data, tmp_path / "out", "--bfactor", 0, "--no-fsc-weighting")
    assert spectrum(made)[1:-1] == pytest.approx(spectrum(mean)[1:-1], rel=1e-3)


def test_a_map_by_itself(data: Path, tmp_path: Path) -> None:
    call = ("post", "sharpen", "--map", data / "half1.mrc", "-d", tmp_path / "out", "--bfactor", -50)
    assert run_spa(*call).status == 2
    result = run_spa(*call, "--no-fsc-weighting")
    assert result.status == 0 and not (tmp_path / "out" / "sharpened_masked.mrc").exists()


def test_lowpass(data: Path, tmp_path: Path) -> None:
    made, _, _ = run(data, tmp_path / "out", "--bfactor", 0, "--lowpass", 12)
    assert spectrum(made)[14:].max() < 1e-3 * spectrum(made)[5]


def test_mtf(data: Path, tmp_path: Path) -> None:
    table = star.Table.of(rlnResolutionInversePixel=[0.0, 0.25, 0.5], rlnMtfValue=[1.0, 0.8, 0.5])
    star.write(star.Tables({"": table}), tmp_path / "mtf.star")
    plain, _, _ = run(data, tmp_path / "a", "--bfactor", 0)
    full, _, _ = run(data, tmp_path / "b", "--bfactor", 0, "--mtf", tmp_path / "mtf.star")
    super_resolution, _, _ = run(
        data, tmp_path / "c", "--bfactor", 0, "--mtf", tmp_path / "mtf.star", "--mtf-pixel-size", HALF_PIXEL / 2
    )
    half = HALF_BOX // 4
    assert spectrum(full)[half] / spectrum(plain)[half] == pytest.approx(1 / 0.8, rel=0.01)
    assert spectrum(super_resolution)[half] / spectrum(plain)[half] == pytest.approx(1 / 0.9, rel=0.01)


def test_too_coarse_for_guinier_is_said_and_nothing_is_applied(data: Path, tmp_path: Path) -> None:
    _, tables, said = run(data, tmp_path / "out", "--guinier", 10, 9.5)
    assert "no B is fitted" in said and "too few shells" in said and "not fitted" in said
    assert tables["general"].floats("rlnBfactorUsedForSharpening")[0] == 0


def test_a_map_coarser_than_7_angstroms_gets_no_b_unless_asked(tmp_path: Path) -> None:
    write_half_maps(tmp_path, noise=6.0)
    _, tables, said = run(tmp_path, tmp_path / "out")
    assert "needs 7 A or better" in said and tables["general"].floats("rlnBfactorUsedForSharpening")[0] == 0
    _, tables, _ = run(tmp_path, tmp_path / "asked", "--guinier", 14, 8)
    assert tables["general"].floats("rlnBfactorUsedForSharpening")[0] != 0


def test_plot(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out", "--plot", tmp_path / "s.png")
    assert is_png(tmp_path / "s.png")


def test_bad_input(data: Path, tmp_path: Path) -> None:
    call = ("post", "sharpen", data / "maps.star", "-d", tmp_path / "o")
    assert run_spa(*call, "--guinier", 5, 10).status == 2
    assert run_spa(*call, "--mtf-pixel-size", 1).status == 2
    result = run_spa(*call, "--lowpass", 1e4)
    assert result.status == 2 and "A wide" in result.stderr
    assert run_spa(*call, "--half1", data / "half1.mrc").status == 2
    short = star.Table.of(rlnFourierShellCorrelationCorrected=[1.0, 0.5])
    star.write(star.Tables({"fsc": short}), tmp_path / "short.star")
    result = run_spa(*call, "--fsc", tmp_path / "short.star")
    assert result.status in (2, 65) and "2 shells" in result.stderr
    star.write(star.Tables({"other": short}), tmp_path / "other.star")
    result = run_spa(*call, "--fsc", tmp_path / "other.star")
    assert result.status == 65 and "no data_fsc" in result.stderr
    star.write(star.Tables({"": short}), tmp_path / "nomtf.star")
    result = run_spa(*call, "--mtf", tmp_path / "nomtf.star")
    assert result.status == 65 and "rlnResolutionInversePixel" in result.stderr


@pytest.mark.skipif(not shutil.which("relion_postprocess"), reason="RELION is not here")
def test_relion_makes_the_same_map(tmp_path: Path) -> None:
    """With RELION's curve and B, its map to 0.1 %; with our own fit over its range, its B to 2 %.

    (RELION's means over shells count the plane x = 0 twice, ours every coefficient once.)
    """
    data = tmp_path / "data"
    data.mkdir()
    write_half_maps(data, noise=0.6)
    command = ["relion_postprocess", "--i", data / "half1.mrc", "--i2", data / "half2.mrc", "--mask", data / "mask.mrc",
               "--angpix", HALF_PIXEL, "--auto_bfac", "--autob_lowres", 15, "--autob_highres", 7,
               "--o", tmp_path / "r"]  # fmt: skip
    subprocess.run(list(map(str, command)), capture_output=True)
    theirs = mrc.read(tmp_path / "r.mrc").data
    bfactor = star.read(tmp_path / "r.star")["general"].floats("rlnBfactorUsedForSharpening")[0]
    made, tables, _ = run(data, tmp_path / "out", "--fsc", tmp_path / "r.star", "--guinier", 15, 7)
    assert tables["general"].floats("rlnBfactorUsedForSharpening")[0] == pytest.approx(bfactor, rel=0.02)
    assert np.linalg.norm(made - theirs) < 0.05 * np.linalg.norm(theirs)
    same, _, _ = run(data, tmp_path / "same", "--fsc", tmp_path / "r.star", "--bfactor", bfactor)
    assert np.linalg.norm(same - theirs) < 0.001 * np.linalg.norm(theirs)


def test_a_refinements_uncorrected_fsc_is_not_taken_for_a_corrected_one(data: Path, tmp_path: Path) -> None:
    """`spa refine homo … | spa post sharpen` needs no file name: the curve is taken from the half maps again."""
    plain, _, _ = run(data, tmp_path / "a", "--bfactor", 0)
    high = star.Table.of(rlnSpectralIndex=np.arange(HALF_BOX // 2 + 1), rlnGoldStandardFsc=np.ones(HALF_BOX // 2 + 1))
    star.write(star.Tables({"fsc": high}), tmp_path / "fsc.star")
    tables = star.read(data / "maps.star")
    maps = tables["maps"]
    more = maps.take([0]).with_columns(spaMapName=[str(tmp_path / "fsc.star")], spaMapRole=["fsc"])
    star.write(tables.with_block("maps", star.Table.concat([maps, more])), tmp_path / "in.star")
    result = run_spa("post", "sharpen", tmp_path / "in.star", "-d", tmp_path / "b", "--bfactor", 0)
    assert result.status == 0, result.stderr
    assert np.array_equal(mrc.read(tmp_path / "b" / "sharpened.mrc").data, plain)


@pytest.mark.parametrize("words", [("--bfactor", -1e9), ("--guinier", 0, -5)])
def test_numbers_that_cannot_be_are_usage_errors(data: Path, tmp_path: Path, words: tuple) -> None:
    assert run_spa("post", "sharpen", data / "maps.star", "-d", tmp_path / "s", *words).status == 2


@pytest.mark.parametrize("rows, said", [("", "no rows"), ("0 1\n0.5 nan\n", "row 2: rlnMtfValue is nan")])
def test_an_mtf_that_is_none_is_named(data: Path, tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "mtf.star").write_text("data_\nloop_\n_rlnResolutionInversePixel\n_rlnMtfValue\n" + rows)
    result = run_spa("post", "sharpen", data / "maps.star", "-d", tmp_path / "s", "--mtf", tmp_path / "mtf.star")
    assert result.status == 65 and f"mtf.star: data_ {said}" in result.stderr.replace("has no", "no")


MTF_DOUBTS = [("0 1\n0.5 0.5\n", ""), ("0 1\n0.2 0.7\n", "its last value is used beyond"),
              ("0 1\n1 0.4\n", "not in parts of Nyquist's"), ("0 1\n0.3 -0.2\n0.5 0.1\n", "row 2: rlnMtfValue is -0.2"),
              ("0 100\n0.5 40\n", "begins with 100 at the lowest frequency")]  # fmt: skip


@pytest.mark.parametrize(("rows", "said"), MTF_DOUBTS)
def test_a_table_that_cannot_be_the_detectors_is_not_taken_silently(
    data: Path, tmp_path: Path, rows: str, said: str
) -> None:
    (tmp_path / "mtf.star").write_text("data_mtf\nloop_\n_rlnResolutionInversePixel\n_rlnMtfValue\n" + rows)
    result = run_spa("post", "sharpen", data / "maps.star", "-d", tmp_path / "s", "--mtf", tmp_path / "mtf.star")
    assert result.status == (65 if "rlnMtfValue" in said or "begins" in said else 0)
    assert said in result.stderr if said else "mtf.star" not in result.stderr
