"""`spa select classes`: by number and by measured features, from our tables and RELION's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from spa.class2d.average import circle
from spa.errors import UsageError
from spa.io import mrc, star
from spa.job import maps
from spa.testing import run_spa
from spa_plugins.select_classes.choice import Choice
from spa_plugins.select_classes.features import features, otsu, support
from spa_plugins.select_classes.judge import Measured, reasons, yardstick
from spa_plugins.select_classes.table import Classified, parse_classes

BOX = 64


def blob(x: float, y: float, size: float) -> np.ndarray:
    row, column = np.mgrid[:BOX, :BOX] - BOX // 2
    return np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * size**2))


def averages() -> dict[str, np.ndarray]:
    """A particle, one of two lobes, noise, carbon's edge, neighbours, and something off the centre; all masked."""
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.normal(size=(BOX, BOX)), 1.5)
    made = {
        "particle": blob(-4, 0, 6) + 0.8 * blob(6, 3, 5),
        "lobes": blob(-7, 0, 4) + blob(7, 0, 4),
        "noise": 0.1 * noise,
        "edge": 1.0 * (np.mgrid[:BOX, :BOX][1] > 30),
        "neighbours": blob(-18, -10, 4) + blob(17, -12, 4) + blob(2, 19, 4),
        "off": blob(14, 12, 4),
    }
    return {name: (image + 0.02 * noise) * circle(BOX, 26, 4) for name, image in made.items()}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    images = averages()
    mrc.write(tmp_path / "c.mrcs", np.stack(list(images.values())).astype(np.float32), 4.0)
    number = np.repeat(np.arange(1, 7), [30, 20, 15, 10, 10, 15])
    evidence = np.where(number == 3, -6.0, 20.0)
    classes = star.Table.of(rlnReferenceImage=[f"{i:06d}@{tmp_path / 'c.mrcs'}" for i in range(1, 7)],
                            rlnEstimatedResolution=[12.0, 13.0, 12.0, 15.0, 20.0, 14.0])  # fmt: skip
    particles = star.Table.of(rlnImageName=[f"{i:06d}@x.mrcs" for i in range(100)], rlnClassNumber=number,
                              rlnLogLikeliContribution=evidence)  # fmt: skip
    star.write(star.Tables({"particles": particles, "classes": classes}), tmp_path / "c.star")
    return tmp_path / "c.star"


def kept(path: Path) -> set[int]:
    return set(star.read(path)["particles"].ints("rlnClassNumber").tolist())


def test_auto_keeps_particles_and_says_why_others_go(table: Path, tmp_path: Path) -> None:
    result = run_spa("select", "classes", table, "--auto", "-o", tmp_path / "g.star", "--rejected", tmp_path / "r.star")
    assert result.status == 0, result.stderr
    assert kept(tmp_path / "g.star") == {1, 2} and kept(tmp_path / "r.star") == {3, 4, 5, 6}
    for number, word in ((3, "noise"), (4, "rim"), (6, "off centre")):
        line = next(line for line in result.stderr.splitlines() if f"class {number} dropped" in line)
        assert word in line
    assert "2 of 6 classes kept, 50 of 100 particles" in result.stderr


def test_classes_by_number(table: Path, tmp_path: Path) -> None:
    assert run_spa("select", "classes", table, "--classes", "1,3-4", "-o", tmp_path / "g.star").status == 0
    assert kept(tmp_path / "g.star") == {1, 3, 4}


def test_both_must_hold_when_both_are_given(table: Path, tmp_path: Path) -> None:
    assert run_spa("select", "classes", table, "--classes", "2-6", "--auto", "-o", tmp_path / "g.star").status == 0
    assert kept(tmp_path / "g.star") == {2}


def test_by_number_no_averages_are_needed_but_auto_says_that_it_needs_them(table: Path, tmp_path: Path) -> None:
    tables = star.read(table)
    star.write(tables.without_block("classes"), tmp_path / "p.star")
    assert run_spa("select", "classes", tmp_path / "p.star", "--classes", "1", "-o", tmp_path / "g.star").status == 0
    result = run_spa("select", "classes", tmp_path / "p.star", "--auto")
    assert result.status == 65 and "data_classes" in result.stderr


