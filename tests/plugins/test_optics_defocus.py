"""`spa optics defocus`."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import Result, is_png, run_spa
from tests.optics.sets import SET, simulated


def run(folder: Path, out: Path, *more: object) -> Result:
    maps = () if "--map" in more or "--half1" in more else ("--map", folder / "P" / "truth.mrc")
    words = ("optics", "defocus", folder / "posed.star", "-d", out, "-o", out / "d.star", "--threads", 1)
    return run_spa(*words, *maps, *more, cwd=folder)


def found(folder: Path, out: Path, *more: object) -> star.Table:
    result = run(folder, out, *more)
    assert result.status == 0, result.stderr
    return star.read(out / "d.star")["particles"]


def errors(folder: Path, table: star.Table) -> np.ndarray:
    """Mean defocus less the true one."""
    true = star.read(folder / "P" / "truth.star")["particles"]
    assert true.text("rlnImageName").tolist() == table.text("rlnImageName").tolist()
    mean = [(one.floats("rlnDefocusU") + one.floats("rlnDefocusV")) / 2 for one in (table, true)]
    return mean[0] - mean[1]


def rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


@pytest.fixture(scope="module")
def refined(defocused: Path, tmp_path_factory: pytest.TempPathFactory) -> star.Table:
    return found(defocused, tmp_path_factory.mktemp("refined"))


def test_planted_errors_go_and_what_is_left_is_as_large_as_it_says(defocused: Path, refined: star.Table) -> None:
    before = errors(defocused, star.read(defocused / "posed.star")["particles"])
    left = errors(defocused, refined)
    assert rms(left) < 0.2 * rms(before)
    assert rms(left / refined.floats("spaDefocusError")) == pytest.approx(1, abs=0.35)
    np.testing.assert_allclose(refined.floats("spaDefocusChange"), left - before, atol=0.01)


def test_looking_twice_is_not_to_believe_twice(defocused: Path, refined: star.Table, tmp_path: Path) -> None:
    """From where a first look has led, a second one finds what a look from the start finds."""
    (tmp_path / "P").symlink_to(defocused / "P")
    table = star.read(defocused / "posed.star")
    star.write(table.with_block("particles", refined), tmp_path / "posed.star")
    again = found(tmp_path, tmp_path)
    for name, most in (("rlnDefocusU", 0.1), ("spaDefocusChange", 0.1), ("spaDefocusError", 0.05)):
        assert rms(again.floats(name) - refined.floats(name)) < most * rms(refined.floats("spaDefocusError")), name


def test_scales_are_those_of_the_defocus_that_is_found(defocused: Path, tmp_path: Path) -> None:
    """A table that is right already tells particles as surely as one that is far off."""
    sure = found(defocused, tmp_path / "far").floats("spaDefocusError")
    (tmp_path / "P").symlink_to(defocused / "P")
    table, true = (star.read(defocused / name) for name in ("posed.star", "P/truth.star"))
    known = true["particles"]
    right = {name: known.floats(name) for name in ("rlnDefocusU", "rlnDefocusV")}
    star.write(table.with_block("particles", table["particles"].with_columns(**right)), tmp_path / "posed.star")
    prior = ("--prior", rms(errors(defocused, table["particles"])))
    near = found(tmp_path, tmp_path / "near", *prior).floats("spaDefocusError")
    assert np.median(sure) < 1.15 * np.median(near)


def test_astigmatism_stays(defocused: Path, refined: star.Table) -> None:
    table = star.read(defocused / "posed.star")["particles"]
    difference = [one.floats("rlnDefocusU") - one.floats("rlnDefocusV") for one in (table, refined)]
    np.testing.assert_allclose(difference[0], difference[1], atol=0.01)


def test_right_defocus_hardly_changes(plain: Path, tmp_path: Path) -> None:
    assert rms(found(plain, tmp_path).floats("spaDefocusChange")) < 15


def test_a_micrograph_s_defocus_is_one(defocused: Path, tmp_path: Path) -> None:
    table = found(defocused, tmp_path, "--defocus", "micrograph")
    change, names = table.floats("spaDefocusChange"), table.text("rlnMicrographName")
    before = -errors(defocused, star.read(defocused / "posed.star")["particles"])
    for name in np.unique(names.astype(str)):
        mine = names == name
        assert np.ptp(change[mine]) < 1e-6
        assert abs(change[mine].mean() - before[mine].mean()) < 80


def wrong(plain: Path, folder: Path, **columns: object) -> None:
    """posed.star in another folder, with columns changed."""
    table = star.read(plain / "posed.star")
    (folder / "P").symlink_to(plain / "P")
    star.write(table.with_block("particles", table["particles"].with_columns(**columns)), folder / "posed.star")


def test_planted_astigmatism_of_micrographs_goes(plain: Path, tmp_path: Path) -> None:
    table = star.read(plain / "posed.star")["particles"]
    u, v = (table.floats(name) for name in ("rlnDefocusU", "rlnDefocusV"))
    wrong(plain, tmp_path, rlnDefocusU=u + 150, rlnDefocusV=v - 150)
    fixed = found(tmp_path, tmp_path, "--astigmatism", "micrograph", "--defocus", "none", "--astigmatism-prior", 300)
    assert np.abs(fixed.floats("rlnDefocusU") - u).max() < 50
    assert np.abs(fixed.floats("rlnDefocusV") - v).max() < 50
    stiff = found(tmp_path, tmp_path / "stiff", "--astigmatism", "micrograph", "--astigmatism-prior", 1e-3)
    assert np.abs(stiff.floats("rlnDefocusU") - stiff.floats("rlnDefocusV") - (u - v + 300)).max() < 1
    assert "spaDefocusChange" not in fixed and "spaDefocusChange" in stiff


def test_a_planted_phase_shift_is_found(plain: Path, tmp_path: Path) -> None:
    wrong(plain, tmp_path, rlnPhaseShift=np.full(240, 20.0))
    fixed = found(tmp_path, tmp_path, "--phase-shift", "micrograph", "--phase-shift-prior", 30, "--defocus", "none")
    assert np.abs(fixed.floats("rlnPhaseShift")).max() < 8
    stiff = found(tmp_path, tmp_path / "stiff", "--phase-shift", "micrograph", "--phase-shift-prior", 0.01)
    assert np.abs(stiff.floats("rlnPhaseShift") - 20).max() < 0.1


def test_a_prior_of_next_to_nothing_lets_nothing_change(defocused: Path, tmp_path: Path) -> None:
    assert rms(found(defocused, tmp_path, "--prior", 0.1).floats("spaDefocusChange")) < 1


def test_nothing_changes_beyond_the_range(defocused: Path, tmp_path: Path) -> None:
    result = run(defocused, tmp_path, "--range", 100)
    assert result.status == 0 and "--range of 100 may be too small" in result.stderr
    table = star.read(tmp_path / "d.star")["particles"]
    assert np.abs(table.floats("spaDefocusChange")).max() <= 100


def test_the_figure_and_the_band(defocused: Path, tmp_path: Path) -> None:
    words = "--min-resolution", 16, "--max-resolution", 4, "--mask", tmp_path / "mask.mrc", "--plot", tmp_path / "d.png"
    box = mrc.read(defocused / "P" / "truth.mrc")
    mrc.write(tmp_path / "mask.mrc", np.ones_like(box.data), box.pixel_size)
    result = run(defocused, tmp_path, *words, "--seed", 3)
    assert result.status == 0 and "16 to 4.00 A" in result.stderr and is_png(tmp_path / "d.png")
    assert not list(tmp_path.glob("scores*"))


def test_the_same_for_any_number_of_threads(defocused: Path, refined: star.Table, tmp_path: Path) -> None:
    assert found(defocused, tmp_path, "--threads", 3) == refined
    assert found(defocused, tmp_path, "--threads", 3, "--resume") == refined


def own_halves(stack) -> list[np.ndarray]:
    """Maps of the halves, of the images themselves with the CTFs of their table."""
    from spa.optics.compared import compared, scene
    from spa.recipe.optics import who_of
    from spa.volume import insert as into

    who, halves = who_of(stack), []
    flat = scene([np.zeros((64,) * 3, np.float32)], stack.pixel_size, 30, stack.aberrations)
    for half in (0, 1):
        mine, sums = np.flatnonzero(who.half == half), into.accumulator(64, 30)
        seen = compared(flat, who.take(mine), stack.source.read(mine))
        sine, _ = seen.waves()
        at = into.Samples(np.arange(len(mine)), who.poses[mine], np.zeros((len(mine), 2)), np.ones(len(mine)))
        into.insert(sums, at, seen.x * sine[:, None], sine**2, flat.band.kx, flat.band.ky)
        into.close(sums)
        halves.append(into.solve(sums, 0.02 * sums.shell_weight() + 1e-6))
    return halves


def test_what_an_image_has_put_into_its_map_does_not_hold_its_defocus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half maps of the images with their wrong CTFs: less what each has put there, changes are as large as they are."""
    from spa.job.particles import open_particles
    from spa.job.run import Run
    from spa.optics.calibrate import calibrated, tally
    from spa.optics.compared import compared, scene
    from spa.optics.defocus import changes, likelihoods, posterior
    from spa.recipe.optics import who_of

    simulated(tmp_path, f"{SET} --snr 0.2 --defocus-error 400")
    monkeypatch.chdir(tmp_path)
    stack = open_particles(Run("some job", {}), star.read("posed.star"))
    here, who, rows = scene(own_halves(stack), 1.5, 28, stack.aberrations), who_of(stack), np.arange(len(stack))
    pixels, grid = stack.source.read(rows), changes(here.band, 1.5, 0.0197, 1500)
    given = calibrated(tally(here, who, pixels, 1), here.band, halves=True)
    wanted = -errors(tmp_path, stack.tables["particles"])
    share = {}
    for name, one in (("without", given), ("with", calibrated(tally(here, who, pixels, 1), here.band, halves=False))):
        seen = one.without_own(compared(here, who, pixels), here.band)
        scores = likelihoods(seen, who.group, one, here.band, 1.5, 300.0, 4, grid)
        mean = posterior(scores, grid, np.zeros(len(rows), int), None).mean
        share[name] = (mean @ wanted) / (wanted @ wanted)
    assert given.own[10:].mean() > 0.002
    assert share["without"] > share["with"] + 0.05


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [(("--defocus", "none"), 2, "nothing is left to refine"), (("--max-resolution", 20), 65, "too coarse for optics"),
     (("--max-resolution", 40), 2, "nothing is left of what is finer than --min-resolution 30"),
     (("--half1", "P/truth.mrc"), 2, "--half2 belong together"), (("--range", 1), 2, "--range"),
     (("--phase-shift-prior", 5), 2, "--phase-shift-prior goes with --phase-shift micrograph"),
     (("--map", "P/truth.mrc", "--class", 0), 2, "--class"), (("--half2", "nothing.mrc"), 66, "nothing.mrc")],
)  # fmt: skip
def test_bad_calls(plain: Path, tmp_path: Path, words: tuple, status: int, text: str) -> None:
    result = run(plain, tmp_path, *words)
    assert result.status == status and text in result.stderr and "Traceback" not in result.stderr


