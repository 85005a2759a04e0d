"""Learning the shape from the micrographs."""

from dataclasses import replace

import numpy as np
import pytest

from spa.image.ctf import Lens
from spa.picking.blob import pick
from spa.picking.field import Contrast, Field, Scope, prepared
from spa.picking.learn import APART, learn

PIXEL = 5.0
SCOPE = Scope(90, 150, 20)


def pictures(scene, seed, count, **shape):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        truth = scene.centres(rng, 35, (300, 320), 34, 22)
        angles = rng.uniform(0, np.pi, len(truth))
        yield truth, scene.density((300, 320), truth, 11.5, angles=angles, **shape), rng


@pytest.fixture(scope="module")
def hollow(scene):
    """Truth and fields of shells, 115 A, each at its own defocus."""
    found = []
    for n, (truth, image, rng) in enumerate(pictures(scene, 21, 3, hollow=0.75)):
        defocus = 8000.0 + 20000 * n
        contrast = Contrast(Lens(300, 2.7, 0.1), defocus, defocus, 0)
        found.append((truth, prepared(scene.micrograph(image, rng, 0.15, PIXEL, defocus), PIXEL, SCOPE, contrast)))
    return found


def recall(scene, pairs, learned, within=2.5):
    rest = learned.shape, learned.threshold, learned.spacing
    return np.mean([scene.matched(truth, pick(learned.seen(field), *rest).xy, within) for truth, field in pairs])


def test_a_hollow_shape_is_recognised_and_learned(scene, hollow):
    learned = learn([field for _, field in hollow], SCOPE, ("ball", "shell", "ellipse"), 3)
    assert learned.shape.name == "learned" and learned.shape.diameter == pytest.approx(115, rel=0.12)
    assert next(label for label in learned.tried if label != learned.shape.label).startswith("shell")
    assert learned.spacing == APART * learned.shape.diameter and not learned.blind
    assert recall(scene, hollow, learned) > 0.97


def test_what_is_learned_explains_more_than_what_was_fixed(hollow):
    learned = learn([field for _, field in hollow], SCOPE, ("ball",), 2)
    fixed = max(value for label, value in learned.tried.items() if label != learned.shape.label)
    assert learned.tried[learned.shape.label] > 1.2 * fixed


def test_no_rounds_keep_the_fixed_shape(hollow):
    learned = learn([field for _, field in hollow], SCOPE, ("disc", "ring", "log"), 0, spacing=80.0)
    assert learned.shape.name in ("disc", "ring", "log") and learned.spacing == 80.0


def test_long_particles_are_taken_for_long(scene):
    pairs = [(truth, prepared(scene.micrograph(image, rng, 0.5), PIXEL, SCOPE))
             for truth, image, rng in pictures(scene, 22, 2, ratio=2.2)]  # fmt: skip
    learned = learn([field for _, field in pairs], SCOPE, ("ball", "shell", "ellipse"), 2)
    assert learned.shape.ratio > 1
    assert recall(scene, pairs, learned) > 0.95


def test_rods_are_found_once_at_their_centres(scene):
    """Four times as long as wide; a shape half as long would find them at either end."""
    scope, pairs, rng = Scope(60, 240, 20), [], np.random.default_rng(31)
    for _ in range(2):
        truth = scene.centres(rng, 14, (300, 320), 60, 30)
        image = scene.density((300, 320), truth, 12.0, angles=rng.uniform(0, np.pi, len(truth)), ratio=4.0)
        pairs.append((truth, prepared(scene.micrograph(image, rng, 0.3, PIXEL), PIXEL, scope)))
    learned = learn([field for _, field in pairs], scope, ("ball", "shell", "ellipse"), 2)
    assert learned.shape.ratio > 2 and recall(scene, pairs, learned) > 0.95
    found = [len(pick(learned.seen(field), learned.shape, learned.threshold, learned.spacing)) for _, field in pairs]
    assert sum(found) <= 1.1 * sum(len(truth) for truth, _ in pairs)


