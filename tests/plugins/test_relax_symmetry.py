"""`--relax-symmetry` of the refiners: pseudo-symmetric particles."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import mrc, star
from spa.model.poses import eulers, matrices
from spa.recipe import relaxation
from spa.testing import run_spa
from spa.volume.fsc import fsc
from spa.volume.masks import soft_sphere
from spa.volume.symmetry import operators
from spa.volume.transform import resampled, transform

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
SMALL = ("--box", 40, "--pixel-size", 5.0, "--n", 300, "--snr", 0.6, "--threads", 1)


def spa(*words: object, **more: object) -> str:
    result = run_spa(*words, **more)
    assert result.status == 0, result.stderr
    return result.stderr


def poses(table: star.Table) -> np.ndarray:
    return matrices(*np.deg2rad([table.floats(name) for name in ANGLES]))


def right(truth: Path, found: Path, group: str) -> tuple[float, np.ndarray]:
    """Share of particles within 10 degrees of the truth, in the best of the frames that the group leaves; and that."""
    a, b = poses(star.read(truth)["particles"]), poses(star.read(found)["particles"])
    shares = [float((np.einsum("nij,nij->n", a, b @ turn) > 2.96).mean()) for turn in operators(group)]
    return max(shares), operators(group)[int(np.argmax(shares))]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with P/ (a C4 particle whose one subunit is missing), and r.star and R/ of it relaxed over C4."""
    folder = tmp_path_factory.mktemp("odd")
    spa("simulate", "particles", "-d", folder / "P", "-o", folder / "p.star", "--symmetry", "C4", "--odd-subunit",
        "missing", *SMALL)  # fmt: skip
    said = relaxed(folder, "r.star", "R")
    (folder / "said").write_text(said)
    return folder


def relaxed(folder: Path, table: str, outdir: str, *more: object) -> str:
    """What a run says; the last of options given twice counts."""
    return spa("refine", "homo", folder / "p.star", "-o", folder / table, "-d", folder / outdir, "--reference",
               folder / "P" / "truth.mrc", "--lowpass", 30, "--relax-symmetry", "C4", "--iterations", 4, "--threads", 1,
               *more)  # fmt: skip


def test_the_odd_subunit_is_found(odd: Path) -> None:
    share, turn = right(odd / "P" / "truth.star", odd / "r.star", "C4")
    assert share > 0.9
    truth = np.array(mrc.read(odd / "P" / "truth.mrc").data)
    found = np.array(mrc.read(odd / "R" / "map.mrc").data)
    framed = resampled(transform(found, 1.0), 40, 1.0, turn[None].swapaxes(-1, -2))
    other = resampled(transform(found, 1.0), 40, 1.0, (turn @ operators("C4")[1]).T[None])
    agrees, strays = (fsc(truth, volume)[2:8].mean() for volume in (framed, other))
    assert agrees > 0.95 and agrees > strays + 0.1


def test_the_table_says_which_copy_and_how_certain(odd: Path) -> None:
    table = star.read(odd / "r.star")["particles"]
    copy, entropy = table.ints("spaCopy"), table.floats("spaCopyEntropy")
    assert set(copy) == {1, 2, 3, 4} and entropy.min() >= 0 and entropy.max() <= 1 and entropy.mean() < 0.2
    share = table.floats("rlnMaxValueProbDistribution")
    every = np.stack([table.floats(f"spaCopyShare{number}") for number in (1, 2, 3, 4)], axis=1)
    assert np.allclose(every.sum(axis=1), 1, atol=1e-5) and (every.argmax(axis=1) + 1 == copy).all()
    assert np.allclose(every.max(axis=1), share, atol=1e-5)
    assert (entropy[share > 0.999] < 0.01).all() and (entropy[share < 0.9] > 0.1).all()
    said = (odd / "said").read_text()
    assert "copies over C4: best with" in said and "C1" in said


