"""`spa curate junk`: masks in the table, picks off them, bad micrographs named."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import OPTICS, is_png, run_spa

PIXEL, SIZE = 4.0, 512


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A micrograph with a crystal 200 pixels wide at its middle, one without, and picks on a grid of both."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE]
    crystal = np.where(np.hypot(x - 256, y - 256) < 100, -8.0, 0)
    for name, image in (("ice.mrc", crystal), ("fine.mrc", 0 * crystal)):
        mrc.write(tmp_path / name, (image + rng.normal(size=(SIZE, SIZE))).astype(np.float32), PIXEL)
    grid = np.stack(np.meshgrid(np.arange(16, SIZE, 32), np.arange(16, SIZE, 32)), axis=-1).reshape(-1, 2)
    picks = star.Table.of(rlnMicrographName=["ice.mrc"] * len(grid) + ["fine.mrc"] * len(grid),
                          rlnCoordinateX=np.tile(grid[:, 0], 2), rlnCoordinateY=np.tile(grid[:, 1], 2),
                          rlnOpticsGroup=1)  # fmt: skip
    optics = star.Table.of(**OPTICS, rlnMicrographPixelSize=[PIXEL])
    micrographs = star.Table.of(rlnMicrographName=["ice.mrc", "fine.mrc"], rlnOpticsGroup=[1, 1])
    blocks = {"optics": optics, "micrographs": micrographs, "particles": picks}
    star.write(star.Tables(blocks), tmp_path / "in.star")
    return tmp_path


def run(folder: Path, *options: object):
    return run_spa("curate", "junk", "in.star", "-d", "Junk", "-o", "out.star", *options, cwd=folder)


def test_masks_shares_and_content_stand_in_the_table(source):
    assert run(source, "--plot", "p.png").status == 0 and is_png(source / "p.png")
    table = star.read(source / "out.star")["micrographs"]
    share = table.floats("spaJunkShare")
    crystal = np.pi * 100**2 / SIZE**2
    assert crystal < share[0] < 2 * crystal and share[1] < 0.01
    assert np.isfinite(table.floats("spaContent")).all()
    mask = mrc.read(source / table.text("spaJunkMask")[0])
    assert mask.data[128, 128] == 1 and mask.data[10, 10] == 0
    assert mask.pixel_size == pytest.approx(8, rel=0.01)


def test_picks_on_junk_are_dropped_and_no_others(source):
    run(source)
    picks = star.read(source / "out.star")["particles"]
    away = np.hypot(picks.floats("rlnCoordinateX") - 256, picks.floats("rlnCoordinateY") - 256)
    on_ice = picks.text("rlnMicrographName") == "ice.mrc"
    assert away[on_ice].min() > 95 and (away[on_ice] < 150).any()
    assert (~on_ice).sum() == 256


def test_small_crystals_are_masked_when_asked(source):
    image = np.array(mrc.read(source / "ice.mrc").data)
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    image -= 5 * (np.hypot(y - 60, x - 400) < 9).astype(np.float32)
    mrc.write(source / "ice.mrc", image, 4.0)

    def at(*options: object) -> int:
        run(source, *options)
        mask = mrc.read(source / star.read(source / "out.star")["micrographs"].text("spaJunkMask")[0]).data
        return int(mask[30, 200])

    assert (at(), at("--specks")) == (0, 1)


def test_a_wider_particle_makes_the_crystal_none(source):
    run(source, "--diameter", 2000)
    assert star.read(source / "out.star")["micrographs"].floats("spaJunkShare")[0] == 0


def test_pickers_find_nothing_on_junk(source):
    run(source)
    tables = star.read(source / "out.star")
    star.write(tables.without_block("particles"), source / "junk.star")
    star.write(tables.without_block("particles").with_block(
        "micrographs", tables["micrographs"].without("spaJunkMask")), source / "plain.star")  # fmt: skip
    inside = []
    for name in ("junk.star", "plain.star"):
        options = (
            "pick",
            "blob",
            name,
            "--diameter",
            100,
            200,
            "--threshold",
            1,
            "-d",
            f"P{name}",
            "-q",
            "--everywhere",
        )
        (source / "picks.star").write_text(run_spa(*options, cwd=source).stdout)
        picks = star.read(source / "picks.star")["particles"]
        away = np.hypot(picks.floats("rlnCoordinateX") - 256, picks.floats("rlnCoordinateY") - 256)
        inside.append(int(((away < 95) & (picks.text("rlnMicrographName") == "ice.mrc")).sum()))
    assert inside[0] == 0 < inside[1]


def test_bad_micrographs_are_named_and_left_out_with_their_picks(source):
    mrc.write(source / "ice.mrc", np.zeros((SIZE, SIZE), np.float32), PIXEL)
    result = run(source)
    assert result.status == 1 and "ice.mrc: no contrast" in result.stderr and "Traceback" not in result.stderr
    tables = star.read(source / "out.star")
    assert list(tables["micrographs"].text("rlnMicrographName")) == ["fine.mrc"]
    assert set(tables["particles"].text("rlnMicrographName")) == {"fine.mrc"}


def test_a_mask_of_another_shape_is_refused_by_pickers(source):
    run(source)
    tables = star.read(source / "out.star").without_block("particles")
    mrc.write(source / "Junk/fine_junk.mrc", np.zeros((7, 99), np.int8), 8.0)
    star.write(tables, source / "junk.star")
    options = ("pick", "blob", "junk.star", "--diameter", 100, 200, "--threshold", 1, "-d", "P", "-o", "p.star")
    result = run_spa(*options, cwd=source)
    assert result.status == 1 and "fine_junk.mrc: a mask of" in result.stderr


def test_real_particles_are_kept(shared_data, tmp_path):
    folder = shared_data / "real/apoferritin"
    tables = star.read(folder / "micrographs.star")
    name = "May08_05.35.20"
    chosen = star.Table.of(rlnMicrographName=[str(folder / f"micrographs/{name}.mrc")], rlnOpticsGroup=[1])
    star.write(tables.with_block("micrographs", chosen), tmp_path / "in.star")
    assert run(tmp_path).status == 0
    table = star.read(tmp_path / "out.star")["micrographs"]
    assert table.floats("spaJunkShare")[0] < 0.05 and table.floats("spaContent")[0] > 0.5


def test_a_table_of_relion_3_0_is_read_as_todays(source):
    """Voltage and its kin stand in its rows, the pixel size is that of the detector over the magnification."""
    assert run(source).status == 0
    wanted = star.read(source / "out.star")["micrographs"]
    names = ["ice.mrc", "fine.mrc"]
    old = star.Table.of(rlnMicrographName=names, rlnVoltage=[300, 300], rlnSphericalAberration=[2.7, 2.7],
                        rlnAmplitudeContrast=[0.1, 0.1], rlnMagnification=[10000, 10000],
                        rlnDetectorPixelSize=[PIXEL, PIXEL])  # fmt: skip
    star.write(star.Tables({"": old}), source / "in.star")
    result = run(source)
    assert result.status == 0, result.stderr
    found = star.read(source / "out.star")
    assert found["optics"].floats("rlnMicrographPixelSize") == [PIXEL]
    np.testing.assert_array_equal(found["micrographs"].floats("spaJunkShare"), wanted.floats("spaJunkShare"))
