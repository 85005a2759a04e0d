"""`spa vary volumes` and `export chimerax`: volumes follow the latents, whoever found them."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.recipe.latents import columns
from spa.testing import run_spa
from spa.volume.masks import distances

BOX, PIXEL = 32, 6.0
QUICK = ("--max-resolution", 16, "--diameter", 140)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of a lump (latent -1) and of it with a ball (latent 1), the truth as latents with small errors."""
    folder = tmp_path_factory.mktemp("two")
    made = run_spa("simulate", "particles", "-d", folder / "a", "--box", BOX, "--pixel-size", PIXEL, "--n", 160,
                   "--snr", 1, "--specimen-diameter", 100, "--seed", 1)  # fmt: skip
    assert made.status == 0, made.stderr
    lump = mrc.read(folder / "a" / "truth.mrc").data
    ball = (0.8 * lump.max() * np.roll(np.exp(-((distances(BOX) / 3.0) ** 2)), (0, 7, 0), (0, 1, 2))).astype(np.float32)
    mrc.write(folder / "ball.mrc", ball, PIXEL)
    mrc.write(folder / "other.mrc", lump + ball, PIXEL)
    made = run_spa("simulate", "particles", "-d", folder / "b", "--map", folder / "other.mrc", "--n", 160, "--snr", 1,
                   "--seed", 2)  # fmt: skip
    assert made.status == 0, made.stderr
    scale = mrc.read(folder / "b" / "truth.mrc").data.sum() / (lump + ball).sum()
    images = mrc.read(folder / "b" / "particles.mrcs").data / scale
    mrc.write(folder / "b" / "particles.mrcs", images.astype(np.float32), PIXEL)
    tables = [star.read(folder / name / "truth.star") for name in "ab"]
    rows = star.Table.concat([one["particles"] for one in tables])
    z = np.repeat([-1.0, 1.0], 160)[:, None] + 0.1 * np.random.default_rng(0).standard_normal((320, 1))
    rows = rows.with_columns(**columns(z, np.full((320, 1, 1), 0.02)), spaLatentCluster=np.repeat([1, 2], 160))
    star.write(tables[0].with_block("particles", rows), folder / "in.star")
    return folder


def test_volumes_differ_by_what_was_planted(two: Path, tmp_path: Path) -> None:
    result = run_spa("vary", "volumes", two / "in.star", "-d", tmp_path, "-o", tmp_path / "out.star", *QUICK,
                     "--at=-1", "--at", "1", "--plot", tmp_path / "p.png")  # fmt: skip
    assert result.status == 0, result.stderr
    low, high = (mrc.read(tmp_path / f"volume00{k}.mrc").data for k in (1, 2))
    ball = mrc.read(two / "ball.mrc").data
    assert np.corrcoef((high - low).ravel(), ball.ravel())[0, 1] > 0.8
    tables = star.read(tmp_path / "out.star")
    assert list(tables["points"].floats("spaLatent1")) == [-1, 1]
    roles = {(k, role) for k in (1, 2) for role in ("map", "half1", "half2", "mask", "fsc")}
    assert set(zip(tables["maps"].ints("spaMapClass"), tables["maps"].text("spaMapRole"))) == roles
    assert (tmp_path / "p.png").stat().st_size > 3000
    sharp = run_spa("post", "fsc", tmp_path / "out.star", "--class", 2, "-d", tmp_path / "F")
    assert sharp.status == 0, sharp.stderr


def test_a_point_where_no_particle_is_is_said(two: Path, tmp_path: Path) -> None:
    result = run_spa("vary", "volumes", two / "in.star", "-d", tmp_path, *QUICK, "--at", "40", "--at", "1")
    assert result.status == 0 and "--at 40: no particle is within its error bars" in result.stderr
    assert "--at 1:" not in result.stderr


def test_centres_axis_path_and_threads(two: Path, tmp_path: Path) -> None:
    words = ("--centres", "--axis", 1, "--path", "-1", "1", "--main-path", "--frames", 2, "--min-resolution", 150,
             "--mask",
             two / "ball.mrc", "--focus-mask", two / "ball.mrc", "--seed", 1)  # fmt: skip
    soft = mrc.read(two / "ball.mrc").data
    mrc.write(two / "ball.mrc", soft / soft.max(), PIXEL)
    for name, threads in (("x", 1), ("y", 2)):
        result = run_spa("vary", "volumes", two / "in.star", "-d", tmp_path / name, "-o", tmp_path / f"{name}.star",
                         *QUICK, *words, "--threads", threads)  # fmt: skip
        assert result.status == 0, result.stderr
    points = star.read(tmp_path / "x.star")["points"].floats("spaLatent1")
    assert len(points) == 8 and points[:2] == pytest.approx([-1, 1], abs=0.1)
    assert (tmp_path / "x" / "volume006.mrc").read_bytes() == (tmp_path / "y" / "volume006.mrc").read_bytes()


def test_chimerax_opens_every_map(two: Path, tmp_path: Path) -> None:
    mrc.write(tmp_path / "m.mrc", np.random.default_rng(0).random((8, 8, 8)).astype(np.float32), 1.0)
    name = str(tmp_path / "m.mrc")
    maps = star.Table.of(spaMapName=[name] * 4, spaMapRole=["map", "map", "series", "series"],
                         spaMapClass=[1, 2, 1, 1])  # fmt: skip
    star.write(star.Tables({"maps": maps}), tmp_path / "in.star")
    result = run_spa("export", "chimerax", tmp_path / "in.star", "-d", tmp_path, "-o", tmp_path / "o.star", "--level",
                     3)  # fmt: skip
    assert result.status == 0, result.stderr
    text = (tmp_path / "maps.cxc").read_text()
    assert text.count("open ") == 3 and "vseries true" in text and "sdLevel 3" in text and name in text
    assert star.read(tmp_path / "o.star")["maps"] == maps
    refused = run_spa("export", "chimerax", two / "in.star", "-d", tmp_path)
    assert refused.status == 65 and "no data_maps" in refused.stderr


@pytest.mark.parametrize(("words", "status", "text"), [
    ((), 2, "no point to go to"),
    (("--axis", 2), 2, "--axis 2"),
    (("--at", "1,2"), 65, "--at"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(two: Path, tmp_path: Path, words: tuple, status: int, text: str) -> None:
    result = run_spa("vary", "volumes", two / "in.star", "-d", tmp_path, *QUICK, *words)
    assert result.status == status and text in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [("--at", "0", "--frames", 9), ("--centres", "--frames", 9)])
def test_frames_of_no_way_are_refused(two: Path, words: tuple[object, ...]) -> None:
    result = run_spa("vary", "volumes", two / "in.star", "-d", two / "no", *words)
    assert result.status == 2 and "--frames goes with --axis or --path or --main-path" in result.stderr
