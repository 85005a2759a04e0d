"""`spa subtract signal`."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.testing import is_png, run_spa
from tests import two_bodies
from tests.plugins.subtracting import (
    BOX,
    ONE,
    PIXEL,
    N,
    amplitudes,
    done,
    images,
    made_bodies,
    subtract,
    without,
    written,
)
from tests.two_bodies import Bodies


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    return made_bodies()


@pytest.fixture(scope="module")
def folder(bodies: Bodies, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(bodies, tmp_path_factory.mktemp("bodies"))


def test_a_is_left_and_b_is_gone(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    found = images(done(folder, tmp_path, ONE, folder / "both.mrc"))
    a, b = amplitudes(found, bodies)
    assert a == pytest.approx(1, abs=0.05) and abs(b) < 0.05
    truth = bodies.scale[:, None, None] * bodies.clean["b"]
    left = found - bodies.images + truth
    assert (left**2).sum() < 0.02 * (truth**2).sum()


def test_each_half_set_has_its_own_half_map(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    """What is taken off a particle changes with its own half map alone."""
    halves = ("--half1", folder / "half1.mrc", "--half2", folder / "half2.mrc", "--scale", "none")
    before = images(done(folder, tmp_path / "a", *halves))
    a, b = amplitudes(before, bodies)
    assert a == pytest.approx(1, abs=0.1) and abs(b) < 0.15
    first = mrc.read(folder / "half1.mrc")
    mrc.write(tmp_path / "other.mrc", 2 * first.data, PIXEL)  # the FSC, which weights both, stays
    after = images(done(folder, tmp_path / "b", "--half1", tmp_path / "other.mrc", *halves[2:]))
    changed = np.abs(after - before).max(axis=(1, 2))
    assert changed[bodies.half == 1].min() > 0.1 and changed[bodies.half == 2].max() < 1e-4


def test_virtual_is_what_is_written(folder: Path, tmp_path: Path) -> None:
    words = (ONE, folder / "both.mrc", "--recenter", "--box", 40, "--crop", 32)
    written, virtual = done(folder, tmp_path / "w", *words), done(folder, tmp_path / "v", *words, "--virtual")
    assert not list((tmp_path / "v").glob("*.mrcs"))
    np.testing.assert_allclose(images(virtual), images(written), atol=1e-5)
    assert (virtual["particles"].text("rlnImageName") == virtual["particles"].text("rlnImageOriginalName")).all()
    for name in ("rlnOriginXAngst", "rlnCoordinateY", "rlnAngleRot", "spaSubtractScale"):
        assert virtual["particles"].listed(name) == written["particles"].listed(name)
    assert virtual["optics"] == written["optics"]
    assert mrc.read_header(tmp_path / "w" / "subtracted000001.mrcs").pixel_size == pytest.approx(PIXEL * 40 / 32)


def test_virtual_images_follow_the_table_where_rows_are_taken(folder: Path, tmp_path: Path) -> None:
    tables = done(folder, tmp_path, ONE, folder / "both.mrc", "--virtual")
    rows = [7, 3, 50]
    some = tables.with_block("particles", tables["particles"].take(rows))
    np.testing.assert_allclose(images(some), images(tables)[rows], atol=1e-5)


def test_recentred_images_show_the_mask_where_the_new_origins_say(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    """The kept map, projected at the new poses, is what the windows show."""
    from spa.subtract.views import images as seen_images
    from spa.subtract.views import signal
    from spa_plugins.subtract_signal.scales import views

    tables = done(folder, tmp_path, ONE, folder / "both.mrc", "--recenter", "--box", 40, "--crop", 20)
    stack = open_particles(Run("some job", {}), tables)
    kept = mrc.read(tmp_path / "map.mrc")
    assert kept.data.shape == (20,) * 3 and kept.pixel_size == pytest.approx(10)
    model = seen_images(signal([kept.data], 10.0), views(stack, np.ones(N, int)))
    found = stack.source.read(np.arange(N))
    found, model = (one - one.mean(axis=(1, 2), keepdims=True) for one in (found, model))
    assert (found * model).sum() / (model**2).sum() == pytest.approx(1, abs=0.1)
    assert np.abs(tables["particles"].floats("rlnOriginXAngst")).max() <= PIXEL / 2 + 1e-6


def test_coordinates_follow_the_box(folder: Path, tmp_path: Path) -> None:
    """coordinate - origin is where the mask's centre lies, before (by the pose) and after."""
    from spa.model.poses import matrices
    from spa.subtract.window import centre_of_mass

    before = star.read(folder / "particles.star")["particles"]
    after = done(folder, tmp_path, ONE, folder / "both.mrc", "--recenter")["particles"]
    centre = centre_of_mass(mrc.read(folder / "mask_a.mrc").data) * PIXEL
    poses = matrices(*(np.deg2rad(before.floats(f"rlnAngle{one}")) for one in ("Rot", "Tilt", "Psi")))
    for axis, name in enumerate("XY"):
        old, new = (t.floats(f"rlnCoordinate{name}") * PIXEL / 2 - t.floats(f"rlnOrigin{name}Angst")
                    for t in (before, after))  # fmt: skip
        np.testing.assert_allclose(new, old + poses[:, axis] @ centre, atol=1e-3)


