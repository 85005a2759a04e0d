"""Point groups: closed, of the right order, with RELION's axes."""

import numpy as np
import pytest

from spa.errors import UsageError
from spa.volume.symmetry import canonical, cosets, operators, order, rotation

GROUPS = {"C1": 1, "C2": 2, "C7": 7, "D1": 2, "D2": 4, "D7": 14, "T": 12, "O": 24,
          "I": 60, "I1": 60, "I2": 60, "I3": 60, "I4": 60}  # fmt: skip

GOLDEN = (1 + np.sqrt(5)) / 2
# (group, axis, fold): taken from `relion_refine --sym G --print_symmetry_ops` of RELION 3.1.3
AXES = [
    ("D7", (0, 0, 1), 7), ("D7", (1, 0, 0), 2), ("D3", (0.5, np.sqrt(3) / 2, 0), 2),
    ("T", (0, 0, 1), 3), ("T", (0, 0.8165, 0.57735), 2), ("T", (0.8165, 0.4714, 0.33333), 3),
    ("O", (0, 0, 1), 4), ("O", (1, 0, 0), 4), ("O", (1, 1, 1), 3), ("O", (0, 1, 1), 2),
    ("I2", (0, 0, 1), 2), ("I2", (1, 0, 0), 2), ("I2", (1, 0, GOLDEN), 5), ("I2", (0, 0.35682, 0.93417), 3),
    ("I1", (0, 0, 1), 2), ("I1", (0, 1, GOLDEN), 5), ("I1", (0.35682, 0, 0.93417), 3),
    ("I3", (0, 0, 1), 5), ("I3", (0, 1, 0), 2), ("I3", (-0.8944272, 0, 0.4472136), 5),
    ("I4", (0, 0, 1), 5), ("I4", (0, 1, 0), 2), ("I4", (0.8944272, 0, 0.4472136), 5),
]  # fmt: skip


def contains(group: np.ndarray, matrix: np.ndarray, tolerance: float = 1e-9) -> bool:
    return bool(np.abs(group - matrix).max((1, 2)).min() < tolerance)


@pytest.mark.parametrize(("name", "size"), GROUPS.items())
def test_a_group_has_its_order_and_begins_with_the_identity(name: str, size: int) -> None:
    group = operators(name)
    assert group.shape == (size, 3, 3) and order(name) == size
    assert np.array_equal(group[0], np.eye(3))


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_is_closed_under_product_and_inverse(name: str) -> None:
    group = operators(name)
    for element in group:
        assert contains(group, element.T)
        products = element @ group
        assert all(contains(group, product) for product in products)


@pytest.mark.parametrize("name", GROUPS)
def test_elements_are_distinct_proper_rotations(name: str) -> None:
    group = operators(name)
    assert np.allclose(group @ group.transpose(0, 2, 1), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(group), 1)
    distance = np.abs(group[:, None] - group[None]).max((2, 3)) + 9 * np.eye(len(group))
    assert distance.min() > 0.01


@pytest.mark.parametrize(("name", "axis", "fold"), AXES)
def test_axes_stand_where_relion_puts_them(name: str, axis: tuple[float, float, float], fold: int) -> None:
    assert contains(operators(name), rotation(np.array(axis), 2 * np.pi / fold), 1e-4)


def test_i_is_i2() -> None:
    assert np.array_equal(operators("I"), operators("I2"))


def test_names_are_read_in_either_case() -> None:
    assert canonical(" d7") == "D7"
    assert np.array_equal(operators("o"), operators("O"))


@pytest.mark.parametrize("name", ["", "C0", "X", "D", "I7", "C-1", "C1000", "4"])
def test_an_unknown_group_is_named(name: str) -> None:
    with pytest.raises(UsageError, match="not one of"):
        operators(name)


@pytest.mark.parametrize(("group", "own"), [("C6", "C1"), ("C6", "C2"), ("D4", "D2"), ("O", "C4"), ("I", "D2"),
                                            ("T", "T")])  # fmt: skip
def test_cosets_times_the_part_are_the_whole(group: str, own: str) -> None:
    turns, part, whole = cosets(group, own), operators(own), operators(group)
    assert np.array_equal(turns[0], np.eye(3)) and len(turns) * len(part) == len(whole)
    products = (turns[:, None] @ part).reshape(-1, 3, 3)
    assert all(contains(whole, one) for one in products) and all(contains(products, one) for one in whole)


@pytest.mark.parametrize(("group", "own"), [("C6", "C4"), ("C4", "C8"), ("D3", "C2"), ("T", "C2")])
def test_a_group_that_is_no_part_is_refused(group: str, own: str) -> None:
    with pytest.raises(UsageError, match="no part of"):
        cosets(group, own)
