"""From noise to the map, the same for a seed on any number of threads; and on to sharp poses."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spa.abinit import looks, plan, score, sharpen, states, stochastic
from spa.refine.engine import Cpu
from spa.refine.expectation import Poses
from spa.refine.maximisation import Spread, samples
from spa.refine.problem import Workers
from spa.search.orientations import grid
from spa.symmetry import align
from spa.volume.shells import power
from spa.volume.symmetry import operators

SIDE = 192.0


@pytest.fixture(scope="module")
def data(planted, lumps):
    return planted(lumps(1), n=600)


def run(data, seed: int, todo=None, map_=map) -> stochastic.State:
    todo = todo or plan.plan(data.settings, SIDE)
    state = stochastic.first_state(data.images, data.noise, data.settings, seed)
    rows = np.arange(len(data.images))
    *_, last = stochastic.steps(data.images, state, data.noise, data.settings, seed, rows, todo, Workers(map_))
    return last


@pytest.fixture(scope="module")
def found(data) -> stochastic.State:
    return run(data, 1)


def test_the_map_comes_from_nothing(data, found: stochastic.State) -> None:
    mask = stochastic.solvents(data.images, data.settings)
    laid = align.fit(data.volume, found.maps[0] * mask[0], 6)
    assert align.shell_correlation(data.volume, found.maps[0] * mask[0], laid, 6)[1:].min() > 0.5


def test_a_map_that_is_doubted_less_keeps_more_of_its_details(data, found: stochastic.State) -> None:
    """From cycle to cycle, as far as its mask allows; where there is more noise than signal."""
    climb, powers = plan.climb(data.settings, SIDE), []
    rows, noise = np.arange(len(data.images)), 1000 * data.noise
    for number in (0, 2, 12, 13):
        one = plan.again(climb, number)[:1]
        *_, state = stochastic.steps(data.images, found, noise, data.settings, 1, rows, one)
        powers.append(power(state.maps[0])[one[0].band])
    assert 1.1 * powers[0] < powers[1] and 1.1 * powers[1] < powers[2] == powers[3]


def test_a_right_map_makes_unseen_images_likelier_than_noise(data, found: stochastic.State) -> None:
    _, held = score.held_out(data.images, 0)
    scale = score.scale(data.settings, SIDE, (6,))
    both = (found, stochastic.first_state(data.images, data.noise, data.settings, 1))
    right, wrong = (
        score.evidence(data.images, one.maps, one.sizes, data.noise, data.settings, held, scale)[0] for one in both
    )
    assert right > wrong + 1


def test_rounds_sharpen_poses(data, found: stochastic.State) -> None:
    mask = stochastic.solvents(data.images, data.settings)
    state = sharpen.first_state(data.images, found.maps * mask, found.sizes, 7, data.noise)
    while not state.done:
        state = sharpen.iterated(data.images, state, data.settings, 1, Workers())
    assert state.joint is not None and state.found is not None
    laid = align.fit(data.volume, state.joint[0] * mask[0], 9)
    assert align.shell_correlation(data.volume, state.joint[0] * mask[0], laid, 9)[1:].min() > 0.8
    assert state.found.peak.min() >= 0 and state.found.peak.max() <= 1
    spread = state.found.shifts - state.found.shifts.mean(axis=0)
    assert np.median(np.hypot(*(spread - data.shifts + data.shifts.mean(axis=0)).T)) < 1.5


def test_threads_change_no_bit(data) -> None:
    todo = plan.plan(data.settings, SIDE)[:3]
    with ThreadPoolExecutor(3) as pool:
        a, b = run(data, 2, todo), run(data, 2, todo, pool.map)
    np.testing.assert_array_equal(a.maps, b.maps)
    assert not np.array_equal(a.maps, run(data, 3, todo).maps)


def test_classes_share_images(planted, lumps) -> None:
    """Two particles mixed: each class takes one of them."""
    a, b = planted(lumps(1), n=200, snr=3), planted(lumps(9), n=200, snr=3, seed=8)
    both = {
        name: np.concatenate([getattr(one.images, name) for one in (a, b)])
        for name in ("planes", "chi", "bfactor", "group", "half")
    }
    images = replace(a.images, **both)
    settings = replace(a.settings, classes=2, batch=200, steps=30)
    state = stochastic.first_state(images, a.noise, settings, 4)
    *_, state = stochastic.steps(images, state, a.noise, settings, 4, np.arange(400), plan.plan(settings, SIDE))
    mask = stochastic.solvents(images, settings)
    end = sharpen.first_state(images, state.maps * mask, state.sizes, 7, a.noise)
    while not end.done:
        end = sharpen.iterated(images, end, settings, 1, Workers())
    assert end.found is not None
    truth = np.repeat([0, 1], 200)
    right = (end.found.number == truth).mean()
    assert max(right, 1 - right) > 0.9


@pytest.mark.parametrize("group", ["C1", "C5", "D7", "T", "O", "I"])
def test_no_grid_is_empty_and_bands_only_grow(planted, lumps, group: str) -> None:
    settings = replace(planted(lumps(1), n=4).settings, operators=operators(group))
    steps = plan.plan(settings, SIDE)
    assert all(a.band <= b.band for a, b in zip(steps, steps[1:]))
    assert steps[-1].bands == plan.last_bands(settings, SIDE)
    assert steps[-1].beta == 1 and steps[-1].similarity == 0
    for seed in range(5):
        assert len(grid(steps[0].step, settings.operators, np.random.default_rng(seed)))
    climb = plan.climb(settings, SIDE)
    assert all(a.band <= b.band for a, b in zip(climb, climb[1:]))
    assert all(step.bands == plan.last_bands(settings, SIDE) for step in plan.again(climb))


def test_a_climb_ends_at_the_map_and_is_faint_where_images_say_nothing(data) -> None:
    begun = plan.plan(data.settings, SIDE)
    begun = begun[: plan.heat(begun)]
    found = run(data, 1, begun + plan.climb(data.settings, SIDE))
    mask = stochastic.solvents(data.images, data.settings)[0]
    laid = align.fit(data.volume, found.maps[0] * mask, 6)
    assert align.shell_correlation(data.volume, found.maps[0] * mask, laid, 6)[1:].min() > 0.5
    rng = np.random.default_rng(3)
    images = replace(data.images, planes=rng.standard_normal(data.images.planes.shape).astype(np.float32)
                     * np.float32(np.sqrt(data.noise.mean() / 2)))  # fmt: skip
    nothing = run(replace(data, images=images), 1, begun + plan.climb(data.settings, SIDE))
    assert power(nothing.maps[0])[2:].sum() < 0.2 * power(found.maps[0])[2:].sum()


def test_symmetry_holds_in_the_map(planted, lumps) -> None:
    data = planted(lumps(5, "C4"), n=300)
    settings = replace(data.settings, operators=operators("C4"))
    state = stochastic.first_state(data.images, data.noise, settings, 1)
    todo = plan.plan(settings, SIDE)[:12]
    *_, last = stochastic.steps(data.images, state, data.noise, settings, 1, np.arange(300), todo)
    inner = last.maps[0][:, 1:, 1:]
    assert np.corrcoef(inner.ravel(), np.rot90(inner, 1, (1, 2)).ravel())[0, 1] > 0.9


def test_a_state_comes_back_from_its_file(data, found: stochastic.State, tmp_path: Path) -> None:
    states.save(tmp_path / "a.npz", found)
    back = states.load(tmp_path / "a.npz", stochastic.State)
    np.testing.assert_array_equal(back.sums, found.sums)
    assert (back.step, back.evidence, back.sharpness) == (found.step, found.evidence, found.sharpness)
    with pytest.raises(ValueError, match="not a state"):
        states.load(tmp_path / "a.npz", sharpen.State)


def test_rows_held_out_are_never_learnt_from(data) -> None:
    learnt, held = score.held_out(data.images, 3)
    assert not set(learnt) & set(held) and len(learnt) + len(held) == len(data.images)


def test_glaring_images_have_no_say(data) -> None:
    """Ice among the particles is neither learnt from nor held out."""
    planes = data.images.planes.copy()
    planes[::10, :, :20] += 30
    images = replace(data.images, planes=planes)
    found = score.glaring(images)
    assert found[::10].all() and found.sum() < 0.11 * len(images)
    assert not score.glaring(data.images).any()
    assert not set(np.concatenate(score.held_out(images, 0))) & set(range(0, len(images), 10))


def test_broad_posteriors_take_more_rounds() -> None:
    """As many as leave next to nothing of the way, where each leaves what is not known of the poses."""
    for sharpness in (0.1, 0.35, 0.59):
        rounds = sharpen.least_rounds(sharpness) - (len(sharpen.MOST) - 1)
        assert (1 - sharpness) ** rounds <= sharpen.LEFT < (1 - sharpness) ** (rounds - 1)
    assert sharpen.least_rounds(0.9) == sharpen.least_rounds(0.0) == 0


@pytest.mark.parametrize("snr, unsure", [(0.1, True), (3.0, False)])
def test_unsure_poses_end_no_rounds_that_gain(planted, lumps, snr: float, unsure: bool) -> None:
    """Halves that agree no further are no reason to end there, while images that maps have not seen grow likelier."""
    data = planted(lumps(1), n=120, snr=snr)
    state = sharpen.first_state(data.images, data.volume[None].astype(np.float32), np.ones(1), 7, data.noise)
    idle = replace(state, round=14 if unsure else 4, best=data.images.band.radius, idle=5, sharpness=0.5)
    ends = [sharpen.iterated(data.images, idle, data.settings, 1, Workers(), gaining) for gaining in (True, False)]
    assert (ends[0].sharpness < looks.SHARP) == unsure
    assert [end.done for end in ends] == [not unsure, True]


class Watched(Cpu):
    """Keeps what images enter maps with."""

    entered: tuple[Poses, Spread]

    def accumulate(self, images, poses, halves, radius, noise, spread, seed, workers, operators):
        self.entered = poses, spread
        return super().accumulate(images, poses, halves, radius, noise, spread, seed, workers, operators)


def test_unsure_images_enter_at_all_their_modes(planted, lumps) -> None:
    """Best modes alone are those that the noise of the map has chosen: rounds stay with it, and lead nowhere."""
    data, engine = planted(lumps(1), n=120, snr=0.03), Watched()
    state = sharpen.first_state(data.images, data.volume[None].astype(np.float32), np.ones(1), 7, data.noise)
    after = sharpen.iterated(data.images, state, data.settings, 1, Workers(engine=engine))
    poses, spread = engine.entered
    unsure = np.flatnonzero((poses.weight > 0.1).sum(axis=1) > 1)
    assert after.sharpness < 0.5 and len(unsure) > 10
    assert (np.bincount(samples(poses, unsure, spread, (1,)).rows) > spread.draws).all()


def test_a_small_class_is_no_fainter_for_being_small(planted, lumps) -> None:
    """Were its map, the larger class would be the likelier of its images, and take them one after another."""
    many, few = planted(lumps(1), n=540, snr=0.015), planted(lumps(9), n=60, snr=0.015, seed=8)
    both = {
        name: np.concatenate([getattr(one.images, name) for one in (many, few)])
        for name in ("planes", "chi", "bfactor", "group", "half")
    }
    images, settings = replace(many.images, **both), replace(many.settings, classes=2, batch=600)
    start = stochastic.first_state(images, many.noise, settings, 4)
    start = replace(start, maps=np.stack([many.volume, few.volume]), sizes=np.array([0.9, 0.1]))
    todo = plan.climb(settings, SIDE)[-1:] * 4
    *_, state = stochastic.steps(images, start, many.noise, settings, 4, np.arange(600), todo)
    large, small = (power(one)[2:].sum() / power(whole)[2:].sum() for one, whole in
                    zip(state.maps, (many.volume, few.volume)))  # fmt: skip
    assert state.sizes[0] > state.sizes[1] and small > large


def test_a_quench_has_the_bands_of_the_plan_and_believes_images_from_the_first_on(data) -> None:
    plain, quenched = plan.plan(data.settings, SIDE), plan.quench(data.settings, SIDE)
    assert [step.bands for step in quenched] == [step.bands for step in plain]
    assert {step.beta for step in quenched} == {1.0} and plain[0].beta < 0.5


def test_finer_settings_see_as_many_more_shells_from_the_first_step_on(data) -> None:
    """Up to the last that the images have."""
    settings = replace(data.settings, band=100)
    finer = replace(settings, finer=2.0)
    for course in (plan.plan, plan.climb):
        one, other = course(settings, SIDE), course(finer, SIDE)
        assert all(abs(b.band - 2 * a.band) <= 1 and b.step < a.step for a, b in zip(one, other))
    assert max(plan.last_bands(replace(finer, band=9), SIDE)) == 9