@pytest.mark.parametrize("kind", ["particle", "set", "none"])
def test_scale(folder: Path, bodies: Bodies, tmp_path: Path, kind: str) -> None:
    """A map of half the grey scale: fitted scales make up for it, and those of particles follow theirs."""
    both = mrc.read(folder / "both.mrc")
    mrc.write(tmp_path / "half.mrc", both.data / 2, PIXEL)
    tables = done(folder, tmp_path, ONE, tmp_path / "half.mrc", "--scale", kind)
    scale = tables["particles"].floats("spaSubtractScale")
    assert scale.mean() == pytest.approx(1 if kind == "none" else 2, abs=0.1)
    assert (scale.std() > 0.05) == (kind == "particle")
    _, b = amplitudes(images(tables), bodies)
    assert b == pytest.approx(0.5 if kind == "none" else 0, abs=0.1)
    if kind == "particle":
        assert np.corrcoef(scale, bodies.scale)[0, 1] > 0.7


def test_lowpass_leaves_fine_detail(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    from spa.image import fft

    found = images(done(folder, tmp_path, ONE, folder / "both.mrc", "--lowpass", 30, "--scale", "none"))
    gone = np.abs(fft.rfft2(bodies.images - found)) ** 2
    k = np.hypot(np.fft.fftfreq(BOX, PIXEL)[:, None], np.fft.rfftfreq(BOX, PIXEL)[None])
    assert gone[:, k > 1 / 22].sum() < 0.03 * gone.sum()


def test_maps_for_the_next_job(folder: Path, tmp_path: Path) -> None:
    tables = done(folder, tmp_path, "--half1", folder / "half1.mrc", "--half2", folder / "half2.mrc")
    roles = dict(zip(tables["maps"].text("spaMapRole"), tables["maps"].text("spaMapName")))
    assert set(roles) == {"map", "half1", "half2", "mask"}
    np.testing.assert_allclose(mrc.read(roles["half1"]).data, mrc.read(folder / "half1.mrc").data)
    np.testing.assert_allclose(mrc.read(roles["mask"]).data, mrc.read(folder / "mask_a.mrc").data, atol=1e-6)


def test_the_streams_maps_are_used(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    """Half maps before the map; its mask is the whole particle's; --class says which; --solvent overrides the mask."""
    tables = star.read(folder / "particles.star")
    names = [str(folder / name) for name in ("half1.mrc", "half2.mrc", "both.mrc", "mask_a.mrc")]
    stream = star.Table.of(spaMapName=names, spaMapRole=["half1", "half2", "map", "mask"], spaMapClass=[2] * 4)
    more = star.Table.of(spaMapName=names[:2], spaMapRole=["half1", "half2"], spaMapClass=[1] * 2)
    star.write(tables.with_block("maps", star.Table.concat([stream, more])), tmp_path / "stream.star")
    where = tmp_path / "stream.star"
    result = subtract(folder, tmp_path / "x", "--class", 2, "--solvent", folder / "mask_a.mrc", table=where)
    assert result.status == 65 and "keeps the whole particle (see --solvent)" in result.stderr
    result = subtract(folder, tmp_path / "z", "--class", 2, table=where)  # as `post mask` has left the stream
    assert result.status == 0 and "the sphere in the box is taken" in result.stderr
    both = two_bodies.soft_mask(bodies.maps["a"] + bodies.maps["b"], PIXEL, None, 12.0, 4.0, 10.0)[0]
    mrc.write(tmp_path / "whole.mrc", both, PIXEL)
    found = done(folder, tmp_path / "y", "--class", 2, "--solvent", tmp_path / "whole.mrc", table=where)
    assert set(found["particles"].ints("spaSubtractHalf")) == {1, 2}
    a, b = amplitudes(images(found), bodies)
    assert a == pytest.approx(1, abs=0.1) and abs(b) < 0.15


def test_float16(folder: Path, tmp_path: Path) -> None:
    full = images(done(folder, tmp_path / "f", ONE, folder / "both.mrc", "--float32"))
    half = images(done(folder, tmp_path / "h", ONE, folder / "both.mrc", "--float16"))
    np.testing.assert_allclose(half, full, rtol=2e-3, atol=2e-3)
    sizes = [(tmp_path / one / "subtracted000001.mrcs").stat().st_size for one in "hf"]
    assert sizes[0] < 0.6 * sizes[1]


def test_threads_do_not_matter_and_resume_does_nothing_twice(folder: Path, tmp_path: Path) -> None:
    words = (ONE, folder / "both.mrc")
    one, two = (images(done(folder, tmp_path / str(n), *words, "--threads", n)) for n in (1, 2))
    assert (one == two).all()
    stack = tmp_path / "1" / "subtracted000001.mrcs"
    before = stack.stat().st_mtime_ns
    again = done(folder, tmp_path / "1", *words, "--threads", 1, "--resume")
    assert stack.stat().st_mtime_ns == before and len(again["particles"]) == N


def test_plot(folder: Path, tmp_path: Path) -> None:
    done(folder, tmp_path, ONE, folder / "both.mrc", "--plot", tmp_path / "s.png")
    assert is_png(tmp_path / "s.png")


@pytest.mark.parametrize("virtual", [[], ["--virtual"]], ids=["written", "virtual"])
def test_an_image_that_cannot_be_used_is_left_out(folder: Path, tmp_path: Path, virtual: list[str]) -> None:
    stack = np.array(mrc.read(folder / "particles.mrcs").data)
    stack[4] = np.nan
    mrc.write(tmp_path / "bad.mrcs", stack, PIXEL)
    tables = star.read(folder / "particles.star")
    names = [name.replace(str(folder / "particles.mrcs"), str(tmp_path / "bad.mrcs"))
             for name in tables["particles"].text("rlnImageName")]  # fmt: skip
    star.write(tables.with_block("particles", tables["particles"].with_columns(rlnImageName=names)),
               tmp_path / "bad.star")  # fmt: skip
    result = subtract(folder, tmp_path, ONE, folder / "both.mrc", *virtual, table=tmp_path / "bad.star")
    assert result.status == 1 and "000005@" in result.stderr and result.stderr.count("left out") == 2
    assert len(star.read(tmp_path / "s.star")["particles"]) == N - 1


def test_what_is_missing_is_said(folder: Path, tmp_path: Path) -> None:
    both = (ONE, folder / "both.mrc")
    halves = ("--half1", folder / "half1.mrc", "--half2", folder / "half2.mrc")
    wrong = [
        (without(folder, tmp_path, "rlnAngleTilt"), both, 65, "no poses"),
        (without(folder, tmp_path, "rlnRandomSubset"), halves, 65, "rlnRandomSubset"),
        (None, (), 65, "--map"),
        (None, (*both, *halves), 2, "one map or two half maps"),
        (None, halves[:2], 2, "belong together"),
        (None, ("--half1", folder / "half1.mrc", "--half2", folder / "half1.mrc"), 65, "same map"),
        (None, (*both, "--box", 41), 2, "even"),
        (None, (*both, "--box", 400), 2, "larger than the 48"),
        (None, (*both, "--crop", 50), 2, "larger than the 48"),
        (None, (*both, "--lowpass", 1e5), 2, "at most makes sense"),
        (None, (*both, "--virtual", "--float16"), 2, "--virtual writes no images"),
        (None, (ONE, folder / "gone.mrc"), 66, "gone.mrc"),
        (None, (*both, "--revert"), 2, "does nothing beside --revert"),
        (without(folder, tmp_path, rlnRandomSubset=[3] + [1] * (N - 1)), halves, 65, "row 1: rlnRandomSubset is 3"),
    ]
    for number, (table, words, status, said) in enumerate(wrong):
        if table is not None:  # made anew: all have one name
            changed = {"rlnRandomSubset": [3] + [1] * (N - 1)} if number == len(wrong) - 1 else {}
            gone = {0: ["rlnAngleTilt"], 1: ["rlnRandomSubset"]}.get(number, [])
            table = without(folder, tmp_path, *gone, **changed)
        result = subtract(folder, tmp_path / "x", *words, table=table)
        lines = [line for line in result.stderr.splitlines() if "one map for both" not in line]
        assert result.status == status and said in lines[-1], (number, result.stderr)
        assert "Traceback" not in result.stderr


def test_contrast_the_wrong_way_round_is_said(folder: Path, tmp_path: Path) -> None:
    both = mrc.read(folder / "both.mrc")
    mrc.write(tmp_path / "dark.mrc", -both.data, PIXEL)
    result = subtract(folder, tmp_path, ONE, tmp_path / "dark.mrc")
    assert result.status == 65 and "do not have the map's signal" in result.stderr


def test_nothing_is_subtracted_twice(folder: Path, tmp_path: Path) -> None:
    done(folder, tmp_path, ONE, folder / "both.mrc", "--virtual")
    result = subtract(folder, tmp_path / "x", ONE, folder / "both.mrc", table=tmp_path / "s.star")
    assert result.status == 65 and "subtracted already" in result.stderr


def test_a_virtual_subtraction_is_of_its_own_images_alone(folder: Path, tmp_path: Path) -> None:
    tables = done(folder, tmp_path, ONE, folder / "both.mrc", "--virtual")
    names = tables["particles"].text("rlnImageName").copy()
    names[2] = names[9]
    star.write(tables.with_block("particles", tables["particles"].with_columns(rlnImageName=names)),
               tmp_path / "other.star")  # fmt: skip
    result = run_spa("refine", "homo", tmp_path / "other.star", "-d", tmp_path / "R")
    assert result.status == 65 and "row 3: the subtraction is of 000003@" in result.stderr


def test_mask_and_outdir_are_needed(folder: Path, tmp_path: Path) -> None:
    result = run_spa("subtract", "signal", folder / "particles.star", "-d", tmp_path)
    assert result.status == 2 and "--mask is needed" in result.stderr
    result = run_spa("subtract", "signal", folder / "particles.star", "--mask", folder / "mask_a.mrc")
    assert result.status == 2 and "--outdir is needed" in result.stderr
