"""Broken particles: what is left of them is the specimen's own density, less the share that is said."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.model.poses import matrices
from spa.simulate.broken import CUT, DOMAIN, FORMS, with_broken
from spa.simulate.micrographs import Film, projected
from spa.simulate.specimen import Specimen, of_phantom
from spa.testing import run_spa
from spa.volume.transform import projections, transform

PIXEL, BOX = 4.0, 48
BODY = ["--symmetry", "D2", "--box", BOX, "--pixel-size", PIXEL, "--specimen-diameter", 110]
POSES = matrices(*np.random.default_rng(4).uniform(0, 3, (3, 60)))


@pytest.fixture(scope="module")
def specimen() -> Specimen:
    return of_phantom(BOX, PIXEL, "D2", 110, np.random.default_rng(1))


def test_forms_lack_what_they_say(specimen: Specimen) -> None:
    found = with_broken(specimen, 0.3, np.random.default_rng(2))
    film = Film((64, 64), PIXEL, 1.0, 0.0, 0.0)
    whole = projected(found, POSES[:1], film)[0, 0, 0].real
    for form in range(1, FORMS + 1):
        missing = found.broken[form - 1].missing
        least, most = CUT if form % 2 else DOMAIN
        assert least - 0.02 < missing < most + 0.02
        left = projected(found, POSES[:1], film, np.array([form]))[0, 0, 0].real
        assert left / whole == pytest.approx(1 - missing, abs=0.05)  # of what is above 0
        assert found.missing(np.array([0, form])).tolist() == [0, missing]


def test_so_many_are_broken(specimen: Specimen) -> None:
    found = with_broken(specimen, 0.3, np.random.default_rng(2))
    forms = found.drawn(4000, np.random.default_rng(3))
    assert (forms > 0).mean() == pytest.approx(0.3, abs=0.03)
    assert np.unique(forms).tolist() == list(range(FORMS + 1))
    assert not specimen.drawn(50, np.random.default_rng(3)).any()
    assert with_broken(specimen, 0.0, np.random.default_rng(2)) is specimen


def test_images_of_broken_particles_alone_are_changed(tmp_path: Path) -> None:
    words = [*BODY, "--n", 60, "--snr", 1e6, "--shift", 0]
    for name, more in (("plain", []), ("some", ["--broken", 0.4])):
        run_spa("simulate", "particles", "-d", tmp_path / name, *words, *more, "-o", tmp_path / f"{name}.star")
    plain, some = (np.asarray(mrc.read(tmp_path / name / "particles.mrcs").data) for name in ("plain", "some"))
    missing = star.read(tmp_path / "some" / "truth.star")["particles"].floats("spaMissing")
    apart = np.sqrt(np.square(some - plain).mean((1, 2)) / np.square(plain).mean((1, 2)))
    assert 10 < (missing > 0).sum() < 40
    assert apart[missing == 0].max() < 0.01 and apart[missing > 0].min() > 0.1
    assert "spaMissing" not in star.read(tmp_path / "plain" / "truth.star")["particles"].columns


@pytest.mark.parametrize("kind", ["micrographs", "movies"])
def test_scenes_say_what_their_particles_lack(kind: str, tmp_path: Path) -> None:
    words = [*BODY, "--n", 1, "--size", 700, 700, "--particles", 15]
    run_spa("simulate", kind, "-d", tmp_path / "a", *words, "--broken", 0.5, "-o", tmp_path / "a.star")
    name = "truth_particles.star" if kind == "micrographs" else "mov00001_truth.star"
    missing = star.read(tmp_path / "a" / name)["particles"].floats("spaMissing")
    assert 0 < (missing > 0).sum() < len(missing)


def test_the_specimen_that_is_broken_is_not_odd_as_well(tmp_path: Path) -> None:
    words = [*BODY, "--n", 9]
    found = run_spa("simulate", "particles", "-d", tmp_path / "a", *words, "--broken", 0.5, "--odd-subunit", "weak",
                    "-o", tmp_path / "a.star")  # fmt: skip
    assert found.status == 2 and "--broken and --odd-subunit" in found.stderr


def test_what_is_left_is_the_specimens_own(specimen: Specimen) -> None:
    found = with_broken(specimen, 1.0, np.random.default_rng(2))
    for form in range(1, FORMS + 1):
        left = projections(found.of_form(form).source, POSES, BOX, PIXEL)
        gone = projections(transform(specimen.volume, PIXEL), POSES, BOX, PIXEL) - left
        along = np.vdot(gone, left).real / np.linalg.norm(gone) / np.linalg.norm(left)
        assert np.linalg.norm(gone) > 0.1 * np.linalg.norm(left) and along < 0.9
