"""Options that leave others nothing to do: both together are refused in each job, before anything is read."""

import pytest

from spa.testing import run_spa

PAIRS = [
    ("subtract signal none.star --revert --scale set", "--scale", "--revert"),
    ("subtract signal none.star --revert --class 1", "--class", "--revert"),
    ("post local none.star -d D --map none.mrc --threshold 0.5", "--threshold", "--map"),
    ("post filter none.star -d D --map none.mrc --half1 a.mrc --half2 b.mrc", "--half1", "--map"),
    ("post fsc none.star -d D --randomise-from 20 --randomise-below 0.5", "--randomise-below", "--randomise-from"),
    ("post sharpen none.star -d D --map none.mrc --half1 a.mrc --half2 b.mrc", "--half1", "--map"),
    ("post sharpen none.star -d D --bfactor -50 --guinier 10 5", "--guinier", "--bfactor"),
    ("pick template none.star -d D --map none.mrc --center --diameter 100", "--center", "--map"),
    ("vary volumes none.star -d D --at 0 --model none.npz --max-resolution 9", "--max-resolution", "--model"),
    ("star join none.star --with other.star --anti --columns rlnAngleRot", "--columns", "--anti"),
]


ALONE = [
    ("symmetry align none.star -d D --symmetry D2 --max-fold 6", "--max-fold"),
    ("vary linear none.star -d D --clustering kmeans", "--clustering"),
    ("vary neural none.star -d D --rounds 3", "--rounds"),
    ("vary neural none.star -d D --seeds 3", "--seeds"),
    ("classify 3d none.star -d D --similarity 0.7", "--similarity"),
    ("simulate particles -d D --micelle-contrast 0.7", "--micelle-contrast"),
    ("simulate particles -d D --map none.mrc --specimen-diameter 90", "--specimen-diameter"),
]


@pytest.mark.parametrize(("words", "idle"), ALONE)
def test_what_is_missing_its_owner_is_refused(words: str, idle: str, tmp_path) -> None:
    for name in ("none.star", "none.mrc"):
        (tmp_path / name).touch()
    result = run_spa(*words.split(), cwd=tmp_path)
    assert result.status == 2 and idle in result.stderr, result.stderr


@pytest.mark.parametrize(("words", "idle", "owner"), PAIRS)
def test_what_would_do_nothing_is_refused(words: str, idle: str, owner: str, tmp_path) -> None:
    for name in ("none.star", "none.mrc", "none.npz", "a.mrc", "b.mrc", "other.star"):
        (tmp_path / name).touch()
    result = run_spa(*words.split(), cwd=tmp_path)
    assert result.status == 2 and f"{idle} does nothing beside {owner}" in result.stderr, result.stderr
