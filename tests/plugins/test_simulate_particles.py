"""`spa simulate particles`."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from spa.image.ctf import Lens
from spa.io import mrc, star
from spa.model.optics import optics_groups
from spa.model.particles import particles_of
from spa.model.poses import matrices
from spa.simulate.optics import Defocus
from spa.simulate.particles import clean_images
from spa.simulate.specimen import Specimen, extent
from spa.testing import run_spa
from spa.volume.phantom import phantom
from spa.volume.symmetry import operators
from spa.volume.transform import resampled, transform

SMALL = ("--box", 32, "--pixel-size", 4.0, "--n", 40)


def run(out: Path, *more: object) -> tuple[np.ndarray, star.Tables, str]:
    result = run_spa("simulate", "particles", "-d", out, *more)
    assert result.status == 0, result.stderr
    return np.array(mrc.read(out / "particles.mrcs").data), star.read(out / "truth.star"), result.stdout


def modelled(out: Path) -> np.ndarray:
    """The noise-free images that truth.star and truth.mrc say."""
    tables = star.read(out / "truth.star")
    p, optics = particles_of(tables), optics_groups(tables)[1]
    volume = mrc.read(out / "truth.mrc")
    data = np.array(volume.data)
    specimen = Specimen(data, volume.pixel_size, transform(data, volume.pixel_size), 0.0)
    lens = Lens(optics.voltage, optics.cs, optics.contrast)
    defocus = Defocus(p.defocus_u, p.defocus_v, p.defocus_angle)
    return clean_images(specimen, matrices(*p.euler.T), p.origin, lens, defocus, len(data), volume.pixel_size)


def test_images_are_the_truth_plus_noise_of_unit_variance(tmp_path: Path) -> None:
    images, _, _ = run(tmp_path, *SMALL, "--symmetry", "D2")
    clean = modelled(tmp_path)
    assert (images - clean).std() == pytest.approx(1, rel=0.02)
    assert (images * clean).sum() / (clean**2).sum() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("snr", [0.05, 1.0])
def test_the_signal_to_noise_ratio_is_that_asked_for(tmp_path: Path, snr: float) -> None:
    run(tmp_path, *SMALL, "--snr", snr, "--specimen-diameter", 80)
    clean = modelled(tmp_path)
    clean -= clean.mean((1, 2), keepdims=True)
    area = np.pi / 4 * (80 / 4.0) ** 2
    assert (clean**2).sum((1, 2)).mean() / area == pytest.approx(snr, rel=0.02)


def test_a_user_s_table_has_no_truth_in_it(tmp_path: Path) -> None:
    _, truth, printed = run(tmp_path, *SMALL)
    blind = star.read(tmp_path / "particles.star")
    known = {"rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", "rlnRandomSubset"}
    assert known <= set(truth["particles"].columns) and not known & set(blind["particles"].columns)
    assert printed == (tmp_path / "particles.star").read_text()
    halves = truth["particles"].ints("rlnRandomSubset")
    assert (halves == 1).sum() == (halves == 2).sum() == 20


def test_the_seed_decides_and_threads_do_not(tmp_path: Path) -> None:
    first, _, _ = run(tmp_path / "a", *SMALL, "--threads", 1)
    same, _, _ = run(tmp_path / "b", *SMALL, "--threads", 2)
    other, _, _ = run(tmp_path / "c", *SMALL, "--seed", 1)
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_optics_are_those_asked_for(tmp_path: Path) -> None:
    _, truth, _ = run(tmp_path, *SMALL, "--voltage", 200, "--cs", 1.4, "--amplitude-contrast", 0.07)
    optics = optics_groups(truth)[1]
    assert (optics.voltage, optics.cs, optics.contrast, optics.pixel_size) == (200, 1.4, 0.07, 4.0)


def test_defocus_and_astigmatism(tmp_path: Path) -> None:
    _, truth, _ = run(tmp_path, *SMALL, "--n", 400, "--defocus", 10000, 12000, "--astigmatism", 500,
                      "--per-micrograph", 4)  # fmt: skip
    p = truth["particles"]
    u, v = p.floats("rlnDefocusU"), p.floats("rlnDefocusV")
    assert np.all(u >= v) and ((u + v) / 2).min() > 9500 and ((u + v) / 2).max() < 12500
    assert np.median(u - v) == pytest.approx(500, rel=0.3)
    assert len(set(p.text("rlnMicrographName"))) == 100


def test_shift(tmp_path: Path) -> None:
    _, still, _ = run(tmp_path / "a", *SMALL, "--shift", 0)
    _, moved, _ = run(tmp_path / "b", *SMALL, "--n", 300, "--shift", 8)
    assert np.all(still["particles"].floats("rlnOriginXAngst") == 0)
    assert moved["particles"].floats("rlnOriginYAngst").std() == pytest.approx(8, rel=0.15)


def test_optics_groups_have_their_own_noise(tmp_path: Path) -> None:
    images, truth, _ = run(tmp_path, *SMALL, "--n", 200, "--optics-groups", 3, "--per-micrograph", 10, "--snr", 0.01)
    group = truth["particles"].ints("rlnOpticsGroup")
    assert sorted(set(group)) == [1, 2, 3] and len(truth["optics"]) == 3
    levels = [images[group == one].std() for one in (1, 2, 3)]
    assert np.ptp(levels) > 0.02
    micrographs = truth["particles"].text("rlnMicrographName")
    assert all(len(set(group[micrographs == name])) == 1 for name in set(micrographs))


def test_bfactor_damps_fine_detail(tmp_path: Path) -> None:
    clean = []
    for bfactor in (0, 400):
        out = tmp_path / str(bfactor)
        run(out, *SMALL, "--bfactor", bfactor, "--snr", 1000)
        clean.append(np.abs(np.fft.rfft2(mrc.read(out / "particles.mrcs").data)) ** 2)
    fine, coarse = (np.s_[:, 11, :3], np.s_[:, 2, :3])
    assert clean[1][fine].mean() / clean[1][coarse].mean() < 0.3 * clean[0][fine].mean() / clean[0][coarse].mean()


def test_detergent_is_in_the_images_alone(tmp_path: Path) -> None:
    belt = ("--micelle", -20, 15)
    bare, _, _ = run(tmp_path / "bare", *SMALL)
    wet, _, _ = run(tmp_path / "wet", *SMALL, *belt)
    dense, _, _ = run(tmp_path / "dense", *SMALL, *belt, "--micelle-contrast", 1.0)
    truths = [np.array(mrc.read(tmp_path / name / "truth.mrc").data) for name in ("bare", "wet")]
    assert np.array_equal(*truths)
    assert np.allclose(dense - bare, 2 * (wet - bare), atol=1e-4) and (wet - bare).std() > 0.02
    again, _, _ = run(tmp_path / "again", *SMALL, *belt, "--threads", 1)
    assert np.array_equal(again, wet)


def test_a_map(tmp_path: Path) -> None:
    run(tmp_path / "first", *SMALL)
    given = tmp_path / "first" / "truth.mrc"
    images, _, _ = run(tmp_path / "a", "--map", given, "--n", 4)
    assert images.shape == (4, 32, 32)
    made, before = (np.array(mrc.read(path).data) for path in (tmp_path / "a" / "truth.mrc", given))
    assert np.corrcoef(made.ravel(), before.ravel())[0, 1] == pytest.approx(1, abs=1e-6)
    images, truth, _ = run(tmp_path / "b", "--map", given, "--n", 4, "--pixel-size", 6.4)
    assert images.shape == (4, 20, 20) and optics_groups(truth)[1].pixel_size == 6.4


@pytest.mark.parametrize("group", ["C3", "O"])
def test_symmetry(tmp_path: Path, group: str) -> None:
    run(tmp_path, *SMALL, "--symmetry", group, "--n", 2)
    volume = np.array(mrc.read(tmp_path / "truth.mrc").data)
    turned = resampled(transform(volume, 4.0), 32, 4.0, operators(group)[-1:])
    assert np.abs(turned - volume).max() < 0.02 * volume.max()


def test_a_map_without_the_symmetry_is_said(tmp_path: Path) -> None:
    run(tmp_path / "first", *SMALL, "--n", 1, "--symmetry", "C4")
    call = ("simulate", "particles", "--n", 1, "--map", tmp_path / "first" / "truth.mrc", "-d", tmp_path / "o")
    assert "hardly has symmetry D7" in run_spa(*call, "--symmetry", "D7").stderr
    assert "hardly" not in run_spa(*call, "--symmetry", "C2").stderr


def pdb(path: Path) -> Path:
    p = phantom("C1", 70, np.random.default_rng(0))
    lines = [
        f"ATOM  {i % 99999 + 1:5d}  CA  ALA A{i % 9999 + 1:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00 30.00           C\n"
        for i, (x, y, z) in enumerate(p.positions + 50)
    ]
    with gzip.open(path, "wt") as stream:
        stream.writelines([*lines, "END\n"])
    return path


def test_a_model(tmp_path: Path) -> None:
    model = pdb(tmp_path / "m.pdb.gz")
    images, _, _ = run(tmp_path / "o", "--model", model, "--n", 3, "--pixel-size", 4.0)
    volume = np.array(mrc.read(tmp_path / "o" / "truth.mrc").data)
    assert images.shape[1] == len(volume) and 1.4 * 60 < len(volume) * 4.0 < 1.8 * 80
    assert 55 < extent(volume) * 4.0 < 90
    result = run_spa("simulate", "particles", "--model", model, "-d", tmp_path / "p", "--n", 1, "--assembly", "9")
    assert result.status == 65 and "no assembly '9'" in result.stderr


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--symmetry", "Q"), 2, "symmetry 'Q'"),
        (("--defocus", 2e4, 1e4), 2, "least comes first"),
        (("--map", "none.mrc"), 66, "none.mrc"),
        (("--assembly", "1"), 2, "--model"),
        (("--specimen-diameter", 1000), 65, "does not fit"),
        (("--pixel-size", 1e9), 2, "--pixel-size"),
        (("--pixel-size", 100, "--box", 96), 65, "2500 angstroms across at most"),
        (("--n", 0), 2, "--n"),
        (("--snr", 0), 2, "--snr"),
        (("--micelle", 20, -20), 2, "the lower height comes first"),
        (("--micelle", 55, 60), 65, "nothing of the specimen"),
    ],
)
def test_bad_options(tmp_path: Path, options: tuple[object, ...], status: int, message: str) -> None:
    result = run_spa("simulate", "particles", "-d", tmp_path / "o", *SMALL, *options, cwd=tmp_path)
    assert result.status == status and message in result.stderr and "Traceback" not in result.stderr


def test_a_map_and_a_model_are_too_much(tmp_path: Path) -> None:
    model = pdb(tmp_path / "m.pdb.gz")
    result = run_spa("simulate", "particles", "-d", tmp_path / "o", "--map", model, "--model", model)
    assert result.status == 2 and "give one of them" in result.stderr


def test_a_map_that_cannot_be_imaged_is_named(tmp_path):
    ones = np.ones((16, 16, 16), "f4")
    made = {"flat": 0 * ones, "oblong": ones[:15], "dark": -ones}
    for name, data in made.items():
        mrc.write(tmp_path / f"{name}.mrc", data, 3.0)
    mrc.write(tmp_path / "unknown.mrc", ones, 0)
    for name, said in (("flat", "no positive density"), ("dark", "no positive density"), ("oblong", "a cubic map"),
                       ("unknown", "no pixel size")):  # fmt: skip
        result = run_spa("simulate", "particles", "-d", tmp_path / "o", "--map", tmp_path / f"{name}.mrc", "--n", 1)
        assert result.status == 65 and f"{name}.mrc: {said}" in result.stderr, result.stderr


@pytest.mark.parametrize("kind", ["missing", "weak", "turned"])
def test_one_subunit_is_odd_in_the_truth_and_in_the_images(tmp_path: Path, kind: str) -> None:
    images, _, _ = run(tmp_path / "a", *SMALL, "--symmetry", "C4", "--odd-subunit", kind, "--snr", 1)
    run(tmp_path / "b", *SMALL, "--symmetry", "C4", "--n", 1)
    odd, mask = (np.array(mrc.read(tmp_path / "a" / name).data) for name in ("truth.mrc", "odd.mrc"))
    even = np.array(mrc.read(tmp_path / "b" / "truth.mrc").data)
    even *= (odd * (mask == 0)).sum() / (even * (mask == 0)).sum() if kind != "turned" else odd.sum() / even.sum()
    assert np.abs((odd - even)[mask > 0.9]).max() > 0.3 * even.max()
    assert (images - modelled(tmp_path / "a")).std() == pytest.approx(1, rel=0.02)


def test_a_map_s_subunit_can_be_odd_and_without_symmetry_there_is_none(tmp_path: Path) -> None:
    run(tmp_path / "even", *SMALL, "--symmetry", "D2", "--n", 1)
    given = ("--map", tmp_path / "even" / "truth.mrc", "--n", 2, "--odd-subunit", "missing")
    run(tmp_path / "odd", *given, "--symmetry", "D2")
    odd, mask = (np.array(mrc.read(tmp_path / "odd" / name).data) for name in ("truth.mrc", "odd.mrc"))
    assert np.abs(odd[mask > 0.99]).max() < 0.01 * odd.max()
    result = run_spa("simulate", "particles", "-d", tmp_path / "c1", *given)
    assert result.status == 2 and "one subunit alone" in result.stderr


PLANTED = ("--beam-tilt", 2, -1, "--odd-zernike", 2, 60, "--even-zernike", 4, 90, "--cs-error", 0.3,
           "--magnification", 4, 30, "--defocus-error", 400, "--defocus", 3000, 6000)  # fmt: skip


def test_planted_aberrations_are_in_the_truth_alone(tmp_path: Path) -> None:
    _, truth, printed = run(tmp_path, *SMALL, *PLANTED, "--optics-groups", 3, "--beam-tilt-spread", 0.5)
    blind = star.read(tmp_path / "particles.star")
    assert not [name for name in blind["optics"].columns if "Zernike" in name or "Tilt" in name or "Mag" in name]
    groups = optics_groups(truth)
    tilts = np.array([one.beam_tilt for one in groups.values()])
    assert len(np.unique(tilts, axis=0)) == 3 and np.abs(tilts - (2, -1)).max() < 2
    assert groups[1].odd == (0, 0, 60) and groups[1].even == (0, 0, 0, 0, 90)
    assert groups[1].cs == pytest.approx(3.0) and optics_groups(blind)[1].cs == pytest.approx(2.7)
    singular = np.linalg.svd(np.array(groups[1].magnification).reshape(2, 2))[1]
    assert singular[0] - singular[1] == pytest.approx(0.04)
    np.testing.assert_allclose(singular.mean(), 1)


def test_images_with_planted_aberrations_are_what_the_truth_says(tmp_path: Path) -> None:
    """As `subtract signal` makes images of a table, by another way than the simulation."""
    from spa.job.particles import open_particles
    from spa.job.run import Run
    from spa.job.subtraction import view_of
    from spa.subtract.views import images, signal

    found, truth, _ = run(tmp_path, "--box", 64, "--pixel-size", 3, "--specimen-diameter", 70, "--n", 30, *PLANTED)
    stack = open_particles(Run("some job", {}), truth)
    p = stack.particles
    optics = stack.voltage, stack.cs, stack.contrast, stack.group, stack.aberrations
    who = view_of(p, optics, p.euler, p.origin, 3.0, np.ones(30, int))
    model = images(signal([np.array(mrc.read(tmp_path / "truth.mrc").data)], 3.0), who)
    assert (found - model).std() == pytest.approx(1, rel=0.02)
    assert (found * model).sum() / (model**2).sum() == pytest.approx(1, rel=0.05)


def test_a_user_s_defocus_is_wrong_by_up_to_the_error(tmp_path: Path) -> None:
    run(tmp_path, *SMALL, "--defocus-error", 400)
    true, blind = (star.read(tmp_path / f"{name}.star")["particles"] for name in ("truth", "particles"))
    error = blind.floats("rlnDefocusU") - true.floats("rlnDefocusU")
    assert 250 < np.abs(error).max() <= 400
    np.testing.assert_allclose(blind.floats("rlnDefocusV") - true.floats("rlnDefocusV"), error, atol=1e-3)


@pytest.mark.parametrize(
    ("words", "text"),
    [(("--odd-zernike", -1, 3), "--odd-zernike -1"), (("--even-zernike", 60, 3), "--even-zernike 60"),
     (("--magnification", 30, 0), "--magnification 30"), (("--beam-tilt", "nan", 0), "no number")],
)  # fmt: skip
def test_aberrations_that_make_no_sense(tmp_path: Path, words: tuple, text: str) -> None:
    result = run_spa("simulate", "particles", "-d", tmp_path, *SMALL, *words)
    assert result.status == 2 and text in result.stderr and "Traceback" not in result.stderr
