"""`spa star stat`: columns in figures."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spa.io import star
from spa.testing import run_spa
from spa_plugins.star_tools.figures import Numbers, described, sparkline

VALUES = np.random.default_rng(0).normal(10, 2, 500)
TABLE = star.Table.of(
    rlnX=[*VALUES, "nan", "<NA>"], rlnClassNumber=[1, 2] * 251, rlnMicrographName=["a.mrc"] * 300 + ["b.mrc"] * 202
)


@pytest.fixture
def source(tmp_path):
    star.write(star.Tables({"micrographs": TABLE}), tmp_path / "m.star")
    return tmp_path / "m.star"


def test_figures_are_numpys(source) -> None:
    result = run_spa("star", "stat", source, "-o", "-")
    table = star.read(io.StringIO(result.stdout))["statistics"]
    assert table.text("spaColumn").tolist() == ["rlnX", "rlnClassNumber"]
    assert (table.ints("spaCount")[0], table.ints("spaMissing")[0]) == (502, 2)
    found = [table.floats(f"spa{name}")[0] for name in ("Minimum", "Median", "Mean", "Maximum", "Deviation")]
    np.testing.assert_allclose(
        found, [VALUES.min(), np.median(VALUES), VALUES.mean(), VALUES.max(), VALUES.std(ddof=1)], rtol=1e-7
    )
    assert table.floats("spaRobustDeviation")[0] == pytest.approx(2, rel=0.15)


def test_the_terminal_gets_a_line_and_a_histogram_for_each_column(source) -> None:
    result = run_spa("star", "stat", source, "--bins", 10)
    assert result.status == 0
    assert result.stdout.count("|") == 4
    assert "█" in result.stdout
    assert "rlnMicrographName" not in result.stdout


def test_columns_by_name_text_too(source) -> None:
    result = run_spa("star", "stat", source, "-c", "_rlnMicrographName,rlnX", "--block", "micrographs")
    assert "502 of 2 kinds: a.mrc (300), b.mrc (202)" in result.stdout
    assert "rlnClassNumber" not in result.stdout


def test_the_figure_is_drawn(source, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    assert run_spa("star", "stat", source, "--plot", tmp_path / "h.png").status == 0
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_wrong_is_said(source) -> None:
    result = run_spa("star", "stat", source, "-c", "rlnQ")
    assert result.status == 65
    assert "no column rlnQ" in result.stderr
    assert run_spa("star", "stat", input="data_a\nloop_\n_x\n").status == 65


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.integers(-3, 3)), min_size=1), st.integers(2, 50))
def test_a_histogram_holds_every_value(values: list[float], bins: int) -> None:
    column = described(star.Table.of(x=np.array(values, float)), "x")
    assert isinstance(column, Numbers)
    counts, edges = column.histogram(bins)
    assert counts.sum() == len(values)
    assert len(edges) == len(counts) + 1
    assert len(sparkline(counts)) == len(counts)


def test_blocks_grow_with_the_counts() -> None:
    assert sparkline(np.array([0, 1, 4, 8, 100])) == " ▁▁▁█"
    assert sparkline(np.arange(9)) == " ▁▂▃▄▅▆▇█"
    assert sparkline(np.zeros(3, int)) == "   "
