"""`spa import particles`: RELION of any age, bare stacks; cryoSPARC beside."""

import io

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_spa

OPTICS = ("--pixel-size", 1.5, "--voltage", 300, "--cs", 2.7, "--amplitude-contrast", 0.1)


OLD = """data_
loop_
_rlnImageName
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
_rlnMagnification
_rlnDetectorPixelSize
_rlnOriginX
_rlnStrange
000001@s.mrcs 300.0 2.7 0.1 10000 1.5 2.0 007
000003@s.mrcs 300.0 2.7 0.1 10000 1.5 -1.0 008
"""


@pytest.fixture
def folder(five_images):
    (five_images / "old.star").write_text(OLD)
    return five_images


def tables(result) -> star.Tables:
    return star.read(io.StringIO(result.stdout))


def test_a_bare_stack_gives_a_row_an_image(folder) -> None:
    result = run_spa("import", "particles", "s.mrcs", *OPTICS[2:], cwd=folder)
    assert result.status == 0
    assert tables(result)["particles"].text("rlnImageName").tolist() == [f"{n:06d}@s.mrcs" for n in range(1, 6)]
    optics = tables(result)["optics"]
    assert (optics.floats("rlnImagePixelSize")[0], optics.ints("rlnImageSize")[0]) == (1.5, 24)
    assert optics.ints("rlnCtfDataAreCtfPremultiplied")[0] == 0


def test_what_the_file_does_not_say_must_be_said(folder) -> None:
    result = run_spa("import", "particles", "s.mrcs", "--voltage", 300, cwd=folder)
    assert (result.status, result.stdout) == (2, "")
    assert "say --cs, --amplitude-contrast" in result.stderr


def test_relion_3_0_comes_out_as_relion_5(folder) -> None:
    result = run_spa("import", "particles", "old.star", "--optics-group", "krios", cwd=folder)
    assert result.status == 0
    table = tables(result)
    assert list(table.blocks) == ["optics", "particles"]
    assert table["optics"].text("rlnOpticsGroupName").tolist() == ["krios"]
    assert table["particles"].floats("rlnOriginXAngst").tolist() == [3, -1.5]
    assert table["particles"].text("rlnStrange").tolist() == ["007", "008"]


def test_a_table_from_a_pipe(folder) -> None:
    assert len(tables(run_spa("import", "particles", "-", input=OLD, cwd=folder))["particles"]) == 2


def test_names_are_sought_from_the_tables_folder(folder) -> None:
    result = run_spa("import", "particles", folder.name + "/old.star", cwd=folder.parent)
    names = tables(result)["particles"].text("rlnImageName").tolist()
    assert names == [f"000001@{folder.name}/s.mrcs", f"000003@{folder.name}/s.mrcs"]


def test_names_are_sought_from_the_folders_above(folder) -> None:
    """A project's tables lie in folders of its jobs, and their paths begin in the project."""
    (folder / "P" / "J9").mkdir(parents=True)
    (folder / "old.star").rename(folder / "P" / "J9" / "old.star")
    (folder / "s.mrcs").rename(folder / "P" / "s.mrcs")
    for here, table, names in ((folder, "P/J9/old.star", "P/s.mrcs"), (folder / "P" / "J9", "old.star", "../s.mrcs")):
        found = tables(run_spa("import", "particles", table, cwd=here))["particles"].text("rlnImageName").tolist()
        assert found == [f"000001@{names}", f"000003@{names}"]


def test_an_option_wins_over_the_file_and_says_so(folder) -> None:
    result = run_spa("import", "particles", "old.star", *OPTICS[:1], 1.6, cwd=folder)
    assert "rlnImagePixelSize was 1.5 in the file and is now 1.6" in result.stderr
    assert tables(result)["optics"].floats("rlnImagePixelSize")[0] == 1.6


def test_a_header_of_another_pixel_size_is_named(folder) -> None:
    result = run_spa("import", "particles", "s.mrcs", *OPTICS[2:], "--pixel-size", 1.7, cwd=folder)
    assert result.status == 0
    assert "s.mrcs: 1.5 A a pixel in its header, 1.7 in the table" in result.stderr


