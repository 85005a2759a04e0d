"""`spa view`: what kind each file is, and what of it is shown. The page itself: tests/web/test_view_page.py."""

from pathlib import Path

import numpy as np
import pytest

from spa.errors import DataError, MissingInput
from spa.io import mrc, star
from spa.job.run import Run
from spa.testing import run_spa
from spa.web.page import BadRequest, Query
from spa_plugins.view import latents, volumes
from spa_plugins.view.inputs import sorted_out
from spa_plugins.view.panels import Panels
from spa_plugins.view.stacks import ACROSS, DOWN, TILE


def ball(n: int = 32, width: float = 6.0) -> np.ndarray:
    z, y, x = np.mgrid[:n, :n, :n] - n // 2
    return np.exp(-(x**2 + y**2 + z**2) / (2 * width**2)).astype(np.float32)


def shelf(*names: object) -> Panels:
    run = Run("view", {})
    return Panels.of(run, sorted_out(run, [str(name) for name in names]))


def images(folder: Path, n: int = 100) -> Path:
    """A table of particles with poses, classes and scores, whose images tell their number by their brightness."""
    data = np.random.default_rng(0).standard_normal((n, 32, 32)).astype(np.float32)
    mrc.write(folder / "p.mrcs", data, 3.0)
    mrc.write(folder / "avg.mrcs", data[:3], 3.0)
    rng = np.random.default_rng(1)
    particles = star.Table.of(
        rlnImageName=[f"{i + 1:06d}@{folder}/p.mrcs" for i in range(n)], rlnClassNumber=1 + np.arange(n) % 3,
        rlnAutopickFigureOfMerit=rng.permutation(n).astype(float), rlnMicrographName="m.mrc", rlnOpticsGroup=1,
        rlnAngleRot=rng.uniform(-180, 180, n), rlnAngleTilt=np.rad2deg(np.arccos(rng.uniform(-1, 1, n))),
        rlnAnglePsi=0.0,
    )  # fmt: skip
    classes = star.Table.of(rlnReferenceImage=[f"{i + 1:06d}@{folder}/avg.mrcs" for i in range(3)],
                            spaClassSize=[20.0, 50.0, 30.0])  # fmt: skip
    optics = star.Table.of(rlnOpticsGroup=[1], rlnImagePixelSize=[3.0], rlnVoltage=[300.0], rlnAmplitudeContrast=[0.1],
                           rlnSphericalAberration=[2.7], rlnMicrographPixelSize=[3.0])  # fmt: skip
    tables = star.Tables({"optics": optics, "particles": particles, "classes": classes},
                         ["0.1.0 refine homo --symmetry d2 -"])  # fmt: skip
    star.write(tables, folder / "p.star")
    return folder / "p.star"


def test_kinds_are_told_by_content(tmp_path: Path) -> None:
    mrc.write(tmp_path / "a.map", ball(), 2.0)
    mrc.write(tmp_path / "b.mrcs", ball(), 2.0)  # as many images as pixels a side
    mrc.write(tmp_path / "c.mrc", ball()[0], 2.0)
    (tmp_path / "d.dat").write_bytes((tmp_path / "a.map").read_bytes())
    given = ("a.map", "b.mrcs", "c.mrc", "d.dat", "a.map")
    found = sorted_out(Run("view", {}), [str(tmp_path / name) for name in given])
    names = [[Path(one).name for one in kind] for kind in (found.maps, found.stacks, found.micrographs)]
    assert names == [["a.map", "d.dat"], ["b.mrcs"], ["c.mrc"]] and not found.tables


def test_a_folder_shows_what_lies_in_it(tmp_path: Path) -> None:
    mrc.write(tmp_path / "half1.mrc", ball(), 2.0)
    images(tmp_path)
    (tmp_path / "job.json").write_text("{}")
    (tmp_path / "other.star").write_text("data_\nloop_\n_rlnCoordinateX\n1\n")
    found = shelf(tmp_path).shown
    assert set(found) == {"maps", "stacks", "views"} and len(found["stacks"]) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="nothing to look at"):
        shelf(tmp_path / "empty")


