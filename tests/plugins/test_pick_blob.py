"""`spa pick blob`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import is_png, run_spa
from tests.plugins import spoiled

SIZE = ("--diameter", 100, 140)


@pytest.fixture
def micrograph(tiny_micrograph: Path) -> Path:
    return tiny_micrograph


def run(source: Path, tmp_path: Path, *more: object) -> star.Tables:
    result = run_spa("pick", "blob", source, "-d", tmp_path / "P", "-o", tmp_path / "p.star", *SIZE, *more)
    assert result.status == 0, result.stderr
    return star.read(tmp_path / "p.star")


def found(tables: star.Tables) -> np.ndarray:
    table = tables["particles"]
    return np.stack([table.floats("rlnCoordinateX"), table.floats("rlnCoordinateY")], axis=1)


def missed(truth: np.ndarray, xy: np.ndarray, radius: float = 2.5) -> int:
    return int((np.hypot(*(truth[:, None] - xy[None]).transpose(2, 0, 1)).min(axis=1) > radius).sum())


def truth_of(source: Path) -> np.ndarray:
    return np.loadtxt(source.parent / "truth.txt")


def test_planted_discs_are_found_and_little_else(micrograph: Path, tmp_path: Path) -> None:
    tables = run(micrograph, tmp_path, "--no-ctf")
    xy = found(tables)
    assert missed(truth_of(micrograph), xy) == 0 and len(xy) <= 11


def test_the_table_keeps_optics_and_micrographs_and_tells_what_relion_asks(micrograph: Path, tmp_path: Path) -> None:
    tables = run(micrograph, tmp_path, "--no-ctf")
    before = star.read(micrograph)
    assert tables["micrographs"].columns == before["micrographs"].columns and "optics" in tables
    table = tables["particles"]
    for name in ("rlnMicrographName", "rlnAutopickFigureOfMerit", "rlnOpticsGroup", "spaLocalPower", "spaDiameter"):
        assert name in table
    assert (np.diff(table.floats("rlnAutopickFigureOfMerit")) <= 0).all()


def test_coordinate_files_hold_the_same_picks(micrograph: Path, tmp_path: Path) -> None:
    tables = run(micrograph, tmp_path, "--no-ctf")
    listed = star.read(tmp_path / "P" / "autopick.star")["coordinate_files"]
    assert listed.text("rlnMicrographName").tolist() == [str(tmp_path / "tiny.mrc")]
    file = star.read(listed.text("rlnMicrographCoordinates")[0])[""]
    assert file.floats("rlnCoordinateX").tolist() == tables["particles"].floats("rlnCoordinateX").tolist()


@pytest.mark.parametrize("shape", ["ball", "shell", "disc", "ring", "ellipse", "log"])
def test_every_form_picks(micrograph: Path, tmp_path: Path, shape: str) -> None:
    xy = found(run(micrograph, tmp_path, "--no-ctf", "--shape", shape, "--rounds", 1, "--threshold", 3))
    assert missed(truth_of(micrograph), xy, 5) <= 2


def test_a_ctf_that_explains_less_is_left_aside(micrograph: Path, tmp_path: Path) -> None:
    plain = run(micrograph, tmp_path, "--no-ctf")["particles"]  # the discs are seen without any
    result = run_spa("pick", "blob", micrograph, "-d", tmp_path / "P", "-o", tmp_path / "p.star", *SIZE)
    assert ", without CTF; threshold" in result.stderr
    assert star.read(tmp_path / "p.star")["particles"] == plain


def test_junk_teaches_nothing_and_is_not_picked(micrograph: Path, tmp_path: Path) -> None:
    tables, truth = star.read(micrograph), truth_of(micrograph)
    name = tables["micrographs"].text("rlnMicrographName")[0]
    image = mrc.read(name)
    data, dark = np.array(image.data), np.zeros(image.data.shape[-2:], np.float32)
    dark[: len(dark) // 2] = 1
    half = np.random.default_rng(1).normal(data.mean(), 5 * data.std(), dark.shape)
    mrc.write(tmp_path / "dirty.mrc", np.where(dark > 0, half, data).astype(np.float32), image.pixel_size)
    mrc.write(tmp_path / "mask.mrc", dark, image.pixel_size)
    rows = tables["micrographs"].with_columns(rlnMicrographName=[str(tmp_path / "dirty.mrc")],
                                              spaJunkMask=[str(tmp_path / "mask.mrc")])  # fmt: skip
    star.write(tables.with_block("micrographs", rows), tmp_path / "dirty.star")
    xy = found(run(tmp_path / "dirty.star", tmp_path, "--no-ctf"))
    kept = truth[truth[:, 1] > len(dark) // 2 + 10]
    assert len(kept) and missed(kept, xy) == 0 and (xy[:, 1] >= len(dark) // 2).all()


def test_carbon_is_left_alone_without_a_mask_but_where_all_is_looked_at(micrograph: Path, tmp_path: Path) -> None:
    tables, truth = star.read(micrograph), truth_of(micrograph)
    image = mrc.read(tables["micrographs"].text("rlnMicrographName")[0])
    data = np.array(image.data)
    coal = np.random.default_rng(2).normal(data.mean() - 8 * data.std(), 4 * data.std(), data.shape)
    data[: len(data) // 3] = coal[: len(data) // 3]
    mrc.write(tmp_path / "tiny.mrc", data.astype(np.float32), image.pixel_size)
    edge = len(data) // 3
    xy, all_of = (
        found(run(micrograph, tmp_path, "--no-ctf", "--threshold", 3, *more)) for more in ((), ("--everywhere",))
    )
    kept = truth[truth[:, 1] > edge + 15]
    assert len(kept) and missed(kept, xy) == 0 and (xy[:, 1] >= edge).all() and (all_of[:, 1] < edge).any()


def test_threshold_spacing_and_most_picks_hold(micrograph: Path, tmp_path: Path) -> None:
    table = run(micrograph, tmp_path, "--no-ctf", "--threshold", 4.5)["particles"]
    assert table.floats("rlnAutopickFigureOfMerit").min() >= 4.5
    assert len(run(micrograph, tmp_path, "--no-ctf", "--threshold", 1, "--max-picks", 4)["particles"]) == 4
    xy = found(run(micrograph, tmp_path, "--no-ctf", "--threshold", 1, "--spacing", 300))
    apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(xy))
    assert apart.min() * 5 > 280


def test_a_coarser_look_still_finds_them(micrograph: Path, tmp_path: Path) -> None:
    assert missed(truth_of(micrograph), found(run(micrograph, tmp_path, "--no-ctf", "--lowpass", 40)), 4) == 0


def test_white_particles_are_found_when_said_so(micrograph: Path, tmp_path: Path) -> None:
    image = mrc.read(tmp_path / "tiny.mrc").data
    mrc.write(tmp_path / "tiny.mrc", -np.array(image), 5.0)
    assert missed(truth_of(micrograph), found(run(micrograph, tmp_path, "--no-ctf", "--white"))) == 0


def test_the_result_does_not_depend_on_the_threads(micrograph: Path, tmp_path: Path) -> None:
    several(micrograph, tmp_path)
    first = run(tmp_path / "two.star", tmp_path, "--threads", 1, "--learn-from", 2)["particles"]
    assert first == run(tmp_path / "two.star", tmp_path, "--threads", 2, "--learn-from", 2)["particles"]


def several(source: Path, tmp_path: Path, names: tuple[str, ...] = ("tiny.mrc", "more/tiny.mrc")) -> None:
    """A table of two micrographs of the same stem; the second is another draw of noise."""
    (tmp_path / "more").mkdir(exist_ok=True)
    image = np.array(mrc.read(tmp_path / "tiny.mrc").data)
    mrc.write(tmp_path / "more" / "tiny.mrc", image[:, ::-1].copy(), 5.0)
    tables = star.read(source)
    row = tables["micrographs"]
    both = star.Table.concat([row.with_columns(rlnMicrographName=str(tmp_path / name)) for name in names])
    star.write(tables.with_block("micrographs", both), tmp_path / "two.star")


def test_micrographs_of_one_name_in_two_folders_keep_apart(micrograph: Path, tmp_path: Path) -> None:
    several(micrograph, tmp_path)
    run(tmp_path / "two.star", tmp_path, "--no-ctf")
    assert len(list((tmp_path / "P").rglob("tiny_autopick.star"))) == 2


def test_a_bad_micrograph_is_named_and_the_others_are_done(micrograph: Path, tmp_path: Path) -> None:
    for bad, words in spoiled.SAID.items():
        several(micrograph, tmp_path)
        path = tmp_path / "more" / "tiny.mrc"
        spoiled.micrograph(path, bad)
        result = run_spa("pick", "blob", tmp_path / "two.star", "-d", tmp_path / "P", *SIZE, "--no-ctf")
        assert result.status == 1 and words in result.stderr and "more/tiny.mrc" in result.stderr, bad
        assert "Traceback" not in result.stderr and "data_particles" in result.stdout
        strict = run_spa("pick", "blob", tmp_path / "two.star", "-d", tmp_path / "P", *SIZE, "--no-ctf", "--strict")
        assert strict.status not in (0, 1, 70)


def test_a_defocus_that_is_no_number_is_named_and_not_passed_over(micrograph: Path, tmp_path: Path) -> None:
    several(micrograph, tmp_path)
    tables = star.read(tmp_path / "two.star")
    columns = {f"rlnDefocus{axis}": ["15000", "nan"] for axis in "UV"}
    star.write(tables.with_block("micrographs", tables["micrographs"].with_columns(**columns)), tmp_path / "two.star")
    words = ("pick", "blob", tmp_path / "two.star", "-d", tmp_path / "P", "-o", tmp_path / "p.star", *SIZE)
    result = run_spa(*words)
    assert result.status == 1 and "more/tiny.mrc: its defocus is nan" in result.stderr
    assert set(star.read(tmp_path / "p.star")["particles"].text("rlnMicrographName")) == {str(tmp_path / "tiny.mrc")}
    assert run_spa(*words, "--no-ctf").status == 0


@pytest.mark.parametrize("words, said", [
    (("--diameter", 140, 100), "least comes first"), (("--diameter", 100, 140, "--lowpass", 150), "nothing"),
    (("--diameter", -5, 100), "-5"), (("--diameter", 100, 140, "--max-picks", 0), "0"),
])  # fmt: skip
def test_impossible_options_are_a_usage_error(micrograph: Path, tmp_path: Path, words: tuple, said: str) -> None:
    result = run_spa("pick", "blob", micrograph, "-d", tmp_path / "P", *words)
    assert result.status == 2 and said in result.stderr


def test_a_particle_larger_than_the_micrograph(micrograph: Path, tmp_path: Path) -> None:
    result = run_spa("pick", "blob", micrograph, "-d", tmp_path / "P", "--diameter", 1500, 2000)
    assert result.status == 65 and "too small" in result.stderr


def test_a_table_without_micrographs(tiny_particles: Path, tmp_path: Path) -> None:
    result = run_spa("pick", "blob", tiny_particles, "-d", tmp_path / "P", *SIZE)
    assert result.status == 65 and "no data_micrographs" in result.stderr


def test_no_picks_is_said(micrograph: Path, tmp_path: Path) -> None:
    result = run_spa("pick", "blob", micrograph, "-d", tmp_path / "P", *SIZE, "--threshold", 1000)
    assert result.status == 65 and "no picks" in result.stderr


def test_resume_goes_on_with_what_is_there(micrograph: Path, tmp_path: Path) -> None:
    first = run(micrograph, tmp_path, "--no-ctf")
    assert run(micrograph, tmp_path, "--no-ctf", "--resume") == first
    other = run_spa("pick", "blob", micrograph, "-d", tmp_path / "P", *SIZE, "--rounds", 1, "--no-ctf", "--resume")
    assert other.status == 65 and "--rounds" in other.stderr


def test_the_plot_is_a_picture(micrograph: Path, tmp_path: Path) -> None:
    run(micrograph, tmp_path, "--no-ctf", "--plot", tmp_path / "picks.png")
    assert is_png(tmp_path / "picks.png")


def test_centres_of_real_hollow_shells(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two experimental micrographs of apoferritin: over 0.9 of the experts' picks, at most 1.6 picks for each."""
    folder = shared_data / "real" / "apoferritin"
    monkeypatch.chdir(folder)
    tables = star.read("micrographs.star")
    star.write(tables.with_block("micrographs", tables["micrographs"].take([0, 7])), tmp_path / "m.star")
    xy = run(tmp_path / "m.star", tmp_path, "--threads", 2)["particles"]
    truth = star.read("picks.star")["particles"]
    near = wanted = 0
    for name in set(xy.text("rlnMicrographName")):
        points = [np.stack([t.floats("rlnCoordinateX"), t.floats("rlnCoordinateY")], axis=1)
                  for t in (one.take(one.text("rlnMicrographName") == name) for one in (truth, xy))]  # fmt: skip
        near, wanted = near + len(points[0]) - missed(*points, radius=15), wanted + len(points[0])
    assert near / wanted > 0.9 and len(xy) < 1.6 * wanted


