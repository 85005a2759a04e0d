"""Images that show the particle are told from those that do not, and do not hinder a run from coming to rest."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spa.recipe import kept
from spa.refine import expectation, loop, moves, plan, recognised
from spa.refine.problem import Workers
from spa.refine.states import State
from spa.search.orientations import angles_between
from spa.search.prior import Prior

JUNK = 0.4


def one_mode(logp: float, turn: float, shift: float) -> expectation.Poses:
    found = expectation.no_poses(1)
    found.logp[0, 0] = logp
    found.root[0, 0] = np.diag([turn] * 3 + [shift] * 2)
    return found


def test_a_pose_as_likely_as_any_is_no_evidence() -> None:
    """A mode that is as wide as what was thought possible, and as high as no particle, says nothing."""
    wide = one_mode(0.0, expectation.WHOLE**-0.5, 3.0)
    assert recognised.evidence(wide, Prior(np.zeros((1, 2)), 3.0), 1) == pytest.approx(0, abs=1e-9)


def test_evidence_pays_for_the_poses_that_were_tried() -> None:
    prior = Prior(np.zeros((1, 2)), 3.0)
    found = recognised.evidence(one_mode(20.0, 0.05, 0.5), prior, 1)
    chance = (2 * np.pi) ** 1.5 * 0.05**3 / (8 * np.pi**2) * (0.5 / 3) ** 2
    assert found == pytest.approx(20 + np.log(chance))
    assert recognised.evidence(one_mode(20.0, 0.05, 0.5), prior, 7) - found == pytest.approx(np.log(7))
    assert recognised.evidence(one_mode(20.0, 0.05, 0.5), prior, 1, own=4.0) == pytest.approx(found - 4)
    known = replace(prior, poses=np.eye(3)[None], turn_sigma=0.05)  # nothing is left to be found of the turn
    assert recognised.evidence(one_mode(20.0, 0.05, 0.5), known, 1) == pytest.approx(20 + np.log((0.5 / 3) ** 2))
    assert recognised.evidence(expectation.no_poses(2), prior, 1).tolist() == [-np.inf, -np.inf]


def test_a_pattern_is_likely_where_power_is_beyond_the_noise(planted: Callable) -> None:
    """By the closed form where its strength is known; noise alone is no pattern; more than a particle's power is."""
    case = planted(n=200)
    block = case.problem.images.block(np.arange(200), 12, case.noise)
    power = recognised.projected_power(case.volume[None])
    rng = np.random.default_rng(0)
    noise = (rng.standard_normal(block.x.shape) / np.sqrt(2)).astype(np.float32)
    own = np.sqrt(block.ctf**2 * power[block.band.shell[: block.ctf.shape[1]]])[:, None]
    for strength in (0, 1, 16):
        pattern = np.float32(np.sqrt(strength / 2)) * own * rng.standard_normal(noise.shape).astype(np.float32)
        found = recognised.anything(replace(block, x=noise + pattern), power)
        s = strength * own[:, 0] ** 2
        expected = (s - np.log1p(s)).sum(axis=1)  # the mean over patterns and noise
        if strength:
            np.testing.assert_allclose(found.mean(), expected.mean(), rtol=0.1, atol=3)
        else:
            assert (found < 1).all()


def test_how_many_images_show_the_particle_is_found() -> None:
    """Of Gaussian evidence with the law that evidence has: its ratio of densities is its exponential."""
    rng = np.random.default_rng(2)
    for share in (0.1, 0.5, 0.9):
        shows = rng.uniform(size=20000) < share
        evidence = rng.normal(np.where(shows, 3.0, -3.0), np.sqrt(6.0))
        assert recognised.threshold(evidence) == pytest.approx(np.log((1 - share) / share), abs=0.15)
    assert recognised.threshold(np.full(100, 40.0)) == pytest.approx(-np.log(99))
    assert recognised.threshold(np.full(100, -np.inf)) == pytest.approx(np.log(99))


def test_honest_posteriors_foretell_how_many_wander() -> None:
    rng = np.random.default_rng(1)
    peak = rng.uniform(0.5, 1.0, 4000)
    evidence = np.where(np.arange(4000) % 2, 20.0, -5.0)
    far = rng.uniform(size=4000) > peak
    far[evidence < 0] = True  # what shows no particle goes anywhere
    found = plan.rest(far, peak, evidence)
    assert found.foretold == pytest.approx(0.25, abs=0.01) and found.wandering == pytest.approx(0.25, abs=0.03)
    assert plan.rest(far, np.full(4000, 0.99), evidence).foretold == pytest.approx(0.01)  # too sure of themselves
    assert plan.rest(far, peak, np.full(4000, -1.0)).wandering == 1


