"""`spa inspect picks`."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from spa.testing import OPTICS, is_png, run_spa


@pytest.fixture
def picks(tmp_path: Path) -> Path:
    """200 poor and 300 good picks, five of these on dirt."""
    rng = np.random.default_rng(3)
    score = np.concatenate([rng.normal(2, 0.4, 200), rng.normal(8, 1, 300)])
    power = np.exp(rng.normal(0, 0.1, 500))
    power[-5:] = 9.0
    table = star.Table.of(
        rlnMicrographName="m.mrc", rlnCoordinateX=np.arange(500.0), rlnCoordinateY=1.0,
        rlnAutopickFigureOfMerit=score, spaLocalPower=power, userThing=[f"{n:04d}" for n in range(500)],
    )  # fmt: skip
    optics = star.Table.of(**OPTICS, rlnMicrographPixelSize=[2.0])
    star.write(star.Tables({"optics": optics, "particles": table}, []), tmp_path / "p.star")
    return tmp_path / "p.star"


def run(picks: Path, *more: object) -> star.Table:
    out = picks.parent / "o.star"
    result = run_spa("inspect", "picks", picks, "-o", out, *more)
    assert result.status == 0, result.stderr
    return star.read(out)["particles"]


@pytest.mark.parametrize("option, column, sign", [
    ("--min-score", "rlnAutopickFigureOfMerit", 1), ("--min-power", "spaLocalPower", 1),
    ("--max-power", "spaLocalPower", -1),
])  # fmt: skip
def test_a_limit_holds_and_rows_stay_whole(picks: Path, option: str, column: str, sign: int) -> None:
    table, before = run(picks, option, 1.05), star.read(picks)["particles"]
    assert len(table) == (sign * (before.floats(column) - 1.05) >= 0).sum()
    assert (sign * (table.floats(column) - 1.05) >= 0).all()
    assert table.columns == before.columns and set(table.text("userThing")) <= set(before.text("userThing"))


def test_auto_parts_good_from_poor_and_from_dirt(picks: Path) -> None:
    kept = run(picks, "--auto").ints("userThing")
    assert (kept >= 200).all() and (kept < 495).all() and len(kept) > 280


def test_auto_leaves_out_what_is_far_denser_than_particles_and_says_so(picks: Path) -> None:
    tables = star.read(picks)
    level = np.random.default_rng(4).gamma(4, 0.4, 500)
    level[300:305] = 15.0
    star.write(tables.with_block("particles", tables["particles"].with_columns(spaLocalLevel=level)), picks)
    plot = picks.parent / "l.png"
    result = run_spa("inspect", "picks", picks, "--auto", "-o", picks.parent / "o.star", "--plot", plot)
    assert "max level" in result.stderr and is_png(plot)
    kept = star.read(picks.parent / "o.star")["particles"].ints("userThing")
    assert not set(kept) & set(range(300, 305)) and len(kept) > 275
    assert run(picks, "--max-level", 2.0).floats("spaLocalLevel").max() <= 2


def test_without_options_all_stay(picks: Path) -> None:
    assert len(run(picks)) == 500


def test_what_is_left_out_goes_to_rejected(picks: Path) -> None:
    kept = run(picks, "--min-score", 5, "--rejected", picks.parent / "r.star")
    gone = star.read(picks.parent / "r.star")["particles"]
    assert len(kept) + len(gone) == 500 and not set(kept.text("userThing")) & set(gone.text("userThing"))


@pytest.mark.parametrize("columns", [(), ("spaLocalPower",)])
def test_the_plot_is_a_picture(picks: Path, columns: tuple[str, ...]) -> None:
    tables = star.read(picks)
    star.write(tables.with_block("particles", tables["particles"].without(*columns)), picks)
    run(picks, "--min-score", 3, "--plot", picks.parent / "i.png")
    assert is_png(picks.parent / "i.png")


def test_it_reads_from_a_pipe(picks: Path) -> None:
    result = run_spa("inspect", "picks", "-", "--min-score", 5, input=picks.read_text())
    assert result.status == 0 and "data_particles" in result.stdout and "kept" in result.stderr


def test_none_left_is_not_an_empty_table(picks: Path) -> None:
    result = run_spa("inspect", "picks", picks, "--min-score", 100)
    assert result.status == 65 and "none of 500 picks" in result.stderr and not result.stdout


def test_a_limit_on_a_column_that_is_not_there(picks: Path) -> None:
    tables = star.read(picks)
    star.write(tables.with_block("particles", tables["particles"].without("spaLocalPower")), picks)
    result = run_spa("inspect", "picks", picks, "--max-power", 2)
    assert result.status == 65 and "spaLocalPower" in result.stderr


def test_an_empty_table(picks: Path) -> None:
    tables = star.read(picks)
    star.write(tables.with_block("particles", tables["particles"].take([])), picks)
    assert run_spa("inspect", "picks", picks).status == 65


def test_a_list_of_coordinate_files_is_read(picks: Path) -> None:
    folder = picks.parent
    table = star.read(picks)["particles"].select(["rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"])
    star.write(star.Tables({"": table}, []), folder / "m_autopick.star")
    listed = star.Table.of(rlnMicrographName=["m.mrc"], rlnMicrographCoordinates=[str(folder / "m_autopick.star")])
    star.write(star.Tables({"coordinate_files": listed}, []), folder / "autopick.star")
    kept = run(folder / "autopick.star", "--min-score", 5)
    assert 290 < len(kept) <= 300 and set(kept.text("rlnMicrographName")) == {"m.mrc"}
