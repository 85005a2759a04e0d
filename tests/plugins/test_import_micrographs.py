"""`spa import micrographs`: names in, RELION 5's table out."""

import io

import numpy as np
import pytest

from spa import __version__
from spa.io import mrc, star
from spa.testing import run_spa


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in (1, 2, 10):
        mrc.write(tmp_path / f"m{number}.mrc", rng.normal(size=(80, 70)).astype("f4"), 1.37)
    return tmp_path


def tables(result) -> star.Tables:
    return star.read(io.StringIO(result.stdout))


def test_a_pattern_gives_a_table_in_natural_order(folder) -> None:
    result = run_spa("import", "micrographs", "*.mrc", "--voltage", 200, "--cs", 2.2, "--amplitude-contrast", 0.07,
                     "--optics-group", "krios", cwd=folder)  # fmt: skip
    assert result.status == 0
    table = tables(result)
    assert table["micrographs"].text("rlnMicrographName").tolist() == ["m1.mrc", "m2.mrc", "m10.mrc"]
    assert table["micrographs"].ints("rlnOpticsGroup").tolist() == [1, 1, 1]
    optics = table["optics"]
    assert optics.text("rlnOpticsGroupName").tolist() == ["krios"]
    row = [optics.floats(name)[0] for name in
           ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnMicrographPixelSize")]  # fmt: skip
    assert row == pytest.approx([200, 2.2, 0.07, 1.37])
    assert table.history[0].startswith(f"{__version__} import micrographs")
    assert "3 micrographs of 70 x 80 pixels" in result.stderr


def test_names_twice_are_there_once_and_keep_their_order(folder) -> None:
    result = run_spa("import", "micrographs", "m10.mrc", "m*.mrc", "./m1.mrc", cwd=folder)
    names = tables(result)["micrographs"].text("rlnMicrographName").tolist()
    assert names == ["m10.mrc", "m1.mrc", "m2.mrc", "./m1.mrc"]


def test_brackets_in_a_name_are_a_name(folder) -> None:
    (folder / "m1.mrc").rename(folder / "m[1].mrc")
    assert run_spa("import", "micrographs", "m[1].mrc", cwd=folder).status == 0


def test_bad_files_in_the_middle_are_named_and_left_out(folder) -> None:
    (folder / "m3.mrc").write_bytes((folder / "m1.mrc").read_bytes()[:-10])
    (folder / "m4.mrc").write_bytes(b"garbage")
    mrc.write(folder / "m5.mrcs", np.zeros((3, 70, 70), "f4"), 1.37)
    bad = np.random.default_rng(1).normal(size=(80, 70)).astype("f4")
    bad[3, 3] = np.nan
    mrc.write(folder / "m6.mrc", bad, 1.37)
    mrc.write(folder / "m7.mrc", bad[:20], 1.37)
    mrc.write(folder / "m8.mrc", np.zeros((80, 70), "f4"), 1.37)
    result = run_spa("import", "micrographs", "m*.mrc*", "none.mrc", cwd=folder)
    assert result.status == 1
    assert len(tables(result)["micrographs"]) == 3
    for message in ("m3.mrc: truncated", "m4.mrc: not an MRC file", "m5.mrcs: 3 images in it",
                    "m6.mrc: 1 of 5600 pixels", "m7.mrc: 70 x 20 pixels", "m8.mrc: no contrast",
                    "none.mrc: no such file"):  # fmt: skip
        assert message in result.stderr
    assert run_spa("import", "micrographs", "m*.mrc", "--strict", cwd=folder).status == 74


def test_nothing_that_fits_or_can_be_read(folder) -> None:
    result = run_spa("import", "micrographs", "x*.mrc", cwd=folder)
    assert (result.status, result.stdout) == (66, "")
    assert "x*.mrc: no file fits" in result.stderr
    assert run_spa("import", "micrographs", "none.mrc", cwd=folder).status == 65


@pytest.mark.parametrize("nonsense", [0, 1.0])
def test_a_header_that_knows_no_pixel_size_needs_the_option(folder, nonsense: float) -> None:
    mrc.write(folder / "n.mrc", np.random.default_rng(1).normal(size=(80, 70)).astype("f4"), nonsense)
    result = run_spa("import", "micrographs", "n.mrc", cwd=folder)
    assert result.status == 2
    assert "--pixel-size" in result.stderr
    result = run_spa("import", "micrographs", "n.mrc", "--pixel-size", 1.1, cwd=folder)
    assert tables(result)["optics"].floats("rlnMicrographPixelSize")[0] == 1.1


def test_headers_that_differ_are_refused(folder) -> None:
    mrc.write(folder / "m3.mrc", np.random.default_rng(1).normal(size=(80, 70)).astype("f4"), 2.0)
    result = run_spa("import", "micrographs", "m*.mrc", cwd=folder)
    assert result.status == 65
    assert "m3.mrc: 2 A a pixel in its header, but most have 1.37" in result.stderr


MTF = "data_\n\nloop_\n_rlnResolutionInversePixel #1\n_rlnMtfValue #2\n0 1.0\n0.25 0.7\n0.5 0.3\n"


def test_what_is_no_mtf_is_refused(folder) -> None:
    (folder / "mtf.star").write_text(MTF.replace("0 1.0", "0 0.3"))
    for file, said in (("m1.mrc", "m1.mrc"), ("mtf.star", "an MTF is 1 there")):
        result = run_spa("import", "micrographs", "m1.mrc", "--mtf", file, cwd=folder)
        assert result.status == 65 and said in result.stderr and not result.stdout


def test_beam_tilt_and_mtf_stand_in_the_optics_table(folder) -> None:
    (folder / "mtf.star").write_text(MTF)
    result = run_spa("import", "micrographs", "m1.mrc", "--beam-tilt", 0.1, -0.2, "--mtf", "mtf.star", cwd=folder)
    optics = tables(result)["optics"]
    assert (optics.floats("rlnBeamTiltX")[0], optics.floats("rlnBeamTiltY")[0]) == (0.1, -0.2)
    assert optics.text("rlnMtfFileName")[0] == "mtf.star"
    assert run_spa("import", "micrographs", "m1.mrc", "--mtf", "none", cwd=folder).status == 66


def test_the_table_does_not_depend_on_threads(folder) -> None:
    one, two = (run_spa("import", "micrographs", "m*.mrc", "--threads", n, cwd=folder).stdout for n in (1, 2))
    assert one == two


def test_output_goes_to_a_file(folder) -> None:
    result = run_spa("import", "micrographs", "m*.mrc", "-o", "out.star", cwd=folder)
    assert (result.status, result.stdout) == (0, "")
    assert len(star.read(folder / "out.star")["micrographs"]) == 3


def test_real_micrographs(shared_data) -> None:
    folder = shared_data / "real" / "apoferritin"
    result = run_spa("import", "micrographs", "micrographs/*.mrc", "--pixel-size", 1.5, cwd=folder)
    assert result.status == 0
    assert len(tables(result)["micrographs"]) == 13