def test_relions_model_is_read(table: Path, tmp_path: Path) -> None:
    tables = star.read(table)
    star.write(tables.without_block("classes"), tmp_path / "run_data.star")
    star.write(star.Tables({"model_classes": tables["classes"]}), tmp_path / "run_model.star")
    result = run_spa("select", "classes", tmp_path / "run_data.star", "--auto", "--model", tmp_path / "run_model.star",
                     "-o", tmp_path / "g.star")  # fmt: skip
    assert result.status == 0 and {1, 2} <= kept(tmp_path / "g.star") and not kept(tmp_path / "g.star") & {4, 6}


def test_a_model_without_classes_is_no_model(table: Path) -> None:
    """It had been passed over in silence where the particles' table has its classes."""
    star.write(star.Tables({"particles": star.read(table)["particles"]}), table.with_name("none.star"))
    result = run_spa("select", "classes", table, "--classes", "1", "--model", table.with_name("none.star"))
    assert result.status == 65 and "none.star: neither data_classes nor data_model_classes" in result.stderr


def test_faint_particles_are_no_noise(table: Path, tmp_path: Path) -> None:
    """What is likelier with an average than with nothing shows something, however little an image says."""
    tables = star.read(table)
    particles = tables["particles"]
    number = particles.ints("rlnClassNumber")
    faint = particles.with_columns(rlnLogLikeliContribution=np.where(number == 1, 0.6, -0.2))
    star.write(tables.with_block("particles", faint), table)
    assert run_spa("select", "classes", table, "--auto", "-o", tmp_path / "g.star").status == 0
    assert kept(tmp_path / "g.star") == {1}


def test_maps_of_3d_classes_are_judged_by_their_projections(tmp_path: Path) -> None:
    z = np.mgrid[:BOX, :BOX, :BOX] - BOX // 2
    ball = np.exp(-(z**2).sum(0) / 72).astype(np.float32)
    slab = (z[2] > 0).astype(np.float32) * (np.sqrt((z**2).sum(0)) < 30)
    for name, volume in (("one", ball), ("two", slab)):
        mrc.write(tmp_path / f"{name}.mrc", volume.astype(np.float32), 4.0)
    classes = star.Table.of(rlnReferenceImage=[str(tmp_path / "one.mrc"), str(tmp_path / "two.mrc")])
    particles = star.Table.of(rlnImageName=["1@x"] * 20, rlnClassNumber=[1, 2] * 10)
    star.write(star.Tables({"particles": particles, "classes": classes}), tmp_path / "c.star")
    result = run_spa("select", "classes", tmp_path / "c.star", "--auto", "-o", tmp_path / "g.star")
    assert result.status == 0 and kept(tmp_path / "g.star") == {1}


def test_a_3d_class_of_noise_is_told_by_its_particles(tmp_path: Path) -> None:
    """Whatever its map looks like, and however high the likelihood of single poses."""
    z = np.mgrid[:BOX, :BOX, :BOX] - BOX // 2
    mrc.write(tmp_path / "m.mrc", np.exp(-(z**2).sum(0) / 72).astype(np.float32), 4.0)
    classes = star.Table.of(rlnReferenceImage=[str(tmp_path / "m.mrc")] * 2)
    number = np.arange(20) % 2 + 1
    particles = star.Table.of(rlnImageName=["1@x"] * 20, rlnClassNumber=number, rlnLogLikeliContribution=[30.0] * 20,
                              spaParticleEvidence=np.where(number == 1, 9.0, -0.5))  # fmt: skip
    star.write(star.Tables({"particles": particles, "classes": classes}), tmp_path / "c.star")
    result = run_spa("select", "classes", tmp_path / "c.star", "--auto", "-o", tmp_path / "g.star")
    assert kept(tmp_path / "g.star") == {1} and "class 2 dropped (10 particles): noise" in result.stderr


@pytest.fixture
def two_maps(tmp_path: Path) -> Path:
    """Particles of two 3-D classes, with both maps and their point groups in the stream."""
    names = [str(tmp_path / "one.mrc"), str(tmp_path / "two.mrc")]
    blocks = {
        "particles": star.Table.of(rlnImageName=["1@x"] * 20, rlnClassNumber=[1, 2] * 10),
        "classes": star.Table.of(rlnReferenceImage=names),
        "maps": star.Table.of(spaMapName=[*names, "m.mrc"], spaMapRole=["map", "map", "mask"], spaMapClass=[1, 2, 2]),
        "symmetry": star.Table.of(spaMapClass=[1, 2], spaSymmetry=["C1", "D2"]),
    }
    star.write(star.Tables(blocks), tmp_path / "c.star")
    return tmp_path / "c.star"


