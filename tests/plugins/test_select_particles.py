"""`spa select particles`: what shows less than whole particles do is left out, and nothing where all are whole."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from spa.io.star import Table, Tables
from spa.testing import is_png, run_spa
from spa_plugins.select_particles.kinds import highest
from spa_plugins.select_particles.ordinary import ordinary

WHOLE = 1000


def evidence(broken: int, mode: float = 100.0, seed: int = 0) -> np.ndarray:
    """Of whole particles about a mode, then of broken ones, which show anything from nothing to most of it."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(mode, 0.15 * mode, WHOLE), rng.uniform(0, 0.75 * mode, broken)])


def deviations(broken: int, lack: float, seed: int, contrast: float = 0.0) -> np.ndarray:
    """Of whole particles, whose contrast differs by a share, then of broken ones, that lack so many deviations."""
    rng = np.random.default_rng(seed)
    signal = np.sqrt(2 * rng.uniform(20, 120, WHOLE))
    whole = rng.normal(1, 1, WHOLE) + contrast * signal * rng.standard_normal(WHOLE)
    return np.concatenate([whole, rng.normal(1 - lack, 1.1, broken)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("broken", "lack"), [(100, 4.0), (400, 3.5), (1000, 2.5), (1000, 4.0)])
def test_kinds_that_run_together_are_parted_and_whole_ones_spared(broken: int, lack: float, seed: int) -> None:
    """With half of all broken, and both kinds one hump, few of the whole ones go."""
    values = deviations(broken, lack, seed)
    found = highest(values)
    kept = found.kept(values)
    assert (~kept[:WHOLE]).mean() < 0.03 and kept[WHOLE:].mean() < (0.25 if lack > 3 else 0.6)
    assert found.mode == pytest.approx(1, abs=0.4) and found.deviation == pytest.approx(1, abs=0.15)
    assert found.chance.sum() == pytest.approx(WHOLE, rel=0.15)


@pytest.mark.parametrize("contrast", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_all_stay_where_whole_ones_differ_in_contrast(seed: int, contrast: float) -> None:
    values = deviations(0, 0.0, seed, contrast)
    assert highest(values).kept(values).mean() > 0.98


def write(folder: Path, values: np.ndarray, **columns: object) -> Path:
    table = Table.of(rlnImageName=[f"{i + 1}@a.mrcs" for i in range(len(values))], rlnOpticsGroup=1,
                     spaParticleEvidence=values, **columns)  # fmt: skip
    star.write(Tables({"particles": table}), folder / "p.star")
    return folder / "p.star"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("broken", [100, 400, 800])
def test_chances_are_right_and_few_whole_ones_go(broken: int, seed: int) -> None:
    """Of those left out most are broken, of the broken most are left out, and as many are whole as the chances say."""
    chance = ordinary(evidence(broken, seed=seed)).chance
    out = chance < 0.5
    assert out[:WHOLE].mean() < 0.05 and out[WHOLE:].mean() > 0.7
    assert chance.sum() == pytest.approx(WHOLE, rel=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_all_stay_where_all_are_whole(seed: int) -> None:
    assert (ordinary(evidence(0, seed=seed)).chance == 1).mean() > 0.99


def test_the_rejected_and_a_figure(tmp_path: Path) -> None:
    path = write(tmp_path, evidence(300))
    result = run_spa("select", "particles", path, "-o", tmp_path / "k.star", "--rejected", tmp_path / "r.star",
                     "--plot", tmp_path / "f.png")  # fmt: skip
    assert result.status == 0 and "lack something" in result.stderr, result.stderr
    kept, left = (star.read(tmp_path / name)["particles"] for name in ("k.star", "r.star"))
    assert len(kept) + len(left) == WHOLE + 300 and is_png(tmp_path / "f.png")
    assert kept.floats("spaWholeChance").min() >= 0.5 > left.floats("spaWholeChance").max()
    assert kept.floats("spaParticleEvidence").min() > left.floats("spaParticleEvidence").max() - 1


def test_each_class_and_optics_group_has_a_limit_of_its_own(tmp_path: Path) -> None:
    """Thick ice halves the evidence of whole particles; they are no less whole."""
    values = np.concatenate([evidence(200, 100, 1), evidence(200, 45, 2)])
    path = write(tmp_path, values, rlnClassNumber=1).read_text()
    group = np.repeat([1, 2], WHOLE + 200)
    (tmp_path / "one.star").write_text(path)
    tables = star.read(tmp_path / "one.star")
    star.write(tables.with_block("particles", tables["particles"].with_columns(rlnOpticsGroup=group)), tmp_path / "two")
    result = run_spa("select", "particles", tmp_path / "two", "--chance", 0, "-o", tmp_path / "o.star")
    chance = star.read(tmp_path / "o.star")["particles"].floats("spaWholeChance")
    whole = np.tile(np.arange(WHOLE + 200) < WHOLE, 2)
    assert "2400 of 2400 particles kept; " in result.stderr and "or more lack something" in result.stderr
    assert result.status == 0 and (chance[whole] >= 0.5).mean() > 0.95 and (chance[~whole] < 0.5).mean() > 0.75


@pytest.mark.parametrize(("maps", "parts"), [([1, 2], 2), ([1], 1), ([2], 1), ([], 2)])
def test_classes_of_an_earlier_job_are_no_groups(tmp_path: Path, maps: list[int], parts: int) -> None:
    """What one map was refined of is one group, whatever classes a job before had sorted it into."""
    values = np.concatenate([evidence(300, 100, 1), evidence(300, 60, 2)])
    path = write(tmp_path, values, rlnClassNumber=np.repeat([1, 2], WHOLE + 300))
    if maps:
        block = Table.of(spaMapName=[f"{one}.mrc" for one in maps], spaMapRole="map", spaMapClass=maps)
        star.write(star.read(path).with_block("maps", block), path)
    result = run_spa("select", "particles", path, "-o", tmp_path / "o.star")
    assert result.status == 0 and result.stderr.count("(class ") == (2 if parts == 2 else 0), result.stderr


def test_kinds_that_stand_apart_are_told_so(tmp_path: Path) -> None:
    values = np.concatenate([evidence(0), np.random.default_rng(1).normal(-40, 8, 200)])
    result = run_spa("select", "particles", write(tmp_path, values), "-o", tmp_path / "o.star")
    assert result.status == 0 and "none is in doubt" in result.stderr, result.stderr
    assert len(star.read(tmp_path / "o.star")["particles"]) == WHOLE


def test_how_far_from_whole_goes_before_evidence(tmp_path: Path) -> None:
    """Evidence that differs with defocus and view hides what the deviation tells; chances that are asked for hold."""
    away, seen = deviations(400, 4.0, 0), np.random.default_rng(1).normal(60, 20, WHOLE + 400)
    seen[:2] = -np.inf, -30
    result = run_spa("select", "particles", write(tmp_path, seen, spaWholeDeviation=away), "-o", tmp_path / "o.star",
                     "--plot", tmp_path / "f.png")  # fmt: skip
    kept = star.read(tmp_path / "o.star")["particles"]
    assert result.status == 0 and "whose deviation from whole is above -" in result.stderr, result.stderr
    assert WHOLE * 0.97 < len(kept) < WHOLE * 1.05 and is_png(tmp_path / "f.png")
    assert kept.listed("rlnImageName")[0] == "3@a.mrcs"
    sure = run_spa("select", "particles", tmp_path / "p.star", "--chance", 0.9, "-o", tmp_path / "s.star")
    assert sure.status == 0
    assert star.read(tmp_path / "s.star")["particles"].floats("spaWholeChance").min() >= 0.9


def test_what_shows_nothing_goes_where_all_others_are_whole(tmp_path: Path) -> None:
    seen = np.where(np.arange(WHOLE) < 3, -11.0, np.linspace(-9, 400, WHOLE))
    path = write(tmp_path, seen, spaWholeDeviation=deviations(0, 0, 0))
    result = run_spa("select", "particles", path, "-o", tmp_path / "o.star")
    assert result.status == 0 and "997 of 1000 particles kept: the others show nothing" in result.stderr, result.stderr


def test_what_is_no_evidence_is_said(tmp_path: Path) -> None:
    few = run_spa("select", "particles", write(tmp_path, np.arange(20.0)))
    same = run_spa("select", "particles", write(tmp_path, np.full(100, 7.0)))
    star.write(Tables({"particles": Table.of(rlnImageName=["1@a.mrcs"])}), tmp_path / "n.star")
    none = run_spa("select", "particles", tmp_path / "n.star")
    assert few.status == same.status == none.status == 65
    assert "20 particles with evidence" in few.stderr and "spaParticleEvidence" in none.stderr


def test_images_without_evidence_are_not_whole(tmp_path: Path) -> None:
    values = evidence(0)
    values[:3] = -np.inf
    result = run_spa("select", "particles", write(tmp_path, values), "-o", tmp_path / "o.star")
    assert result.status == 0 and len(star.read(tmp_path / "o.star")["particles"]) <= WHOLE - 3
