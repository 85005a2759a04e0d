"""`spa curate rules`: what stays, what goes, and why."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from spa.testing import OPTICS, run_spa

N = 40


def columns(n: int = N, seed: int = 0) -> dict[str, np.ndarray]:
    """A good set, as varied as real ones are."""
    rng = np.random.default_rng(seed)
    u = rng.uniform(8000, 25000, n)
    astigmatism = np.abs(rng.normal(0, 300, n))
    return {
        "rlnDefocusU": u, "rlnDefocusV": u - astigmatism, "rlnCtfAstigmatism": astigmatism,
        "rlnCtfMaxResolution": rng.normal(4.6, 0.4, n), "rlnCtfFigureOfMerit": rng.normal(0.2, 0.03, n),
        "rlnCtfIceRingDensity": rng.normal(0.03, 0.02, n), "rlnAccumMotionTotal": rng.lognormal(3, 0.3, n),
        "rlnAccumMotionEarly": rng.lognormal(1, 0.3, n), "spaCtfEvidence": rng.uniform(50, 200, n),
    }  # fmt: skip


def write(folder: Path, values: dict[str, np.ndarray], picks: list[int] | None = None) -> None:
    n = len(next(iter(values.values())))
    names = [f"m{row:02d}.mrc" for row in range(n)]
    optics = star.Table.of(**OPTICS, rlnMicrographPixelSize=[1.0])
    micrographs = star.Table.of(rlnMicrographName=names, rlnOpticsGroup=[1] * n, **values)
    blocks = {"optics": optics, "micrographs": micrographs}
    if picks is not None:
        where = [name for name, count in zip(names, picks) for _ in range(count)]
        blocks["particles"] = star.Table.of(rlnMicrographName=where, rlnCoordinateX=np.arange(len(where)))
    star.write(star.Tables(blocks), folder / "in.star")


def run(folder: Path, *options: object):
    return run_spa("curate", "rules", "in.star", *options, cwd=folder)


def kept(result, folder: Path) -> list[str]:
    (folder / "out.star").write_text(result.stdout)
    return [str(name) for name in star.read(folder / "out.star")["micrographs"].text("rlnMicrographName")]


@pytest.mark.parametrize("n", [2, 3, 5, 12, 200])
@pytest.mark.parametrize("seed", range(3))
def test_auto_drops_nothing_of_a_good_set(tmp_path, n, seed):
    write(tmp_path, columns(n, seed))
    assert len(kept(run(tmp_path, "--auto"), tmp_path)) == n


@pytest.mark.parametrize("most, few, left", [(0.1, -0.9, N), (0.8, -0.5, N - 4)])
def test_content_drops_what_lacks_it_where_most_have_some(tmp_path, most, few, left):
    values = columns()
    values["spaContent"] = np.random.default_rng(3).normal(most, 0.05, N)
    values["spaContent"][:4] = few
    write(tmp_path, values)
    assert len(kept(run(tmp_path, "--auto"), tmp_path)) == left


def test_auto_drops_nothing_of_a_set_of_equals(tmp_path):
    write(tmp_path, {name: np.full(20, values[0]) for name, values in columns().items()})
    assert len(kept(run(tmp_path, "--auto"), tmp_path)) == 20


@pytest.mark.parametrize(
    ("quantity", "value"),
    [("rlnCtfMaxResolution", 12.0), ("rlnCtfFigureOfMerit", 0.02), ("rlnCtfAstigmatism", 4000.0),
     ("rlnCtfIceRingDensity", 0.8), ("rlnAccumMotionTotal", 300.0), ("rlnAccumMotionEarly", 90.0),
     ("spaCtfEvidence", 3.0)],
)  # fmt: skip
@pytest.mark.parametrize("n", [3, 40])
def test_auto_drops_the_one_outlier_and_says_why(tmp_path, quantity, value, n):
    values = columns(n)
    values[quantity][1] = value
    write(tmp_path, values)
    result = run(tmp_path, "--auto")
    assert "m01.mrc" not in kept(result, tmp_path)
    assert len(kept(result, tmp_path)) == n - 1
    (line,) = [line for line in result.stderr.splitlines() if "dropped m" in line]
    assert "m01.mrc" in line
    assert quantity in line
    assert f"{value:.4g}" in line


@pytest.mark.parametrize("wrong", [120000.0, 100.0])
def test_auto_drops_a_defocus_far_off(tmp_path, wrong):
    values = columns()
    values["rlnDefocusU"][3] = wrong
    values["rlnDefocusV"][3] = wrong - values["rlnCtfAstigmatism"][3]
    write(tmp_path, values)
    assert "m03.mrc" not in kept(run(tmp_path, "--auto"), tmp_path)


def test_a_good_side_is_no_outlier(tmp_path):
    values = columns()
    values["rlnCtfMaxResolution"][0], values["rlnCtfFigureOfMerit"][0], values["rlnCtfAstigmatism"][0] = 2.0, 0.9, 0.0
    write(tmp_path, values)
    assert "m00.mrc" in kept(run(tmp_path, "--auto"), tmp_path)


def test_weak_rings_scatter_in_merit_and_are_no_outliers(tmp_path):
    values = columns(4)
    values["rlnCtfFigureOfMerit"][:] = 0.016, 0.071, 0.069, 0.048
    write(tmp_path, values)
    assert len(kept(run(tmp_path, "--auto"), tmp_path)) == 4


def test_many_bad_ones_do_not_hide_each_other(tmp_path):
    values = columns(12)
    values["rlnCtfMaxResolution"][:8] = 30.0
    values["spaCtfEvidence"][:8] = 2.0
    write(tmp_path, values)
    assert kept(run(tmp_path, "--auto"), tmp_path) == [f"m{row:02d}.mrc" for row in range(8, 12)]


def test_too_few_picks_and_far_too_many_are_outliers_and_picks_go_with_their_micrographs(tmp_path):
    picks = [100 + row for row in range(20)]
    picks[4], picks[7] = 3, 900
    write(tmp_path, columns(20), picks)
    result = run(tmp_path, "--auto", "--rejected", "bad.star")
    assert not {"m04.mrc", "m07.mrc"} & set(kept(result, tmp_path))
    assert len(star.read(tmp_path / "out.star")["particles"]) == sum(picks) - 903
    assert len(star.read(tmp_path / "bad.star")["particles"]) == 903


def test_a_missing_value_is_no_outlier(tmp_path):
    values = {name: list(map(float, array)) for name, array in columns().items()}
    values["rlnCtfIceRingDensity"][2] = "nan"
    write(tmp_path, values)
    assert "m02.mrc" in kept(run(tmp_path, "--auto"), tmp_path)


def test_a_defocus_that_is_no_number_is_none_to_work_with(tmp_path):
    values = columns()
    values["rlnDefocusV"][3] = np.nan
    write(tmp_path, values)
    result = run(tmp_path, "--auto")
    assert "m03.mrc" not in kept(result, tmp_path) and "dropped m03.mrc: defocus is no number" in result.stderr


def test_keep_keeps_what_holds_and_all_must_hold(tmp_path):
    values = columns()
    write(tmp_path, values)
    result = run(tmp_path, "--keep", "rlnCtfMaxResolution < 4.6", "--keep", "rlnDefocusU > 12000")
    expected = np.flatnonzero((values["rlnCtfMaxResolution"] < 4.6) & (values["rlnDefocusU"] > 12000))
    assert kept(result, tmp_path) == [f"m{row:02d}.mrc" for row in expected]
    assert "not rlnCtfMaxResolution < 4.6" in result.stderr


def test_rejected_has_the_others_with_their_reasons(tmp_path):
    values = columns()
    values["rlnCtfMaxResolution"][5] = 14.0
    write(tmp_path, values)
    run(tmp_path, "--auto", "--rejected", "bad.star", "-o", "good.star")
    bad = star.read(tmp_path / "bad.star")["micrographs"]
    assert list(bad.text("rlnMicrographName")) == ["m05.mrc"]
    assert bad.text("spaRejectedBy")[0].startswith("rlnCtfMaxResolution_14>")
    assert len(star.read(tmp_path / "good.star")["micrographs"]) == N - 1


def test_quiet_says_nothing(tmp_path):
    write(tmp_path, columns())
    assert run(tmp_path, "--keep", "rlnCtfMaxResolution < 4.6", "-q").stderr == ""


def test_nothing_left_is_status_65_and_the_rejected_are_written(tmp_path):
    write(tmp_path, columns())
    result = run(tmp_path, "--keep", "rlnCtfMaxResolution < 1", "--rejected", "bad.star")
    assert result.status == 65
    assert result.stdout == ""
    assert "no micrograph is left" in result.stderr
    assert len(star.read(tmp_path / "bad.star")["micrographs"]) == N


def test_no_rule_is_a_usage_error(tmp_path):
    write(tmp_path, columns())
    assert run(tmp_path).status == 2


@pytest.mark.parametrize("expression", ["rlnNoSuch < 5", "rlnCtfMaxResolution <", "__import__('os')", "rlnDefocusU"])
def test_a_bad_expression_is_one_clear_line(tmp_path, expression):
    write(tmp_path, columns())
    result = run(tmp_path, "--keep", expression)
    assert result.status == 65
    assert len(result.stderr.strip().splitlines()) == 1


def test_auto_without_anything_to_judge_by(tmp_path):
    write(tmp_path, {"rlnWhatever": np.arange(4)})
    result = run(tmp_path, "--auto")
    assert result.status == 65
    assert "nothing for --auto" in result.stderr


def test_plot_draws_histograms(tmp_path):
    pytest.importorskip("matplotlib")
    write(tmp_path, columns())
    assert run(tmp_path, "--auto", "--plot", "hist.png").status == 0
    assert (tmp_path / "hist.png").read_bytes().startswith(b"\x89PNG")
