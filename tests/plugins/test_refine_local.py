"""`spa refine local`: a body that moves against another, and poses that were pushed off."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.io import mrc, star
from spa.job import maps
from spa.job.particles import pose_columns
from spa.model.poses import matrices
from spa.search.orientations import angles_between
from spa.subtract.window import centre_of_mass
from spa.testing import Result, is_png, run_spa
from spa.volume.fsc import fsc
from spa_plugins.refine_local import results
from tests import two_bodies
from tests.plugins import spoiled
from tests.two_bodies import Bodies

N, BOX, PIXEL = 240, 48, 5.0


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    return two_bodies.make(N, BOX, PIXEL, snr=1.0, turn=5, move=2, sizes=(110, 90))


@pytest.fixture(scope="module")
def folder(bodies: Bodies, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set at A's poses, s.star (A subtracted, virtually), and half1.mrc, half2.mrc: both at rest, with noise."""
    made = tmp_path_factory.mktemp("bodies")
    two_bodies.write(bodies, made)
    both = bodies.maps["a"] + bodies.maps["b"]
    rng = np.random.default_rng(3)
    for half in (1, 2):
        noise = 0.02 * both.max() * rng.standard_normal(both.shape).astype(np.float32)
        mrc.write(made / f"half{half}.mrc", both + noise, PIXEL)
    words = ("--virtual", "--mask", made / "mask_b.mrc", "--half1", made / "half1.mrc", "--half2", made / "half2.mrc")
    result = run_spa("subtract", "signal", made / "particles.star", "-d", made / "S", "-o", made / "s.star", *words)
    assert result.status == 0, result.stderr
    return made


def refine(table: Path, out: Path, *more: object) -> Result:
    return run_spa("refine", "local", table, "-d", out, "-o", out / "l.star", "--iterations", 2, *more)


def done(table: Path, out: Path, *more: object) -> star.Tables:
    result = refine(table, out, *more)
    assert result.status == 0, result.stderr
    return star.read(out / "l.star")


def poses_of(table: star.Table) -> tuple[np.ndarray, np.ndarray]:
    """Poses (n, 3, 3) and shifts (n, 2) in pixels."""
    euler = np.deg2rad([table.floats(f"rlnAngle{name}") for name in ("Rot", "Tilt", "Psi")])
    return matrices(*euler), -np.stack([table.floats(f"rlnOrigin{axis}Angst") for axis in "XY"], axis=1) / PIXEL


def errors(table: star.Table, bodies: Bodies, name: str = "b") -> tuple[float, float]:
    """Median turn (degrees) and shift (pixels) of a body from where it is, about its centre."""
    poses, shifts = poses_of(table)
    centre = centre_of_mass(bodies.masks[name])
    turn = np.rad2deg(angles_between(poses, bodies.poses[name]))
    away = (shifts + poses[:, :2] @ centre) - (bodies.shifts[name] + bodies.poses[name][:, :2] @ centre)
    return float(np.median(turn)), float(np.median(np.linalg.norm(away, axis=1)))


def test_turns_within_the_error_of_poses_are_said_to_be_no_motion() -> None:
    moves = results.Moves(np.full(5, 2.8), np.full(5, 1.3))
    for error, still in ((2.9, True), (1.0, False)):
        table = star.Table.of(spaTurnError=np.full(5, error))
        assert ("no more than poses err by" in results.words(moves, table)) == still