def test_a_box_of_another_width_than_the_table_says_is_named(folder) -> None:
    made = run_spa("import", "particles", "s.mrcs", *OPTICS, "-o", "p.star", cwd=folder)
    assert made.status == 0 and "rlnImageSize" not in made.stderr
    text = star.read(folder / "p.star")
    star.write(text.with_block("optics", text["optics"].with_columns(rlnImageSize=48)), folder / "wide.star")
    result = run_spa("import", "particles", "wide.star", cwd=folder)
    assert result.status == 0 and "rlnImageSize is 48, its images are 24 pixels wide" in result.stderr
    assert tables(result)["optics"].ints("rlnImageSize").tolist() == [24]


def test_what_is_not_looked_at_is_not_told(folder) -> None:
    result = run_spa("import", "particles", "old.star", "--no-check", cwd=folder)
    assert result.status == 0 and "2 particles, pixels of 1.5 A" in result.stderr


def test_groups_that_count_from_0_count_from_1(folder) -> None:
    text = (
        "data_optics\nloop_\n_rlnOpticsGroup\n_rlnOpticsGroupName\n_rlnVoltage\n_rlnSphericalAberration\n"
        "_rlnAmplitudeContrast\n_rlnImagePixelSize\n0 a 300 2.7 0.1 1.5\n4 b 200 2.7 0.1 1.5\n\n"
        "data_particles\nloop_\n_rlnImageName\n_rlnOpticsGroup\n1@s.mrcs 4\n2@s.mrcs 0\n"
    )
    table = tables(run_spa("import", "particles", "-", input=text, cwd=folder))
    assert table["optics"].ints("rlnOpticsGroup").tolist() == [1, 2]
    assert table["particles"].ints("rlnOpticsGroup").tolist() == [2, 1]


def test_rows_without_an_image_are_named_and_left_out(folder) -> None:
    names = ("9@s.mrcs", "1@none.mrcs", "1@cut.mrcs")
    more = OLD + "".join(f"{name} 300.0 2.7 0.1 10000 1.5 2.0 1\n" for name in names)
    (folder / "cut.mrcs").write_bytes((folder / "s.mrcs").read_bytes()[:-1])
    result = run_spa("import", "particles", "-", input=more, cwd=folder)
    assert result.status == 1
    assert len(tables(result)["particles"]) == 2
    for message in ("s.mrcs: image 9 is asked for, and it has 5", "none.mrc", "cut.mrcs: truncated", "3 left out"):
        assert message in result.stderr
    strict = run_spa("import", "particles", "-", "--strict", input=more, cwd=folder)
    assert (strict.status, strict.stdout) == (66, "") and len(strict.stderr.splitlines()) == 1
    assert len(tables(run_spa("import", "particles", "-", "--no-check", input=more, cwd=folder))["particles"]) == 5


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("", 65, "empty"),
        ("data_particles\nloop_\n_rlnImageName\n", 65, "no rows"),
        ("data_x\nloop_\n_rlnCoordinateX\n1\n", 65, "no particles in it"),
        ("data_particles\nloop_\n_rlnImageName\n1@none.mrcs\n", 2, "does not say all of its optics"),
        (OLD.replace("s.mrcs", "none.mrcs"), 66, "none.mrcs: no such file"),
        (OLD.replace(" 2.0 007", " x 007"), 65, "row 1: rlnOriginX is 'x'"),
    ],
)
def test_bad_tables(folder, text: str, status: int, message: str) -> None:
    result = run_spa("import", "particles", "-", input=text, cwd=folder)
    assert (result.status, result.stdout) == (status, "")
    assert message in result.stderr