def test_few_picks_in_noise(scene):
    rng = np.random.default_rng(23)
    fields = [prepared(rng.normal(0, 1, (300, 320)).astype(np.float32), PIXEL, SCOPE) for _ in range(3)]
    learned = learn(fields, SCOPE, ("ball", "shell", "ellipse"), 3)
    counts = [len(pick(learned.seen(field), learned.shape, learned.threshold, learned.spacing)) for field in fields]
    assert max(counts) <= 6  # there is room for over 100


def test_a_ctf_that_is_not_in_the_images_is_left_aside(scene):
    contrast = Contrast(Lens(300, 2.7, 0.1), 30000, 30000, 0)
    pairs = [(truth, prepared(scene.micrograph(image, rng, 0.5), PIXEL, SCOPE, contrast))
             for truth, image, rng in pictures(scene, 25, 2)]  # fmt: skip
    assert learn([field for _, field in pairs], SCOPE, ("ball",), 2).blind


def test_particles_of_three_lobes_are_found_whole_and_once(scene):
    rng = np.random.default_rng(26)
    pairs = []
    for _ in range(2):
        truth = scene.centres(rng, 30, (300, 320), 40, 26)
        turns = rng.uniform(0, 2 * np.pi, len(truth))[:, None] + 2 * np.pi * np.arange(3) / 3
        lobes = truth[:, None] + 8 * np.stack([np.cos(turns), np.sin(turns)], axis=-1)
        image = scene.density((300, 320), lobes.reshape(-1, 2), 8)
        pairs.append((truth, prepared(scene.micrograph(image, rng, 0.5), PIXEL, SCOPE)))
    learned = learn([field for _, field in pairs], SCOPE, ("ball", "shell", "ellipse"), 3)
    found = [pick(learned.seen(field), learned.shape, learned.threshold, learned.spacing).xy for _, field in pairs]
    assert all(scene.matched(truth, xy, 4) > 0.95 and len(xy) < 1.1 * len(truth)
               for (truth, _), xy in zip(pairs, found))  # fmt: skip


@pytest.fixture(scope="module")
def crowd(scene):
    """Truth and micrographs of lumps, each another of four smaller ones, as dense as they go."""
    rng, found = np.random.default_rng(27), []
    for _ in range(2):
        truth = scene.centres(rng, 150, (300, 320), 25, 14)
        lumps = truth[:, None] + rng.normal(0, 5, (len(truth), 4, 2))
        image = scene.density((300, 320), truth, 11) + scene.density((300, 320), lumps.reshape(-1, 2), 5)
        found.append((truth, scene.micrograph(image, rng, 4.0)))
    return found


def test_the_power_of_a_crowd_is_not_taken_for_noise(scene, crowd):
    pairs = [(truth, prepared(image, PIXEL, SCOPE)) for truth, image in crowd]
    learned = learn([field for _, field in pairs], SCOPE, ("ball", "shell"), 3)
    assert learned.first is not None
    usual = replace(learned, shape=learned.first.shape, threshold=learned.first.threshold, first=None)
    assert recall(scene, pairs, learned, 6) > max(0.9, recall(scene, pairs, usual, 6) + 0.04)


def test_power_that_is_explained_is_not_whitened(scene):
    """Whitening is that of the noise alone once the particles' power is off."""
    rng = np.random.default_rng(28)
    truth = scene.centres(rng, 60, (300, 320), 25, 14)
    noise = 0.5 * rng.normal(size=(300, 320))
    image = scene.density((300, 320), truth, 11) - 0.5 * noise
    crowded, empty = (Field(one.astype(np.float32), PIXEL, SCOPE) for one in (image - image.mean(), -0.5 * noise))
    y, x = np.mgrid[-40:41, -40:41]
    one = np.sqrt(np.maximum(1 - (x**2 + y**2) / 121, 0))
    spectrum = np.array([np.sum(one * np.cos(2 * np.pi * k * PIXEL * x)) for k in crowded.rings])
    band = (crowded.k > 1 / 140) & (crowded.k < 1 / 25)
    apart = [np.median(np.abs(np.log(one.whitening / empty.whitening))[band])
             for one in (crowded, crowded.unexplained(spectrum, len(truth)))]  # fmt: skip
    assert apart[1] < 0.5 * apart[0]
    assert crowded.unexplained(spectrum, 0).whitening == pytest.approx(crowded.whitening, rel=0.01, abs=1e-5)