def test_a_run_comes_to_rest_when_no_more_wander_than_foretold(planted: Callable) -> None:
    case = planted(n=40)
    start = loop.first_state(case.problem, [case.volume], case.noise)
    state = replace(
        start, searched=np.ones(40, bool), wide=True, wandering=0.2, foretold=0.25, stalled=3.5, passes=6.0, rose=2.0,
        moved=0.1, least=0.1, iteration=9, best_shell=10, sharpest=0.6, sharpness=0.6,
    )  # fmt: skip
    state.poses[0].logp[:, 0] = 50

    def local(state: State) -> bool:
        return plan.advanced(case.problem, state, plan.chosen(case.problem, state)).local

    def ends(state: State) -> bool:
        return plan.decided(case.problem, state, 10, share=0.25).done

    assert local(state) and not ends(state)
    too_sure = replace(state, foretold=0.15)  # they are surer than they have reason to be
    assert not local(too_sure) and ends(too_sure)
    for still_gains in ({"stalled": 2.5}, {"rose": 3.5}, {"moved": 0.09}):
        waits = replace(state, **still_gains)
        assert not local(waits) and not ends(waits)
    assert local(replace(state, wandering=0.01, foretold=0.0, stalled=0.0))


def test_turns_end_where_unseen_images_grow_no_likelier(planted: Callable) -> None:
    """A pass of turns is enough, where poses are clear; belief alone does not make images likelier."""
    case = planted(n=200)
    start = loop.first_state(case.problem, [case.volume], case.noise)
    chance = np.random.default_rng(2).normal(0, 3, 200)
    chance -= chance.mean()
    state = replace(
        start, searched=np.ones(200, bool), wide=True, turns=True, wandering=0.2, foretold=0.25, stalled=1.0,
        passes=6.0, rose=6.0, moved=0.09, least=0.1, iteration=9, best_shell=10, sharpest=0.8, sharpness=0.8,
        likelier=chance, evidence=np.full(200, 30.0),
    )  # fmt: skip
    state.poses[0].logp[:, 0] = 50

    def local(**changed: Any) -> bool:
        now = replace(state, **changed)
        return plan.advanced(case.problem, now, plan.chosen(case.problem, now)).local

    assert local()
    assert not local(likelier=chance + 1.0)  # five standard errors
    for waits in ({"sharpness": 0.6}, {"stalled": 0.75}, {"foretold": 0.1}, {"turns": False}):
        assert not local(**waits)
    grown = moves.likelier(replace(state, likelier=None), state.evidence + 2, np.arange(50))
    assert (grown[:50] == 2).all() and np.isnan(grown[50:]).all()
    junk = np.where(np.arange(200) < 60, -50.0, 30.0)  # what shows nothing has no say
    assert local(evidence=junk, likelier=np.where(junk < 0, 40.0, chance - chance[60:].mean()))


def with_junk(case: Any) -> np.ndarray:
    """Which images were made noise of."""
    planes = case.problem.images.planes
    empty = np.random.default_rng(5).uniform(size=len(planes)) < JUNK
    planes[empty] = np.random.default_rng(6).standard_normal(planes[empty].shape) / np.sqrt(2)
    return empty


def settled(case: Any, start: np.ndarray | None = None) -> State:
    state = loop.first_state(case.problem, [case.volume if start is None else start], case.noise)
    while not state.done:
        state = loop.iterated(case.problem, state, Workers())
    return state


def test_junk_does_not_keep_a_run_from_coming_to_rest(planted: Callable) -> None:
    """Noise among the images is told as such, and those that show the particle find their poses as without it."""
    case = planted(n=500, iterations=15)
    empty = with_junk(case)
    state = settled(case)
    assert kept.doubt(case.problem, state) is None
    assert kept.unclear(state)[empty].mean() > 0.95 and kept.unclear(state)[~empty].mean() < 0.02
    turn = np.rad2deg(angles_between(case.poses, state.poses[0].best()))[~empty]
    assert np.median(turn) < 3 and (turn < 10).mean() > 0.95
    words = kept.junk(case.problem, state)
    assert words is not None and str(kept.unclear(state).sum()) in words
    factors = np.exp(np.random.default_rng(0).normal(0, 0.25, len(empty))).astype(np.float32)[:, None, None]
    images = replace(case.problem.images, planes=case.problem.images.planes * factors)
    assert kept.junk(replace(case.problem, images=images), state) is None  # louder ones may but seem to show none
    assert "unclear" in kept.summary(case.problem, state)