def test_a_moving_body_is_followed_after_subtraction(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    """Its own poses are found, its map is sharper than where the other body's poses are used, and it stays in place."""
    before = errors(star.read(folder / "particles.star")["particles"], bodies)
    tables = done(folder / "s.star", tmp_path, "--plot", tmp_path / "l.png")
    after = errors(tables["particles"], bodies)
    assert before[0] > 5 and after[0] < 0.5 * before[0] and after[1] < 0.5 * before[1]
    assert is_png(tmp_path / "l.png")
    blurred = done(folder / "s.star", tmp_path / "still", "--angle-prior", 0.01, "--shift-prior", 0.01)
    mask, truth = bodies.masks["b"], bodies.maps["b"]
    sharp, dull = (fsc(mrc.read(where / "map.mrc").data * mask, truth * mask)[1:20].mean()
                   for where in (tmp_path, tmp_path / "still"))  # fmt: skip
    assert sharp > dull + 0.02
    still = errors(blurred["particles"], bodies)
    assert still == pytest.approx(before, rel=0.02)
    turn = tables["particles"].floats("spaLocalTurn")
    assert np.median(turn) == pytest.approx(before[0], rel=0.2) and tables["particles"].floats("spaLocalShift").any()


def test_without_subtraction_it_is_followed_too(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    halves = ("--half1", folder / "half1.mrc", "--half2", folder / "half2.mrc")
    table = folder / "particles.star"
    after = errors(done(table, tmp_path, "--mask", folder / "mask_b.mrc", *halves)["particles"], bodies)
    assert after[0] < 0.6 * errors(star.read(table)["particles"], bodies)[0]


def test_maps_and_table_say_what_the_next_job_needs(folder: Path, tmp_path: Path) -> None:
    tables = done(folder / "s.star", tmp_path)
    roles = dict(zip(tables["maps"].text("spaMapRole"), tables["maps"].text("spaMapName")))
    assert set(roles) == {"map", "half1", "half2", "mask", "fsc"}
    np.testing.assert_allclose(mrc.read(roles["mask"]).data, mrc.read(folder / "S" / "mask.mrc").data, atol=1e-6)
    before = star.read(folder / "s.star")
    assert tables["particles"].listed("rlnRandomSubset") == before["particles"].listed("rlnRandomSubset")
    assert tables["subtraction"] == before["subtraction"]
    assert run_spa("post", "fsc", tmp_path / "l.star", "-d", tmp_path / "F").status == 0


def pushed(folder: Path, bodies: Bodies, out: Path, degrees: float, pixels: float) -> Path:
    """The table with B's poses, pushed off at random about B's centre."""
    rng = np.random.default_rng(8)
    centre = centre_of_mass(bodies.masks["b"])
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * rng.standard_normal((N, 3))).as_matrix()
    poses = turn @ bodies.poses["b"]
    shifts = bodies.shifts["b"] + (bodies.poses["b"] - poses)[:, :2] @ centre + pixels * rng.standard_normal((N, 2))
    tables = star.read(folder / "s.star")
    table = tables["particles"].with_columns(**pose_columns(poses, shifts, PIXEL))
    star.write(tables.with_block("particles", table), out / "pushed.star")
    return out / "pushed.star"


@pytest.mark.parametrize("prior", [(4, 5), (9, 8)], ids=["one start", "many starts"])
def test_poses_that_were_pushed_off_come_back(folder: Path, bodies: Bodies, tmp_path: Path, prior) -> None:
    """With wide priors from many starts, as with narrow ones."""
    table = pushed(folder, bodies, tmp_path, prior[0] * 0.7, prior[1] * 0.7 / PIXEL)
    found = done(table, tmp_path / "L", "--angle-prior", prior[0], "--shift-prior", prior[1])["particles"]
    before, after = errors(star.read(table)["particles"], bodies), errors(found, bodies)
    assert after[0] < 0.7 * before[0] and after[0] < 3.5 and after[1] < 0.5


def test_an_error_that_all_poses_share_goes_too(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    """Maps come out in the frame of the reference, not between it and that of the poses."""
    table, mean = pushed(folder, bodies, tmp_path, 2.0, 0.5), np.deg2rad([3, -3, 3])
    tables = star.read(table)
    poses, shifts = poses_of(tables["particles"])
    centre = centre_of_mass(bodies.masks["b"])
    turned = poses @ Rotation.from_rotvec(mean).as_matrix()
    columns = pose_columns(turned, shifts + (poses - turned)[:, :2] @ centre, PIXEL)
    star.write(tables.with_block("particles", tables["particles"].with_columns(**columns)), table)
    words = ("--reference", folder / "both.mrc", "--mask", folder / "mask_b.mrc", "--lowpass", 20, "--iterations", 4)
    result = run_spa("refine", "local", table, "-d", tmp_path / "L", "-o", tmp_path / "l.star", *words)
    assert result.status == 0, result.stderr
    found, _ = poses_of(star.read(tmp_path / "l.star")["particles"])
    left = Rotation.from_matrix(np.swapaxes(bodies.poses["b"], 1, 2) @ found).mean().magnitude()
    assert left < 0.2 * np.linalg.norm(mean)


def test_the_fulcrum_does_not_move_the_maps(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    """Wherever the turns are about, body and poses come out in the frame of the reference; in pixels or angstroms."""
    centre = centre_of_mass(bodies.masks["b"]) + BOX // 2
    words = [",".join(f"{one:g}" for one in centre), ",".join(f"{one * PIXEL:g}" for one in centre) + "A"]
    default, pixels, angstroms = (
        done(folder / "s.star", tmp_path / str(number), *more)
        for number, more in enumerate(((), ("--fulcrum", words[0]), ("--fulcrum", words[1])))
    )
    assert default["particles"] == pixels["particles"] == angstroms["particles"]
    other = done(folder / "s.star", tmp_path / "other", "--fulcrum", f"{BOX // 2},{BOX // 2},{BOX // 2}")
    assert errors(other["particles"], bodies)[0] < 4
    mask, truth = bodies.masks["b"], bodies.maps["b"]
    for name in ("0", "other"):
        half = mrc.read(tmp_path / name / "half1.mrc").data
        assert np.corrcoef((half * mask).ravel(), (truth * mask).ravel())[0, 1] > 0.8


def test_non_uniform_follows_it_as_well(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    plain = done(folder / "s.star", tmp_path / "p")
    other = done(folder / "s.star", tmp_path / "n", "--non-uniform")
    a, b = (errors(tables["particles"], bodies)[0] for tables in (plain, other))
    assert a != b and b < 1.2 * a


def test_one_map_to_start_from(folder: Path, bodies: Bodies, tmp_path: Path) -> None:
    """Half-sets that the table lacks are drawn, and that is said; --lowpass says where the start ends."""
    tables = star.read(folder / "particles.star")
    star.write(tables.with_block("particles", tables["particles"].without("rlnRandomSubset")), tmp_path / "p.star")
    words = ("--mask", folder / "mask_b.mrc", "--reference", folder / "both.mrc", "--lowpass", 25)
    result = refine(tmp_path / "p.star", tmp_path, *words, "--seed", 3, "-v")
    assert result.status == 0 and "have no half-set" in result.stderr and "start at 2" in result.stderr
    assert sorted(set(star.read(tmp_path / "l.star")["particles"].ints("rlnRandomSubset"))) == [1, 2]
    assert errors(star.read(tmp_path / "l.star")["particles"], bodies)[0] < 5


def test_threads_and_resume_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    tables = [done(folder / "s.star", tmp_path / str(n), "--threads", n) for n in (1, 2)]
    assert tables[0]["particles"] == tables[1]["particles"]
    again = done(folder / "s.star", tmp_path / "1", "--threads", 1, "--resume")
    assert again["particles"] == tables[0]["particles"]


def test_symmetry_goes_through_the_fulcrum(folder: Path, tmp_path: Path) -> None:
    result = refine(folder / "s.star", tmp_path, "--symmetry", "C2")
    assert result.status == 2 and "fulcrum must lie on its axes" in result.stderr
    centre = f"{BOX // 2},{BOX // 2},{BOX // 2}"
    for made in ("C2", "C3"):
        star.write(maps.with_symmetry(star.read(folder / "s.star"), [made]), tmp_path / "s.star")
        result = refine(tmp_path / "s.star", tmp_path, "--symmetry", "C2", "--fulcrum", centre)
        assert result.status == 0 and ("made in C3, whose axes" in result.stderr) == (made == "C3")
    map_ = mrc.read(tmp_path / "half1.mrc").data[:, 1:, 1:]
    np.testing.assert_allclose(map_, map_[:, ::-1, ::-1], atol=0.05 * map_.max())


def changed(folder: Path, out: Path, *drop: str, **columns: object) -> Path:
    return spoiled.particles(folder / "particles.star", out / "c.star", *drop, **columns)


def test_what_is_wrong_is_said(folder: Path, tmp_path: Path) -> None:
    mask, one = ("--mask", folder / "mask_b.mrc"), ("--reference", folder / "both.mrc")
    halves = ("--half1", folder / "half1.mrc", "--half2", folder / "half2.mrc")
    cases = [
        ({}, one, 65, "--mask"),
        ({}, mask, 65, "--reference"),
        ({}, (*mask, *one, *halves), 2, "one map or two half maps"),
        ({}, (*mask, *halves[:2]), 2, "belong together"),
        ({}, (*mask, *one, "--fulcrum", "1,2"), 2, "is not X,Y,Z"),
        ({}, (*mask, *one, "--fulcrum", "1,2,300"), 2, "outside of the map"),
        ({}, (*mask, *one, "--fulcrum", "0,0,0"), 2, "further than half a box"),
        ({}, (*mask, *one, "--symmetry", "C"), 2, "C"),
        ({}, (*mask, *one, "--class", "0"), 2, "--class"),
        ({"drop": ["rlnAngleRot"]}, (*mask, *one), 65, "no poses"),
        ({"drop": ["rlnRandomSubset"]}, (*mask, *halves), 65, "rlnRandomSubset"),
        ({}, (*mask, "--reference", folder / "gone.mrc"), 66, "gone.mrc"),
    ]
    for number, (change, words, status, said) in enumerate(cases):
        result = refine(changed(folder, tmp_path, *change.get("drop", [])), tmp_path / "x", *words)
        assert result.status == status and said in result.stderr and "Traceback" not in result.stderr, (
            number, result.stderr)  # fmt: skip


def test_contrast_the_wrong_way_round_is_said(folder: Path, tmp_path: Path) -> None:
    both = mrc.read(folder / "both.mrc")
    mrc.write(tmp_path / "dark.mrc", -both.data, PIXEL)
    result = refine(folder / "particles.star", tmp_path, "--mask", folder / "mask_b.mrc", "--reference",
                    tmp_path / "dark.mrc")  # fmt: skip
    assert result.status == 65 and "do not have the map's signal" in result.stderr


def test_a_device_finds_the_same_poses(folder: Path, tmp_path: Path, card: Any) -> None:
    given = ("--angle-prior", 1, "--shift-prior", 1, "--iterations", 1)  # few starts: kernels are slow without a card
    wanted = poses_of(done(folder / "s.star", tmp_path / "cpu", *given)["particles"])
    found = poses_of(done(folder / "s.star", tmp_path / "on", *given, "--device", "cuda")["particles"])
    assert card.launches["climb"] and np.median(angles_between(wanted[0], found[0])) < np.deg2rad(0.1)
    assert np.median(np.abs(wanted[1] - found[1])) < 0.05
