"""`spa ctf patch`: RELION's columns, its files, its options, and what it does with bad micrographs."""

from pathlib import Path

import numpy as np
import pytest

from spa.image.ctf import Lens
from spa.io import mrc, star
from spa.io.star import Table
from spa.motion.power import Spectrum
from spa.recipe import surface
from spa.simulate.slab import Slab, View, seen_ice
from spa.testing import OPTICS, run_spa
from spa_plugins.ctf_patch.estimate import summary

PIXEL = 2.0
QUICK = ("--box", 256, "--resolution", 30, 5, "-q")


def write(folder: Path, images: dict[str, np.ndarray], **columns) -> None:
    for name, image in images.items():
        (folder / name).parent.mkdir(exist_ok=True)
        mrc.write(folder / name, image.astype(np.float32), PIXEL)
    optics = star.Table.of(**OPTICS, rlnMicrographPixelSize=[PIXEL])
    micrographs = star.Table.of(rlnMicrographName=list(images), rlnOpticsGroup=[1] * len(images), **columns)
    star.write(star.Tables({"optics": optics, "micrographs": micrographs}), folder / "in.star")


@pytest.fixture(scope="module")
def pair(micrograph) -> dict[str, np.ndarray]:
    """Two micrographs: U, V, angle 12300, 11700, 30 and 20200, 20200, 0."""
    made = (micrograph(12300, 11700, np.radians(30), size=768, pixel_size=PIXEL, signal=1.0),
            micrograph(20200, 20200, size=768, pixel_size=PIXEL, signal=1.0, seed=1))  # fmt: skip
    return dict(zip(("one.mrc", "two.mrc"), made))


def run(folder: Path, *options: object):
    return run_spa("ctf", "patch", "in.star", "-d", "Ctf", "-o", "out.star", *QUICK, *options, cwd=folder)


def found(folder: Path):
    return star.read(folder / "out.star")["micrographs"]


def test_defocus_astigmatism_and_angle_stand_in_relions_columns(tmp_path, pair):
    write(tmp_path, pair)
    assert run(tmp_path).status == 0
    table = found(tmp_path)
    u, v, angle = (table.floats(f"rlnDefocus{name}") for name in ("U", "V", "Angle"))
    np.testing.assert_allclose((u + v) / 2, [12000, 20200], atol=60)
    assert abs(u[0] - v[0] - 600) < 150
    assert abs(angle[0] - 30) < 10
    np.testing.assert_allclose(table.floats("rlnCtfAstigmatism"), u - v, atol=0.02)
    assert (table.floats("rlnCtfMaxResolution") < 6).all()
    assert (table.floats("rlnCtfFigureOfMerit") > 0.1).all()
    assert (table.floats("spaCtfEvidence") > 100).all()
    assert "rlnPhaseShift" not in table
    assert "rlnCtfIceRingDensity" not in table  # 2 angstroms a pixel do not show it


def test_the_table_is_relions_and_keeps_what_it_does_not_know(tmp_path, pair):
    write(tmp_path, pair, rlnWhatever=["00012", "x"])
    run(tmp_path)
    assert list(found(tmp_path).text("rlnWhatever")) == ["00012", "x"]
    assert "spa:" in (tmp_path / "out.star").read_text().splitlines()[0]


def test_the_picture_and_the_curves_lie_in_the_outdir(tmp_path, pair):
    write(tmp_path, pair)
    run(tmp_path)
    table = found(tmp_path)
    assert list(table.text("rlnCtfImage")) == ["Ctf/one.ctf:mrc", "Ctf/two.ctf:mrc"]
    assert mrc.read(tmp_path / "Ctf/one.ctf").data.shape == (256, 256)
    curves = star.read(tmp_path / table.text("spaCtfProfile")[0])["profile"]
    frequency = curves.floats("spaFrequency")
    assert frequency[-1] == pytest.approx(0.5 / PIXEL, rel=0.02)
    inner = (frequency > 0.08) & (frequency < 0.15)
    assert curves.floats("spaFitFrc")[inner].mean() > 0.8


def test_micrographs_of_one_name_in_two_folders_get_files_of_their_own(tmp_path, pair):
    one, two = pair.values()
    write(tmp_path, {"a/m.mrc": one, "b/m.mrc": two})
    assert run(tmp_path).status == 0
    assert list(found(tmp_path).text("rlnCtfImage")) == ["Ctf/a_m.ctf:mrc", "Ctf/b_m.ctf:mrc"]


