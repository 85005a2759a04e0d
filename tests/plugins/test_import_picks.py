"""`spa import picks`: the same picks in the forms of other programs come out as they were."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import OPTICS, run_spa

XY = {"mic1": [[60, 40], [100, 90]], "mic12": [[20, 70], [33, 44], [119, 99]]}
SCORES = {"mic1": [0.25, 0.75], "mic12": [0.5, 0.125, 1.0]}
ROWS, COLUMNS = 100, 120
CBOX = "data_global\n\n_cbox_format_version 1.0\n\ndata_cryolo\n\nloop_\n_CoordinateX #1\n_CoordinateY #2\n_Width #3\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two micrographs, and a third that nobody picked; one lies in a folder."""
    names = ["mic1.mrc", "M/mic12.mrc", "mic3.mrc"]
    (tmp_path / "M").mkdir()
    for name in names:
        mrc.write(tmp_path / name, np.ones((ROWS, COLUMNS), "f4"), 2.0)
    table = star.Table.of(rlnMicrographName=names, rlnOpticsGroup=1, rlnDefocusU=15000.0)
    optics = star.Table.of(**OPTICS, rlnMicrographPixelSize=[2.0])
    star.write(star.Tables({"optics": optics, "micrographs": table}, []), tmp_path / "m.star")
    return tmp_path


def box(folder: Path, side: int) -> str:
    for name, xy in XY.items():
        rows = [f"{x - side // 2}\t{y - side // 2}\t{side}\t{side}\t-3" for x, y in xy]
        (folder / f"{name}.box").write_text("\n".join(rows) + "\n")
    return "mic*.box"


def cbox(folder: Path, old: bool) -> str:
    for name, xy in XY.items():
        rows = [f"{x - 10.5} {y - 10.5} 21 21 {s}" for (x, y), s in zip(xy, SCORES[name])]
        head = "" if old else CBOX + "_Height #4\n_Confidence #5\n"
        (folder / f"{name}.cbox").write_text(head + "\n".join(rows) + "\n")
    return "*.cbox"


def topaz(folder: Path, factor: float = 1) -> str:
    rows = [f"{name}\t{x * factor:g}\t{y * factor:g}\t{s}" for name, xy in XY.items()
            for (x, y), s in zip(xy, SCORES[name])]  # fmt: skip
    (folder / "t.txt").write_text("\n".join(["image_name\tx_coord\ty_coord\tscore", *rows]) + "\n")
    return "t.txt"


def coordinates(folder: Path, listed: bool) -> str:
    for name, xy in XY.items():
        columns = {"rlnCoordinateX": [x for x, _ in xy], "rlnCoordinateY": [y for _, y in xy],
                   "rlnAutopickFigureOfMerit": SCORES[name]}  # fmt: skip
        star.write(star.Tables({"": star.Table.of(**columns)}, []), folder / f"{name}_autopick.star")
    if not listed:
        return "*_autopick.star"
    table = star.Table.of(rlnMicrographName=["mic1.mrc", "M/mic12.mrc"],
                          rlnMicrographCoordinates=[f"{name}_autopick.star" for name in XY])  # fmt: skip
    star.write(star.Tables({"coordinate_files": table}, []), folder / "list.star")
    return "list.star"


def dataset(folder: Path) -> str:
    kinds = [("uid", "u8"), ("location/micrograph_path", "S80"), ("location/micrograph_shape", "u4", (2,)),
             ("location/center_x_frac", "f4"), ("location/center_y_frac", "f4"),
             ("pick_stats/ncc_score", "f4")]  # fmt: skip
    rows = [(n, f">J2/m/001234567890123456789_{name}_patch_aligned.mrc", (ROWS, COLUMNS), x / COLUMNS, y / ROWS, s)
            for name, xy in XY.items() for n, ((x, y), s) in enumerate(zip(xy, SCORES[name]))]  # fmt: skip
    with (folder / "p.cs").open("wb") as stream:
        np.save(stream, np.array(rows, kinds))
    return "p.cs"


def imported(folder: Path, *words: object, status: int = 0) -> tuple[star.Table, str]:
    result = run_spa("import", "picks", *words, "--micrographs", "m.star", "-o", "o.star", cwd=folder)
    assert result.status == status, result.stderr
    return star.read(folder / "o.star")["particles"], result.stderr


def refused(folder: Path, *words: object) -> tuple[int, str]:
    result = run_spa("import", "picks", *words, "--micrographs", "m.star", cwd=folder)
    assert result.stdout == "" and "Traceback" not in result.stderr
    return result.status, result.stderr


