"""Motion that was planted is found; none is invented."""

import numpy as np
import pytest

from spa.motion import align as module
from spa.motion import relion, whole
from spa.motion.align import Exposure, align
from tests.motion.conftest import DOSE, EXPOSURE, PIXEL, Known, error, points


@pytest.mark.parametrize("bfactor", [None, 0.0, 30.0])
def test_a_field_over_the_frame_is_found(bent: Known, bfactor) -> None:
    found = align(bent.small, 1, (5, 4), EXPOSURE, bfactor=bfactor)
    at = points()
    known = bent.moved(at)
    assert error(found.field.at(at), known) < 0.15
    flat = np.broadcast_to(known.mean(0), known.shape)
    assert error(flat, known) > 0.4  # what the best motion of whole frames leaves
    assert error(relion.model_of(found.field).displacements(at / 2), known) < 0.17


@pytest.mark.parametrize("bfactor", [None, 0.0])
def test_none_is_invented(straight: Known, bfactor) -> None:
    """Weights that let all the noise in are not taken at their word."""
    found = align(straight.small, 1, (5, 4), EXPOSURE, bfactor=bfactor)
    moved = found.field.at(points())
    assert np.sqrt(((moved - moved.mean(0)) ** 2).sum(-1).mean()) < 0.06
    assert error(moved, straight.moved(points())) < 0.12


def test_one_patch_is_the_whole_frame(bent: Known) -> None:
    found = align(bent.small, 1, (1, 1), EXPOSURE)
    assert not len(found.field.basis.degrees)
    moved, known = found.field.at(points()), bent.moved(points())
    assert error(moved[:1], known.mean(0)[None]) < 0.15
    assert relion.model_of(found.field).coefficients is None


def test_whole_frames_far_apart(bent: Known) -> None:
    """A drift of a sixth of the frame, from where no start at rest would see it."""
    frames = np.stack([np.roll(one, (2 * number, -4 * number), (0, 1)) for number, one in enumerate(bent.small)])
    found, seen = whole.shifts(frames, PIXEL, DOSE)
    assert seen
    known = bent.moved(np.zeros(2)) + np.arange(12)[:, None] * (-4, 2)
    assert error(found[None], known[None]) < 1.2


def test_the_dose_need_not_be_known(bent: Known) -> None:
    found = align(bent.small, 1, (4, 4), Exposure(PIXEL, 300.0, 0.0))
    assert error(found.field.at(points()), bent.moved(points())) < 0.2


def test_noise_alone_stays_where_it_is() -> None:
    noise = np.random.default_rng(0).integers(-30, 30, (8, 200, 200)).astype(np.int8)
    found = module.align(noise, 1, (3, 3), EXPOSURE)
    moved = found.field.at(points())
    assert np.isfinite(moved).all()
    assert np.sqrt(((moved - moved.mean(0)) ** 2).sum(-1).mean()) < 0.5


def test_frames_of_noise_are_not_moved() -> None:
    """In one of 160 they are, by chance."""
    told = []
    for seed in range(12):
        noise = np.random.default_rng(seed).integers(-30, 30, (12, 600, 600)).astype(np.int8)
        found, seen = whole.shifts(noise, 2.0, DOSE)
        told.append(seen)
        assert seen or not found.any()
        assert np.abs(found).max() * 2.0 < 6 * whole.STEP
    assert sum(told) <= 1


def test_weak_frames_are_moved_as_soon_as_they_tell(bent: Known) -> None:
    """The specimen under more and more noise: where shifts are taken they are right."""
    rng, seen, wrong = np.random.default_rng(3), [], []
    for noise in (0, 20, 40, 80, 160, 320):
        frames = bent.small + rng.normal(0, noise, bent.small.shape) if noise else bent.small
        found, told = whole.shifts(np.clip(frames, -127, 127).astype(np.int8), PIXEL, DOSE)
        seen.append(told)
        wrong.append(error(found[None], bent.moved(np.zeros((1, 2)))))
    assert seen[0] and seen[1] and not seen[-1]
    assert max(one for one, told in zip(wrong, seen) if told) < 2.5, (seen, wrong)


def test_doses_count_what_came_before() -> None:
    np.testing.assert_allclose(Exposure(1.0, 300.0, 1.5, 2.0).doses(3, first=2), [6.5, 8.0, 9.5])
