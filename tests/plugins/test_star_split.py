"""`spa star split`: every row in one part."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spa.io import star
from spa.testing import run_spa
from spa_plugins.star_tools.parts import dealt

TABLE = star.Table.of(
    rlnImageName=[f"{n}@a" for n in range(1, 12)], rlnOpticsGroup=1,
    rlnMicrographName=["m1", "dir/m2", "m1", "m3", "m3", "m1", "dir/m2", "m1", "m4", "m4", "m1"],
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    optics = star.Table.of(rlnOpticsGroup=[1], rlnVoltage=[300])
    star.write(star.Tables({"optics": optics, "particles": TABLE}), tmp_path / "p.star")
    return tmp_path


def parts(folder, *options) -> dict[str, star.Tables]:
    result = run_spa("star", "split", "p.star", "-d", "parts", *options, cwd=folder)
    assert result.status == 0, result.stderr
    listed = star.read(io.StringIO(result.stdout))["parts"]
    found = {name: star.read(folder / name) for name in listed.text("spaPartName")}
    assert [len(table["particles"]) for table in found.values()] == listed.ints("spaPartRows").tolist()
    names = sorted(name for table in found.values() for name in table["particles"].listed("rlnImageName"))
    assert names == sorted(TABLE.listed("rlnImageName"))
    assert all("optics" in table for table in found.values())
    return found


def sizes(found: dict[str, star.Tables]) -> list[int]:
    return [len(table["particles"]) for table in found.values()]


def test_by_size_and_by_number(folder) -> None:
    assert sizes(parts(folder, "--size", 4)) == [4, 4, 3]
    assert sorted(sizes(parts(folder, "--number", 3))) == [3, 4, 4]
    assert list(parts(folder, "--number", 2, "--prefix", "half"))[0] == "parts/half_001.star"


def test_by_column_files_bear_the_value(folder) -> None:
    found = parts(folder, "--by", "rlnMicrographName")
    assert list(found) == [f"parts/part_{name}.star" for name in ("m1", "m2", "m3", "m4")]
    assert sizes(found) == [5, 2, 2, 2]


def test_values_stay_together_in_balanced_parts(folder) -> None:
    found = parts(folder, "--by", "rlnMicrographName", "--number", 2)
    of = [set(table["particles"].text("rlnMicrographName")) for table in found.values()]
    assert not of[0] & of[1]
    assert sorted(sizes(found)) == [5, 6]


def test_drawn_parts_depend_on_the_seed_alone(folder) -> None:
    first = parts(folder, "--number", 2, "--random", "--seed", 1)
    again = parts(folder, "--number", 2, "--random", "--seed", 1)
    other = parts(folder, "--number", 2, "--random", "--seed", 2)
    names = [[table["particles"].listed("rlnImageName") for table in found.values()] for found in (first, again, other)]
    assert names[0] == names[1] != names[2]
    order = [TABLE.listed("rlnImageName").index(name) for name in names[0][0]]
    assert order == sorted(order)


def test_another_block(folder) -> None:
    result = run_spa("star", "split", "p.star", "-d", "parts", "--size", 1, "--block", "optics", cwd=folder)
    assert result.status == 0


@given(st.integers(1, 50), st.data())
def test_parts_are_all_used_and_equal_to_a_row(n: int, data) -> None:
    number = data.draw(st.integers(1, n))
    counts = np.bincount(dealt(n, None, number, None, np.random.default_rng(n).permutation(n)), minlength=number)
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "say one of --size"),
        (("--size", 3, "--number", 2), "say one of --size"),
        (("--size", 3, "--by", "rlnMicrographName"), "say one of --size"),
        (("--number", 99), "there are only 11 rows"),
        (("--number", 9, "--by", "rlnMicrographName"), "there are only 4 values"),
    ],
)
def test_what_cannot_be_dealt(folder, options, message: str) -> None:
    result = run_spa("star", "split", "p.star", "-d", "parts", *options, cwd=folder)
    assert result.status == 2
    assert message in result.stderr


def test_an_empty_table(folder) -> None:
    result = run_spa("star", "split", "-", "-d", "parts", "--size", 2, input="data_a\nloop_\n_x\n", cwd=folder)
    assert result.status == 65


def test_a_prefix_stays_in_its_folder(tmp_path) -> None:
    text = "data_\nloop_\n_a\n1\n"
    result = run_spa("star", "split", "--number", 1, "--prefix", "../x", "-d", tmp_path / "d", input=text)
    assert result.status == 2 and "--prefix ../x" in result.stderr and not list(tmp_path.glob("x*"))
