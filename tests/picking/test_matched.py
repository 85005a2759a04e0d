"""The matched filter."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from spa.image.ctf import Lens
from spa.image.peaks import maxima
from spa.picking.field import Contrast, Scope, prepared
from spa.picking.matched import contest, evidence, local_level, local_power, quick_map, score_map
from spa.picking.shapes import make

PIXEL = 5.0
SCOPE = Scope(100, 140, 20)


@pytest.fixture(scope="module")
def shells(scene):
    """Truth and a micrograph of hollow shells of 120 A."""
    rng = np.random.default_rng(5)
    truth = scene.centres(rng, 40, (320, 360), 30, 20)
    return truth, scene.micrograph(scene.density((320, 360), truth, 12, hollow=0.75), rng, 0.5)


def test_scores_of_noise_have_mean_0_and_sd_1(scene):
    rng = np.random.default_rng(6)
    field = prepared(rng.normal(0, 1, (400, 400)).astype(np.float32), PIXEL, SCOPE)
    score, decoy = score_map(field, make("ball", 120, 20))
    assert score.mean() == pytest.approx(0, abs=0.1) and score.std() == pytest.approx(1, abs=0.05)
    assert decoy == pytest.approx(-score, abs=1e-4)
    edge = np.concatenate([score[0], score[-1], score[:, 0], score[:, -1]])
    assert edge.std() == pytest.approx(1, abs=0.3)


def test_a_shell_is_found_at_its_centre(scene, shells):
    truth, image = shells
    field = prepared(image, PIXEL, SCOPE)
    score, _ = score_map(field, make("shell", 120, 20, hollow=0.75))
    points = field.to_micrograph(maxima(score, 3.5, 90 / field.pixel_size))
    assert scene.matched(truth, points, 2.0) > 0.95


def test_the_true_shape_has_most_evidence(shells):
    field = prepared(shells[1], PIXEL, SCOPE)
    true = evidence(field, make("shell", 120, 20, hollow=0.75), 90)
    for other in (make("ball", 120, 20), make("shell", 140, 20, hollow=0.75), make("shell", 100, 20, hollow=0.75)):
        assert evidence(field, other, 90) < true


def test_there_is_no_evidence_in_noise(scene, shells):
    rng = np.random.default_rng(8)
    blank = prepared(rng.normal(0, 1, (320, 360)).astype(np.float32), PIXEL, SCOPE)
    shape = make("shell", 120, 20, hollow=0.75)
    assert evidence(blank, shape, 90) < 0.2 * evidence(prepared(shells[1], PIXEL, SCOPE), shape, 90)


def test_knowing_the_ctf_raises_the_scores(scene):
    rng = np.random.default_rng(9)
    truth = scene.centres(rng, 25, (320, 320), 32, 24)
    image = scene.micrograph(scene.density((320, 320), truth, 12, hollow=0.7), rng, 0.4, defocus=20000)
    shape = make("shell", 120, 20, hollow=0.7)
    known = Contrast(Lens(300, 2.7, 0.1), 20000, 20000, 0)
    blind = evidence(prepared(image, PIXEL, SCOPE), shape, 90)
    assert evidence(prepared(image, PIXEL, SCOPE, known), shape, 90) > 1.1 * blind


def test_a_particle_cut_by_the_edge_still_scores(scene):
    rng = np.random.default_rng(10)
    truth = np.array([[2.0, 100.0], [100.0, 100.0], [150.0, 30.0]])
    field = prepared(scene.micrograph(scene.density((200, 200), truth, 12), rng, 0.4), PIXEL, SCOPE)
    rows = np.rint(truth[:, ::-1] / field.step).astype(int)
    whole, quick = (f(field, make("ball", 120, 20))[0] for f in (score_map, quick_map))
    assert whole[tuple(rows[0])] > 1.15 * quick[tuple(rows[0])]
    assert whole[tuple(rows[1])] == pytest.approx(quick[tuple(rows[1])], rel=0.15)


def test_ellipses_are_found_at_any_angle(scene):
    rng = np.random.default_rng(11)
    truth = scene.centres(rng, 30, (320, 320), 40, 26)
    image = scene.density((320, 320), truth, 10, ratio=2.0, angles=rng.uniform(0, np.pi, 30))
    field = prepared(scene.micrograph(image, rng, 0.5), PIXEL, Scope(80, 140, 20))
    score, _ = score_map(field, make("ellipse", 100, 20, ratio=2.0))
    assert scene.matched(truth, field.to_micrograph(maxima(score, 4, 15)), 3) > 0.95


def test_dirt_has_power(scene):
    rng = np.random.default_rng(12)
    image = rng.normal(0, 1, (300, 300)).astype(np.float32)
    image[100:120, 200:220] += rng.normal(0, 8, (20, 20))
    field = prepared(image, PIXEL, SCOPE)
    power = local_power(field, 60)
    assert np.median(power) == pytest.approx(1, rel=1e-3)
    assert power[tuple(np.rint(np.array([110, 210]) / field.step).astype(int))] > 1.5


def test_crystals_as_wide_as_particles_are_denser(scene):
    """They score like particles of any contrast; the density of places tells them, at the edge of the field too."""
    rng = np.random.default_rng(13)
    truth = np.array([[2.0, 100.0], [100.0, 100.0], [150.0, 60.0], [220.0, 180.0]])
    image = scene.density((260, 260), truth[:3], 12)
    image += 6 * scene.density((260, 260), truth[3:], 12)
    field = prepared(scene.micrograph(image, rng, 0.8), PIXEL, SCOPE)
    level = local_level(field, 120)
    found = [level[tuple(np.rint(at[::-1] / field.step).astype(int))] for at in truth]
    assert found[3] > 2 * max(found[:3]) and max(found[:3]) < 1.2 * min(found[:3])
    assert np.median(level) == pytest.approx(0, abs=0.2)


def test_a_place_belongs_to_the_higher_score():
    """A dark ring about a bright particle is no decoy; a decoy of its own place is one."""
    score, decoy = np.zeros((2, 60, 60))
    score[20, 20], decoy[20, 24], decoy[45, 45], score[45, 40] = 8, 5, 4, 2
    targets, decoys = contest(score, decoy, 8)
    assert targets.tolist() == [8] and decoys.tolist() == [4]


def test_what_lies_on_junk_or_is_owed_to_a_better_peak_has_no_say():
    score, decoy = np.zeros((2, 60, 60))
    score[20, 20], decoy[20, 32], decoy[45, 45], score[45, 20] = 8, 3, 3, 4
    clear = np.ones(score.shape, bool)
    clear[:, 40:] = False
    targets, decoys = contest(score, decoy, 8, lambda points: points[clear[tuple(points.T)]], 20.0)
    assert targets.tolist() == [8, 4] and decoys.tolist() == []


def test_noise_alone_is_won_by_both_as_often():
    rng = np.random.default_rng(1)
    noise = gaussian_filter(rng.standard_normal((600, 600)), 2)
    for diameter in (0.0, 16.0):
        targets, decoys = contest(noise, -noise, 8, diameter=diameter)
        assert len(targets) / len(decoys) == pytest.approx(1, abs=0.1)


def test_one_lump_of_dirt_explains_less_than_many_particles(scene):
    rng = np.random.default_rng(9)
    spots = [np.stack(np.meshgrid(np.arange(40, 240, 40.0), np.arange(40, 220, 40.0)), -1).reshape(-1, 2),
             np.array([[120.0, 110.0]])]  # fmt: skip
    images = [strength * scene.density((240, 260), points, 12) for strength, points in zip((1.0, 5.0), spots)]
    many, one = (evidence(prepared(scene.micrograph(image, rng, 0.8), PIXEL, SCOPE), make("ball", 120, 20), 90)
                 for image in images)  # fmt: skip
    assert many > 3 * one > 0