WRITERS = {
    "even boxes": lambda folder: box(folder, 20), "odd boxes": lambda folder: box(folder, 21),
    "cbox": lambda folder: cbox(folder, False), "old cbox": lambda folder: cbox(folder, True), "topaz": topaz,
    "coordinates": lambda folder: coordinates(folder, False), "list": lambda folder: coordinates(folder, True),
    "cryosparc": dataset,
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITERS)
def test_picks_come_out_where_they_were(folder: Path, kind: str) -> None:
    table, said = imported(folder, WRITERS[kind](folder))
    assert table.text("rlnMicrographName").tolist() == ["mic1.mrc"] * 2 + ["M/mic12.mrc"] * 3
    found = np.stack([table.floats("rlnCoordinateX"), table.floats("rlnCoordinateY")], axis=1)
    np.testing.assert_allclose(found, XY["mic1"] + XY["mic12"], atol=1e-3)
    if "boxes" not in kind:
        assert table.floats("rlnAutopickFigureOfMerit").tolist() == SCORES["mic1"] + SCORES["mic12"]
    assert "5 picks on 2 of 3 micrographs" in said and "scale" not in said


def test_picks_go_to_extraction_with_their_ctf(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("mic1.mrc", "M/mic12.mrc"):
        mrc.write(folder / name, rng.normal(size=(ROWS, COLUMNS)).astype("f4"), 2.0)
    table = (folder / "m.star").read_text()
    made = run_spa("import", "picks", topaz(folder), input=table, cwd=folder)
    assert made.status == 0 and "data_micrographs" in made.stdout
    cut = run_spa("extract", "particles", "-d", "E", "--box", 16, "--pad", input=made.stdout, cwd=folder)
    assert cut.status == 0, cut.stderr
    assert "_rlnDefocusU" in cut.stdout


def test_binned_picks_are_scaled(folder: Path) -> None:
    table, _ = imported(folder, topaz(folder, 0.25), "--scale", 4)
    assert table.floats("rlnCoordinateX").tolist() == [60, 100, 20, 33, 119]


def test_rows_from_the_other_end(folder: Path) -> None:
    table, _ = imported(folder, topaz(folder), "--invert-y")
    assert table.floats("rlnCoordinateY").tolist() == [ROWS - 1 - y for xy in XY.values() for _, y in xy]


def test_signs_of_other_pixels_are_told(folder: Path) -> None:
    assert "lie beyond the edges" in imported(folder, topaz(folder), "--scale", 4)[1]
    xy = np.random.default_rng(1).uniform(0, 1, (80, 2)) * (COLUMNS // 4, ROWS // 4)
    (folder / "mic1.box").write_text("".join(f"{x} {y} 8 8\n" for x, y in xy - 4))
    assert "were binned micrographs picked" in imported(folder, "mic1.box")[1]


def test_a_file_of_no_micrograph_is_left_out(folder: Path) -> None:
    """mic1_2 is another name than mic1, whatever is in the table."""
    box(folder, 20)
    (folder / "mic1_2.box").write_text("1 1 20 20\n")
    (folder / "mic3.box").write_text("")
    table, said = imported(folder, "*.box", status=1)
    assert len(table) == 5 and "mic1_2.box: mic1_2 is not in m.star" in said and "mic3" not in said


@pytest.mark.parametrize("name, text, words", [
    ("mic1.box", "5 5 20\n", "line 1: 3 values"), ("mic1.box", "5 5 20 x\n", "x, y, width, height are wanted"),
    ("mic1.box", "5 5 20 0\n", "a box of 20 x 0"), ("mic1.box", "nan 5 20 20\n", "at nan"),
    ("t.txt", "a b c\n", "line 1 is a b c"), ("t.txt", "image_name\tx_coord\ty_coord\nmic1\t3\n", "line 2: 2 values"),
    ("mic1.json", "{}", "no kind of picks"), ("mic1.star", "data_\nloop_\n_rlnClassNumber\n3\n", "no coordinates"),
    ("mic1.cbox", CBOX.replace("CoordinateX", "X") + "1 1 1\n", "no boxes of crYOLO"),
    ("other.box", "5 5 20 20\n", "none of 1 picked micrographs is in"), ("mic1.box", "", "no picks in the files of 1"),
    ("mic1.box", "5 5 20 20\n\xff\xfe", "line 2"),
])  # fmt: skip
def test_what_is_no_picks_is_one_line(folder: Path, name: str, text: str, words: str) -> None:
    (folder / name).write_text(text)
    status, said = refused(folder, name)
    assert status == 65 and words in said and name in said.replace(".mrc", ".box")


def test_two_files_of_one_micrograph_are_refused(folder: Path) -> None:
    box(folder, 20)
    cbox(folder, False)
    status, said = refused(folder, "mic1.box", "mic1.cbox")
    assert status == 65 and "mic1.box and mic1.cbox both have picks of mic1.mrc" in said


def test_no_file_is_status_66(folder: Path) -> None:
    assert refused(folder, "none*.box")[0] == 66
