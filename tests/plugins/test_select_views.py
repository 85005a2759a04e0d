"""`spa select views`: crowded directions are thinned, others left."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import star
from spa.io.star import Table, Tables
from spa.testing import is_png, run_spa

N = 3000


def angles(sight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.rad2deg(np.arctan2(sight[:, 1], sight[:, 0])), np.rad2deg(np.arccos(sight[:, 2]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two thirds of the views lie within some 15 degrees of one axis, from both sides; the others are even: p.star."""
    rng = np.random.default_rng(0)
    sight = rng.standard_normal((N, 3))
    crowded = np.arange(N) % 3 > 0
    sight[crowded] = rng.normal(0, 0.15, (crowded.sum(), 3)) + np.array([0.6, 0, 0.8])
    sight[crowded] *= rng.choice([-1, 1], (crowded.sum(), 1))
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    rot, tilt = angles(sight)
    table = Table.of(
        rlnImageName=[f"{i + 1}@a.mrcs" for i in range(N)], rlnAngleRot=rot, rlnAngleTilt=tilt, rlnAnglePsi=0.0,
        rlnRandomSubset=np.arange(N) % 2 + 1, spaParticleEvidence=rng.normal(20, 5, N), xCrowded=crowded.astype(int),
    )  # fmt: skip
    star.write(Tables({"particles": table}), tmp_path / "p.star")
    return tmp_path


def select(folder: Path, *words: object) -> tuple[Table, str]:
    result = run_spa("select", "views", folder / "p.star", "-o", folder / "o.star", *words)
    assert result.status == 0, result.stderr
    return star.read(folder / "o.star")["particles"], result.stderr


def test_what_crowds_is_thinned_and_the_rest_stays(folder: Path) -> None:
    kept, said = select(folder, "--rejected", folder / "r.star", "--plot", folder / "v.png")
    crowded = kept.ints("xCrowded") == 1
    assert (~crowded).sum() / (N / 3) > 0.9 and crowded.sum() < 0.25 * (2 * N / 3)
    rest = star.read(folder / "r.star")["particles"]
    names = [*kept.text("rlnImageName"), *rest.text("rlnImageName")]
    assert sorted(names) == sorted(star.read(folder / "p.star")["particles"].text("rlnImageName"))
    assert abs((kept.ints("rlnRandomSubset") == 1).mean() - 0.5) < 0.03
    before, after = (float(word) for word in said.split("SCF* ")[1].split(" -> "))
    assert before < 0.75 < 0.85 < after and is_png(folder / "v.png")


def test_a_higher_limit_keeps_more(folder: Path) -> None:
    count = [len(select(folder, "--over", over)[0]) for over in (1, 2, 4, 1000)]
    assert count[0] < count[1] < count[2] < count[3] == N


def test_the_best_stay(folder: Path) -> None:
    kept = select(folder, "--by", "spaParticleEvidence")[0]
    crowded = kept.ints("xCrowded") == 1
    assert kept.floats("spaParticleEvidence")[crowded].mean() > 24 and len(kept) == len(select(folder)[0])


def test_the_seed_draws(folder: Path) -> None:
    first, same, other = (set(select(folder, "--seed", seed)[0].text("rlnImageName")) for seed in (0, 0, 1))
    assert first == same != other


def test_copies_of_the_point_group_count(folder: Path) -> None:
    """What a crowd of C1 is in one place has room in the many places of D7."""
    assert len(select(folder, "--symmetry", "D7")[0]) > len(select(folder)[0])


@pytest.mark.parametrize(
    ("drop", "words", "status", "said"),
    [
        ("rlnAngleTilt", (), 65, "has no poses"),
        ("", ("--by", "xNone"), 65, "xNone"),
        ("", ("--over", 0), 2, "--over"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, drop: str, words: tuple, status: int, said: str) -> None:
    tables = star.read(folder / "p.star")
    if drop:
        star.write(tables.with_block("particles", tables["particles"].without(drop)), folder / "p.star")
    result = run_spa("select", "views", folder / "p.star", "-o", folder / "o.star", *words)
    assert result.status == status and said in result.stderr.splitlines()[-1], result.stderr