def test_bad_tables(plain: Path, tmp_path: Path) -> None:
    table = star.read(plain / "posed.star")
    (tmp_path / "P").symlink_to(plain / "P")

    def said(particles: star.Table, *more: object) -> str:
        star.write(table.with_block("particles", particles), tmp_path / "posed.star")
        result = run(tmp_path, tmp_path, *more)
        assert result.status == 65 and "Traceback" not in result.stderr
        return result.stderr

    particles = table["particles"]
    assert "has no poses" in said(particles.without("rlnAngleRot"))
    assert "no column rlnMicrographName" in said(particles.without("rlnMicrographName"), "--defocus", "micrograph")
    mrc.write(tmp_path / "neg.mrc", -mrc.read(plain / "P" / "truth.mrc").data, 1.5)
    assert "do not have the map's signal" in said(particles, "--map", tmp_path / "neg.mrc")


def test_images_of_two_voltages_each_by_its_own_wavelength(tmp_path: Path) -> None:
    """Errors planted at 100 and at 300 kV go alike; with one wavelength for both they would be off by its half."""
    for voltage in (100, 300):
        (tmp_path / str(voltage)).mkdir()
        more = f" --defocus-error 500 --voltage {voltage} --cs 0.01"
        simulated(tmp_path / str(voltage), SET.replace("--n 240", "--n 160") + more)
    sets = [star.read(tmp_path / folder / "posed.star") for folder in ("100", "300")]
    rows = [
        one["particles"].with_columns(
            rlnOpticsGroup=number, rlnImageName=[name.replace("@", f"@{folder}/") for name in
                                                 one["particles"].listed("rlnImageName")],
            rlnMicrographName=[f"{folder}/{name}" for name in one["particles"].listed("rlnMicrographName")],
        )
        for number, (one, folder) in enumerate(zip(sets, ("100", "300")), 1)
    ]  # fmt: skip
    optics = [one["optics"].with_columns(rlnOpticsGroup=number, rlnOpticsGroupName=f"g{number}")
              for number, one in enumerate(sets, 1)]  # fmt: skip
    both = sets[0].with_block("optics", star.Table.concat(optics)).with_block("particles", star.Table.concat(rows))
    star.write(both, tmp_path / "posed.star")
    table = found(tmp_path, tmp_path / "D", "--map", "300/P/truth.mrc")
    mean = (table.floats("rlnDefocusU") + table.floats("rlnDefocusV")) / 2
    for folder, here in (("100", slice(0, 160)), ("300", slice(160, 320))):
        true = star.read(tmp_path / folder / "P/truth.star")["particles"]
        left = mean[here] - (true.floats("rlnDefocusU") + true.floats("rlnDefocusV")) / 2
        before = left - table.floats("spaDefocusChange")[here]
        assert rms(left) < 0.25 * rms(before), (folder, rms(left), rms(before))
