"""spa symmetry align: maps, masks and poses come to lie on the axes together."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job.maps import with_maps
from spa.job.particles import pose_columns
from spa.model.poses import matrices
from spa.simulate.specimen import of_phantom
from spa.symmetry.align import turned
from spa.testing import is_png, run_spa
from spa.volume.shells import lowpass
from spa.volume.symmetry import operators
from spa.volume.transform import projections, resampled, transform

PIXEL = 3.5
ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A D2 map astray with half maps and a mask, and poses of 30 particles of two classes: in.star."""
    folder, rng = tmp_path_factory.mktemp("maps"), np.random.default_rng(3)
    volume = turned(of_phantom(64, PIXEL, "D2", 150, rng).volume, Rotation.random(random_state=4).as_matrix())
    volume = np.roll(volume, (1, 2, -2), (0, 1, 2)).astype(np.float32)
    made = {"map": volume, "mask": np.clip(volume / volume.max(), 0, 1)}
    for half in ("half1", "half2"):
        made[half] = (volume + 0.2 * volume.std() * rng.standard_normal(volume.shape)).astype(np.float32)
    for name, data in made.items():
        mrc.write(folder / f"{name}.mrc", data, PIXEL)
    poses, shifts = Rotation.random(30, random_state=5).as_matrix(), rng.normal(0, 2, (30, 2))
    names = [f"{i + 1:06d}@none.mrcs" for i in range(30)]
    columns = pose_columns(poses, shifts, PIXEL)
    table = Table.of(rlnImageName=names, rlnClassNumber=np.arange(30) % 2 + 1, **columns)
    tables = with_maps(Tables({"particles": table}), [(role, str(folder / f"{role}.mrc")) for role in made])
    star.write(tables, folder / "in.star")
    return folder


def images(map_: np.ndarray, table: Table) -> np.ndarray:
    """Half spectra of what the particles show of a map, moved as their origins say."""
    poses = matrices(*np.deg2rad([table.floats(name) for name in ANGLES]))
    seen = projections(transform(map_, PIXEL), poses, 64, PIXEL)
    shift = -np.stack([table.floats("rlnOriginXAngst"), table.floats("rlnOriginYAngst")], axis=1) / PIXEL
    kx, ky = np.fft.rfftfreq(64), np.fft.fftfreq(64)[:, None]
    return seen * np.exp(-2j * np.pi * (shift[:, :1, None] * kx + shift[:, 1:, None] * ky))


def test_all_lies_on_the_axes_and_particles_show_the_same(folder: Path, tmp_path: Path) -> None:
    result = run_spa("symmetry", "align", folder / "in.star", "-d", tmp_path, "-o", tmp_path / "o.star",
                     "--plot", tmp_path / "p.png", "--max-fold", 4)  # fmt: skip
    assert result.status == 0 and "D2: score" in result.stderr, result.stderr
    assert is_png(tmp_path / "p.png")
    tables = star.read(tmp_path / "o.star")
    names = dict(zip(tables["maps"].text("spaMapRole"), tables["maps"].text("spaMapName")))
    assert set(names) == {"map", "half1", "half2", "mask"}
    assert all(Path(name).parent == tmp_path for name in names.values())
    laid = {role: np.asarray(mrc.read(name).data) for role, name in names.items()}
    for one in operators("D2")[1:]:
        assert np.corrcoef(laid["map"].ravel(), turned(laid["map"], one).ravel())[0, 1] > 0.97
    for role in ("half1", "half2", "mask"):
        assert np.corrcoef(laid["map"].ravel(), laid[role].ravel())[0, 1] > 0.9
    old = images(np.asarray(mrc.read(folder / "map.mrc").data), star.read(folder / "in.star")["particles"])
    new = images(laid["map"], tables["particles"])
    assert np.linalg.norm(new - old) < 0.05 * np.linalg.norm(old)