def test_maps_of_dropped_classes_leave_the_stream(two_maps: Path, tmp_path: Path) -> None:
    result = run_spa("select", "classes", two_maps, "--classes", 2, "-o", tmp_path / "g.star", "--rejected",
                     tmp_path / "r.star")  # fmt: skip
    assert result.status == 0, result.stderr
    good, rest = star.read(tmp_path / "g.star"), star.read(tmp_path / "r.star")
    assert maps.find(good, "map") == str(tmp_path / "two.mrc") and maps.symmetry(good) == "D2"
    assert maps.find(good, "mask") == "m.mrc"
    assert maps.find(rest, "map") == str(tmp_path / "one.mrc") and maps.symmetry(rest) == "C1"


def test_the_particles_own_map_stays_whatever_2d_classes_are_dropped(table: Path, tmp_path: Path) -> None:
    stream = star.read(table)
    own = star.Table.of(spaMapName=["own.mrc"], spaMapRole=["map"], spaMapClass=[1])
    star.write(stream.with_block("maps", own), tmp_path / "m.star")
    assert run_spa("select", "classes", tmp_path / "m.star", "--classes", "2", "-o", tmp_path / "g.star").status == 0
    assert maps.find(star.read(tmp_path / "g.star"), "map") == "own.mrc"


def test_an_empty_class_is_said_to_be_empty_and_no_more(table: Path, tmp_path: Path) -> None:
    tables = star.read(table)
    particles = tables["particles"]
    empty = particles.take(particles.ints("rlnClassNumber") != 5)
    star.write(tables.with_block("particles", empty), tmp_path / "e.star")
    found = Classified(star.read(tmp_path / "e.star"), None)
    against = reasons(found.measured)
    assert against[4] == ["empty"] and len(against[3]) >= 1
    result = run_spa("select", "classes", tmp_path / "e.star", "--auto", "-o", tmp_path / "g.star")
    assert "2 of 5 classes kept, 50 of 90 particles" in result.stderr


def test_the_picture_leaves_out_empty_classes_and_its_words_fit(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[list[str]] = []
    monkeypatch.setattr("spa.plot.montage.montage", lambda images, titles, kept: shown.append(list(titles)))
    monkeypatch.setattr("spa.plot.figure.save", lambda figure, path: None)
    tables = star.read(table)
    particles = tables["particles"]
    found = Classified(tables.with_block("particles", particles.take(particles.ints("rlnClassNumber") != 5)), None)
    Choice(found, [[], [], ["few: 1", "noise: n", "coarse: c", "smooth: s"], ["rim: r"], ["empty"], []]).draw("s.png")
    assert shown == [["1: 30", "2: 20", "3: 15\nfew, noise …", "4: 10\nrim", "6: 15"]]


def test_plot(table: Path, tmp_path: Path) -> None:
    result = run_spa("select", "classes", table, "--auto", "--plot", tmp_path / "s.png", "-o", tmp_path / "g.star")
    assert result.status == 0 and (tmp_path / "s.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ((), 2, "nothing to choose by"),
        (("--classes", "1,x"), 2, "'x'"),
        (("--classes", "4-2"), 2, "empty range"),
        (("--classes", "9"), 65, "no class 9"),
    ],
)
def test_choices_that_cannot_be(table: Path, options: tuple, status: int, words: str) -> None:
    result = run_spa("select", "classes", table, *options)
    assert result.status == status and words in result.stderr and result.stdout == ""


def test_nothing_left_is_an_error(table: Path, tmp_path: Path) -> None:
    result = run_spa("select", "classes", table, "--classes", "3", "--auto", "--rejected", tmp_path / "r.star")
    assert result.status == 65 and "no class is kept" in result.stderr
    assert len(star.read(tmp_path / "r.star")["particles"]) == 100