def test_the_same_bytes_with_two_threads_and_from_a_state_between(odd: Path) -> None:

    def rows(name: str, outdir: str) -> list[str]:
        lines = (odd / name).read_text().replace(f"/{outdir}/", "/R/").splitlines()
        return [line for line in lines if not line.startswith("# spa")]

    first = rows("r.star", "R")
    relaxed(odd, "two.star", "R2", "--threads", 2)
    assert rows("two.star", "R2") == first
    relaxed(odd, "again.star", "R2", "--threads", 2, "--resume")
    assert rows("again.star", "R2") == first
    assert (odd / "R" / "half1.mrc").read_bytes() == (odd / "R2" / "half1.mrc").read_bytes()


def test_a_focus_mask_on_one_subunit_is_enough(odd: Path) -> None:
    relaxed(odd, "f.star", "F", "--focus-mask", odd / "P" / "odd.mrc")
    assert right(odd / "P" / "truth.star", odd / "f.star", "C4")[0] > 0.85


def test_on_a_device_copies_are_compared_there(odd: Path, card: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"breaking.STARTS": 1, "breaking.BANDS": (8,), "breaking.ROUNDS": 1, "loop.ROUNDS": (1, 1)}
    for name, value in few.items():
        monkeypatch.setattr(f"spa.relax.{name}", value)  # kernels are slow without a card
    tables = star.read(odd / "p.star")
    star.write(tables.with_block("particles", tables["particles"].take(np.arange(40))), odd / "few.star")
    spa("refine", "homo", odd / "few.star", "-o", odd / "c.star", "-d", odd / "C", "--reference", odd / "P/truth.mrc",
        "--lowpass", 30, "--relax-symmetry", "C4", "--iterations", 1, "--shift-range", 5,
        "--device", "cuda")  # fmt: skip
    assert card.launches["terms"] and card.launches["rests"] and card.launches["climb"]
    assert "spaCopy" in star.read(odd / "c.star")["particles"]


def test_a_symmetric_particle_is_said_to_be_one(tmp_path: Path) -> None:
    spa("simulate", "particles", "-d", tmp_path / "P", "-o", tmp_path / "p.star", "--symmetry", "C4", *SMALL)
    said = relaxed(tmp_path, "r.star", "R")
    assert "nothing tells the copies over C4 apart: the map has that symmetry" in said
    table = star.read(tmp_path / "r.star")["particles"]
    assert set(table.ints("spaCopy")) == {1} and set(table.floats("spaCopyEntropy")) == {1.0}
    assert set(table.floats("rlnMaxValueProbDistribution")) == {0.25}
    volume = np.array(mrc.read(tmp_path / "R" / "map.mrc").data)
    turned = resampled(transform(volume, 1.0), 40, 1.0, operators("C4")[1:2])
    assert np.corrcoef(volume.ravel(), turned.ravel())[0, 1] > 0.98


def test_weak_images_are_no_proof_of_symmetry() -> None:
    """Copies of which an image would not know its own even if one were missing say nothing of the map."""
    assert "the map has that symmetry" in relaxation.alike(4.0, 24) and "4.0 (log)" in relaxation.alike(4.0, 24)
    assert "do not show it" in relaxation.alike(4.0, 60) and "symmetry" not in relaxation.alike(4.0, 60)


def test_copies_do_not_vouch_for_poses_that_were_not_found(odd: Path) -> None:
    said = relaxed(odd, "s.star", "S", "--iterations", 2)  # the consensus has not come to rest
    assert "copies over C4: best with 1.00" in said and "not converged" in said and "did not converge" in said
    assert "not converged" not in (odd / "said").read_text()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("--relax-symmetry", "C4", "--symmetry", "C4"), 2, "that is --symmetry C4 itself"),
        (("--relax-symmetry", "C4", "--symmetry", "C3"), 2, "C3 is no part of C4"),
        (("--relax-symmetry", "Q"), 2, "not one of"),
        (("--focus-mask", "P/odd.mrc"), 2, "belongs to a --relax-symmetry"),
        (("--relax-symmetry", "C4", "--focus-mask", "none.mrc"), 66, "none.mrc"),
    ],
)
def test_bad_options(odd: Path, tmp_path: Path, words: tuple[str, ...], status: int, message: str) -> None:
    result = run_spa("refine", "homo", "p.star", "-d", tmp_path / "B", "--reference", "P/truth.mrc", *words, cwd=odd)
    assert result.status == status and message in result.stderr and "Traceback" not in result.stderr


