"""Turned templates against micrographs."""

import numpy as np
import pytest

from spa.image.ctf import Lens
from spa.picking import correlate, steer, templates, turned
from spa.picking.field import Contrast, Field, Scope, prepared

PIXEL, DIAMETER, LOWPASS = 5.0, 110.0, 20.0
SCOPE = Scope(DIAMETER, DIAMETER, LOWPASS)
ASTIGMATIC = Contrast(Lens(300, 2.7, 0.1), 16000, 9000, 0.5)


def blobs(angle: float, side: int = 40, at: tuple[float, float] = (0, 0)) -> np.ndarray:
    """A particle without symmetry, turned by an angle from x to y, about pixel side//2 + at."""
    offset = (np.arange(side) - side // 2) * PIXEL
    image = np.zeros((side, side))
    for x, y, size in ((-14, -34, 1.0), (-14, -10, 1.0), (-14, 14, 1.0), (-14, 36, 1.0), (14, 36, 1.0)):
        u, v = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
        u, v = u + at[0] * PIXEL, v + at[1] * PIXEL
        image += size * np.exp(-((offset[None] - u) ** 2 + (offset[:, None] - v) ** 2) / 2 / 12**2)
    return image


def ready(field: Field, turns: int = 24) -> correlate.Templates:
    cut = templates.masked(np.stack([blobs(0.0), np.roll(blobs(0.0)[:, ::-1], 1, 1)]), PIXEL, DIAMETER, centre=False)
    polar = steer.of_images(cut, PIXEL, templates.ROOM * DIAMETER, 0.5 / SCOPE.pixel_size)
    return correlate.ready(polar, templates.ROOM * DIAMETER, turns, field)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(4).normal(0, 1, (300, 320)).astype(np.float32)


@pytest.mark.parametrize("contrast", [None, ASTIGMATIC])
def test_scores_are_those_of_the_direct_sum(noise: np.ndarray, contrast: Contrast | None) -> None:
    """Every place, template and angle against whitened images of the turned template, made one by one."""
    field = prepared(noise, PIXEL, SCOPE, contrast)
    made = ready(field, 8)
    best = np.full(field.image.shape, -np.inf)
    y, x = (np.fft.fftfreq(n) * n * field.pixel_size for n in field.frame)
    inverse = 1 / made.lengths(field)
    filtered = field.white_ft * field.whitening * field.ctf
    for v, mirror in enumerate((1, -1)):
        for turn in range(8):
            angle = 2 * np.pi * turn / 8
            u, w = x * np.cos(angle) + y[:, None] * np.sin(angle), y[:, None] * np.cos(angle) - x * np.sin(angle)
            place = np.stack([w, mirror * u]) / PIXEL + 20
            source = templates.masked(blobs(0.0)[None], PIXEL, DIAMETER, False)[0]
            template = sampled(source, place)
            spectrum = np.fft.rfft2(template) * (field.k <= made.polar.radii[-1])
            scale = np.abs(made.polar.values[v, 0, 0]) / np.abs(template.sum())
            score = np.fft.irfft2(filtered * np.conj(spectrum), field.frame) * scale * inverse[v, turn % 4]
            best = np.maximum(best, score[: best.shape[0], : best.shape[1]])
    found = correlate.scored(field, made).best
    assert np.corrcoef(found.ravel(), best.ravel())[0, 1] > 0.995
    assert found.std() == pytest.approx(best.std(), rel=0.03)


def sampled(image: np.ndarray, place: np.ndarray) -> np.ndarray:
    from scipy.ndimage import map_coordinates

    return map_coordinates(image, place, order=3, mode="constant")


@pytest.mark.parametrize("contrast", [None, ASTIGMATIC])
def test_noise_has_sd_1_at_every_angle(noise: np.ndarray, contrast: Contrast | None) -> None:
    field = prepared(noise, PIXEL, SCOPE, contrast)
    made = ready(field, 2)
    one = correlate.Templates(made.polar, made.filters, made.diameter, 2)
    scores = correlate.scored(field, one)
    both = np.concatenate([scores.best.ravel(), scores.worst.ravel()])
    assert both.mean() == pytest.approx(0, abs=0.1)
    assert 1.0 < np.sqrt((both**2).mean()) < 1.6  # the largest and least of four


def test_tiles_leave_no_seams(noise: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    field = prepared(noise, PIXEL, SCOPE, ASTIGMATIC)
    whole = correlate.scored(field, ready(field))
    monkeypatch.setattr(correlate, "_TILE", 96)
    parts = correlate.scored(field, ready(field))
    assert parts.best == pytest.approx(whole.best, abs=0.02) and parts.worst == pytest.approx(whole.worst, abs=0.02)


def scene(rng: np.random.Generator, angles: np.ndarray, mirrored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Particles on a lattice, protein dark in noise; and their x, y."""
    image = rng.normal(0, 0.3, (320, 320))
    points = []
    for i, (angle, flip) in enumerate(zip(angles, mirrored)):
        x, y = 40 + 60 * (i % 5), 40 + 60 * (i // 5)
        particle = blobs(angle if not flip else -angle)
        particle = np.roll(particle[:, ::-1], 1, 1) if flip else particle
        image[y - 20 : y + 20, x - 20 : x + 20] -= particle
        points.append((x, y))
    return image.astype(np.float32), np.array(points, float)


def test_place_template_and_angle_are_found() -> None:
    rng = np.random.default_rng(5)
    angles, flips = rng.uniform(-np.pi, np.pi, 25), rng.random(25) < 0.5
    image, points = scene(rng, angles, flips)
    field = prepared(image, PIXEL, SCOPE)
    found = turned.peaks(field, ready(field, 72), DIAMETER, DIAMETER / 2).above(4.5)
    nearest = np.hypot(*(points[:, None] - found.xy[None]).transpose(2, 0, 1)).argmin(1)
    assert np.hypot(*(points - found.xy[nearest]).T).max() < 1.5
    assert (found.template[nearest] == flips).mean() > 0.95
    right = found.template[nearest] == flips
    off = np.angle(np.exp(1j * (found.psi[nearest] + angles)))[right]  # RELION's psi is minus the image's turn
    assert np.median(abs(off)) < np.deg2rad(6)
    assert not turned.inverted([found]) and len(found) < 38


def test_inverted_contrast_is_noticed() -> None:
    rng = np.random.default_rng(6)
    image, _ = scene(rng, rng.uniform(-np.pi, np.pi, 25), np.zeros(25, bool))
    field = prepared(-image, PIXEL, SCOPE)
    assert turned.inverted([turned.peaks(field, ready(field), DIAMETER, DIAMETER / 2)])


def test_scores_are_bounded_on_dirt() -> None:
    rng = np.random.default_rng(7)
    image, points = scene(rng, rng.uniform(-np.pi, np.pi, 25), np.zeros(25, bool))
    image[200:, 200:] += rng.normal(0, 5, (120, 120)).astype(np.float32)
    field = prepared(image, PIXEL, SCOPE)
    made = ready(field)
    found = turned.peaks(field, made, DIAMETER, DIAMETER / 2)
    there = (found.xy > 215).all(axis=1)
    clean = (found.xy < 180).any(axis=1)
    assert found.score[there].max() < found.score[clean].max()
    assert found.power[there].mean() > 1.5