def test_a_class_beyond_the_averages_is_named(table: Path, tmp_path: Path) -> None:
    tables = star.read(table)
    more = tables["particles"].with_columns(rlnClassNumber=[9] * 100)
    star.write(tables.with_block("particles", more), tmp_path / "m.star")
    result = run_spa("select", "classes", tmp_path / "m.star", "--auto")
    assert result.status == 65 and "class 9" in result.stderr


def test_unnumbered_particles_are_refused(table: Path, tmp_path: Path) -> None:
    tables = star.read(table)
    star.write(tables.with_block("particles", tables["particles"].without("rlnClassNumber")), tmp_path / "m.star")
    result = run_spa("select", "classes", tmp_path / "m.star", "--classes", "1")
    assert result.status == 65 and "rlnClassNumber" in result.stderr


def test_features_see_what_they_are_named_for() -> None:
    seen = {name: features(image) for name, image in averages().items()}
    assert seen["particle"].edge < 0.05 and seen["particle"].offset < 0.1 and seen["particle"].contrast > 3
    assert seen["lobes"].compactness > 0.9 and seen["neighbours"].compactness < 0.6
    assert seen["edge"].edge > 0.4 and seen["off"].offset > 0.4


def test_a_blank_average_has_no_features() -> None:
    assert features(np.zeros((BOX, BOX))).area == 0


def test_the_support_of_a_masked_image_is_its_circle() -> None:
    assert abs(support(np.random.default_rng(0).normal(size=(BOX, BOX)) * circle(BOX, 20, 4)) - 21) <= 2


def test_otsu_parts_two_groups() -> None:
    values = np.r_[np.random.default_rng(0).normal(0, 1, 500), np.random.default_rng(1).normal(10, 1, 200)]
    assert 3 < otsu(values) < 8


def test_coarse_and_rare_classes_are_measured_against_the_others() -> None:
    good = features(averages()["particle"])
    found = Measured([good] * 4, np.array([100, 100, 1, 0]), np.array([10.0, 30.0, 10.0, np.nan]), np.full(4, np.nan))
    assert yardstick(found) == 10
    words = [" ".join(r) for r in reasons(found)]
    assert words[0] == "" and "coarse" in words[1] and "few" in words[2] and "empty" in words[3]


def test_parse_classes() -> None:
    assert parse_classes("3, 1-2,2") == [1, 2, 3]
    with pytest.raises(UsageError):
        parse_classes("0")


def test_what_is_smooth_among_classes_with_detail_goes() -> None:
    """An ice blob is a good class in all but one thing: there is nothing in it."""
    rng = np.random.default_rng(1)
    outline = blob(-4, 0, 6) + 0.8 * blob(6, 3, 5)
    fine = ndimage.gaussian_filter(rng.normal(size=(BOX, BOX)), 1.2)
    detailed = outline * (1 + fine / np.abs(fine).max())
    found = [features((image * circle(BOX, 26, 4)).astype(np.float32)) for image in (detailed, detailed, outline)]
    assert found[2].detail < 0.33 * found[0].detail
    against = reasons(Measured(found, np.full(3, 50), np.full(3, 12.0), np.array([20.0, 20.0, 150.0])))
    assert not against[0] and not against[1] and len(against[2]) == 1 and "smooth" in against[2][0]


def test_classes_of_one_kind_are_not_smooth_beside_each_other() -> None:
    image = (blob(-4, 0, 6) * circle(BOX, 26, 4)).astype(np.float32)
    found = [features(image)] * 3
    assert not any(reasons(Measured(found, np.full(3, 50), np.full(3, 12.0), np.full(3, 20.0))))


@pytest.mark.parametrize("scale", [1.0, 1e-3, 50.0])
def test_what_is_far_lighter_than_most_goes_whatever_it_looks_like(scale: float) -> None:
    """Three views of one particle have its mass, long or end on; a small protein has less, however strong it looks."""
    views = [blob(0, 0, s) * 25 / s**2 for s in (3.5, 5, 7)]
    small = 2 * blob(0, 0, 2)
    found = [replace(features(scale * image * circle(BOX, 26, 4)), detail=0.1) for image in (*views, small)]
    against = reasons(Measured(found, np.array([50, 80, 50, 40]), np.full(4, 12.0), np.full(4, 20.0)))
    assert not any(against[:3]) and len(against[3]) == 1 and against[3][0].startswith("light: 2")
