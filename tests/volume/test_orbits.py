"""Sums over a point group look at one point of each orbit, and give what each operator gives by itself."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.volume import insert as into
from spa.volume import insert_cuda, orbits
from spa.volume.symmetry import operators

EXACT = ["C2", "C4", "D2", "D4", "O"]
GROUPS = [*EXACT, "C3", "C6", "D3", "D6", "D7", "T", "I", "I3"]


def noise(box: int = 24, radius: int = 8) -> into.Accumulator:
    sums, rng = into.accumulator(box, radius), np.random.default_rng(4)
    sums.grid[..., :3] = rng.standard_normal((*sums.grid.shape[:3], 3))
    into.close(sums)
    return sums


def copied(sums: into.Accumulator) -> into.Accumulator:
    return into.Accumulator(sums.box, sums.radius, sums.grid.copy(), sums.kernels)


@pytest.mark.parametrize("group", GROUPS)
def test_the_sum_is_that_over_each_operator(group: str) -> None:
    sums = noise()
    inside = into.shell_index(sums) <= sums.radius
    whole = sum(into.added(sums, one[None]).grid for one in operators(group))[inside]
    found = into.symmetrised(copied(sums), operators(group))
    assert np.abs(found.grid[inside] - whole).max() < 1e-5 * np.abs(whole).max()
    assert found.kernels == sums.kernels + (group not in EXACT)


@pytest.mark.parametrize("group", GROUPS)
def test_every_orbit_has_one_point_in_the_wedge(group: str) -> None:
    exact, _ = into.parted(operators(group))
    n, every = 11, range(-5, 6)
    points = np.array([(x, y, z) for z in every for y in every for x in every])
    normals = orbits.wedge(exact, n)
    inside = (points @ normals.T >= 0).all(axis=1) if len(normals) else points[:, 0] >= 0
    turned = np.rint(np.einsum("eij,pj->epi", np.concatenate([exact, -exact]), points)).astype(int)
    images = [{tuple(one) for one in turned[:, p]} for p in range(len(points))]
    chosen = {tuple(point) for point in points[inside]}
    assert all(x >= 0 for x, _, _ in chosen)
    if len(exact) > 1:
        assert all(len(orbit & chosen) == 1 for orbit in images)


@pytest.mark.parametrize("group", GROUPS)
def test_what_comes_out_is_symmetric(group: str) -> None:
    exact, _ = into.parted(operators(group))
    found = into.symmetrised(noise(), operators(group))
    n, before = len(found.grid), found.grid.copy()
    orbits.spread(found.grid, exact, orbits.wedge(exact, n), orbits.turned_within(n))
    inside = into.shell_index(found) <= found.radius
    assert np.abs(found.grid - before)[inside].max() < 1e-6 * np.abs(before).max()  # of sums that are real by symmetry


@pytest.mark.parametrize("group", ["C3", "C7", "D3", "D7", "I"])
def test_turns_about_z_need_no_second_grid(group: str) -> None:
    """Planes of Cn and Dn are turned where they are, to what a grid of their own would hold."""
    sums, (exact, turns) = noise(), into.parted(operators(group))
    before = copied(sums)
    if len(exact) > 1:
        orbits.summed(before.grid, exact)
    wanted = into.added(before, turns.transpose(0, 2, 1), exact=exact)
    found = into.symmetrised(sums, operators(group))
    np.testing.assert_allclose(found.grid, wanted.grid, atol=1e-5 * np.abs(wanted.grid).max())
    assert (found.grid is sums.grid) == (group != "I") and found.kernels == wanted.kernels


def test_sums_go_as_they_are_used_up() -> None:
    """Room for one more at a time is all that it takes: none of a list is held when the last is made."""
    group, some = operators("D7"), [noise(), noise()]
    left: list[int] = []

    def seen(work: Callable, items: Iterable) -> Iterable:
        left.append(len(some))
        return map(work, items)

    found = into.each_symmetrised(some, group, seen)
    np.testing.assert_array_equal(found[0].grid, into.symmetrised(noise(), group).grid)
    assert len(found) == 2 and set(left) == {1, 0}


def test_the_sums_do_not_depend_on_who_adds_them() -> None:
    def backwards(call, slabs):  # type: ignore[no-untyped-def]
        return [call(one) for one in reversed(list(slabs))]

    one, other = (into.symmetrised(noise(), operators("I"), run) for run in (map, backwards))
    np.testing.assert_array_equal(one.grid, other.grid)


@pytest.mark.parametrize("group", GROUPS)
def test_twins(device: Device, group: str) -> None:
    sums = noise()
    inside = into.shell_index(sums) <= sums.radius
    there = insert_cuda.brought(device, sums)
    found = insert_cuda.symmetrised(there, operators(group)).get()
    wanted = into.symmetrised(sums, operators(group))
    assert found.kernels == wanted.kernels
    np.testing.assert_allclose(found.grid[inside], wanted.grid[inside], atol=1e-5 * np.abs(wanted.grid).max())
