"""`spa simulate micrographs`."""

from pathlib import Path

import numpy as np
import pytest

from spa.image.ctf import Lens, ctf
from spa.io import mrc, star
from spa.testing import run_spa

SMALL = ("--box", 32, "--pixel-size", 4.0, "--size", 260, 220, "--n", 2, "--particles", 9)


def run(out: Path, *more: object) -> tuple[list[np.ndarray], star.Tables, str]:
    result = run_spa("simulate", "micrographs", "-d", out, *SMALL, *more)
    assert result.status == 0, result.stderr
    names = star.read(out / "micrographs.star")["micrographs"].text("rlnMicrographName")
    return [np.array(mrc.read(name).data) for name in names], star.read(out / "truth_particles.star"), result.stdout


def test_micrographs_and_their_tables(tmp_path: Path) -> None:
    images, truth, printed = run(tmp_path, "--symmetry", "C4")
    assert [image.shape for image in images] == [(220, 260)] * 2
    assert images[0].mean() == pytest.approx(100, abs=1) and images[0].std() == pytest.approx(10, rel=0.1)
    assert printed == (tmp_path / "micrographs.star").read_text()
    assert mrc.read_header(tmp_path / "mic00001.mrc").pixel_size == pytest.approx(4)
    assert len(truth["particles"]) == 18
    defocus = star.read(tmp_path / "truth_micrographs.star")["micrographs"]
    first = truth["particles"].text("rlnMicrographName") == defocus.text("rlnMicrographName")[0]
    assert set(truth["particles"].floats("rlnDefocusU")[first]) == {defocus.floats("rlnDefocusU")[0]}


@pytest.mark.parametrize("share", [0.001, 0.5])
def test_what_particles_lack_is_told_where_some_may_be_broken(tmp_path: Path, share: float) -> None:
    """Also where chance has broken none: the column is there for all seeds, or for none."""
    missing = run(tmp_path, "--broken", share)[1]["particles"].floats("spaMissing")
    assert len(missing) == 18 and missing.any() == (share > 0.1)
    assert "spaMissing" not in run(tmp_path / "whole")[1]["particles"]


def test_particles_are_dark_where_the_truth_says(tmp_path: Path) -> None:
    images, truth, _ = run(tmp_path, "--snr", 5, "--defocus", 20000, 20000)
    p = truth["particles"]
    here = p.text("rlnMicrographName") == str(tmp_path / "mic00001.mrc")
    x, y = np.rint(p.floats("rlnCoordinateX")[here]).astype(int), np.rint(p.floats("rlnCoordinateY")[here]).astype(int)
    patches = [images[0][row - 5 : row + 6, col - 5 : col + 6].mean() for col, row in zip(x, y)]
    assert np.mean(patches) < images[0].mean() - 3


def test_an_extracted_particle_is_the_truth_s_projection(tmp_path: Path) -> None:
    """Cut out, inverted, and compared with the projection at its pose: the white noise alone is left."""
    from spa.model.poses import matrices
    from spa.volume.transform import frequencies, projections, transform

    images, truth, _ = run(tmp_path, "--snr", 2, "--ice", 0, "--bfactor", 0, "--astigmatism", 0)
    p = truth["particles"]
    volume = np.array(mrc.read(tmp_path / "truth.mrc").data)
    source = transform(volume, 4.0)
    kx, ky = frequencies(32, 4.0)
    total, weight = 0.0, 0.0
    for row in range(9):
        x, y = p.floats("rlnCoordinateX")[row], p.floats("rlnCoordinateY")[row]
        col, line = round(x), round(y)
        if not (16 <= col < 244 and 16 <= line < 204):
            continue
        cut = (100 - images[0][line - 16 : line + 16, col - 16 : col + 16]) / 10
        angles = np.deg2rad([p.floats(f"rlnAngle{name}")[row] for name in ("Rot", "Tilt", "Psi")])
        spectrum = projections(source, matrices(*angles[:, None]), 32, 4.0)[0]
        spectrum = spectrum * np.exp(-2j * np.pi * (kx * (x - col) + ky * (y - line)) * 4.0)
        spectrum *= ctf(Lens(300, 2.7, 0.1), kx, ky, p.floats("rlnDefocusU")[row], p.floats("rlnDefocusV")[row], 0.0)
        clean = np.roll(np.fft.irfft2(spectrum, (32, 32)), (16, 16), (0, 1))
        total, weight = total + (cut * clean).sum(), weight + (clean**2).sum()
    assert total / weight == pytest.approx(1, abs=0.15)


def test_the_seed_decides_and_threads_do_not(tmp_path: Path) -> None:
    first, same, other = (run(tmp_path / name, *more)[0][1] for name, more in
                          {"a": ("--threads", 1), "b": ("--threads", 2), "c": ("--seed", 1)}.items())  # fmt: skip
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_a_resumed_run_gives_the_same(tmp_path: Path) -> None:
    before, _, printed = run(tmp_path)
    (tmp_path / "mic00002.mrc").unlink()
    result = run_spa("simulate", "micrographs", "-d", tmp_path, *SMALL, "--resume")
    assert result.status == 0 and result.stdout == printed
    assert np.array_equal(mrc.read(tmp_path / "mic00002.mrc").data, before[1])


def test_empty_and_bad_ones(tmp_path: Path) -> None:
    _, truth, _ = run(tmp_path, "--n", 3, "--empty", 1, "--bad", 1)
    counts = [int((truth["particles"].text("rlnMicrographName") == str(tmp_path / f"mic0000{i}.mrc")).sum())
              for i in (1, 2, 3)]  # fmt: skip
    assert counts == [9, 0, 9]