def test_one_class_alone_and_a_group_by_name(folder: Path, tmp_path: Path) -> None:
    words = ("--symmetry", "c2", "--class", 1, "--average", "--max-resolution", 15)
    result = run_spa("symmetry", "align", folder / "in.star", "-d", tmp_path, "-o", tmp_path / "o.star", *words)
    assert result.status == 0, result.stderr
    before, after = (star.read(path)["particles"] for path in (folder / "in.star", tmp_path / "o.star"))
    mine = before.ints("rlnClassNumber") == 1
    same = np.isclose(before.floats("rlnAngleTilt"), after.floats("rlnAngleTilt"), atol=1e-3)
    assert same[~mine].all() and not same[mine].any()
    map_ = np.asarray(mrc.read(tmp_path / "map.mrc").data)
    assert np.corrcoef(map_.ravel(), turned(map_, operators("C2")[1]).ravel())[0, 1] > 0.995


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--symmetry", "Q"), 2, "Q"),
        (("--symmetry", "C1"), 2, "no axes"),
        (("--max-fold", 99), 2, "max-fold"),
        (("--class", 7), 65, "no data_maps row of role map"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, tmp_path: Path, words: tuple, status: int, said: str) -> None:
    result = run_spa("symmetry", "align", folder / "in.star", "-d", tmp_path, *words)
    assert result.status == status and said in result.stderr, result.stderr


@pytest.mark.parametrize(("group", "warned"), [("C7", True), ("D2", False)])
def test_a_named_group_that_is_not_there_is_said(folder: Path, tmp_path: Path, group: str, warned: bool) -> None:
    result = run_spa("symmetry", "align", folder / "in.star", "-d", tmp_path, "-o", tmp_path / "o.star",
                     "--symmetry", group)  # fmt: skip
    assert result.status == 0, result.stderr
    assert ("speaks for C7" in result.stderr) == warned


def test_a_map_without_symmetry_is_refused(tmp_path: Path) -> None:
    volume = of_phantom(64, PIXEL, "C1", 150, np.random.default_rng(8)).volume
    mrc.write(tmp_path / "a.mrc", volume.astype(np.float32), PIXEL)
    result = run_spa("symmetry", "align", "--map", tmp_path / "a.mrc", "-d", tmp_path / "d")
    assert result.status == 65 and "no symmetry was found" in result.stderr


@pytest.fixture
def astray(tmp_path: Path) -> Path:
    """A particle without symmetry, as it is (there.mrc, in a box of its own), and turned, moved and noisy, with half
    maps and 30 poses (in.star)."""
    rng = np.random.default_rng(5)
    volume = of_phantom(64, PIXEL, "C1", 120, rng).volume
    mrc.write(tmp_path / "there.mrc", resampled(transform(volume, PIXEL), 96, PIXEL / 1.25), PIXEL / 1.25)
    volume = np.roll(turned(volume, Rotation.random(random_state=2).as_matrix()), (2, -3, 1), (0, 1, 2))
    for role in ("map", "half1", "half2"):
        grain = 0.3 * volume.std() * rng.standard_normal(volume.shape)
        mrc.write(tmp_path / f"{role}.mrc", (volume + grain).astype(np.float32), PIXEL)
    poses, shifts = Rotation.random(30, random_state=5).as_matrix(), rng.normal(0, 2, (30, 2))
    names = [f"{i + 1:06d}@none.mrcs" for i in range(30)]
    table = Table.of(rlnImageName=names, **pose_columns(poses, shifts, PIXEL))
    files = [(role, str(tmp_path / f"{role}.mrc")) for role in ("map", "half1", "half2")]
    star.write(with_maps(Tables({"particles": table}), files), tmp_path / "in.star")
    return tmp_path


def test_onto_another_map_of_any_box(astray: Path) -> None:
    result = run_spa("symmetry", "align", astray / "in.star", "-d", astray / "o", "-o", astray / "o.star",
                     "--onto", astray / "there.mrc", "--plot", astray / "p.png")  # fmt: skip
    assert is_png(astray / "p.png")
    assert result.status == 0 and "likeness 0.9" in result.stderr, result.stderr
    there = resampled(transform(np.asarray(mrc.read(astray / "there.mrc").data), PIXEL / 1.25), 64, PIXEL)
    laid = {role: np.asarray(mrc.read(astray / "o" / f"{role}.mrc").data) for role in ("map", "half1", "half2")}
    smooth = lowpass(laid["map"], PIXEL, 12)
    assert np.corrcoef(smooth.ravel(), lowpass(there, PIXEL, 12).ravel())[0, 1] > 0.98
    assert np.corrcoef(laid["half1"].ravel(), laid["half2"].ravel())[0, 1] > 0.85
    old = images(np.asarray(mrc.read(astray / "map.mrc").data), star.read(astray / "in.star")["particles"])
    new = images(laid["map"], star.read(astray / "o.star")["particles"])
    assert np.linalg.norm(new - old) < 0.1 * np.linalg.norm(old)


