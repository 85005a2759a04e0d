"""A row whose image is there already counts twice; copies over a point group are meant to."""

import numpy as np

from spa.io.star import Table
from spa.model.twice import repeated

POSES = {"rlnAngleRot": [10.0, 20, 30], "rlnAngleTilt": [5.0, 6, 7], "rlnAnglePsi": [1.0, 2, 3],
         "rlnOriginXAngst": [0.5, 1.5, 2.5], "rlnOriginYAngst": [0.0, 0, 0]}  # fmt: skip


def rows(order: list[int], turned: float = 0.0, moved: float = 0.0, **columns: list[str]) -> Table:
    """Images a, b, c in an order; each time that one comes again it is turned (degrees) and moved (angstroms)."""
    again = np.array([order[:place].count(one) for place, one in enumerate(order)])
    poses = {name: np.array(values)[order] for name, values in POSES.items()}
    poses["rlnAngleRot"] = poses["rlnAngleRot"] + turned * again
    poses["rlnOriginXAngst"] = poses["rlnOriginXAngst"] + moved * again
    return Table.of(rlnImageName=[f"{'abc'[one]}@s.mrcs" for one in order], **poses, **columns)


def test_none_where_each_image_is_there_once() -> None:
    assert not repeated(rows([2, 0, 1])).any()


def test_each_row_but_the_first_of_an_image() -> None:
    assert repeated(rows([0, 1, 0, 2, 0, 1])).tolist() == [False, False, True, False, True, True]
    assert repeated(Table.of(rlnImageName=["a@s", "b@s", "b@s"])).tolist() == [False, False, True]


def test_a_table_after_itself_is_no_expansion() -> None:
    assert repeated(rows([0, 1, 2, 0, 1, 2])).sum() == 3


def test_two_runs_of_some_images_are_repeated() -> None:
    """Searched twice, an image has poses that differ a little, and its origin too."""
    assert repeated(rows([0, 1, 2, 1], turned=1.0, moved=0.3)).tolist() == [False] * 3 + [True]


def test_copies_over_a_point_group_are_meant() -> None:
    assert not repeated(rows([0, 0, 1, 1, 2, 2], turned=180.0)).any()
    assert not repeated(rows([0, 0, 1, 1, 2], turned=180.0)).any()  # some are taken out since
    assert not repeated(rows([0, 0, 1, 1, 2, 2], turned=180.0, moved=0.4)).any()  # refined since
    named = rows([0, 0, 1], turned=180.0, moved=0.4, spaSymmetryParent=["a", "a", "b"])
    assert not repeated(named).any()
