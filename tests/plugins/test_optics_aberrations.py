"""`spa optics aberrations`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.model.optics import optics_groups
from spa.optics.terms import Optics
from spa.testing import Result, is_png, run_spa
from tests.optics.sets import SET, simulated

LENS = Optics(300.0, 2.7)


def cs_of(even: Sequence[float]) -> float:
    """The Cs (mm) that even coefficients hold beyond the nominal one."""
    return 6 * even[6] / (np.pi / 2 * 1e7 * LENS.wave**3) if len(even) > 6 else 0.0


def run(folder: Path, out: Path, *more: object) -> Result:
    maps = () if "--map" in more or "--half1" in more else ("--map", folder / "P" / "truth.mrc")
    words = ("optics", "aberrations", folder / "posed.star", "-d", out, "-o", out / "a.star", "--threads", 1)
    return run_spa(*words, *maps, *more, cwd=folder)


def found(folder: Path, out: Path, *more: object) -> star.Tables:
    result = run(folder, out, *more)
    assert result.status == 0, result.stderr
    return star.read(out / "a.star")


def gains(out: Path) -> float:
    """Of all terms."""
    table = star.read(out / "aberrations.star")["aberrations"]
    return sum(dict(zip(table.text("spaAberration"), table.floats("spaAberrationGain"))).values())


@pytest.fixture(scope="module")
def measured(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("measured")
    found(planted, out)
    return out


def test_planted_terms_are_recovered(measured: Path) -> None:
    """Within 5 % and what their errors allow."""
    one = optics_groups(star.read(measured / "a.star"))[1]
    table = star.read(measured / "aberrations.star")["aberrations"]
    error = dict(zip(table.text("spaAberration"), table.floats("spaAberrationError")))
    there = {"beam-tilt-x": one.beam_tilt[0], "beam-tilt-y": one.beam_tilt[1], "trefoil-2": one.odd[2],
             "trefoil-5": one.odd[5], "tetrafoil-4": one.even[4], "tetrafoil-8": one.even[8],
             "cs": cs_of(one.even)}  # fmt: skip
    coma = 3.3 / 2.7  # a tilt is told at the table's Cs, and was planted at the images'
    for (name, value), wanted in zip(there.items(), (0.8 * coma, -0.5 * coma, 20, -15, 60, -50, 0.6)):
        assert abs(value - wanted) < 0.05 * abs(wanted) + 3 * error[name], name
        assert error[name] < 0.13 * abs(wanted), name
    matrix = np.array(one.magnification).reshape(2, 2) - np.eye(2)
    wanted = 0.01 * np.array([[np.cos(np.pi / 3), np.sin(np.pi / 3)], [np.sin(np.pi / 3), -np.cos(np.pi / 3)]])
    np.testing.assert_allclose(matrix, wanted, atol=0.001)


def test_defocus_follows_the_magnification_unless_it_is_to_stay(measured: Path, planted: Path, tmp_path: Path) -> None:
    files = planted / "P" / "truth.star", planted / "posed.star", measured / "a.star"
    true, before, after = (star.read(path)["particles"] for path in files)
    kept = found(planted, tmp_path, "--keep-astigmatism", "--terms", "magnification")["particles"]
    error = {name: np.abs(table.floats("rlnDefocusU") - true.floats("rlnDefocusU")).mean()
             for name, table in (("before", before), ("after", after), ("kept", kept))}  # fmt: skip
    assert error["after"] < 0.4 * error["before"]
    assert kept.floats("rlnDefocusU") == pytest.approx(before.floats("rlnDefocusU"))


def test_what_was_found_is_used_by_the_next_run(measured: Path, planted: Path, tmp_path: Path) -> None:
    """The corrected set has next to nothing more of it."""
    result = run_spa("optics", "aberrations", measured / "a.star", "-d", tmp_path, "-o", tmp_path / "b.star",
                     "--map", planted / "P" / "truth.mrc", cwd=planted)  # fmt: skip
    assert result.status == 0, result.stderr
    assert gains(tmp_path) < 0.05 * gains(measured)


def test_a_plain_set_has_nothing_significant_and_stays_as_it_is(plain: Path, tmp_path: Path) -> None:
    tables = found(plain, tmp_path)
    before = star.read(plain / "posed.star")
    assert tables["optics"] == before["optics"] and tables["particles"] == before["particles"]
    table = star.read(tmp_path / "aberrations.star")["aberrations"]
    assert not table.ints("spaAberrationKept").any() and (table.floats("spaAberrationChance") > 1e-4).all()


def test_a_plain_scale_is_written_whole(tmp_path: Path) -> None:
    """Pixels of the second group are 2 % larger than its table says; the matrices have zeros off the diagonal."""
    words = "--box 64 --snr 1 --defocus 5000 12000 --symmetry D2 --n 120"
    one = star.read(simulated(tmp_path, f"{words} --pixel-size 1.5 --specimen-diameter 60") / "posed.star")
    star.write(one, tmp_path / "one.star")
    two = star.read(simulated(tmp_path, f"{words} --pixel-size 1.53 --map P/truth.mrc --seed 1", "Q") / "posed.star")
    said = {"rlnOpticsGroupName": ["later"], "rlnImagePixelSize": [1.5], "rlnMicrographOriginalPixelSize": [1.5]}
    star.write(two.with_block("optics", two["optics"].with_columns(**said)), tmp_path / "two.star")
    both = run_spa("star", "cat", "one.star", "two.star", "-o", "posed.star", cwd=tmp_path)
    assert both.status == 0, both.stderr
    groups = optics_groups(found(tmp_path, tmp_path, "--terms", "magnification"))
    (first, *off, _), (second, *others, _) = (groups[number].magnification for number in (1, 2))
    assert abs(first - second - 0.02) < 0.005 and not any(off) and not any(others)


def test_groups_have_their_own(tmp_path: Path) -> None:
    simulated(tmp_path, f"{SET} --optics-groups 2 --beam-tilt-spread 1 --per-micrograph 20")
    groups = optics_groups(found(tmp_path, tmp_path, "--terms", "beam-tilt"))
    truth = optics_groups(star.read(tmp_path / "P" / "truth.star"))
    for number in (1, 2):
        np.testing.assert_allclose(groups[number].beam_tilt, truth[number].beam_tilt, atol=0.1)


def test_terms_that_are_not_asked_for_are_not_looked_for(planted: Path, tmp_path: Path) -> None:
    tables = found(planted, tmp_path, "--terms", "beam-tilt", "--terms", "fifth-order", "--plot", tmp_path / "a.png")
    names = star.read(tmp_path / "aberrations.star")["aberrations"].text("spaAberration").tolist()
    assert {name.rsplit("-", 1)[0] for name in names} == {"shift", "beam-tilt", "fifth-order"}
    assert "rlnMagMat00" not in tables["optics"] and "rlnEvenZernike" not in tables["optics"]
    assert is_png(tmp_path / "a.png")


def test_significance_is_what_is_asked_for(plain: Path, tmp_path: Path) -> None:
    found(plain, tmp_path, "--significance", 0.99)
    assert star.read(tmp_path / "aberrations.star")["aberrations"].ints("spaAberrationKept").any()


def test_half_maps_are_those_of_the_other_half(planted: Path, tmp_path: Path) -> None:
    """A map of noise for one half: particles of the other half alone have no signal there."""
    truth = mrc.read(planted / "P" / "truth.mrc")
    noise = np.random.default_rng(0).standard_normal(truth.data.shape).astype(np.float32)
    mrc.write(tmp_path / "noise.mrc", noise * truth.data.std() * 0.01 + truth.data * 0.0001, truth.pixel_size)
    table = star.read(planted / "posed.star")
    ones = table.with_block("particles", table["particles"].take(table["particles"].ints("rlnRandomSubset") == 1))
    (tmp_path / "P").symlink_to(planted / "P")
    star.write(ones, tmp_path / "posed.star")
    for name, halves in (("other", ("noise.mrc", "P/truth.mrc")), ("own", ("P/truth.mrc", "noise.mrc"))):
        words = "--half1", halves[0], "--half2", halves[1], "--max-resolution", 4, "--terms", "beam-tilt"
        found(tmp_path, tmp_path / name, *words)
    assert gains(tmp_path / "own") < 0.1 * gains(tmp_path / "other")


def test_the_band_and_the_mask_are_those_asked_for(planted: Path, tmp_path: Path) -> None:
    box = mrc.read(planted / "P" / "truth.mrc")
    mrc.write(tmp_path / "mask.mrc", np.ones_like(box.data), box.pixel_size)
    result = run(planted, tmp_path, "--mask", tmp_path / "mask.mrc", "--min-resolution", 16, "--max-resolution", 4)
    assert result.status == 0 and "16 to 4.00 A" in result.stderr


def test_the_same_for_any_number_of_threads_and_after_a_stop(measured: Path, planted: Path, tmp_path: Path) -> None:
    tables = found(planted, tmp_path, "--threads", 3)
    assert tables["optics"] == star.read(measured / "a.star")["optics"]
    (tmp_path / "a.star").unlink()
    again = found(planted, tmp_path, "--resume")
    assert again["particles"] == tables["particles"] and again["optics"] == tables["optics"]
    state = next(tmp_path.rglob("state.npz"))
    state.write_bytes(state.read_bytes()[:1000])
    broken = run(planted, tmp_path, "--threads", 3, "--resume")
    assert broken.status == 74 and "state.npz: cannot be read" in broken.stderr


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [(("--max-resolution", 20), 65, "too coarse for optics"),
     (("--half1", "P/truth.mrc"), 2, "--half2 belong together"),
     (("--half1", "P/truth.mrc", "--half2", "P/truth.mrc"), 65, "are the same map"),
     (("--map", "P/truth.mrc", "--half1", "P/truth.mrc", "--half2", "P/truth.mrc"), 2, "one map or two half maps"),
     (("--map", "nothing.mrc"), 66, "nothing.mrc"), (("--terms", "everything"), 2, "everything"),
     (("--map", "P/truth.mrc", "--class", 0), 2, "--class")],
)  # fmt: skip
def test_bad_calls(plain: Path, tmp_path: Path, words: tuple, status: int, text: str) -> None:
    result = run(plain, tmp_path, *words)
    assert result.status == status and text in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("job", ["aberrations", "defocus"])
@pytest.mark.parametrize("kind", ["another", "inverted"])
def test_a_map_that_the_images_do_not_show_is_refused(plain: Path, tmp_path: Path, job: str, kind: str) -> None:
    truth = mrc.read(plain / "P" / "truth.mrc").data
    grain = np.random.default_rng(2).normal(size=truth.shape)
    mrc.write(tmp_path / "map.mrc", np.asarray(-truth if kind == "inverted" else grain, np.float32), 1.5)
    words = ("optics", job, plain / "posed.star", "--map", tmp_path / "map.mrc", "-d", tmp_path, "--threads", 1)
    result = run_spa(*words, cwd=plain)
    assert result.status == 65 and "do not have the map's signal" in result.stderr


def test_bad_tables(plain: Path, tmp_path: Path) -> None:
    table = star.read(plain / "posed.star")
    (tmp_path / "P").symlink_to(plain / "P")

    def said(particles: star.Table) -> str:
        star.write(table.with_block("particles", particles), tmp_path / "posed.star")
        result = run(tmp_path, tmp_path)
        assert result.status == 65 and "Traceback" not in result.stderr
        return result.stderr

    assert "has no poses" in said(table["particles"].without("rlnAngleRot"))
    assert "no optics group has 50 images" in said(table["particles"].take(np.arange(20)))
    result = run_spa("optics", "aberrations", plain / "posed.star", "-d", tmp_path, cwd=plain)
    assert result.status == 65 and "no data_maps row of role map" in result.stderr
