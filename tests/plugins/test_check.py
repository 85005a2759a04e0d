"""`spa check`: planted faults are named; a good set passes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_spa
from spa.volume.hand import Hand


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check")
    words = "simulate particles -d P -o p.star --symmetry C2 --box 32 --pixel-size 5 --n 40 --snr 1"
    result = run_spa(*words.split(), cwd=folder)
    assert result.status == 0, result.stderr
    return folder


def checked(data: Path, tables: star.Tables, *more: object) -> tuple[int, str, set[tuple[str, str]]]:
    """Status, standard error, and (what was looked at, severity) of the findings."""
    star.write(tables, data / "t.star")
    result = run_spa("check", "t.star", "-o", "f.star", *more, cwd=data)
    assert (data / "f.star").exists(), result.stderr
    found = star.read(data / "f.star")["findings"]
    return result.status, result.stderr, set(zip(found.listed("spaCheck"), found.listed("spaSeverity")))


def set_(tables: star.Tables, block: str, **columns: object) -> star.Tables:
    return tables.with_block(block, tables[block].with_columns(**columns))


def first(table: star.Table, name: str, value: object) -> list:
    return [value, *table.listed(name)[1:]]


def truth(data: Path) -> star.Tables:
    return star.read(data / "P" / "truth.star") if (data / "P" / "truth.star").exists() else star.read(data / "p.star")


def test_a_good_set_passes(data: Path) -> None:
    status, said, found = checked(data, truth(data), "--map", "P/truth.mrc", "--reference", "P/truth.mrc", "--strict")
    assert status == 0 and {severity for _, severity in found} == {"note"}, said


@pytest.mark.parametrize(
    ("block", "columns", "kind", "severity", "words"),
    [
        ("optics", {"rlnVoltage": 300000.0}, "lens", "error", "volts?"),
        ("optics", {"rlnVoltage": 250.0}, "lens", "warning", "250 kV"),
        ("optics", {"rlnSphericalAberration": 27.0}, "lens", "error", "27 mm"),
        ("optics", {"rlnAmplitudeContrast": 0.9}, "lens", "warning", "0.9"),
        ("optics", {"rlnImagePixelSize": 0.0}, "pixel size", "error", "is 0 A"),
        ("optics", {"rlnImagePixelSize": 4.0}, "pixel size", "warning", "5 A a pixel"),
        ("optics", {"rlnImageSize": 64}, "images", "error", "box of 32"),
        ("optics", {"rlnMtfFileName": "none.star"}, "files", "warning", "none.star is not there"),
        ("particles", {"rlnOpticsGroup": 3}, "groups", "error", "group 3 is not"),
        ("particles", {"rlnDefocusU": 1.5}, "defocus", "warning", "micrometres?"),
        ("particles", {"rlnDefocusU": "nan"}, "values", "error", "row 1: rlnDefocusU is nan"),
        ("particles", {"rlnRandomSubset": 1}, "half-sets", "warning", "half-set 1"),
        ("particles", {"rlnImageName": "000001@gone.mrcs"}, "files", "error", "gone.mrcs is not there"),
    ],
)  # fmt: skip
def test_planted_faults(data: Path, block: str, columns: dict, kind: str, severity: str, words: str) -> None:
    tables = truth(data)
    if kind == "half-sets":
        tables = tables.with_block("particles", star.Table.concat([tables["particles"]] * 3))
    status, said, found = checked(data, set_(tables, block, **columns))
    assert (kind, severity) in found and words in said, said
    assert status == (65 if any(severity == "error" for _, severity in found) else 0)


def test_each_group_has_its_own_pixel_size(data: Path) -> None:
    """Stacks of a second group, in other pixels: no fault of theirs, but refinements want one size."""
    tables = truth(data)
    table, optics = tables["particles"], tables["optics"]
    image = mrc.read(data / table.text("rlnImageName")[0].split("@")[1])
    mrc.write(data / "coarse.mrcs", image.data, 6.0)
    second = table.with_columns(rlnOpticsGroup=2, rlnImageName=[f"{n.split('@')[0]}@coarse.mrcs" for n in
                                                               table.listed("rlnImageName")])  # fmt: skip
    more = optics.with_columns(rlnOpticsGroup=2, rlnOpticsGroupName="second", rlnImagePixelSize=6.0)
    tables = tables.with_block("optics", star.Table.concat([optics, more]))
    _, said, found = checked(data, tables.with_block("particles", star.Table.concat([table, second])))
    assert ("pixel size", "warning") in found and "images of 5 to 6 A" in said and "optics table has" not in said


def test_images_without_a_pixel_size_of_their_own(data: Path) -> None:
    tables = truth(data)
    optics = tables["optics"].renamed(rlnImagePixelSize="rlnMicrographPixelSize")
    status, said, _ = checked(data, tables.with_block("optics", optics))
    assert status == 65 and "no rlnImagePixelSize" in said


def test_duplicates_within_and_across_halves(data: Path) -> None:
    tables = truth(data)
    particles = tables["particles"].with_columns(rlnRandomSubset=[1 + n % 2 for n in range(40)])
    names = particles.listed("rlnImageName")
    twice = particles.with_columns(rlnImageName=[names[0], names[0], *names[2:]])
    status, said, _ = checked(data, tables.with_block("particles", twice))
    assert status == 65 and "1 image is in both half-sets" in said
    x = np.arange(40) * 100.0
    x[1] = 1.0
    near = particles.with_columns(rlnMicrographName="a.mrc", rlnCoordinateX=x, rlnCoordinateY=5.0)
    placed = set_(tables.with_block("particles", near), "optics", rlnMicrographOriginalPixelSize=5.0)
    status, said, _ = checked(data, placed)
    assert status == 65 and "1 pairs nearer than 20 A" in said
    status, said, _ = checked(data, placed, "--distance", 3)
    assert "pairs" not in said


def test_dark_particles_and_a_map_of_another_scale(data: Path) -> None:
    tables = truth(data)
    name = tables["particles"].text("rlnImageName")[0].split("@")[1]
    images = mrc.read(data / name).data
    mrc.write(data / "dark.mrcs", -1.5 * np.asarray(images, np.float32), 5.0)
    dark = [f"{n + 1:06d}@dark.mrcs" for n in range(40)]
    status, said, found = checked(data, set_(tables, "particles", rlnImageName=dark), "--diameter", 110)
    assert status == 65 and {("contrast", "error"), ("normalisation", "note")} <= found, said
    status, said, found = checked(data, set_(tables, "particles", rlnImageName=dark), "--sample", 0)
    assert not any(kind == "contrast" for kind, _ in found)
    volume = mrc.read(data / "P" / "truth.mrc").data
    mrc.write(data / "small.mrc", volume, 4.7)
    mrc.write(data / "neg.mrc", -volume, 5.0)
    status, said, _ = checked(data, tables, "--map", "small.mrc", "--reference", "P/truth.mrc")
    assert status == 65 and "4.7 A a pixel" in said and "fits P/truth.mrc best at" in said
    status, said, _ = checked(data, tables, "--map", "neg.mrc")
    assert status == 65 and "the map is inverted" in said


def test_shifts_of_the_other_sign_are_found(data: Path) -> None:
    tables = truth(data)
    turned = {name: -tables["particles"].floats(name) for name in ("rlnOriginXAngst", "rlnOriginYAngst")}
    status, said, found = checked(data, set_(tables, "particles", **turned), "--map", "P/truth.mrc")
    assert status == 65 and ("poses", "error") in found and "signs turned" in said


def test_movies_and_strictness(data: Path) -> None:
    optics = star.Table.of(rlnOpticsGroupName=["a"], rlnOpticsGroup=[1], rlnVoltage=[300], rlnSphericalAberration=[2.7],
                           rlnAmplitudeContrast=[0.1], rlnMicrographOriginalPixelSize=[0.8])  # fmt: skip
    movies = star.Table.of(rlnMicrographMovieName=["a.tif"], rlnOpticsGroup=[1], rlnMicrographDoseRate=[40.0])
    tables = star.Tables({"optics": optics, "movies": movies})
    status, said, found = checked(data, tables)
    assert status == 0 and ("dose", "warning") in found and "40 e/A^2 a frame" in said
    assert checked(data, tables, "--strict")[0] == 65
    status, said, _ = checked(data, star.Tables({"other": movies}))
    assert status == 65 and "no data_optics" in said


def test_the_hand_is_told_from_helices_where_they_are_seen(data: Path) -> None:
    status, said, found = checked(data, truth(data), "--map", "P/truth.mrc", "--resolution", 10)
    assert status == 0 and "cannot be told from helices at 10 A" in said and ("hand", "note") in found


@pytest.mark.parametrize(("score", "severity", "words"), [(9.0, "note", "is right"), (-9.0, "error", "mirrored")])
def test_a_mirrored_map_is_an_error(data: Path, monkeypatch: pytest.MonkeyPatch, score: float, severity: str,
                                    words: str) -> None:  # fmt: skip
    judged = Hand(60, 0.5 + np.sign(score) * 0.4, score / 40, score)
    monkeypatch.setattr("spa_plugins.check.maps.hand_of", lambda *_: judged)
    status, said, found = checked(data, truth(data), "--map", "P/truth.mrc", "--resolution", 10)
    assert status == (65 if severity == "error" else 0) and words in said and ("hand", severity) in found


@pytest.fixture(scope="module")
def posed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two optics groups of a particle without symmetry, with much astigmatism."""
    folder = tmp_path_factory.mktemp("posed")
    words = "simulate particles -d P -o p.star --box 48 --pixel-size 3.5 --n 200 --snr 0.3 --optics-groups 2"
    result = run_spa(*words.split(), "--astigmatism", 2500, "--seed", 7, cwd=folder)
    assert result.status == 0, result.stderr
    return folder


