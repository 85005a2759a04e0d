"""`spa post orientation`."""

import re
from pathlib import Path

import numpy as np
import pytest

from spa.image import fft
from spa.io import mrc, star
from spa.testing import is_png, run_spa, write_half_maps
from spa.volume.masks import soft_sphere
from spa.volume.sphere import icosphere, sphericity

BOX, PIXEL = 40, 3.0


def table(path: Path, sight: np.ndarray, **more: object) -> Path:
    """Particles that look along directions (n, 3)."""
    rot, tilt = np.rad2deg(np.arctan2(sight[:, 1], sight[:, 0])), np.rad2deg(np.arccos(sight[:, 2]))
    names = [f"{number + 1:06d}@a.mrcs" for number in range(len(sight))]
    particles = star.Table.of(rlnImageName=names, rlnAngleRot=rot, rlnAngleTilt=tilt, **more)
    star.write(star.Tables({"particles": particles}), path)
    return path


def even(count: int = 3000, seed: int = 0) -> np.ndarray:
    sight = np.random.default_rng(seed).standard_normal((count, 3))
    return sight / np.linalg.norm(sight, axis=1, keepdims=True)


def halves(folder: Path, cone: float = 0.0) -> tuple[Path, Path]:
    """White signal in white noise; within a cone (degrees) about z there is noise alone."""
    k = np.fft.fftfreq(BOX)
    z = np.abs(k)[:, None, None] + np.zeros((BOX, BOX, BOX // 2 + 1))
    length = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + np.fft.rfftfreq(BOX) ** 2)
    rng = np.random.default_rng(1)
    signal = fft.rfft3(2 * rng.standard_normal((BOX,) * 3))
    signal[z > length * np.cos(np.deg2rad(cone)) - 1e-9 * (cone == 0)] *= cone == 0
    volume = fft.irfft3(signal, BOX)
    for number in (1, 2):
        mrc.write(folder / f"{number}.mrc", volume + rng.standard_normal(volume.shape).astype(np.float32), PIXEL)
    mrc.write(folder / "mask.mrc", soft_sphere(BOX, 15, 4), PIXEL)
    return folder / "1.mrc", folder / "2.mrc"


def run(*words: object) -> tuple[star.Tables, str]:
    out = Path(str(words[words.index("-d") + 1]))
    result = run_spa("post", "orientation", *words, "-o", out.with_suffix(".star"))
    assert result.status == 0, result.stderr
    return star.read(out / "orientation.star"), result.stderr


def test_even_views_pass(tmp_path: Path) -> None:
    tables, said = run(table(tmp_path / "p.star", even()), "-d", tmp_path / "o")
    assert "nothing is missing" in said and "gaps" not in tables
    assert tables["orientation"].floats("spaScfStar")[0] > 0.9
    assert tables["directions"].floats("spaViewDensity").mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("axis", [(0.0, 0.0, 1.0), (0.6, 0.0, -0.8), (0.0, 1.0, 0.0)])
def test_a_missing_cap_is_named_with_its_direction_and_size(tmp_path: Path, axis: tuple) -> None:
    sight = even()
    sight = sight[sight @ np.array(axis) < np.cos(np.deg2rad(40))]
    tables, said = run(table(tmp_path / "p.star", sight), "-d", tmp_path / "o")
    assert "hardly any views" in said and len(tables["gaps"]) == 1
    rot, tilt = (np.deg2rad(tables["gaps"].floats(name)[0]) for name in ("rlnAngleRot", "rlnAngleTilt"))
    found = np.array([np.cos(rot) * np.sin(tilt), np.sin(rot) * np.sin(tilt), np.cos(tilt)])
    assert found @ np.array(axis) > np.cos(np.deg2rad(8))
    assert tables["gaps"].floats("spaHalfAngle")[0] == pytest.approx(40, abs=9)


def test_symmetry_fills_a_cap_and_names_one_of_its_copies(tmp_path: Path) -> None:
    sight = even()
    top = table(tmp_path / "top.star", sight[sight[:, 2] < 0.7])
    tables, _ = run(top, "-d", tmp_path / "o", "--symmetry", "D2")
    assert "gaps" not in tables  # the cap at the other end is its copy
    both = table(tmp_path / "both.star", sight[np.abs(sight[:, 0]) < 0.7])
    tables, _ = run(both, "-d", tmp_path / "p", "--symmetry", "D2")
    assert len(tables["gaps"]) == 1


def test_side_views_alone_fill_fourier_space_and_top_views_do_not(tmp_path: Path) -> None:
    """Views on the equator have an SCF of 0.81; a narrow cap leaves a cone of Fourier space empty."""
    turn = np.random.default_rng(0).uniform(0, 2 * np.pi, 4000)
    sides = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    tables, _ = run(table(tmp_path / "s.star", sides), "-d", tmp_path / "s")
    assert tables["orientation"].floats("spaScf")[0] == pytest.approx(0.81, abs=0.04)
    sight = even(20000)
    tables, said = run(table(tmp_path / "t.star", sight[sight[:, 2] > 0.8]), "-d", tmp_path / "t")
    assert tables["orientation"].floats("spaScfStar")[0] < 0.3 and "SCF*" in said


def test_even_half_maps_pass_and_a_missing_cone_is_named(tmp_path: Path) -> None:
    first, second = halves(tmp_path)
    call = ("--half1", first, "--half2", second, "--mask", tmp_path / "mask.mrc")
    tables, said = run(*call, "-d", tmp_path / "o", "--plot", tmp_path / "o.png")
    assert "nothing is missing" in said and is_png(tmp_path / "o.png")
    assert tables["orientation"].floats("spaCfar")[0] > 0.8
    assert tables["orientation"].floats("spaSphericity")[0] > 0.95
    halves(tmp_path, 35)
    tables, said = run(*call, "-d", tmp_path / "c")
    assert tables["orientation"].floats("spaCfar")[0] < 0.5 and "worst about" in said
    assert tables["orientation"].floats("spaSphericity")[0] < 0.95
    directions = tables["directions"]
    worst = directions.floats("rlnAngleTilt")[directions.floats("spaConeArea").argmin()]
    assert min(worst, 180 - worst) < 15


def test_half_maps_and_particles_of_the_stream(tmp_path: Path) -> None:
    write_half_maps(tmp_path)
    first, second = tmp_path / "half1.mrc", tmp_path / "half2.mrc"
    path = table(tmp_path / "p.star", even(400), rlnClassNumber=[1 + n % 2 for n in range(400)])
    maps = star.Table.of(spaMapName=[str(first), str(second)], spaMapRole=["half1", "half2"], spaMapClass=[1, 1])
    star.write(star.read(path).with_block("maps", maps), path)
    words = (path, "-d", tmp_path / "o", "--class", 1, "--half-angle", 30, "--seed", 1, "--plot", tmp_path / "o.png")
    tables, said = run(*words)
    assert {"spaCfar", "spaScf"} <= set(tables["orientation"].columns) and "automatic one" in said
    assert is_png(tmp_path / "o.png")
    assert "orientation" in star.read(tmp_path / "o.star") and "particles" in star.read(tmp_path / "o.star")


def test_a_ball_has_sphericity_one_and_a_cigar_less() -> None:
    points, faces = icosphere(3)
    assert len(points) == 642 and len(faces) == 1280
    assert sphericity(np.full(642, 7.0), 3) == pytest.approx(1)
    squeezed = 1 / np.sqrt(points[:, 0] ** 2 + points[:, 1] ** 2 + (points[:, 2] / 3) ** 2)
    assert sphericity(squeezed, 3) == pytest.approx(0.846, abs=0.01)  # a spheroid 3 : 1


def test_a_class_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "p.star", even(200))
    assert run_spa("post", "orientation", path, "-d", tmp_path / "o", "--class", 1).status == 0
    result = run_spa("post", "orientation", path, "-d", tmp_path / "o", "--class", 9)
    assert result.status == 65 and "no particles of class 9" in result.stderr