def test_gap(tmp_path: Path) -> None:
    _, truth, _ = run(tmp_path, "--specimen-diameter", 80, "--gap", 100, "--particles", 100)
    p = truth["particles"]
    xy = np.stack([p.floats("rlnCoordinateX"), p.floats("rlnCoordinateY")], 1)
    xy = xy[p.text("rlnMicrographName") == str(tmp_path / "mic00001.mrc")]
    apart = np.linalg.norm(xy[:, None] - xy, axis=2) + 1e9 * np.eye(len(xy))
    assert apart.min() * 4 >= 180 - 1e-6


def test_crystals_are_there_when_asked_for(tmp_path: Path) -> None:
    clean, dirty = (run(tmp_path / str(i), "--crystals", i, "--particles", 0)[0][0] for i in (0, 4))
    assert dirty.std() > clean.std() + 0.1


def test_faults_and_their_truth(tmp_path: Path) -> None:
    more = ("--tilt", 20, 30, "--thickness", 400, "--carbon", 0.2, "--aggregates", 1, "--particles", 40)
    images, truth, _ = run(tmp_path, *more, "--pixel-size", 1.5, "--ice-ring", 5)
    known = star.read(tmp_path / "truth_micrographs.star")["micrographs"]
    tilt, masks = known.floats("spaCtfTilt"), known.text("spaJunkMask")
    assert ((tilt >= 20) & (tilt <= 30)).all() and set(known.floats("spaIceThickness")) == {400.0}
    particles = truth["particles"]
    x, y = particles.floats("rlnCoordinateX"), particles.floats("rlnCoordinateY")
    axes, defocus, names = known.floats("spaCtfTiltAxis"), known.floats("rlnDefocusU"), known.text("rlnMicrographName")
    for name, mask, image, slope, axis, u in zip(names, masks, images, tilt, axes, defocus):
        junk = np.array(mrc.read(mask).data)
        assert junk.shape == image.shape and 0.15 < junk.mean() < 0.9
        here = particles.text("rlnMicrographName") == name
        assert not junk[np.rint(y[here]).astype(int), np.rint(x[here]).astype(int)].any()
        across = (x[here] - 129.5) * np.sin(np.radians(axis)) - (y[here] - 109.5) * np.cos(np.radians(axis))
        away = particles.floats("rlnDefocusU")[here] - u - 1.5 * across * np.tan(np.radians(slope))
        assert (np.abs(away) <= 200 + 1e-3).all()


def test_a_map_of_another_symmetry_and_optics(tmp_path: Path) -> None:
    run(tmp_path / "first")
    given = tmp_path / "first" / "truth.mrc"
    _, truth, _ = run(tmp_path / "a", "--map", given, "--symmetry", "C2", "--voltage", 200)
    assert truth["optics"].floats("rlnVoltage")[0] == 200


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--defocus", 2e4, 1e4), 2, "least comes first"),
        (("--empty", 2, "--bad", 1), 2, "more than the 2 micrographs"),
        (("--tilt", 20, 10), 2, "least comes first"),
        (("--ice-ring", 5), 2, "do not show"),
        (("--ice", 1.5), 2, "--ice"),
        (("--model", "none.pdb"), 66, "none.pdb"),
    ],
)
def test_bad_options(tmp_path: Path, options: tuple[object, ...], status: int, message: str) -> None:
    result = run_spa("simulate", "micrographs", "-d", tmp_path / "o", *SMALL, *options, cwd=tmp_path)
    assert result.status == status and message in result.stderr and "Traceback" not in result.stderr


def test_a_phase_plate_shows_in_the_rings_and_in_the_truth(tmp_path: Path) -> None:
    """`spa ctf patch` finds the shifts, and the defocus beside them."""
    words = ("--box", 48, "--pixel-size", 2.0, "--size", 900, 900, "--n", 2, "--particles", 0, "--ice", 0.6,
             "--defocus", 8000, 12000, "--phase-shift", 60, 110)  # fmt: skip
    words += ("-d", tmp_path / "S", "-o", tmp_path / "m.star")
    assert run_spa("simulate", "micrographs", *words).status == 0
    found = run_spa("ctf", "patch", tmp_path / "m.star", "-d", tmp_path / "C", "-o", tmp_path / "c.star", "--whole",
                    "--phase-shift", 0, 180)  # fmt: skip
    assert found.status == 0, found.stderr
    truth, told = (star.read(tmp_path / name)["micrographs"] for name in ("S/truth_micrographs.star", "c.star"))
    shifts = truth.floats("rlnPhaseShift")
    assert (shifts >= 60).all() and (shifts <= 110).all() and shifts[0] != shifts[1]
    np.testing.assert_allclose(told.floats("rlnPhaseShift"), shifts, atol=10)
    np.testing.assert_allclose(told.floats("rlnDefocusU"), truth.floats("rlnDefocusU"), atol=250)


def test_without_a_phase_plate_nothing_is_said_of_one(tmp_path: Path) -> None:
    _, truth, _ = run(tmp_path, "--phase-shift", 0, 0)
    assert "rlnPhaseShift" not in truth["particles"]
    result = run_spa("simulate", "micrographs", "-d", tmp_path, *SMALL, "--phase-shift", 90, 60)
    assert result.status == 2 and "the least comes first" in result.stderr


def test_particles_carry_the_phase_shift_of_their_micrographs(tmp_path: Path) -> None:
    _, truth, _ = run(tmp_path, "--phase-shift", 90, 90)
    assert set(truth["particles"].floats("rlnPhaseShift")) == {90.0}