def test_a_climb_from_known_modes_makes_nothing_clearer(planted: Callable) -> None:
    """Where it finds no others: the clarity is that of the last search that could have found them."""
    case = planted(n=40)
    start = loop.first_state(case.problem, [case.volume], case.noise)
    first = loop.iterated(case.problem, start, Workers())
    assert 0 < first.clarity == pytest.approx(first.poses[0].weight.max(axis=1)[first.evidence > 5].mean())
    local = loop.iterated(case.problem, replace(first, local=True, clarity=0.4), Workers())
    assert local.clarity == 0.4 and local.sharpness > 0.4
    unknown = loop.iterated(case.problem, replace(first, local=True, clarity=0.0), Workers())
    assert unknown.clarity > 0.4  # a run that began with a climb has no other


def test_of_noise_no_rest_is_claimed(planted: Callable) -> None:
    case = planted(n=200, signal=False, iterations=4)
    state = settled(case)
    assert kept.doubt(case.problem, state) is not None and (state.evidence > recognised.SURE).mean() < 0.02
    assert kept.junk(case.problem, state) is None


def test_a_map_of_the_particle_has_the_images_power(planted: Callable) -> None:
    """One that is made of them at wrong poses has less: the images keep the rest."""
    case, wrong = planted(n=300, snr=0.3, seed=3), planted(n=4, seed=77)
    images, halves = case.problem.images, plan.everything(case.problem)
    true = expectation.given_poses(case.poses, case.shifts)
    found = recognised.explained(images, true, halves, np.stack([case.volume] * 2), 12, case.noise)
    assert found == pytest.approx(1, abs=0.1)
    factors = np.exp(np.random.default_rng(0).normal(0, 0.25, len(images))).astype(np.float32)
    unlike, quiet = replace(images, planes=images.planes * factors[:, None, None]), factors < 0.9
    some = [rows[quiet[rows]] for rows in halves]  # they have less power than the noise that all have in the mean
    assert recognised.explained(unlike, true, some, np.stack([case.volume] * 2), 12, case.noise) > 0.8
    start = loop.first_state(case.problem, [wrong.volume], case.noise)
    first = loop.iterated(case.problem, start, Workers())
    left = recognised.explained(images, first.poses[0], halves, first.maps[0], 8, case.noise)
    assert left < kept.EXPLAINED


def test_a_map_that_agrees_with_itself_alone_is_not_believed(planted: Callable) -> None:
    case = planted(n=40)
    start = loop.first_state(case.problem, [case.volume], case.noise)
    curves = np.where(np.arange(start.curves.shape[1]) < 15, 0.9, 0.0)[None]
    state = replace(start, local=True, clarity=0.9, evidence=np.full(40, 30.0), explained=0.8, curves=curves)
    assert kept.doubt(case.problem, state) is None and "not converged" not in kept.summary(case.problem, state)
    words = kept.doubt(case.problem, replace(state, explained=0.3))
    assert words is not None and "30%" in words
    part = replace(case.problem, dynamic=False)  # a mask was given: the map may be meant to be of a part
    assert kept.doubt(part, replace(state, explained=0.3)) is None
    begun = case.problem.images.shell_of(case.problem.settings.lowpass)
    coarse = np.where(np.arange(curves.shape[1]) < begun, 0.9, 0.0)
    assert "nothing finer than the start" in str(kept.doubt(case.problem, replace(state, curves=coarse[None])))
    none = {"evidence": np.full(40, 4.0)}
    for doubtful in ({"local": False}, {"clarity": 0.4}, none, {"explained": 0.4}, {"curves": coarse[None]}):
        assert "not converged" in kept.summary(case.problem, replace(state, **doubtful))


def test_what_shows_no_particle_has_no_part_in_the_map() -> None:
    evidence = np.r_[np.full(60, 30.0), np.full(40, -12.0)]
    found = recognised.chance(evidence, np.arange(100) != 99)
    assert (found[:60] > 0.99).all() and (found[60:] < 0.01).all() and found[99] == 0
    assert (recognised.chance(evidence - 26, np.ones(100, bool)) == 1).all()  # the map is not sure enough to judge
    assert not recognised.chance(evidence, np.zeros(100, bool)).any()


def test_edges_do_not_make_the_start_too_strong(planted: Callable) -> None:
    case = planted(n=300, snr=0.3)
    scale = loop.grey_scale(case.problem.images, case.volume, 8, case.noise)
    case.problem.images.planes[:30] *= 20
    assert loop.grey_scale(case.problem.images, case.volume, 8, case.noise) == pytest.approx(scale, rel=0.1)