def test_bad_input(tmp_path: Path) -> None:
    star.write(star.Tables({"particles": star.Table.of(rlnImageName=["000001@a.mrcs"])}), tmp_path / "p.star")
    result = run_spa("post", "orientation", tmp_path / "p.star", "-d", tmp_path / "o")
    assert result.status == 65 and "neither half maps nor particles with poses" in result.stderr
    empty = star.Table.of(rlnAngleRot=np.zeros(0), rlnAngleTilt=np.zeros(0))
    star.write(star.Tables({"particles": empty}), tmp_path / "e.star")
    result = run_spa("post", "orientation", tmp_path / "e.star", "-d", tmp_path / "o")
    assert result.status == 65 and "has no rows" in result.stderr
    assert run_spa("post", "orientation", tmp_path / "p.star", "-d", tmp_path / "o", "--symmetry", "Q").status == 2
    assert run_spa("post", "orientation", "--half1", tmp_path / "p.star", "-d", tmp_path / "o").status == 2


def test_views_about_one_axis_are_told_with_it(tmp_path: Path) -> None:
    axis = np.array([0.66, 0.56, 0.5])
    axis /= np.linalg.norm(axis)
    sight = even(12000)
    sight = sight[np.abs(sight @ axis) > np.cos(np.deg2rad(30))]
    _, said = run(table(tmp_path / "p.star", sight), "-d", tmp_path / "o")
    assert "of the sphere: they crowd about" in said
    for words in ("crowd about", "through the direction"):  # the views' axis is where slices are missing
        rot, tilt = map(float, re.search(rf"{words} rot (-?\d+) tilt (\d+)", said).groups())  # type: ignore[union-attr]
        rot, tilt = np.deg2rad(rot), np.deg2rad(tilt)
        found = np.array([np.cos(rot) * np.sin(tilt), np.sin(rot) * np.sin(tilt), np.cos(tilt)])
        assert abs(found @ axis) > np.cos(np.deg2rad(12))
