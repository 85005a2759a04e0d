"""`relion_reconstruct` makes our maps of our tables, as they are."""

from pathlib import Path

import numpy as np
import pytest

from tests.interop.conftest import agreement, resolved, scale


def reconstructed(relion, folder: Path, table: str, output: Path, *more: object) -> Path:
    relion("reconstruct", folder, "--i", table, "--o", output, "--ctf", "--sym", "D2", *more)
    return output


def test_our_projections_at_their_poses_are_the_map(relion, refined: Path, tmp_path: Path) -> None:
    made = reconstructed(relion, refined, "P/truth.star", tmp_path / "x.mrc")
    mask = refined / "R" / "mask.mrc"
    assert agreement(refined / "P" / "truth.mrc", made, mask)[1:10].min() > 0.95
    assert scale(refined / "P" / "truth.mrc", made, mask) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("half", [1, 2])
def test_half_maps(relion, refined: Path, tmp_path: Path, half: int) -> None:
    made = reconstructed(relion, refined, "r.star", tmp_path / "x.mrc", "--subset", half)
    mask = refined / "R" / "mask.mrc"
    last = resolved(refined)
    ours, other = (agreement(refined / "R" / f"half{n}.mrc", made, mask) for n in (half, 3 - half))
    assert ours[1 : last + 1].min() > 0.9
    assert other[last] < 0.9 < ours[last]  # so that it would be seen were the halves not kept
    assert scale(refined / "R" / f"half{half}.mrc", made, mask) == pytest.approx(1, abs=0.15)


def test_the_map_with_our_curve_as_its_prior(relion, refined: Path, tmp_path: Path) -> None:
    made = reconstructed(relion, refined, "r.star", tmp_path / "x.mrc", "--fsc", refined / "R" / "fsc.star")
    mask = refined / "R" / "mask.mrc"
    assert agreement(refined / "R" / "map.mrc", made, mask)[1 : resolved(refined) + 1].min() > 0.95
    assert np.isclose(scale(refined / "R" / "map.mrc", made, mask), 1, atol=0.1)
