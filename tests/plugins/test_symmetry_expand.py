"""`spa symmetry expand`."""

from pathlib import Path

import numpy as np
import pytest

from spa import __version__
from spa.io import star
from spa.job import maps
from spa.model.poses import matrices
from spa.search.orientations import angles_between
from spa.testing import run_spa
from spa.volume.symmetry import operators
from spa_plugins.symmetry_expand import expansion

GROUPS = ("C1", "C5", "D1", "D4", "T", "O", "I", "I1", "I2", "I3", "I4")
ODD = ["a b", "000012", "0.10", "<NA>", "it's", "-", "1e-9", "#x"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Eight particles with odd texts in a column that nobody knows, and angles written in odd ways."""
    rng = np.random.default_rng(0)
    rot, tilt, psi = rng.uniform(-180, 180, 8), rng.uniform(1, 179, 8), rng.uniform(-180, 180, 8)
    particles = star.Table.of(
        rlnImageName=[f"{n}@x.mrcs" for n in range(1, 9)], rlnAngleRot=[f"{value:.3f}" for value in rot],
        rlnAngleTilt=[f"{value:08.2f}" for value in tilt], rlnAnglePsi=[f"{value:+.4f}" for value in psi],
        rlnOriginXAngst=rng.uniform(-9, 9, 8), rlnOriginYAngst=rng.uniform(-9, 9, 8), xOdd=ODD, rlnOpticsGroup=1,
        rlnRandomSubset=[1, 2, 2, 1, 1, 1, 2, 2],
    )  # fmt: skip
    optics = star.Table.of(rlnOpticsGroup=[1], rlnImagePixelSize=["1.5"])
    star.write(star.Tables({"optics": optics, "particles": particles}, ["0.1 made by hand"]), tmp_path / "p.star")
    return tmp_path / "p.star"


def expanded(table: Path, *options: object) -> star.Tables:
    out = table.parent / "e.star"
    result = run_spa("symmetry", "expand", table, "-o", out, *options)
    assert result.status == 0, result.stderr
    return star.read(out)


def poses(table: star.Table) -> np.ndarray:
    return matrices(*np.deg2rad([table.floats(name) for name in expansion.POSE]))


@pytest.mark.parametrize("group", GROUPS)
def test_copies_are_the_pose_times_each_operator(table: Path, group: str) -> None:
    ops = operators(group)
    copies = poses(expanded(table, "--symmetry", group)["particles"]).reshape(8, len(ops), 3, 3)
    wanted = poses(star.read(table)["particles"])[:, None] @ ops
    assert np.abs(copies - wanted).max() < 1e-6
    apart = [angles_between(copies[:, 0], copies[:, i]) for i in range(1, len(ops))]
    assert not apart or np.min(apart) > 0.01
    assert np.max(angles_between(copies.reshape(-1, 3, 3), np.repeat(copies[:, 0], len(ops), 0), ops)) < 1e-3


def test_the_first_copies_are_the_rows_as_they_were_and_other_columns_are_untouched(table: Path) -> None:
    before, after = star.read(table)["particles"], expanded(table, "--symmetry", "D3")["particles"]
    first = after.take(after.ints("spaSymmetryCopy") == 1)
    assert first.without("spaSymmetryParent", "spaSymmetryCopy") == before
    for name in set(before.columns) - set(expansion.POSE):
        assert after.listed(name) == np.repeat(before.text(name), 6).tolist()
    assert after.listed("spaSymmetryParent") == after.listed("rlnImageName")
    assert after.ints("spaSymmetryCopy").tolist() == list(range(1, 7)) * 8


@pytest.mark.parametrize("way", ["filter", "duplicates"])
def test_the_particles_come_back_to_the_byte(table: Path, way: str) -> None:
    plain = star.read(table)
    where = plain["particles"].with_columns(
        rlnMicrographName="m.mrc", rlnCoordinateX=np.arange(8) * 100, rlnCoordinateY=5
    )
    optics = plain["optics"].with_columns(rlnMicrographPixelSize=1.5)
    star.write(plain.with_block("particles", where).with_block("optics", optics), table)
    expanded(table, "--symmetry", "C7")
    out, made = table.parent / "b.star", table.parent / "e.star"
    call = ("star", "filter", "spaSymmetryCopy == 1") if way == "filter" else ("select", "duplicates")
    assert run_spa(*call, made, "-o", out).status == 0
    call = ("star", "set", "--delete", "spaSymmetryParent", "--delete", "spaSymmetryCopy", out, "-o", out)
    assert run_spa(*call).status == 0

    def body(path: Path) -> bytes:
        return b"".join(line for line in path.read_bytes().splitlines(True) if not line.startswith(b"# spa"))

    assert body(out) == body(table)


def test_priors_on_angles_turn_along(table: Path) -> None:
    tables = star.read(table)
    rows = tables["particles"]
    priors = {prior: rows.text(name) for prior, name in zip(expansion.PRIOR, expansion.POSE)}
    star.write(tables.with_block("particles", rows.with_columns(**priors)), table)
    after = expanded(table, "--symmetry", "O")["particles"]
    assert all(after.listed(prior) == after.listed(name) for prior, name in zip(expansion.PRIOR, expansion.POSE))


def test_half_sets_are_drawn_for_particles_and_shared_by_copies(table: Path) -> None:
    tables = star.read(table)
    star.write(tables.with_block("particles", tables["particles"].without("rlnRandomSubset")), table)
    halves = {}
    for seed in range(5):
        half = expanded(table, "--symmetry", "C4", "--seed", seed)["particles"].ints("rlnRandomSubset").reshape(8, 4)
        assert np.all(half == half[:, :1]) and np.bincount(half[:, 0], minlength=3).tolist() == [0, 4, 4]
        halves[tuple(half[:, 0])] = seed
    assert len(halves) > 1


def test_a_half_set_that_is_unset_is_drawn_and_the_others_stay(table: Path) -> None:
    tables = star.read(table)
    mixed = tables["particles"].with_columns(rlnRandomSubset=[0, 2, 2, 0, 1, 1, 2, 2])
    star.write(tables.with_block("particles", mixed), table)
    half = expanded(table, "--symmetry", "C2")["particles"].ints("rlnRandomSubset")[::2]
    assert half[[1, 2, 4, 5, 6, 7]].tolist() == [2, 2, 1, 1, 2, 2] and set(half) == {1, 2}


def test_parts_do_not_show(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = expanded(table, "--symmetry", "D2")
    monkeypatch.setattr(expansion, "PART", 9)
    assert expanded(table, "--symmetry", "D2")["particles"] == whole["particles"]


@pytest.mark.parametrize(("made", "group", "warned"), [("D2", "C2", False), ("D2", "D2", False), ("D2", "C3", True),
                                                       ("C1", "C4", True), (None, "C4", False)])  # fmt: skip
def test_axes_that_no_map_was_made_about_are_said(table: Path, made: str | None, group: str, warned: bool) -> None:
    if made:
        star.write(maps.with_symmetry(star.read(table), [made]), table)
    result = run_spa("symmetry", "expand", table, "--symmetry", group)
    assert result.status == 0 and (f"made in {made}" in result.stderr) == warned


def test_other_blocks_and_history_go_on(table: Path) -> None:
    after = expanded(table, "--symmetry", "c2")
    assert after["optics"] == star.read(table)["optics"]
    assert after.history[0] == "0.1 made by hand" and "symmetry expand" in after.history[1]


def test_standard_output_has_the_same_table(table: Path) -> None:
    file = expanded(table, "--symmetry", "T")
    printed = run_spa("symmetry", "expand", table, "--symmetry", "T").stdout
    assert printed == (table.parent / "e.star").read_text() and len(file["particles"]) == 96


def refusal(table: Path, tables: star.Tables, status: int = 65) -> str:
    star.write(tables, table)
    result = run_spa("symmetry", "expand", table, "--symmetry", "C3")
    assert result.status == status and "Traceback" not in result.stderr and not result.stdout, result.stderr
    return result.stderr


def test_a_table_is_not_expanded_twice(table: Path) -> None:
    plain, twice = star.read(table), expanded(table, "--symmetry", "C3")
    rows = twice["particles"]
    assert "has the column spaSymmetryParent" in refusal(table, twice)
    bare = rows.without("spaSymmetryParent", "spaSymmetryCopy")
    assert f"history has `{__version__} symmetry expand" in refusal(table, twice.with_block("particles", bare))
    assert "rows 1 and 2 have the same image 1@x.mrcs" in refusal(table, plain.with_block("particles", bare))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.without("rlnAngleTilt"), "has no rlnAngleTilt: there are no poses"),
        (lambda rows: rows.without("rlnImageName"), "has no column rlnImageName"),
        (lambda rows: rows.take(np.array([], int)), "has no rows"),
        (lambda rows: rows.with_columns(rlnAnglePsi=["nan"] * 8), "row 1: rlnAnglePsi is nan"),
        (lambda rows: rows.with_columns(rlnAngleRot=["x"] * 8), "row 1: rlnAngleRot is 'x', not a number"),
    ],
)
def test_what_cannot_be_expanded_is_said(table: Path, change, message: str) -> None:
    tables = star.read(table)
    assert message in refusal(table, tables.with_block("particles", change(tables["particles"])))


def test_an_unknown_group_is_a_usage_error(table: Path) -> None:
    result = run_spa("symmetry", "expand", table, "--symmetry", "X3")
    assert result.status == 2 and "not one of" in result.stderr
    assert run_spa("symmetry", "expand", table).status == 2
