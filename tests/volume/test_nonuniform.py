"""Filters chosen place by place: fine where halves agree, none where they do not; next to nothing leaks by it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from spa.volume.fsc import fsc
from spa.volume.masks import distances, soft_sphere
from spa.volume.nonuniform import FALL, NonUniform, bank, best, filtered
from spa.volume.shells import apply_radial

BOX = 48
MASK = soft_sphere(BOX, 18, 3)
CORE, RIM = distances(BOX) < 8, (distances(BOX) > 14) & (distances(BOX) < 18)
SHELL = np.arange(BOX // 2 + 1)


def white(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((BOX,) * 3).astype(np.float32)


def falling(seed: int) -> np.ndarray:
    """Everywhere alike, its power falling with the sixth power of the shell from shell 6 on."""
    return apply_radial(white(seed), 6 / (1 + (SHELL / 6.0) ** 3))


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return 3 * falling(0) * MASK


def noise(seed: int, rim: float = 5.0) -> np.ndarray:
    """White, and stronger in the rim."""
    return white(seed) * np.where(RIM, rim, 1).astype(np.float32)


def share(volume: np.ndarray, where: np.ndarray) -> float:
    return float((volume[where] ** 2).sum())


def test_a_core_is_filtered_more_finely_than_a_noisy_rim(truth: np.ndarray) -> None:
    a, b = truth + noise(1), truth + noise(2)
    filters = bank(fsc(a * MASK, b * MASK))
    field = best(a, b, filters)
    assert field[CORE].min() > field[RIM].mean()
    assert field[distances(BOX) < 3].min() > field[RIM].max()
    assert field[CORE].mean() > field[RIM].mean() + 0.7  # steps of a fifth in the cut-off


def test_what_it_leaves_is_nearer_to_the_truth_than_one_filter_for_all(truth: np.ndarray) -> None:
    a, b = truth + noise(1), truth + noise(2)
    curve = np.maximum(fsc(a * MASK, b * MASK), 0)
    regular = NonUniform(MASK)
    for where, less in ((CORE, 0.8), (RIM, 1.0)):
        for ours, half in zip(regular(a, b), (a, b)):
            assert share(ours - truth, where) < less * share(apply_radial(half, curve) - truth, where)
        uniform = apply_radial((a + b) / 2, 2 * curve / (1 + curve))
        assert share(regular.joint(a, b) - truth, where) < less * share(uniform - truth, where)


def test_the_joint_map_knows_that_it_is_better_than_its_halves(truth: np.ndarray) -> None:
    a, b = truth + noise(1), truth + noise(2)
    regular = NonUniform(MASK)
    first, second = regular(a, b)
    assert share(regular.joint(a, b) - truth, CORE) < 0.97 * share((first + second) / 2 - truth, CORE)


def test_equal_halves_go_through(truth: np.ndarray) -> None:
    a = truth + white(3)
    for found in (*NonUniform(MASK)(a, a), NonUniform(MASK).joint(a, a)):
        assert np.abs(found - a).max() < 1e-4 * a.std()


def test_room_around_the_mask_changes_little(truth: np.ndarray) -> None:
    """Filters of a wide box, of which the part around the mask is looked at, are those of a box just wide enough."""
    a, b = (truth + noise(1)) * MASK, (truth + noise(2)) * MASK
    wide = [np.pad(one, BOX // 2) for one in (a, b, MASK)]
    regular = NonUniform(wide[2])
    assert len(wide[0][regular._part]) < 0.6 * len(wide[0])
    inside = (slice(BOX // 2, -BOX // 2),) * 3
    for narrow, found in zip(NonUniform(MASK)(a, b), regular(*wide[:2])):
        assert found.shape == wide[0].shape and not found[: BOX // 4].any()
        assert share((found[inside] - narrow) * MASK, CORE | RIM) < 0.01 * share(narrow, CORE | RIM)


@pytest.mark.parametrize("last", [6, 9])
def test_maps_that_end_at_a_shell_are_filtered_on_a_grid_that_holds_them(truth: np.ndarray, last: int) -> None:
    ended = (np.arange(BOX // 2 + 1) <= last).astype(float)
    a, b = (apply_radial(truth + noise(seed), ended) * MASK for seed in (1, 2))
    for coarse, fine in zip(NonUniform(MASK).up_to(last)(a, b), NonUniform(MASK)(a, b)):
        assert share((coarse - fine) * MASK, MASK > 0) < 0.01 * share(fine, MASK > 0)


def test_where_all_is_alike_the_filter_is_that_of_the_fsc() -> None:
    signal = falling(7)
    a, b = signal + white(1), signal + white(2)
    everywhere = np.ones_like(a)
    wiener = apply_radial(a, np.maximum(fsc(a, b), 0))
    found, _ = NonUniform(everywhere)(a, b)
    assert share(found - wiener, everywhere > 0) < 0.03 * share(wiener, everywhere > 0)
    error = [share(one - signal, everywhere > 0) for one in (found, wiener)]
    assert error[0] < 1.02 * error[1]


@pytest.mark.parametrize("seed", [0, 10, 20])
def test_pure_noise_is_removed(seed: int) -> None:
    a, b = noise(seed), noise(seed + 1)
    for half, found in zip((a, b), NonUniform(MASK)(a, b)):
        assert share(found, MASK > 0) < 1e-3 * share(half, MASK > 0)


def test_the_choice_hardly_tells_one_half_of_the_other_s_noise(truth: np.ndarray) -> None:
    """What the halves' noise has in common by it, and what new noise in one half does to the other: of the signal."""
    common, changed = [], []
    for seed in range(10, 50, 10):
        first, second, third = (noise(seed + number) for number in range(3))
        filters = bank(fsc((truth + first) * MASK, (truth + second) * MASK))
        field = best(truth + first, truth + second, filters)
        signal, a, b = (filtered(one, filters, field) for one in (truth, first, second))
        one, other = (NonUniform(MASK)(truth + first, truth + half)[0] for half in (second, third))
        inside = MASK > 0
        common.append((a * b)[inside].sum() / share(signal, inside))
        changed.append(share(one - other, inside) / share(signal, inside))
    assert np.mean(common) < 0.01 and max(changed) < 0.02


def test_threads_do_not_change_a_byte(truth: np.ndarray) -> None:
    a, b = truth + noise(1), truth + noise(2)
    with ThreadPoolExecutor(4) as pool:
        many = NonUniform(MASK, pool.map)(a, b)
    assert all(np.array_equal(*pair) for pair in zip(many, NonUniform(MASK)(a, b)))


def test_a_bank_goes_from_nothing_to_all_by_way_of_the_fsc_s_own_filter() -> None:
    curve = 1 / (1 + (np.arange(33) / 12.0) ** 6)
    filters = bank(curve)
    assert np.all(filters[0] == 0) and np.all(filters[-1] == 1)
    assert np.all(np.diff(filters, axis=0) >= 0) and np.all(np.diff(filters[1:-1], axis=1) <= 1e-9)
    known = curve >= 0.143
    own = np.abs(filters - curve)[:, known][:, 1:].max(axis=1).argmin()
    assert np.allclose(filters[own, known][4:], curve[known][4:])
    tail = filters[own, ~known] / (1 - filters[own, ~known])
    assert np.allclose(np.diff(np.log(tail)) / np.diff(np.log(np.flatnonzero(~known))), -FALL)


def test_a_curve_without_signal_still_makes_a_bank() -> None:
    for curve in (np.zeros(33), -0.1 * np.ones(33), np.ones(33)):
        filters = bank(curve)
        assert np.isfinite(filters).all() and np.all(np.diff(filters, axis=0) >= 0)