def test_a_model_that_fits_the_other_map_fits_this_one(astray: Path) -> None:
    """Places in angstroms stay, whatever the boxes: of what is laid, and of what is made of that."""
    there = np.array(mrc.read(astray / "there.mrc").data)
    mrc.write(astray / "there.mrc", there, PIXEL / 1.25, origin=(-30.0, 12.5, 200.0))
    result = run_spa("symmetry", "align", astray / "in.star", "-d", astray / "o", "-o", astray / "o.star",
                     "--onto", astray / "there.mrc")  # fmt: skip
    masked = run_spa("post", "mask", astray / "o.star", "-d", astray / "m", "-o", astray / "m.star")
    sharp = run_spa("post", "sharpen", astray / "m.star", "-d", astray / "s", "--bfactor", 0, "--no-fsc-weighting")
    assert result.status == masked.status == sharp.status == 0, masked.stderr + sharp.stderr
    wanted = middle(astray / "there.mrc")
    for made in ("o/map.mrc", "o/half1.mrc", "m/mask.mrc", "s/sharpened.mrc"):
        assert np.abs(middle(astray / made) - wanted).max() < 2 * PIXEL, made


def middle(path: Path) -> np.ndarray:
    """x, y, z (angstroms) of the centre of what is dense in a map, by its header."""
    header, data = mrc.read_header(path), np.asarray(mrc.read(path).data)
    dense = np.argwhere(data > 0.3 * data.max()).mean(axis=0)
    return np.array(header.origin) + dense[::-1] * header.pixel_size


def test_the_other_hand_is_refused(astray: Path) -> None:
    flipped = run_spa("symmetry", "flip", astray / "in.star", "-d", astray / "f", "-o", astray / "f.star")
    assert flipped.status == 0, flipped.stderr
    result = run_spa("symmetry", "align", astray / "f.star", "-d", astray / "o", "--onto", astray / "there.mrc")
    assert result.status == 65 and "of the other hand" in result.stderr and "flip` first" in result.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--symmetry", "C2"), 2, "--symmetry: not with --onto"),
        (("--average",), 2, "--average: not with --onto"),
        (("--max-resolution", 2), 2, "7 to"),
    ],
)
def test_what_does_not_go_with_onto(astray: Path, words: tuple, status: int, said: str) -> None:
    given = ("symmetry", "align", astray / "in.star", "-d", astray / "o", "--onto", astray / "there.mrc")
    result = run_spa(*given, *words)
    assert result.status == status and said in result.stderr, result.stderr


def test_another_particle_is_said_to_be_hardly_alike(astray: Path) -> None:
    mrc.write(astray / "other.mrc", of_phantom(64, PIXEL, "C1", 150, np.random.default_rng(77)).volume, PIXEL)
    result = run_spa("symmetry", "align", astray / "in.star", "-d", astray / "o", "-o", astray / "o.star",
                     "--onto", astray / "other.mrc")  # fmt: skip
    assert "hardly alike" in result.stderr or "of the other hand" in result.stderr, result.stderr


def test_hands_that_are_alike_are_not_told(astray: Path) -> None:
    """At 60 A a map of three lobes in a plane is its own mirror image."""
    z, y, x = np.mgrid[:64, :64, :64] - 32
    flat = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2 + z**2) / 30) for a, b in ((12, 0), (-6, 9), (-4, -12)))
    mrc.write(astray / "flat.mrc", flat.astype(np.float32), PIXEL)
    flat_map = astray / "flat.mrc"
    result = run_spa("symmetry", "align", "--map", flat_map, "-d", astray / "o", "--onto", flat_map)
    assert result.status == 0 and "do not show whether they are of one hand" in result.stderr, result.stderr