@pytest.mark.parametrize("options", [(), ("--no-ramp",), ("--float16",), ("--background-diameter", 30), ("--invert",)])
def test_normalised_backgrounds_have_mean_0_and_deviation_1(folder, options) -> None:
    result = run_spa("import", "particles", "s.mrcs", *OPTICS, "--normalise", "-d", "out", *options, cwd=folder)
    assert result.status == 0
    assert tables(result)["particles"].text("rlnImageName")[4] == "000005@out/particles.mrcs"
    image = mrc.read(folder / "out" / "particles.mrcs")
    assert image.data.dtype == ("f2" if "--float16" in options else "f4")
    radius = 10 if "--background-diameter" in options else 9
    y, x = np.mgrid[:24, :24] - 12
    outside = image.data.astype("f8")[:, np.hypot(x, y) > radius]
    np.testing.assert_allclose(outside.mean(axis=1), 0, atol=1e-3)
    np.testing.assert_allclose(outside.std(axis=1), 1, atol=1e-3)
    slope = (image.data.astype("f8") * x).mean() * (-1 if "--invert" in options else 1)
    assert (abs(slope) < 0.2) == ("--no-ramp" not in options)


def test_images_without_a_scale_are_named_and_left_out(folder) -> None:
    images = mrc.read(folder / "s.mrcs").data.copy()
    images[1] = 3.0
    images[3, 0, 0] = np.nan
    mrc.write(folder / "s.mrcs", images, 1.5)
    result = run_spa("import", "particles", "s.mrcs", *OPTICS, "--normalise", "-d", "out", cwd=folder)
    assert result.status == 1
    names = tables(result)["particles"].text("rlnImageName").tolist()
    assert names == [f"{n:06d}@out/particles.mrcs" for n in (1, 2, 3)]
    assert mrc.read(folder / "out" / "particles.mrcs").data.shape == (3, 24, 24)
    assert "000002@s.mrcs: a flat background" in result.stderr
    assert "000004@s.mrcs" in result.stderr


@pytest.mark.parametrize("words", [("--invert",), ("--no-ramp",), ("--float16",), ("--background-diameter", 20)])
def test_what_normalise_does_is_not_done_without_it(folder, words: tuple) -> None:
    result = run_spa("import", "particles", "old.star", *words, cwd=folder)
    assert result.status == 2 and f"{words[0].replace('no-', '')} goes with --normalise" in result.stderr


@pytest.mark.parametrize("words", [("--invert-y",), ("--passthrough", "s.mrcs")])
def test_what_is_of_cryosparc_alone_is_refused_elsewhere(folder, words: tuple) -> None:
    result = run_spa("import", "particles", "s.mrcs", *OPTICS, *words, cwd=folder)
    assert result.status == 2 and f"{words[0]} goes with a .cs file" in result.stderr


def test_normalise_needs_a_folder(folder) -> None:
    assert run_spa("import", "particles", "s.mrcs", *OPTICS, "--normalise", cwd=folder).status == 2


@pytest.mark.parametrize(
    ("name", "rows", "groups"),
    [
        ("cryosparc_J2_particles_exported.cs", 22, 1), ("cryosparc_P12_J24_001_particles.cs", 2019, 1),
        ("relion31.6opticsgroups.star", 139, 6), ("relion5.star", 17, 1),
    ],
)  # fmt: skip
def test_tables_of_other_programs(shared_data, name: str, rows: int, groups: int) -> None:
    result = run_spa("import", "particles", shared_data / "real" / "metadata" / name, "--no-check")
    assert result.status == 0
    assert (len(tables(result)["particles"]), len(tables(result)["optics"])) == (rows, groups)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1.5 1 2.7", "0 1 2.7", "row 1: rlnImagePixelSize is 0 A"),
        ("2@s.mrcs 1", "2@s.mrcs 9", "row 2: optics group 9"),
    ],
)
def test_optics_that_make_no_sense_are_named_by_row(folder, old: str, new: str, message: str) -> None:
    text = """data_optics
loop_
_rlnVoltage
_rlnImagePixelSize
_rlnOpticsGroup
_rlnSphericalAberration
_rlnAmplitudeContrast
300 1.5 1 2.7 0.1

data_particles
loop_
_rlnImageName
_rlnOpticsGroup
1@s.mrcs 1
2@s.mrcs 1
"""
    assert run_spa("import", "particles", "-", input=text, cwd=folder).status == 0
    result = run_spa("import", "particles", "-", input=text.replace(old, new), cwd=folder)
    assert (result.status, result.stdout) == (65, "") and message in result.stderr
