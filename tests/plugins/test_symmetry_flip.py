"""`spa symmetry flip`: the other hand of maps, and the same images of them."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job.maps import with_maps
from spa.job.particles import pose_columns
from spa.model.poses import matrices
from spa.simulate.specimen import of_phantom
from spa.symmetry.align import turned
from spa.testing import Result, is_png, run_spa
from spa.volume.inversion import half_turned, inverted
from spa.volume.symmetry import operators
from spa.volume.transform import projections, transform

PIXEL, N = 3.5, 20
ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of C1, each with a map, the second with half maps and an FSC: in.star."""
    rng = np.random.default_rng(3)
    tables = Tables({"particles": Table.of(
        rlnImageName=[f"{i + 1:06d}@none.mrcs" for i in range(N)], rlnClassNumber=np.arange(N) % 2 + 1,
        **pose_columns(Rotation.random(N, random_state=5).as_matrix(), rng.normal(0, 2, (N, 2)), PIXEL),
    )})  # fmt: skip
    (tmp_path / "a").mkdir()
    for number, roles in ((1, ["map"]), (2, ["map", "half1", "half2"])):
        files = [(role, tmp_path / "a" / f"class{number}_{role}.mrc") for role in roles]
        for _, path in files:
            mrc.write(path, of_phantom(32, PIXEL, "C1", 80, rng).volume, PIXEL)
        tables = with_maps(tables, [(role, str(path)) for role, path in files], number)
    tables = with_maps(tables, [("fsc", str(tmp_path / "a/fsc.star"))], 2)
    names = [str(tmp_path / f"a/class{number}_map.mrc") for number in (1, 2)]
    star.write(tables.with_block("classes", Table.of(rlnReferenceImage=names)), tmp_path / "in.star")
    return tmp_path


def flip(folder: Path, *words: object, table: str = "in.star", to: str = "b") -> Result:
    return run_spa("symmetry", "flip", folder / table, "-d", folder / to, "-o", folder / f"{to}.star", *words)


def volume(path: str | Path) -> np.ndarray:
    return np.asarray(mrc.read(path).data)


def images(tables: Tables) -> np.ndarray:
    """What each particle shows of its class's map."""
    table, held = tables["particles"], tables["maps"]
    poses = matrices(*np.deg2rad([table.floats(name) for name in ANGLES]))
    number, seen = table.ints("rlnClassNumber"), []
    for name, role, of in zip(held.text("spaMapName"), held.text("spaMapRole"), held.ints("spaMapClass")):
        if role == "map":
            seen.append(projections(transform(volume(name), PIXEL), poses[number == of], 32, PIXEL))
    return np.concatenate(seen)


def test_images_show_the_same_of_maps_of_the_other_hand(folder: Path) -> None:
    result = flip(folder)
    assert result.status == 0 and f"4 maps, {N} particles" in result.stderr, result.stderr
    old, new = star.read(folder / "in.star"), star.read(folder / "b.star")
    assert np.linalg.norm(images(new) - images(old)) < 0.02 * np.linalg.norm(images(old))
    other = {name: name.replace("/a/", "/b/") for name in map(str, old["maps"].text("spaMapName"))}
    kept = str(folder / "a/fsc.star")
    assert [str(one) for one in new["maps"].text("spaMapName")] == [
        name if name == kept else other[name] for name in map(str, old["maps"].text("spaMapName"))
    ]
    assert all(str(one).startswith(str(folder / "b")) for one in new["classes"].text("rlnReferenceImage"))
    one, two = volume(folder / "a/class1_map.mrc"), volume(folder / "b/class1_map.mrc")
    turns = Rotation.random(200, random_state=1).as_matrix()
    best = max(np.corrcoef(turned(one, turn[None]).ravel(), two.ravel())[0, 1] for turn in turns)
    assert best < 0.95  # it is no turn of the map


def test_twice_is_nothing(folder: Path) -> None:
    assert flip(folder).status == 0 and flip(folder, table="b.star", to="c").status == 0
    old, new = star.read(folder / "in.star"), star.read(folder / "c.star")
    for name in ANGLES:
        assert np.allclose(old["particles"].floats(name), new["particles"].floats(name), atol=1e-5)
    for name in ("class1_map.mrc", "class2_half1.mrc"):
        assert np.array_equal(volume(folder / "a" / name), volume(folder / "c" / name))