def test_what_is_not_there_and_what_is_no_table() -> None:
    assert run_spa("view", "nowhere.star").status == 66
    assert run_spa("view", "-", input="data_job\n_rlnJobType 1\n").status == 65
    with pytest.raises(MissingInput):
        shelf("nowhere.mrc")


def test_images_that_are_gone_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = images(tmp_path)
    (tmp_path / "p.mrcs").unlink()
    found = shelf(table).shown
    assert len(found["stacks"]) == 1 and "p.mrcs" in capsys.readouterr().err


def test_maps_of_the_stream_come_with_their_roles(tmp_path: Path) -> None:
    for name in ("map", "half1", "mask"):
        mrc.write(tmp_path / f"{name}.mrc", ball() if name != "mask" else (ball() > 0.3).astype(np.float32), 2.0)
    rows = star.Table.of(spaMapName=[str(tmp_path / f"{one}.mrc") for one in ("mask", "half1", "map")],
                         spaMapRole=["mask", "half1", "map"], spaMapClass=[1, 1, 1])  # fmt: skip
    star.write(star.Tables({"maps": rows}), tmp_path / "m.star")
    found = shelf(tmp_path / "m.star", tmp_path / "map.mrc").maps
    assert [one["role"] for one in found.facts()] == ["map", "half1", "mask"], "the map first, and none twice"
    assert found.volume(Query({"number": "2"})).facts["level"] == 0.5