ROT, PSI, X, Y = "rlnAngleRot", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst"
U, V, AXIS = "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"


@pytest.mark.parametrize(
    ("block", "fault", "severity", "words"),
    [
        ("particles", lambda t: {}, None, ""),
        ("particles", lambda t: {PSI: -t.floats(PSI)}, "error", "psi's sign turned"),
        ("particles", lambda t: {ROT: -t.floats(PSI), PSI: -t.floats(ROT), "rlnAngleTilt": -t.floats("rlnAngleTilt")},
         "error", "inverse rotations"),
        ("particles", lambda t: {X: t.floats(X) / 3.5, Y: t.floats(Y) / 3.5}, "error", "shifts that are in pixels"),
        ("particles", lambda t: {AXIS: 90 - t.floats(AXIS)}, "error", "from y to x"),
        ("particles", lambda t: {U: t.floats(V), V: t.floats(U)}, "error", "axes of astigmatism exchanged"),
        ("particles", lambda t: {ROT: t.floats(ROT)[::-1]}, "warning", "rlnAngleRot of other rows"),
        ("particles", lambda t: {U: t.floats(U)[::-1], V: t.floats(V)[::-1]}, "warning", "defocus of other rows"),
        ("particles", lambda t: {ROT: t.floats(ROT) + 90.0 * (t.ints("rlnOpticsGroup") == 2)}, "warning",
         "of optics group 2 are less like"),
        ("optics", lambda t: {"rlnVoltage": 100.0}, "error", "with 300 kV"),
    ],
)  # fmt: skip
def test_each_fault_of_poses_and_optics_is_one_line(
    posed: Path, block: str, fault: Callable, severity: str | None, words: str
) -> None:
    tables = star.read(posed / "P" / "truth.star")
    status, said, found = checked(posed, set_(tables, block, **fault(tables[block])), "--map", "P/truth.mrc")
    lines = [line for line in said.splitlines() if "data_particles: images" in line]
    assert len(lines) == (severity is not None), said
    assert words in said and status == (65 if severity == "error" else 0)
    assert severity is None or ("poses", severity) in found


