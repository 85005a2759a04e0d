"""`spa extract particles`: where particles are, and which micrograph and defocus are theirs."""

from pathlib import Path

import numpy as np
import pytest

from spa.image import surface as surfaces
from spa.io import mrc, star
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.model.poses import matrices
from spa.recipe import surface
from spa.testing import run_spa
from tests.plugins.extracting import BOX, changed, run, stack


def test_what_is_not_a_whole_pixel_goes_to_the_origin(picks: Path) -> None:
    moved = changed(picks, rlnCoordinateX=np.loadtxt(picks.parent / "truth.txt")[:, 0] + 0.3)
    table = run(moved, *BOX)["particles"]
    assert (table.floats("rlnCoordinateX") % 1 == 0).all()
    where = table.floats("rlnCoordinateX") - table.floats("rlnOriginXAngst") / 5
    assert where == pytest.approx(np.loadtxt(picks.parent / "truth.txt")[:, 0] + 0.3, abs=1e-4)


def test_recentring_gives_the_images_of_the_true_centres(picks: Path) -> None:
    """A particle sits at coordinate - origin / pixel size."""
    xy = np.loadtxt(picks.parent / "truth.txt")
    straight = stack(run(picks, *BOX))
    x, y = xy[:, 0] + 6, xy[:, 1] - 4
    off = changed(picks, rlnCoordinateX=x, rlnCoordinateY=y, rlnOriginXAngst=30.0, rlnOriginYAngst=-20.0)
    table = run(off, *BOX, "--recenter")
    assert (stack(table) == straight).all()
    assert not table["particles"].floats("rlnOriginXAngst").any()
    assert not (stack(run(off, *BOX)) == straight).all()
    assert run(off, *BOX)["particles"].floats("rlnOriginYAngst").tolist() == [-20] * 9