def test_bad_micrographs_are_named_and_left_out(tmp_path, pair):
    hopeless = {"nan.mrc": np.full((300, 300), np.nan, np.float32), "zeros.mrc": np.zeros((300, 300), np.float32)}
    write(tmp_path, {**hopeless, **pair})
    result = run(tmp_path)
    assert result.status == 1
    assert list(found(tmp_path).text("rlnMicrographName")) == ["one.mrc", "two.mrc"]
    lines = result.stderr.splitlines()
    assert any("nan.mrc" in line and "finite" in line for line in lines)
    assert any("zeros.mrc" in line and "no contrast" in line for line in lines)
    assert "Traceback" not in result.stderr


def test_strict_stops_at_the_first_bad_one(tmp_path, pair):
    write(tmp_path, {"zeros.mrc": np.zeros((300, 300), np.float32), **pair})
    result = run(tmp_path, "--strict")
    assert result.status == 65
    assert not (tmp_path / "out.star").exists()


def test_nothing_left_is_no_result(tmp_path):
    write(tmp_path, {"zeros.mrc": np.zeros((300, 300), np.float32)})
    assert run(tmp_path).status == 65


def test_noise_gets_the_coarse_end_as_its_resolution(tmp_path, micrograph):
    write(tmp_path, {"noise.mrc": micrograph(1e4, 1e4, size=768, pixel_size=PIXEL, signal=0.0)})
    result = run_spa("ctf", "patch", "in.star", "-d", "Ctf", "-o", "out.star", "--box", 256, "--resolution", 25, 5,
                     cwd=tmp_path)  # fmt: skip
    assert result.status == 0
    assert found(tmp_path).floats("rlnCtfMaxResolution")[0] == 25
    assert "1 without rings" in result.stderr


def test_the_summary_tells_of_what_has_rings():
    table = Table.of(rlnMicrographName=["a", "b", "c"], rlnDefocusU=[20000.0, 22000.0, 6000.0],
                     rlnDefocusV=[20000.0, 22000.0, 6000.0], rlnCtfMaxResolution=[5.0, 5.0, 30.0],
                     spaCtfEvidence=[200.0, 300.0, 1.0], spaDefocusError=[20.0, 60.0, 900.0])  # fmt: skip
    told = "3 micrographs, defocus 20000 to 22000 A, fit resolution 5.00 A (median)"
    assert summary(table) == f"{told}; 1 without rings"
    unsure = table.with_columns(spaDefocusError=[20.0, 160.0, 900.0])
    assert summary(unsure) == f"{told}; 1 known to no better than 100 A; 1 without rings"


def test_defocus_bounds_are_kept(tmp_path, pair):
    write(tmp_path, {"two.mrc": pair["two.mrc"]})
    run(tmp_path, "--defocus", 5000, 15000)
    table = found(tmp_path)
    assert (table.floats("rlnDefocusU")[0] + table.floats("rlnDefocusV")[0]) / 2 <= 15000


def test_a_phase_shift_is_fitted_when_asked(tmp_path, micrograph):
    image = micrograph(11000, 11000, phase_shift=np.radians(60), size=1024, pixel_size=PIXEL, signal=1.0)
    write(tmp_path, {"plate.mrc": image})
    run(tmp_path, "--phase-shift", 0, 180)
    table = found(tmp_path)
    assert abs(table.floats("rlnPhaseShift")[0] - 60) < 12
    assert abs(table.floats("rlnDefocusU")[0] - 11000) < 250


def test_the_tables_phase_shift_is_known(tmp_path, micrograph):
    image = micrograph(11000, 11000, phase_shift=np.radians(60), size=768, pixel_size=PIXEL, signal=1.0)
    write(tmp_path, {"plate.mrc": image}, rlnPhaseShift=[60.0])
    run(tmp_path)
    table = found(tmp_path)
    assert table.floats("rlnPhaseShift")[0] == pytest.approx(60)
    assert abs((table.floats("rlnDefocusU")[0] + table.floats("rlnDefocusV")[0]) / 2 - 11000) < 60