def test_where_there_are_no_classes_all_are_of_the_first(folder: Path) -> None:
    tables = star.read(folder / "in.star")
    star.write(tables.with_block("particles", tables["particles"].without("rlnClassNumber")), folder / "one.star")
    first = flip(folder, "--class", 1, table="one.star", to="e")
    assert first.status == 0 and f"1 map, {N} particles" in first.stderr
    other = flip(folder, "--class", 7, table="one.star", to="f")
    assert other.status == 65 and "of class 7" in other.stderr


def test_a_figure_of_both_hands(folder: Path) -> None:
    assert flip(folder, "--plot", folder / "f.png").status == 0 and is_png(folder / "f.png")
    star.write(star.read(folder / "in.star").without_block("maps"), folder / "poses.star")
    bare = flip(folder, "--plot", folder / "g.png", table="poses.star", to="d")
    assert bare.status == 2 and "has no maps" in bare.stderr


def test_one_class_alone(folder: Path) -> None:
    result = flip(folder, "--class", 2)
    assert result.status == 0 and f"3 maps, {N // 2} particles" in result.stderr, result.stderr
    old, new = star.read(folder / "in.star"), star.read(folder / "b.star")
    moved = ~np.isclose(old["particles"].floats("rlnAnglePsi"), new["particles"].floats("rlnAnglePsi"))
    assert np.array_equal(moved, old["particles"].ints("rlnClassNumber") == 2)
    assert str(new["maps"].text("spaMapName")[0]) == str(folder / "a/class1_map.mrc")
    assert np.linalg.norm(images(new) - images(old)) < 0.02 * np.linalg.norm(images(old))


def test_one_map_by_itself(folder: Path) -> None:
    result = run_spa("symmetry", "flip", "--map", folder / "a/class1_map.mrc", "-d", folder / "b")
    assert result.status == 0 and "b/class1_map.mrc" in result.stdout
    assert np.array_equal(volume(folder / "b/class1_map.mrc"), inverted(volume(folder / "a/class1_map.mrc")))


@pytest.mark.parametrize("group", ["C5", "D3", "T", "O", "I"])
def test_axes_stay(group: str) -> None:
    """The other hand of a symmetric map has the same axes, in even boxes and odd ones."""
    for box in (32, 33):
        map_ = inverted(of_phantom(box, PIXEL, group, 80, np.random.default_rng(1)).volume)
        for one in operators(group)[1:4]:
            assert np.corrcoef(map_.ravel(), turned(map_, one[None]).ravel())[0, 1] > 0.9


def test_angles_stay_in_their_range() -> None:
    assert half_turned(np.array([0.0, 180.0, -180.0, 1.0, -1.0, 359.0])).tolist() == [180, 0, 0, -179, 179, 179]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--class", 7), 65, "no maps (data_maps) and no poses (rlnAnglePsi) of class 7"),
        (("--map", "gone.mrc"), 66, "gone.mrc"),
        (("-d", "a"), 2, "would be lost"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, words: tuple, status: int, said: str) -> None:
    words = tuple(folder / one if one == "a" else one for one in words)
    table = () if "--map" in words else (folder / "in.star",)
    result = run_spa("symmetry", "flip", *table, "-d", folder / "b", *words)
    lines = result.stderr.splitlines()
    assert result.status == status and len(lines) == 1 and said in lines[0], result.stderr


def test_a_map_beside_a_table_of_maps_is_refused(folder: Path) -> None:
    result = flip(folder, "--map", folder / "a/class1_map.mrc")
    assert result.status == 2 and "one map by itself" in result.stderr


def test_a_table_of_neither_is_refused(folder: Path) -> None:
    star.write(Tables({"particles": Table.of(rlnImageName=["1@none.mrcs"])}), folder / "none.star")
    result = flip(folder, table="none.star")
    assert result.status == 65 and "no maps" in result.stderr
