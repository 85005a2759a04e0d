"""`spa select latent`: regions, clusters and paths of planted latents."""

import sys
from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from spa.recipe.latents import columns
from spa.testing import run_spa

N = 400


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two crowds at latent 1 = -1 (300) and 1.5 (100), errors of 0.3; latent 2 is nothing."""
    rng = np.random.default_rng(1)
    z = np.stack([np.where(np.arange(N) < 300, -1.0, 1.5), np.zeros(N)], axis=1) + 0.3 * rng.standard_normal((N, 2))
    spread = np.repeat(np.diag([0.08, 0.08])[None], N, axis=0)
    rows = star.Table.of(rlnImageName=[f"{i + 1}@a.mrcs" for i in range(N)], rlnOpticsGroup=np.ones(N, int),
                         **columns(z, spread))  # fmt: skip
    path = tmp_path / "latents.star"
    star.write(star.Tables({"particles": rows}), path)
    return path


def kept(path: Path) -> list[int]:
    return [int(name.split("@")[0]) for name in star.read(path)["particles"].text("rlnImageName")]


def chosen(table: Path, *words: object) -> list[int]:
    out = table.parent / "out.star"
    result = run_spa("select", "latent", table, "-o", out, *words)
    assert result.status == 0, result.stderr
    return kept(out)


def test_clusters_know_the_crowds(table: Path) -> None:
    assert len(chosen(table, "--clusters", 2, "--seed", 3)) == N
    rows = star.read(table.parent / "out.star")["particles"]
    assert (rows.ints("spaLatentCluster") == np.where(np.arange(N) < 300, 1, 2)).mean() > 0.99
    rest = table.parent / "rest.star"
    two = chosen(table, "--clusters", 2, "--cluster", "2", "--certain", 0.9, "--rejected", rest)
    assert set(two) <= set(range(301, 401)) and len(two) > 95
    assert sorted(two + kept(rest)) == list(range(1, N + 1))


def test_where_is_that_of_star_filter(table: Path) -> None:
    expression = "spaLatent1 > 0.5 and spaLatentError1 < 0.4"
    other = table.parent / "filtered.star"
    assert run_spa("star", "filter", expression, table, "-o", other).status == 0
    assert chosen(table, "--where", expression) == kept(other)


def test_near_and_path(table: Path) -> None:
    near = chosen(table, "--near", "1.5", "--within", 1, "--plot", table.parent / "p.png")
    assert set(near) <= set(range(301, 401)) and len(near) > 90
    assert (table.parent / "p.png").stat().st_size > 3000
    way = chosen(table, "--path", "-1,0", "1.5,0", "--within", 0.5)
    assert len(set(way) & set(range(301, 401))) > 70 and len(set(way) & set(range(1, 301))) > 200


@pytest.mark.parametrize(("words", "status", "text"), [
    ((), 2, "nothing to choose by"),
    (("--certain", 0.5, "--near", "0"), 2, "--certain"),
    (("--within", 2, "--where", "spaLatent1 > 0"), 2, "--within goes with --near or --path"),
    (("--cluster", "1"), 65, "--clusters"),
    (("--clusters", 2, "--cluster", "7"), 65, "no cluster 7"),
    (("--clusters", 2, "--cluster", "x"), 2, "--cluster 'x'"),
    (("--near", "1,2,3"), 65, "--near"),
    (("--near", "a"), 65, "--near"),
    (("--where", "spaLatent1 > 99"), 65, "none of its"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(table: Path, words: tuple, status: int, text: str) -> None:
    result = run_spa("select", "latent", table, *words)
    assert result.status == status and text in result.stderr and "Traceback" not in result.stderr


def test_a_table_without_latents_or_with_bad_errors(table: Path) -> None:
    tables = star.read(table)
    rows = tables["particles"]
    star.write(tables.with_block("particles", star.Table.of(rlnImageName=rows.text("rlnImageName"))), table)
    result = run_spa("select", "latent", table, "--near", "0")
    assert result.status == 65 and "no column spaLatent1" in result.stderr
    error = rows.floats("spaLatentError1").copy()
    error[4] = -1
    star.write(tables.with_block("particles", rows.with_columns(spaLatentError1=error)), table)
    result = run_spa("select", "latent", table, "--clusters", 2)
    assert result.status == 65 and "row 5" in result.stderr


def many(path: Path) -> np.ndarray:
    """Three crowds of 130 in four latents, in the corners of a triangle; the number of each."""
    rng = np.random.default_rng(2)
    kind = np.repeat(np.arange(3), 130)
    corners = 3 * np.array([[1, 0, 0, 1], [0, 1, 0, -1], [-1, -1, 1, 0]], float)
    z = corners[kind] + 0.4 * rng.standard_normal((390, 4))
    rows = star.Table.of(rlnImageName=[f"{i + 1}@a.mrcs" for i in range(390)], rlnOpticsGroup=np.ones(390, int),
                         **columns(z, np.repeat(0.1 * np.eye(4)[None], 390, axis=0)))  # fmt: skip
    star.write(star.Tables({"particles": rows}), path)
    return kind


def test_umap_keeps_crowds_apart_is_drawn_and_can_be_chosen_by(tmp_path: Path) -> None:
    pytest.importorskip("umap")
    kind = many(tmp_path / "in.star")
    words = ("--umap", "--clusters", 3, "--plot", tmp_path / "p.png")
    for name in ("one.star", "two.star"):
        result = run_spa("select", "latent", tmp_path / "in.star", "-o", tmp_path / name, *words)
        assert result.status == 0, result.stderr
    assert (tmp_path / "one.star").read_text() == (tmp_path / "two.star").read_text()
    rows = star.read(tmp_path / "one.star")["particles"]
    plane = np.stack([rows.floats("spaUmap1"), rows.floats("spaUmap2")], axis=1)
    centres = np.stack([plane[kind == k].mean(axis=0) for k in range(3)])
    away = np.linalg.norm(plane[:, None] - centres, axis=2)
    assert (away.argmin(axis=1) == kind).all()
    assert (tmp_path / "p.png").stat().st_size > 30000
    low = float(np.median(plane[:, 0]))
    result = run_spa("select", "latent", tmp_path / "one.star", "-o", tmp_path / "some.star", "--where",
                     f"spaUmap1 > {low}", "--plot", tmp_path / "q.png")  # fmt: skip
    assert result.status == 0, result.stderr
    assert 150 < len(kept(tmp_path / "some.star")) < 240


def test_umap_without_its_package_or_with_one_latent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(tmp_path / "in.star")
    table = star.read(tmp_path / "in.star")["particles"]
    one = table.without(*(name for name in table.columns if "Latent" in name and name[-1] != "1"))
    star.write(star.Tables({"particles": one}), tmp_path / "one.star")
    refused = run_spa("select", "latent", tmp_path / "one.star", "--umap")
    assert refused.status == 65 and "--umap wants two latents" in refused.stderr
    monkeypatch.setitem(sys.modules, "umap", None)
    refused = run_spa("select", "latent", tmp_path / "in.star", "--umap")
    assert refused.status == 69 and "spa[neural]" in refused.stderr
