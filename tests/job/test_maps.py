"""Maps in the stream."""

from pathlib import Path

import numpy as np
import pytest

from spa.errors import DataError, UsageError
from spa.io import mrc, star
from spa.job import maps
from spa.job.run import Run


def tables(*rows: tuple[str, str, int]) -> star.Tables:
    names, roles, classes = zip(*rows)
    block = star.Table.of(spaMapName=list(names), spaMapRole=list(roles), spaMapClass=list(classes))
    return star.Tables({"maps": block})


def test_roles_are_found_by_name() -> None:
    given = tables(("a.mrc", "half1", 1), ("b.mrc", "half2", 1))
    assert maps.find(given, "half2") == "b.mrc"
    assert all(maps.find(stream, "map") is None for stream in (given, None, star.Tables()))


def test_a_named_file_wins() -> None:
    assert maps.find(tables(("a.mrc", "map", 1)), "map", "c.mrc") == "c.mrc"


def test_of_several_classes_one_is_chosen() -> None:
    given = tables(("a.mrc", "map", 1), ("b.mrc", "map", 2))
    assert maps.find(given, "map", number=2) == "b.mrc"
    with pytest.raises(UsageError, match="--class"):
        maps.find(given, "map")


def test_what_is_needed_and_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"--half1: .* no data_maps row of role half1"):
        maps.need(tables(("a.mrc", "map", 1)), "half1", "--half1")
    with pytest.raises(DataError, match="no table was read"):
        maps.need(None, "half1", "--half1")


def test_rows_of_the_same_role_and_class_are_replaced() -> None:
    given = tables(("a.mrc", "map", 1), ("b.mrc", "map", 2), ("m.mrc", "mask", 1))
    made = maps.with_maps(given, [("map", "new.mrc"), ("fsc", "fsc.star")], 1)["maps"]
    assert list(zip(made.text("spaMapName"), made.text("spaMapRole"), made.ints("spaMapClass"))) == [
        ("b.mrc", "map", 2), ("m.mrc", "mask", 1), ("new.mrc", "map", 1), ("fsc.star", "fsc", 1),
    ]  # fmt: skip


def test_the_symmetry_of_maps_is_found_by_class_until_there_are_other_half_maps() -> None:
    given = maps.with_symmetry(tables(("a.mrc", "half1", 1), ("b.mrc", "half1", 2)), ["D2", "C3"])
    assert [maps.symmetry(given, None, number) for number in (1, 2, None)] == ["D2", "C3", "C1"]
    assert maps.symmetry(given, "O", 1) == "O" and maps.symmetry(None) == "C1"
    assert maps.symmetry(maps.with_maps(given, [("map", "sharp.mrc"), ("half1", "a.mrc")], 1), None, 1) == "D2"
    assert maps.symmetry(maps.with_maps(given, [("half1", "class.mrc")], 1), None, 1) == "C1"


def test_other_blocks_stay() -> None:
    given = star.Tables({"particles": star.Table.of(rlnImageName=["000001@a.mrcs"])})
    made = maps.with_maps(given, [("map", "a.mrc")])
    assert "particles" in made and len(made["maps"]) == 1


def test_maps_are_read_with_care(tmp_path: Path) -> None:
    run = Run("post test", {})
    volume = np.random.default_rng(0).standard_normal((8, 8, 8)).astype(np.float32)
    mrc.write(tmp_path / "a.mrc", volume, 2.0)
    first = maps.read(run, str(tmp_path / "a.mrc"))
    assert first.pixel_size == 2 and np.array_equal(first.data, volume)
    assert str(tmp_path / "a.mrc") in run.inputs
    spoilt = np.where(volume > 2, np.nan, volume)
    bad = {"flat": (volume[0], 2.0, "cubic"), "slab": (volume[:4], 2.0, "cubic"),
           "unsized": (volume, 0.0, "pixel size"), "nan": (spoilt, 2.0, "finite")}  # fmt: skip
    for name, (data, pixel, message) in bad.items():
        mrc.write(tmp_path / f"{name}.mrc", data, pixel)
        with pytest.raises(DataError, match=message):
            maps.read(run, str(tmp_path / f"{name}.mrc"))
    mrc.write(tmp_path / "small.mrc", volume[:6, :6, :6], 2.0)
    mrc.write(tmp_path / "scaled.mrc", volume, 2.2)
    for name in ("small", "scaled"):
        with pytest.raises(DataError, match="a.mrc has"):
            maps.read_like(run, str(tmp_path / f"{name}.mrc"), first)


def test_a_map_of_one_value_is_refused_but_a_mask_of_ones_is_one(tmp_path: Path) -> None:
    run = Run("post test", {})
    for value in (0, 1):
        mrc.write(tmp_path / f"{value}.mrc", np.full((8, 8, 8), value, np.float32), 2.0)
        with pytest.raises(DataError, match=f"{value}.mrc: no contrast"):
            maps.read(run, str(tmp_path / f"{value}.mrc"))
    ones, zeros = (maps.read(run, str(tmp_path / f"{value}.mrc"), contrast=False).data for value in (1, 0))
    assert (maps.solvent(ones, "1.mrc") == 1).all()
    with pytest.raises(DataError, match="0.mrc: an empty mask"):
        maps.solvent(zeros, "0.mrc")
    with pytest.raises(DataError, match="from 3 to 3; a mask has 0 to 1"):
        maps.solvent(3 * ones, "3.mrc")


def test_one_map_is_not_two_halves(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).standard_normal((8, 8, 8)).astype(np.float32)
    mrc.write(tmp_path / "a.mrc", volume, 2.0)
    mrc.write(tmp_path / "b.mrc", 2 * volume, 2.0)
    run, a, b = Run("post test", {}), str(tmp_path / "a.mrc"), str(tmp_path / "b.mrc")
    assert maps.read_halves(run, None, a, b)[1].data[0, 0, 0] == 2 * volume[0, 0, 0]
    with pytest.raises(DataError, match="the same map"):
        maps.read_halves(run, None, a, a)