def test_expecting_no_astigmatism_gives_next_to_none(tmp_path, pair):
    write(tmp_path, {"one.mrc": pair["one.mrc"]})
    run(tmp_path, "--astigmatism", 1, "--whole")
    assert found(tmp_path).floats("rlnCtfAstigmatism")[0] < 100


def test_threads_do_not_change_a_byte(tmp_path, pair):
    write(tmp_path, pair)
    tables = []
    for threads in (1, 2):
        run(tmp_path, "--threads", threads)
        tables.append((tmp_path / "out.star").read_bytes())
    assert tables[0] == tables[1]


def test_resume_does_only_what_is_missing(tmp_path, pair):
    write(tmp_path, pair)
    run(tmp_path)
    before = (tmp_path / "out.star").read_bytes()
    (tmp_path / "Ctf/two.ctf").unlink()
    (tmp_path / "one.mrc").rename(tmp_path / "gone.mrc")  # not read again
    assert run(tmp_path, "--resume").status == 0
    assert (tmp_path / "out.star").read_bytes() == before
    assert (tmp_path / "Ctf/two.ctf").exists()


@pytest.mark.parametrize(
    "options", [("--resolution", 5, 30), ("--defocus", 9000, 9000), ("--defocus", 9000, 8000), ("--phase-shift", 90, 0),
                ("--box", 65), ("--defocus", 100, 1e12), ("--astigmatism", "nan")]  # fmt: skip
)
def test_contrary_options_are_usage_errors(tmp_path, pair, options):
    write(tmp_path, {"one.mrc": pair["one.mrc"]})
    assert run(tmp_path, *options).status == 2


def test_a_box_too_small_for_the_range_says_so(tmp_path, pair):
    write(tmp_path, {"one.mrc": pair["one.mrc"]})
    result = run(tmp_path, "--box", 64, "--resolution", 30, 10)
    assert result.status == 65
    assert "rings between" in result.stderr


def test_plot_draws_a_montage(tmp_path, pair):
    pytest.importorskip("matplotlib")
    write(tmp_path, pair)
    assert run(tmp_path, "--plot", "ctf.png").status == 0
    assert (tmp_path / "ctf.png").read_bytes().startswith(b"\x89PNG")


def test_real_micrographs_have_the_defocus_of_their_rings_and_the_reject_shows(shared_data, tmp_path):
    folder = shared_data / "real/apoferritin"
    tables = star.read(folder / "micrographs.star")
    names = ["May08_05.57.01", "May08_06.09.02", "May08_07.13.35"]
    paths = [str(folder / f"micrographs/{name}.mrc") for name in names]
    chosen = star.Table.of(rlnMicrographName=paths, rlnOpticsGroup=[1] * 3)
    star.write(tables.with_block("micrographs", chosen), tmp_path / "in.star")
    assert run_spa("ctf", "patch", "in.star", "-d", "Ctf", "-o", "out.star", cwd=tmp_path).status == 0
    table = found(tmp_path)
    defocus = (table.floats("rlnDefocusU") + table.floats("rlnDefocusV")) / 2
    resolution = table.floats("rlnCtfMaxResolution")
    assert ((defocus[[0, 2]] > 15700) & (defocus[[0, 2]] < 25300)).all()
    assert resolution[1] > 3 * resolution[[0, 2]].max()


def test_a_tilt_stands_in_the_table_and_its_surface_moves_particles(tmp_path):
    lens, pixel = Lens(300.0, 2.7, 0.1), PIXEL
    slab, view = Slab(np.radians(25), np.radians(70)), View(lens, 12000, 12000, 0.0)
    rng = np.random.default_rng(0)
    write(tmp_path, {"one.mrc": seen_ice(slab, view, (1024, 1024), pixel, rng) + rng.normal(size=(1024, 1024))})
    assert run(tmp_path).status == 0
    table = found(tmp_path)
    assert abs(table.floats("spaCtfTilt")[0] - 25) < 2
    assert abs(table.floats("spaCtfTiltAxis")[0] - 70) < 8
    points = np.array([[50.0, 500], [900, 900]])
    local = surface.read(tmp_path / table.text("spaDefocusSurface")[0]).at(points)
    np.testing.assert_allclose(local, slab.depth(points, (1024, 1024), pixel), atol=60)