@pytest.mark.parametrize("n, most, side", [(32, 320, 64), (96, 320, 192), (160, 320, 160), (96, 64, 64), (33, 320, 33)])
def test_volumes_keep_their_values_and_width(tmp_path: Path, n: int, most: int, side: int) -> None:
    data = 7 * ball(n, n / 6)
    mrc.write(tmp_path / "v.mrc", data, 2.0)
    sent = shelf(tmp_path / "v.mrc").maps.volume(Query({"number": "0", "most": str(most)}))
    found = np.frombuffer(sent.data, "<f2").reshape(sent.facts["shape"]).astype(float) * sent.facts["scale"]
    assert found.shape == (side,) * 3 and sent.facts["voxel"] == pytest.approx(2.0 * n / side)
    assert found[side // 2, side // 2, side // 2] == pytest.approx(7, rel=0.02), "the centre stays the centre"
    assert found.mean() == pytest.approx(data.mean(), rel=0.02)
    assert 0 < sent.facts["level"] < 7 and sent.facts["pixel"] == 2.0


def test_volumes_that_are_no_cube_are_shown(tmp_path: Path) -> None:
    mrc.write(tmp_path / "v.mrc", ball(48)[:20, :30], 2.0, volume=True)
    sent = shelf(tmp_path / "v.mrc").maps.volume(Query({"number": "0", "most": "32"}))
    assert sent.facts["shape"] == (10, 15, 24) and sent.facts["voxel"] == 4.0
    assert np.allclose(volumes.binned(ball(8, 1e6), 2), 1, atol=1e-4)


def test_orders_are_by_any_column_and_sheets_follow(tmp_path: Path) -> None:
    import imagecodecs

    table = images(tmp_path)
    stacks = shelf(table).stacks
    classes, particles = stacks.facts()["sets"]
    assert classes["by"] == "spaClassSize" and particles["by"] == "rlnAutopickFigureOfMerit"
    assert stacks.order({"of": 0, "by": "spaClassSize"})["rows"] == [1, 2, 0], "the largest class first"
    score = star.read(table)["particles"].floats("rlnAutopickFigureOfMerit")
    asked = {"of": 1, "by": "rlnAutopickFigureOfMerit", "turned": True, "only": 2}
    found = stacks.order(asked)
    assert all(row % 3 == 1 for row in found["rows"]) and found["values"] == sorted(found["values"])
    assert found["values"] == score[found["rows"]].tolist()
    words = {name: str(value).lower() if value is True else str(value) for name, value in asked.items()}
    sheet = imagecodecs.jpeg8_decode(stacks.sheet(Query(words | {"number": "0"})).data).astype(float)
    side = sheet.shape[0] // DOWN
    assert sheet.shape == (DOWN * side, ACROSS * side) and side <= TILE
    alone = imagecodecs.png_decode(stacks.image(Query({"of": "1", "number": str(found["rows"][9])})).data)
    there = sheet[side : 2 * side, side : 2 * side]  # the tenth
    assert np.corrcoef(alone.ravel(), there.ravel())[0, 1] > 0.95
    assert stacks.row({"of": 1, "row": 4})["rlnClassNumber"] == "2"


@pytest.mark.parametrize("asked", [None, {}, {"of": 9}, {"of": True}, {"of": 0, "by": "../x"}, {"of": 1, "only": "x"}])
def test_orders_of_nothing_are_refused(tmp_path: Path, asked: object) -> None:
    with pytest.raises(BadRequest):
        shelf(images(tmp_path)).stacks.order(asked)


def test_micrographs_have_the_picks_of_every_table(tiny_micrograph: Path, tmp_path: Path) -> None:
    found = star.read(tiny_micrograph)
    name = found["micrographs"].text("rlnMicrographName")[0]
    picks = star.Table.of(rlnMicrographName=[name, name, "other.mrc"], rlnCoordinateX=[10, 20, 1],
                          rlnCoordinateY=[30.0, 40.5, 2], rlnAutopickFigureOfMerit=[1.5, 0.5, 3],
                          rlnOpticsGroup=1)  # fmt: skip
    star.write(found.with_block("particles", picks), tmp_path / "one.star")
    star.write(star.Tables({"particles": picks.take([0]), "optics": found["optics"]}), tmp_path / "two.star")
    panel = shelf(tmp_path / "one.star", tmp_path / "two.star").micrographs
    assert panel.facts()["names"] == [name] and [one["counts"] for one in panel.facts()["picks"]] == [[2], [1]]
    assert panel.points(0) == [{"points": [[10.0, 30.0], [20.0, 40.5]], "scores": [1.5, 0.5]},
                               {"points": [[10.0, 30.0]], "scores": [1.5]}]  # fmt: skip
    assert panel.films.view(Query({"number": "0"})).kind == "image/jpeg"
    alone = shelf(tmp_path / "two.star").micrographs
    assert alone.facts()["names"] == [name], "of particles alone, too"
    for number in (None, -1, 1, True, "0"):
        with pytest.raises(BadRequest):
            panel.points(number)


def test_a_page_that_was_left_may_come_again() -> None:
    from spa.web.presence import Presence

    one = Presence(patience=0.0)
    assert not one.over(), "before anybody came"
    one.came(None)
    one.came(None)
    one.left(None)
    assert not one.over(), "another is open"
    one.left(None)
    assert one.over() and not Presence(9.0).over()
    one.came(None)
    assert not one.over()


def test_curves_cross_where_their_job_says(tmp_path: Path) -> None:
    from spa.recipe.kept import curve_table

    curve = np.clip(1.5 - np.arange(33) / 16, 0, 1)  # below 0.143 from shell 22 on
    star.write(star.Tables({"fsc": curve_table(curve, 32.0 * 4)}), tmp_path / "f.star")
    rows = star.Table.of(spaMapName=[str(tmp_path / "f.star")], spaMapRole=["fsc"], spaMapClass=[1])
    star.write(star.Tables({"maps": rows}), tmp_path / "m.star")
    for name in ("f.star", "m.star"):
        (found,) = shelf(tmp_path / name).curves.facts()
        assert found["curves"][0]["resolution"] == pytest.approx(128 / 21, rel=1e-3)
        assert np.allclose(found["curves"][0]["values"], curve, atol=1e-3) and found["frequency"][1] == 1 / 128


def test_views_are_spread_evenly_where_they_are_and_have_their_copies(tmp_path: Path) -> None:
    panel = shelf(images(tmp_path, 3000)).views
    assert panel.facts()[0]["symmetry"] == "D2", "of the table's history"
    plain = np.array(panel.cells({"of": 0}))
    fourfold = np.array(panel.cells({"of": 0, "symmetry": "D2"}))
    assert plain.mean() == pytest.approx(1, rel=0.01) and fourfold.std() < 0.75 * plain.std()
    half = fourfold.shape[1] // 2
    assert np.allclose(np.roll(fourfold, half, axis=1), fourfold, atol=0.3), "a 2-fold on z"
    for asked in ({"of": 0, "symmetry": "Q9"}, {"of": 0, "symmetry": 7}):
        with pytest.raises(BadRequest):
            panel.cells(asked)


def latent(folder: Path, n: int = 60, count: int = 2) -> Path:
    """Particles with latents in two clusters, two volumes along the first, and one elsewhere; each is a ball."""
    rng = np.random.default_rng(3)
    for i in range(3):
        mrc.write(folder / f"v{i}.mrc", ball(width=3.0 + 2 * i), 2.0)
    names = [str(folder / f"v{i}.mrc") for i in range(3)]
    table = {f"spaLatent{k + 1}": rng.normal(size=n) for k in range(count)}
    table["spaLatentPath"] = np.argsort(np.argsort(table["spaLatent1"])) / n
    table["spaLatentCluster"] = 1 + np.arange(n) % 2
    blocks = {
        "particles": star.Table.of(rlnMicrographName="m.mrc", **table),
        "maps": star.Table.of(spaMapName=names, spaMapRole="series", spaMapClass=1),
        "series": star.Table.of(spaMapName=names[:2], spaComponent=[0, 1], spaLatentValue=[0.25, 1.0],
                                **{f"spaLatent{k + 1}": [-1.0 if k == 0 else 0.0, 1.0 if k == 0 else 0.0]
                                   for k in range(count)}),
        "points": star.Table.of(rlnReferenceImage=names[2:], **{f"spaLatent{k + 1}": [0.5] for k in range(count)}),
    }
    star.write(star.Tables(blocks), folder / "l.star")
    return folder / "l.star"


def test_latents_come_with_their_volumes(tmp_path: Path) -> None:
    panels = shelf(latent(tmp_path))
    (facts,) = panels.latents.facts()
    assert facts["axes"] == ["1", "2", "Path"] and facts["count"] == 60 and facts["clusters"]
    places = {Path(one["map"]).name: one["at"] for one in facts["volumes"]}
    assert places == {"v2.mrc": [0.5, 0.5, None], "v0.mrc": [-1.0, 0.0, 0.25], "v1.mrc": [1.0, 0.0, None]}
    sent = panels.latents.points(Query({"number": "0"}))
    values = np.frombuffer(sent.data, "<f4").reshape(sent.facts["axes"] + 1, sent.facts["count"])
    table = star.read(tmp_path / "l.star")["particles"]
    assert np.allclose(values[0], table.floats("spaLatent1"))
    assert np.array_equal(values[3], table.floats("spaLatentCluster"))
    for words in ({"number": "1"}, {"number": "../x"}, {"number": "-1"}):
        with pytest.raises(BadRequest):
            panels.latents.points(Query(words))


def test_one_latent_tells_where_on_the_path_a_volume_is(tmp_path: Path) -> None:
    (facts,) = shelf(latent(tmp_path, count=1)).latents.facts()
    low, high = (next(one["at"] for one in facts["volumes"] if name in one["map"]) for name in ("v0", "v1"))
    assert facts["axes"] == ["1", "Path"] and 0 < low[1] < 0.5 < high[1] < 1


def test_of_very_many_particles_some_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "MOST", 25)
    assert shelf(latent(tmp_path)).latents.points(Query({"number": "0"})).facts["count"] == 20
