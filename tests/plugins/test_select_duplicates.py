"""`spa select duplicates`."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from spa.testing import OPTICS, run_spa


@pytest.fixture
def particles(tmp_path: Path) -> Path:
    """Three pairs at 5 pixels of 2 A: in one micrograph, in two, and one that only the origins bring together."""
    table = star.Table.of(
        rlnMicrographName=["a", "a", "a", "b", "b", "b"], rlnCoordinateX=[100.0, 105, 300, 300, 500, 600],
        rlnCoordinateY=[50.0, 50, 50, 50, 50, 50], rlnOriginXAngst=[0.0, 0, 0, 0, -90, 100], rlnOriginYAngst=0.0,
        rlnAutopickFigureOfMerit=[3.0, 7, 5, 5, 8, 2], rlnRandomSubset=[1, 2, 1, 2, 1, 1], rlnOpticsGroup=1,
    )  # fmt: skip
    optics = star.Table.of(**OPTICS, rlnMicrographPixelSize=[2.0])
    star.write(star.Tables({"optics": optics, "particles": table}, []), tmp_path / "p.star")
    return tmp_path / "p.star"


def run(particles: Path, *more: object) -> tuple[list[float], str]:
    out = particles.parent / "o.star"
    result = run_spa("select", "duplicates", particles, "-o", out, *more)
    assert result.status == 0, result.stderr
    return star.read(out)["particles"].floats("rlnCoordinateX").tolist(), result.stderr


def test_the_better_of_two_stays_and_the_order_too(particles: Path) -> None:
    kept, said = run(particles)
    assert kept == [105, 300, 300, 500] and "2 duplicates" in said
    assert "1 pairs lay in different half-sets" in said


def test_the_first_of_two_stays(particles: Path) -> None:
    assert run(particles, "--first")[0] == [100, 300, 300, 500]


def test_by_another_column(particles: Path) -> None:
    assert run(particles, "--by", "rlnCoordinateX")[0] == [105, 300, 300, 600]


@pytest.mark.parametrize("distance, count", [(0, 6), (9.9, 5), (10.1, 4), (1000, 2)])
def test_the_distance_is_in_angstroms(particles: Path, distance: float, count: int) -> None:
    # the last two sit at 545 and 550 pixels, but of b: 500 + 45 = 545 and 600 - 50 = 550
    kept = run(particles, "--distance", distance)[0]
    assert len(kept) == {0: 6, 9.9: 6, 10.1: 4, 1000: 2}[distance] or len(kept) == count


def test_half_sets_of_those_that_stay_do_not_change(particles: Path) -> None:
    run(particles)
    assert star.read(particles.parent / "o.star")["particles"].ints("rlnRandomSubset").tolist() == [2, 1, 2, 1]


def test_those_left_out_go_to_rejected(particles: Path) -> None:
    run(particles, "--rejected", particles.parent / "r.star")
    assert star.read(particles.parent / "r.star")["particles"].floats("rlnCoordinateX").tolist() == [100, 600]


def test_once_done_nothing_is_left_to_do(particles: Path) -> None:
    first, _ = run(particles)
    star.write(star.read(particles.parent / "o.star"), particles)
    assert run(particles)[0] == first


def test_agrees_with_trying_all_pairs(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n = 300
    xy, score = rng.uniform(0, 400, (n, 2)), rng.normal(0, 1, n)
    table = star.Table.of(rlnMicrographName="m", rlnCoordinateX=xy[:, 0], rlnCoordinateY=xy[:, 1],
                          rlnAutopickFigureOfMerit=score)  # fmt: skip
    optics = star.Table.of(**OPTICS, rlnMicrographPixelSize=[2.0])
    star.write(star.Tables({"optics": optics, "particles": table}, []), tmp_path / "p.star")
    kept, _ = run(tmp_path / "p.star", "--distance", 40)
    stay: list[int] = []
    for i in np.argsort(-score):
        if all(2 * np.hypot(*(xy[i] - xy[j])) > 40 for j in stay):
            stay.append(int(i))
    assert kept == pytest.approx(xy[sorted(stay), 0])


@pytest.mark.parametrize("drop", ["rlnCoordinateX", "rlnMicrographName"])
def test_a_missing_column_is_named(particles: Path, drop: str) -> None:
    tables = star.read(particles)
    star.write(tables.with_block("particles", tables["particles"].without(drop)), particles)
    result = run_spa("select", "duplicates", particles)
    assert result.status == 65 and drop in result.stderr


def test_impossible_and_empty(particles: Path) -> None:
    assert run_spa("select", "duplicates", particles, "--by", "rlnCoordinateX", "--first").status == 2
    assert run_spa("select", "duplicates", particles, "--distance", -1).status == 2
    assert run_spa("select", "duplicates", particles, "--by", "rlnNothing").status == 65
    tables = star.read(particles)
    star.write(tables.with_block("particles", tables["particles"].take([])), particles)
    assert run_spa("select", "duplicates", particles).status == 65