def test_a_device_finds_the_same_picks(micrograph: Path, tmp_path: Path, card: Any) -> None:
    wanted = run(micrograph, tmp_path, "--no-ctf")["particles"]
    there = run(micrograph, tmp_path, "--no-ctf", "--device", "cuda")["particles"]
    assert card.launches["extremes"] and len(there) == len(wanted)
    for name in ("rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"):
        assert np.allclose(there.floats(name), wanted.floats(name), atol=0.05)


def with_crystals(source: Path, contrast: float) -> np.ndarray:
    """Six crystals of a particle's width put between those of the micrograph, whose contrast is changed; x, y."""
    image = np.array(mrc.read(source.parent / "tiny.mrc").data)
    rng = np.random.default_rng(8)
    noise = rng.normal(0, 1, (720, 768)).astype(np.float32)
    wide = np.tile(contrast * (image - image.mean()) / image.std(), (3, 3)) + noise
    y, x = np.mgrid[:720, :768]
    places = np.array([[100, 100], [380, 160], [650, 110], [120, 500], [400, 590], [600, 420]])
    for column, row in places:
        wide -= 6 * (np.hypot(x - column, y - row) < 9)
    mrc.write(source.parent / "tiny.mrc", wide, 5.0)
    return places


def test_a_few_crystals_do_not_tell_the_shape_nor_are_they_picked(micrograph: Path, tmp_path: Path) -> None:
    crystals = with_crystals(micrograph, 1.0)
    truth = np.concatenate([truth_of(micrograph) + (x, y) for x in (0, 256, 512) for y in (0, 240, 480)])
    truth = truth[np.hypot(*(truth[:, None] - crystals).transpose(2, 0, 1)).min(axis=1) > 40]
    xy = found(run(micrograph, tmp_path, "--no-ctf"))
    assert missed(truth, xy, 5) <= 0.05 * len(truth)
    assert missed(crystals, xy, 15) == len(crystals)


def test_crystals_alone_are_what_there_is(micrograph: Path, tmp_path: Path) -> None:
    crystals = with_crystals(micrograph, 0.0)
    xy = found(run(micrograph, tmp_path, "--no-ctf"))
    assert missed(crystals, xy, 5) == 0 and len(xy) <= 12