@pytest.mark.parametrize("beside", [False, True])
def test_coordinates_of_relion_3_0_are_those_of_today(picks: Path, beside: bool) -> None:
    """No optics block, no images; the CTF and the pixel size in the rows, or in the micrographs' table."""
    tables, folder = star.read(picks), picks.parent
    mine = tables["micrographs"].take([0] * 9)
    old = {name: str(tables["optics"].text(name)[0]) for name in ("rlnVoltage", "rlnSphericalAberration",
                                                                  "rlnAmplitudeContrast")}  # fmt: skip
    old |= {"rlnMagnification": "10000", "rlnDetectorPixelSize": "5"}
    ctf = {name: mine.text(name) for name in ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")}
    table = tables["particles"].with_columns(rlnOriginX=1.0, rlnOriginY=0.0)
    star.write(star.Tables({"": table.with_columns(**ctf, **old)}, []), folder / "old.star")
    star.write(star.Tables({"": tables["micrographs"].without("rlnOpticsGroup").with_columns(**old)}, []),
               folder / "mics.star")  # fmt: skip
    today = changed(picks, rlnOriginXAngst=5.0, rlnOriginYAngst=0.0)
    wanted, images = run(today, *BOX), stack(run(today, *BOX))
    made = run(folder / "old.star", *BOX, *(("--micrographs", folder / "mics.star") if beside else ()))
    np.testing.assert_array_equal(stack(made), images)
    for name in ("rlnDefocusU", "rlnOriginXAngst", "rlnCoordinateX"):
        np.testing.assert_allclose(made["particles"].floats(name), wanted["particles"].floats(name))
    assert made["optics"].floats("rlnImagePixelSize").tolist() == [5] and "rlnVoltage" not in made["particles"]


def test_a_point_of_the_map_becomes_the_centre(picks: Path) -> None:
    """Each particle at its own pose; the point lies where RELION's matrices show it, to the rest in the origins."""
    rng = np.random.default_rng(2)
    rot, tilt, psi = rng.uniform(-180, 180, (3, 9))
    origin = rng.normal(0, 9, (2, 9))
    posed = changed(picks, rlnAngleRot=rot, rlnAngleTilt=abs(tilt), rlnAnglePsi=psi, rlnOriginXAngst=origin[0],
                    rlnOriginYAngst=origin[1])  # fmt: skip
    point = (10.0, -20.0, 15.0)
    table = run(posed, "--box", 32, "--recenter", "--center", *point)["particles"]
    before = star.read(posed)["particles"]
    seen = matrices(*np.deg2rad([rot, abs(tilt), psi]))[:, :2] @ np.array(point)
    for axis, name in enumerate("XY"):
        was = before.floats(f"rlnCoordinate{name}") * 5 - before.floats(f"rlnOrigin{name}Angst")
        now = table.floats(f"rlnCoordinate{name}") * 5 - table.floats(f"rlnOrigin{name}Angst")
        assert now == pytest.approx(was + seen[:, axis], abs=1e-3)
        assert abs(table.floats(f"rlnOrigin{name}Angst")).max() <= 2.5 + 1e-6


def test_recentring_twice_changes_nothing(picks: Path) -> None:
    moved = changed(picks, rlnOriginXAngst=np.linspace(-12, 12, 9), rlnOriginYAngst=np.linspace(7, -3, 9))
    first = run(moved, *BOX, "--crop", 20, "--recenter")["particles"]
    (picks.parent / "again.star").write_bytes((picks.parent / "e.star").read_bytes())
    second = run(picks.parent / "again.star", *BOX, "--recenter")["particles"]
    for name in ("rlnCoordinateX", "rlnCoordinateY", "rlnOriginXAngst", "rlnOriginYAngst", "rlnRandomSubset"):
        assert first.text(name).tolist() == second.text(name).tolist()


def test_a_centre_needs_recenter_and_poses(picks: Path) -> None:
    words = ("-d", picks.parent / "E", *BOX, "--center", 1, 2, 3)
    assert run_spa("extract", "particles", picks, *words).status == 2
    moved = changed(picks, rlnOriginXAngst=[0.0] * 9, rlnOriginYAngst=[0.0] * 9)
    result = run_spa("extract", "particles", moved, *words, "--recenter")
    assert result.status == 65 and "rlnAngleRot" in result.stderr
    assert run_spa("extract", "particles", picks, *words[:4], "--virtual", "--float16").status == 2


def test_each_particle_gets_the_defocus_of_the_surface_where_it_sits(picks: Path) -> None:
    wave = surfaces.Surface((256, 256), (1.0, 1.0), np.array([10.0, 300.0, -100.0]))
    surface.write(picks.parent / "s.star", wave)
    tables = star.read(picks)
    exposures = tables["micrographs"].with_columns(
        rlnDefocusU=15000.0, rlnDefocusV=14500.0, rlnDefocusAngle=20.0, spaDefocusSurface=str(picks.parent / "s.star")
    )
    star.write(tables.with_block("micrographs", exposures), picks)
    points = np.stack([tables["particles"].floats(f"rlnCoordinate{axis}") for axis in "XY"], axis=1)
    found = run(picks, *BOX)["particles"]
    assert found.floats("rlnDefocusU") == pytest.approx(15000 + wave.at(points), abs=0.01)
    assert found.floats("rlnDefocusV") == pytest.approx(14500 + wave.at(points), abs=0.01)
    star.write(tables.with_block("micrographs", exposures.with_columns(spaDefocusSurface="None")), picks)
    assert (run(picks, *BOX)["particles"].floats("rlnDefocusU") == 15000).all()


def test_a_defocus_of_the_picks_own_is_kept_and_not_moved(picks: Path) -> None:
    surface.write(picks.parent / "s.star", surfaces.Surface((256, 256), (1.0, 1.0), np.array([10.0, 300.0, -100.0])))
    tables = star.read(picks)
    exposures = tables["micrographs"].with_columns(spaDefocusSurface=str(picks.parent / "s.star"))
    own = tables["particles"].with_columns(rlnDefocusU=12000.0, rlnDefocusV=11000.0, rlnDefocusAngle=0.0)
    star.write(tables.with_block("micrographs", exposures).with_block("particles", own), picks)
    assert (run(picks, *BOX)["particles"].floats("rlnDefocusU") == 12000).all()


# ---- virtual extraction


def test_a_picks_own_defocus_is_kept(picks: Path) -> None:
    own = changed(picks, rlnDefocusU=np.arange(9) + 12000.0, rlnDefocusV=11000.0, rlnDefocusAngle=5.0)
    table = run(own, *BOX)["particles"]
    assert table.floats("rlnDefocusU").tolist() == list(range(12000, 12009)) and table.floats("rlnDefocusV")[0] == 11000


def test_groups_of_different_pixel_sizes_become_one(picks: Path) -> None:
    """The same scene in pixels of 5 and of 4 angstroms: images of 6.2 angstroms of both are alike."""
    from spa.image.resample import fourier_resized

    scene = mrc.read(picks.parent / "tiny.mrc").data  # 256 x 240 pixels
    finer = fourier_resized(np.asarray(scene, np.float32)[None], (300, 320))[0]
    mrc.write(picks.parent / "finer.mrc", finer, 4.0)
    tables = star.read(picks)
    optics = star.Table.concat([tables["optics"]] * 2)
    names = ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize")
    sizes = {name: [5.0, 4.0] for name in names if name in optics}
    optics = optics.with_columns(rlnOpticsGroup=[1, 2], rlnOpticsGroupName=["a", "b"], **sizes)
    rows, exposures = tables["particles"], tables["micrographs"]
    name = str(picks.parent / "finer.mrc")
    other = rows.with_columns(rlnMicrographName=name, rlnOpticsGroup=2, **{
        f"rlnCoordinate{axis}": rows.floats(f"rlnCoordinate{axis}") * 1.25 for axis in "XY"})  # fmt: skip
    both = star.Table.concat([rows.with_columns(rlnOpticsGroup=1), other])
    exposures = star.Table.concat([exposures, exposures.with_columns(rlnMicrographName=name, rlnOpticsGroup=2)])
    tables = tables.with_block("optics", optics).with_block("particles", both).with_block("micrographs", exposures)
    star.write(tables, picks.parent / "two.star")
    found = run(picks.parent / "two.star", "--crop", 32, "--pixel-size", 6.2)
    assert found["optics"].floats("rlnImagePixelSize").tolist() == [6.2, 6.2]
    particles = open_particles(Run("some job", {}), found)  # one pixel size: no refusal
    images = np.concatenate([images for _, images in particles.batches(Run("some job", {}))])
    origin = np.stack([found["particles"].floats(f"rlnOrigin{axis}Angst") for axis in "XY"], 1)
    assert particles.pixel_size == 6.2
    for one, two, shift in zip(images[:9], images[9:], origin[9:] - origin[:9]):
        ky, kx = (np.fft.fftfreq(32)[:, None] / 6.2, np.fft.fftfreq(32)[None] / 6.2)
        moved = np.fft.ifft2(np.fft.fft2(one) * np.exp(-2j * np.pi * (kx * -shift[0] + ky * -shift[1]))).real
        assert np.corrcoef(moved[6:-6, 6:-6].ravel(), two[6:-6, 6:-6].ravel())[0, 1] > 0.98


@pytest.mark.parametrize("name", ["tiny.mrc", "../{folder}/tiny.mrc"])
def test_picks_that_name_their_micrographs_otherwise(picks: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(picks.parent)
    table = star.read(picks)["particles"].with_columns(rlnMicrographName=name.format(folder=picks.parent.name))
    star.write(star.Tables({"": table}, []), picks.parent / "bare.star")
    found = run(picks.parent / "bare.star", *BOX, "--micrographs", picks.parent / "micrographs.star")["particles"]
    assert set(found.text("rlnMicrographName")) == {str(picks.parent / "tiny.mrc")} and len(found) == 9


def test_a_bare_table_of_coordinates_with_micrographs_beside(picks: Path) -> None:
    table = star.read(picks)["particles"]
    star.write(star.Tables({"": table}, []), picks.parent / "bare.star")
    found = run(picks.parent / "bare.star", *BOX, "--micrographs", picks.parent / "micrographs.star")["particles"]
    assert found.floats("rlnDefocusV").tolist() == [14800] * 9
