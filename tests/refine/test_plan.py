"""What an iteration takes on: images in turn, against maps that they have no part in."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from spa.recipe import kept
from spa.refine import expectation, loop, maximisation, plan
from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa.search.likelihood import evaluate
from spa.volume.slices import reference


def begun(problem: Problem, volume: np.ndarray, noise: np.ndarray) -> State:
    """A state in which all images have poses, with broad posteriors."""
    state = loop.first_state(problem, [volume], noise)
    state.poses[0].logp[:, 0] = 50
    everything = np.ones(len(problem.images), bool)
    return replace(state, iteration=3, searched=everything, wide=True, turns=True, sharpness=0.3, wandering=0.5)


def test_where_posteriors_are_broad_all_images_have_their_turn(planted: Callable) -> None:
    case = planted(n=43)
    state = begun(case.problem, case.volume, case.noise)
    seen = []
    for _ in range(plan.TURNS):
        halves = plan.chosen(case.problem, state)
        seen.append(np.concatenate(halves))
        state = plan.advanced(case.problem, state, halves)
    assert all(len(rows) < 43 for rows in seen)
    assert set(np.concatenate(seen).tolist()) == set(range(43))
    assert len(plan.chosen(case.problem, replace(state, local=True))[0]) == 22


def test_subsets_grow(planted: Callable) -> None:
    case = planted(n=10)
    images = replace(case.problem.images, half=np.arange(40000) % 2)
    problem = replace(case.problem, images=images)
    state = replace(begun(case.problem, case.volume, case.noise), iteration=0)
    sizes = [len(plan.chosen(problem, replace(state, iteration=i))[0]) for i in range(8)]
    assert sizes[:4] == [300, 600, 1200, 2400] and max(sizes) == 20000 // plan.TURNS


def test_turns_go_on_while_an_image_s_own_noise_is_much_of_what_it_tells(planted: Callable) -> None:
    case = planted(n=43)
    state = replace(begun(case.problem, case.volume, case.noise), wide=False, sharpness=0.99)
    halves = plan.chosen(case.problem, state)
    assert plan.own_share(case.problem, state) > plan.OWN and plan.advanced(case.problem, state, halves).turns
    state.poses[0].logp[:, 0] *= 1.01 * plan.own_share(case.problem, state) / plan.OWN
    assert not plan.advanced(case.problem, state, halves).turns
    more = replace(case.problem.settings, operators=np.repeat(case.problem.settings.operators, 7, axis=0))
    fewer = plan.own_share(replace(case.problem, settings=more), state)
    assert fewer == pytest.approx(plan.own_share(case.problem, state) / 7)  # a copy is a view as well


def test_the_global_search_is_not_the_last(planted: Callable) -> None:
    """Going local is not yet being at rest: maps lack the images spared, and poses are those of single searches."""
    case = planted(n=43)
    state = replace(begun(case.problem, case.volume, case.noise), wandering=0.0, moved=1e-6, stalled=4.0)
    state = plan.advanced(case.problem, state, plan.chosen(case.problem, state))
    assert state.local and not plan.decided(case.problem, state, 5, 1.0).done


def test_references_are_made_without_the_images_that_come_next(planted: Callable) -> None:
    case = planted(n=43)
    state = begun(case.problem, case.volume, case.noise)
    parts, following = plan.parted(case.problem, state), plan.chosen(case.problem, state)
    for rest, spared, rows in zip(parts[:2], parts[2:], following):
        assert np.array_equal(spared, rows) and not np.intersect1d(rest, rows).size
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(43))
    state.searched[following[0][0]] = False  # what has no pose is in no map
    assert sum(map(len, plan.parted(case.problem, state))) == 42
    assert len(plan.parted(case.problem, replace(state, local=True))) == 2


def test_noise_knows_itself_only_in_a_map_of_its_own(planted: Callable) -> None:
    """The share that an image has in a map speaks for the pose that it was put in at, whatever that pose is."""
    case = planted(n=160, signal=False)
    problem, state = case.problem, begun(case.problem, case.volume, case.noise)
    poses = expectation.given_poses(case.poses, np.zeros((160, 2)))
    parts = plan.parted(problem, state)
    radius = 12
    sums = maximisation.accumulate(problem.images, poses, parts, radius, case.noise, maximisation.Spread(0), (0,),
                                   Workers())  # fmt: skip
    whole = [first.plus(second) for first, second in zip(sums[:2], sums[2:])]
    gain = []
    for rest in (whole, sums[:2]):
        found = maximisation.regularised(problem, whole, Workers(), rest)
        scores = []
        for rows, volume in zip(parts[2:], found.maps):
            block = problem.images.block(rows, radius, case.noise)
            here = np.arange(len(rows))
            sums_ = evaluate(reference(volume, radius), block, here, case.poses[rows], np.zeros((len(rows), 2)), radius)
            scores.append(2 * sums_.cross / np.sqrt(np.maximum(sums_.norm, 1e-9)))
        gain.append(np.mean(np.concatenate(scores)))
    assert gain[0] > 1.5 and abs(gain[1]) < 0.25 * gain[0]


def test_shifts_at_the_edge_of_the_search_are_noticed(planted: Callable) -> None:
    case = planted(n=100)
    state = begun(case.problem, case.volume, case.noise)
    for far, heard in ((0, False), (5, True)):
        shifts = np.zeros((100, 2))
        shifts[:far] = 2.9  # pixels: 15 A are searched, 3 pixels, and the corner lies beyond
        known = replace(state, poses=[expectation.given_poses(case.poses, shifts)])
        assert plan.at_edge(case.problem, known) == far / 100
        assert (kept.narrow(case.problem, known) is not None) == heard


def test_it_is_said_where_the_pixels_end_the_resolution(planted: Callable) -> None:
    case = planted(n=100)
    state = begun(case.problem, case.volume, case.noise)
    sure = replace(state, local=True, clarity=1.0, evidence=np.full(100, 100.0), explained=1.0)
    end = case.problem.images.band.radius
    for last, heard in ((end, True), (end - 2, False)):
        curve = np.where(np.arange(state.curves.shape[1]) <= last, 0.9, 0.0)
        assert (kept.coarse(case.problem, replace(sure, curves=curve[None])) is not None) == heard
    lost = replace(sure, curves=np.ones((1, state.curves.shape[1])), clarity=0.1)
    assert kept.coarse(case.problem, lost) is None  # halves that share their errors agree to the end


def test_the_images_tell_how_far_they_are_shifted(planted: Callable) -> None:
    case = planted(n=400)
    state = begun(case.problem, case.volume, case.noise)
    rng = np.random.default_rng(0)
    for sigma in (1.4, 2.0):
        shifts = rng.normal(0, sigma, (400, 2))
        shifts[:40] = rng.uniform(-9, 9, (40, 2))  # the lost do not move it
        known = replace(state, poses=[expectation.given_poses(case.poses, shifts)])
        wide = replace(case.problem, settings=replace(case.problem.settings, widest=200.0))
        prior, reach = plan.shift_prior(wide, known)
        assert prior.shift_sigma == pytest.approx(sigma, rel=0.25) and reach == pytest.approx(2.5 * prior.shift_sigma)
    prior, reach = plan.shift_prior(case.problem, known)  # what was given is the most
    assert reach == pytest.approx(3.0)
    prior, reach = plan.shift_prior(case.problem, replace(state, poses=[expectation.no_poses(400)]))
    assert prior is case.problem.prior and reach == pytest.approx(3.0)


def test_the_part_of_a_mask_that_holds_the_signal_agrees_farther(planted: Callable) -> None:
    """As far as halves of it alone would; and noise no farther than the mask's own curve by more than chance."""
    problem = planted(n=43).problem
    shells = np.arange(problem.images.band.box // 2 + 1)
    strength, share = (9.0 / np.maximum(shells, 1)) ** 6, 0.2  # signal over the noise of the whole mask
    whole, part = strength / (1 + strength), strength / (share + strength)
    assert problem.reach(whole) < problem.reach(part) == problem.reach(whole, share)
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((200, len(shells))) / np.sqrt(np.maximum(problem.free, 1))
    assert np.quantile([problem.reach(np.clip(one, -0.99, 0.99), share) for one in noise], 0.9) <= 5
