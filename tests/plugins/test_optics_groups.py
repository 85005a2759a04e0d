"""`spa optics groups`."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from spa.model.optics import optics_groups
from spa.testing import OPTICS, Result, run_spa

N = 60


def table(folder: Path, groups: int = 1) -> Path:
    """60 particles of 12 micrographs, EPU's names of three places, with shifts near a lattice of four."""
    rng, film = np.random.default_rng(0), np.arange(N) // 5
    optics = {name: values * groups for name, values in OPTICS.items()}
    optics["rlnOpticsGroup"] = list(range(1, groups + 1))
    optics["rlnOpticsGroupName"] = [f"session{one}" for one in range(groups)]
    shift = np.stack([film % 2, film // 2 % 2], axis=1) + 0.01 * rng.standard_normal((12, 2))[film]
    particles = star.Table.of(
        rlnImageName=[f"{i + 1:06d}@x.mrcs" for i in range(N)],
        rlnMicrographName=[f"FoilHole_{900 + i}_Data_{700 + i % 3}_{100 + i}_2020_x{i % 4}y{i % 2}.mrc" for i in film],
        rlnOpticsGroup=film % groups + 1, shiftX=shift[:, 0], shiftY=shift[:, 1],
    )  # fmt: skip
    optics_table = star.Table.of(**optics, rlnImagePixelSize=[1.0] * groups, rlnBeamTiltX=[0.25] * groups)
    star.write(star.Tables({"optics": optics_table, "particles": particles}), folder / "in.star")
    return folder / "in.star"


def run(folder: Path, *words: object, groups: int = 1) -> Result:
    return run_spa("optics", "groups", table(folder, groups), "-o", folder / "out.star", *words)


def found(folder: Path, *words: object, groups: int = 1) -> star.Tables:
    result = run(folder, *words, groups=groups)
    assert result.status == 0, result.stderr
    return star.read(folder / "out.star")


def test_afis_names_make_a_group_for_each_place(tmp_path: Path) -> None:
    tables = found(tmp_path, "--afis")
    assert {one.name for one in optics_groups(tables).values()} == {f"session0_{at}" for at in (700, 701, 702)}
    names, number = tables["particles"].text("rlnMicrographName"), tables["particles"].ints("rlnOpticsGroup")
    for one in (1, 2, 3):
        assert len({name.split("_")[3] for name in names[number == one]}) == 1
    assert all(one.beam_tilt == (0.25, 0) for one in optics_groups(tables).values())


def test_a_pattern_s_parentheses_are_what_counts(tmp_path: Path) -> None:
    assert len(found(tmp_path, "--by-name", r"_x(\d+)y(\d+)")["optics"]) == 4
    assert len(found(tmp_path, "--by-name", r"y\d")["optics"]) == 2


def test_shifts_in_places_and_in_a_number_of_clusters(tmp_path: Path) -> None:
    assert len(found(tmp_path, "--by-shift", "shiftX", "_shiftY")["optics"]) == 4
    assert len(found(tmp_path, "--by-shift", "shiftX", "shiftY", "--clusters", 2, "--seed", 3)["optics"]) == 2


def test_old_groups_are_not_mixed(tmp_path: Path) -> None:
    tables = found(tmp_path, "--by-name", "FoilHole", groups=3)
    assert len(tables["optics"]) == 3
    old = star.read(tmp_path / "in.star")["particles"].ints("rlnOpticsGroup")
    assert len(set(zip(old, tables["particles"].ints("rlnOpticsGroup")))) == 3


def test_small_groups_are_merged(tmp_path: Path) -> None:
    assert len(found(tmp_path, "--by-shift", "shiftX", "shiftY", "--min-rows", 20)["optics"]) < 4
    assert len(found(tmp_path, "--by-name", r"Hole_(\d+)", "--min-rows", 6)["optics"]) == 1
    assert len(found(tmp_path, "--min-rows", 21, groups=3)["optics"]) == 1
    assert len(found(tmp_path, "--min-rows", 20, groups=3)["optics"]) == 3


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [((), 2, "nothing to do"), (("--afis", "--by-name", "x"), 2, "one of them"), (("--clusters", 3), 2, "--by-shift"),
     (("--by-name", "("), 2, "--by-name ("), (("--by-name", "zebra"), 65, "row 1: zebra is not in FoilHole"),
     (("--by-shift", "shiftX", "nothing"), 65, "no column nothing"),
     (("--by-shift", "shiftX", "shiftY", "--clusters", 50), 65, "12 different shifts")],
)  # fmt: skip
def test_bad_calls(tmp_path: Path, words: tuple, status: int, text: str) -> None:
    result = run(tmp_path, *words)
    assert result.status == status and text in result.stderr and "Traceback" not in result.stderr


def test_shifts_without_gaps_need_a_number(tmp_path: Path) -> None:
    tables = star.read(table(tmp_path))
    cloud = np.random.default_rng(0).standard_normal((2, N))
    star.write(tables.with_block("particles", tables["particles"].with_columns(shiftX=cloud[0], shiftY=cloud[1])),
               tmp_path / "cloud.star")  # fmt: skip
    result = run_spa("optics", "groups", tmp_path / "cloud.star", "--by-shift", "shiftX", "shiftY")
    assert result.status == 65 and "--clusters says how many" in result.stderr


@pytest.mark.parametrize("words", [("--by-name", "(.)"), ("--min-rows", 5000)])
def test_a_group_that_is_not_there_is_named(tmp_path: Path, words: tuple) -> None:
    tables = star.read(table(tmp_path))
    groups = np.where(np.arange(N) == 3, 99, tables["particles"].ints("rlnOpticsGroup"))
    star.write(tables.with_block("particles", tables["particles"].with_columns(rlnOpticsGroup=groups)),
               tmp_path / "lost.star")  # fmt: skip
    result = run_spa("optics", "groups", tmp_path / "lost.star", *words)
    assert result.status == 65 and "row 4: optics group 99 is not in data_optics" in result.stderr