def test_a_spherical_aberration_in_metres(data: Path) -> None:
    _, said, found = checked(data, set_(truth(data), "optics", rlnSphericalAberration=0.0027))
    assert ("lens", "warning") in found and "metres?" in said


def test_options_of_a_map_need_one(data: Path) -> None:
    for option in (("--reference", data / "P" / "truth.mrc"), ("--resolution", 5)):
        result = run_spa("check", data / "P" / "truth.star", *option)
        assert result.status == 2 and "goes with --map" in result.stderr


def with_maps(tables: star.Tables, **files: str) -> star.Tables:
    table = star.Table.of(spaMapName=list(files.values()), spaMapRole=list(files), spaMapClass=[1] * len(files))
    return tables.with_block("maps", table)


def test_picks_have_the_defocus_of_their_micrographs(data: Path) -> None:
    particles = truth(data)["particles"].without("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle", "rlnImageName")
    mics = star.Table.of(rlnMicrographName=["a.mrc"], rlnOpticsGroup=1, rlnDefocusU=15000.0, rlnDefocusV=15000.0)
    bare = set_(truth(data).with_block("particles", particles), "optics")
    assert ("defocus", "note") in checked(data, bare)[2]
    assert ("defocus", "note") not in checked(data, bare.with_block("micrographs", mics))[2]


def test_the_maps_that_a_table_names_are_looked_at(data: Path) -> None:
    """There, two halves, of one grid, a mask that is one, and the poses fit the map."""
    volume = mrc.read(data / "P" / "truth.mrc")
    mrc.write(data / "dark.mrc", -volume.data, volume.pixel_size)
    mrc.write(data / "small.mrc", volume.data[4:-4, 4:-4, 4:-4], volume.pixel_size)
    status, said, found = checked(data, with_maps(truth(data), map="P/truth.mrc"), "--strict")
    assert status == 0 and ("poses", "note") not in found, said
    for files, words in (
        ({"map": "none.mrc"}, "map: none.mrc: no such file"),
        ({"map": "dark.mrc"}, "dark.mrc: the particle is darker"),
        ({"half1": "P/truth.mrc", "half2": "P/truth.mrc"}, "the same map, not two halves"),
        ({"map": "P/truth.mrc", "half1": "small.mrc"}, "small.mrc: 24 pixels of 5 A, P/truth.mrc has 32 pixels"),
        ({"mask": "dark.mrc"}, "mask: dark.mrc: values from"),
        ({"fsc": "p.star"}, "fsc: "),
    ):
        status, said, found = checked(data, with_maps(truth(data), **files))
        assert status == 65 and words in said, said


def test_poses_are_held_against_the_map_of_the_table(data: Path) -> None:
    tables = truth(data)
    moved = {name: (-np.array(tables["particles"].floats(name))).tolist() for name in
             ("rlnOriginXAngst", "rlnOriginYAngst")}  # fmt: skip
    _, _, right = checked(data, with_maps(tables, map="P/truth.mrc"))
    _, said, found = checked(data, with_maps(set_(tables, "particles", **moved), map="P/truth.mrc"))
    assert ("poses", "error") in found and ("poses", "error") not in right, said