def test_whole_gives_one_defocus(tmp_path, pair):
    write(tmp_path, pair)
    run(tmp_path, "--whole")
    assert not {"spaCtfTilt", "spaCtfTiltAxis", "spaDefocusSurface"} & set(found(tmp_path).columns)


def test_the_sums_of_motion_are_fitted_when_asked(tmp_path, pair):
    names = []
    for name, image in pair.items():
        sums = Spectrum(image.shape, PIXEL)
        sums.add(image.astype(np.float32))
        mrc.write(tmp_path / f"{name[:3]}_PS.mrc", sums.amplitude(), sums.pixel_size)
        names.append(f"{name[:3]}_PS.mrc")
    write(tmp_path, pair, rlnCtfPowerSpectrum=names[::-1])  # each has the other's: what is fitted is told
    assert run(tmp_path, "--power-spectrum", "--whole").status == 0
    table = found(tmp_path)
    np.testing.assert_allclose(table.floats("rlnDefocusU"), [20200, 12300], atol=150)
    write(tmp_path, pair, rlnCtfPowerSpectrum=names)
    assert run(tmp_path, "--power-spectrum").status == 0
    np.testing.assert_allclose(found(tmp_path).floats("rlnDefocusU"), [12300, 20200], atol=150)
    mrc.write(tmp_path / names[0], np.zeros((8, 6), np.float32), PIXEL)
    mrc.write(tmp_path / names[1], np.zeros((8, 8), np.float32), PIXEL)
    result = run(tmp_path, "--power-spectrum")
    assert result.status == 65 and "a square power spectrum" in result.stderr and "of nothing" in result.stderr
    write(tmp_path, pair)
    result = run(tmp_path, "--power-spectrum")
    assert result.status == 65 and "no rlnCtfPowerSpectrum" in result.stderr


def test_a_thickness_stands_in_the_table_where_there_is_one(tmp_path):
    view, rng = View(Lens(300.0, 2.7, 0.1), 12000, 12000, 0.0), np.random.default_rng(0)
    image = seen_ice(Slab(thickness=2000), view, (1024, 1024), PIXEL, rng) + 0.3 * rng.normal(size=(1024, 1024))
    write(tmp_path, {"one.mrc": image})
    run(tmp_path)
    assert abs(found(tmp_path).floats("spaIceThickness")[0] - 2000) < 80


def test_a_wrong_cs_is_warned_of_once(tmp_path):
    view, rng = View(Lens(300.0, 0.01, 0.1), 12000, 12000, 0.0), np.random.default_rng(0)
    images = {f"{n}.mrc": 2 * seen_ice(Slab(), view, (768, 768), 1.4, rng) + rng.normal(size=(768, 768)) for n in "ab"}
    write(tmp_path, images)
    optics = star.Table.of(**OPTICS, rlnMicrographPixelSize=[1.4])
    star.write(star.read(tmp_path / "in.star").with_block("optics", optics), tmp_path / "in.star")
    result = run(tmp_path)
    assert result.stderr.count("spherical aberration of 0.01 mm far better") == 1


def test_one_bright_spot_and_a_scrap_are_named_and_the_rest_done(tmp_path, pair):
    spot = np.full((300, 300), 7, np.float32)
    spot[100, 100] = 1000
    write(tmp_path, {"spot.mrc": spot, "scrap.mrc": np.random.default_rng(0).normal(size=(20, 20)), **pair})
    result = run(tmp_path)
    assert result.status == 1
    assert list(found(tmp_path).text("rlnMicrographName")) == ["one.mrc", "two.mrc"]
    assert sum("spot.mrc" in line and "no contrast" in line for line in result.stderr.splitlines()) == 1
    assert sum("scrap.mrc" in line and "rings between" in line for line in result.stderr.splitlines()) == 1


def test_a_device_finds_the_same(tmp_path, pair, card):
    write(tmp_path, pair)
    assert run(tmp_path).status == 0
    wanted = found(tmp_path)
    assert run(tmp_path, "--device", "cuda").status == 0 and card.launches["powers"]
    for name, apart in (("rlnDefocusU", 5), ("rlnDefocusV", 5), ("rlnDefocusAngle", 0.5), ("spaCtfEvidence", 10)):
        np.testing.assert_allclose(found(tmp_path).floats(name), wanted.floats(name), atol=apart)