def test_poses_that_are_known_are_relaxed_near_them(odd: Path) -> None:
    """refine local of poses that are right up to the group: each finds its copy, and stays near but for that."""
    tables, rng = star.read(odd / "P" / "truth.star"), np.random.default_rng(0)
    turned = poses(tables["particles"]) @ operators("C4")[rng.integers(4, size=300)]
    euler = dict(zip(ANGLES, np.rad2deg(eulers(turned)).T))
    star.write(tables.with_block("particles", tables["particles"].with_columns(**euler)), odd / "whole.star")
    mrc.write(odd / "ball.mrc", soft_sphere(40, 15, 4), 5.0)
    near = ("refine", "local", "whole.star", "--reference", "P/truth.mrc", "--relax-symmetry", "C4")
    said = spa(*near, "-o", "l.star", "-d", "L", "--mask", "ball.mrc", "--focus-mask", "ball.mrc", "--iterations", 2,
               "--threads", 1, cwd=odd)  # fmt: skip
    assert right(odd / "P" / "truth.star", odd / "l.star", "C4")[0] > 0.9 and "copies over C4" in said
    table = star.read(odd / "l.star")["particles"]
    assert set(table.ints("spaCopy")) == {1, 2, 3, 4} and table.floats("spaCopyEntropy").mean() < 0.2
    assert table.floats("spaLocalTurn").max() < 30
    result = run_spa(*near, "-d", "B", "--mask", "P/odd.mrc", "--fulcrum", "20,20,20", cwd=odd)
    assert result.status == 2 and "must keep the same of all copies" in result.stderr
    away = run_spa(*near, "-d", "B", "--mask", "ball.mrc", "--fulcrum", "22,20,20", cwd=odd)
    assert away.status == 2 and "--relax-symmetry C4: the fulcrum must lie on its axes" in away.stderr


def test_every_class_is_relaxed_among_its_own(odd: Path, tmp_path: Path) -> None:
    """Two C4 particles, each with one subunit missing, in one set of images."""
    spa("simulate", "particles", "-d", tmp_path / "Q", "-o", tmp_path / "q.star", "--symmetry", "C4", "--odd-subunit",
        "missing", *SMALL, "--n", 150, "--seed", 5)  # fmt: skip
    tables = star.read(odd / "p.star")
    star.write(tables.with_block("particles", tables["particles"].take(np.arange(150))), tmp_path / "p.star")
    spa("star", "cat", tmp_path / "p.star", tmp_path / "q.star", "-o", tmp_path / "both.star")
    said = spa("refine", "hetero", tmp_path / "both.star", "-o", tmp_path / "h.star", "-d", tmp_path / "H", "--lowpass",
               30, "--reference", odd / "P" / "truth.mrc", "--reference", tmp_path / "Q" / "truth.mrc", "--iterations",
               2, "--relax-symmetry", "C4", "--threads", 1)  # fmt: skip
    assert "class 1: copies over C4" in said and "class 2: copies over C4" in said
    found = star.read(tmp_path / "h.star")
    whose = np.array(["/Q/" in name for name in found["particles"].text("rlnImageName")])
    number = found["particles"].ints("rlnClassNumber")
    assert max((number == 1 + whose).mean(), (number == 2 - whose).mean()) > 0.95
    for mine, folder in ((~whose, odd / "P"), (whose, tmp_path / "Q")):
        part, truth = tmp_path / "part.star", tmp_path / "truth.star"
        star.write(found.with_block("particles", found["particles"].take(np.flatnonzero(mine))), part)
        whole = star.read(folder / "truth.star")
        star.write(whole.with_block("particles", whole["particles"].take(np.arange(150))), truth)
        assert right(truth, part, "C4")[0] > 0.85
    assert found["particles"].floats("spaCopyEntropy").mean() < 0.3
