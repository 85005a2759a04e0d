"""What is measured of images before anything is refined."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.image.disc import coefficients, disc
from spa.io import mrc, star
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.refine.data import RUN, background_power, collect, ordinary, sampled


@pytest.mark.parametrize("threads", [1, 3])
def test_coefficients_are_those_of_the_images_that_came(
    tiny_particles: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number of threads and the size of batches; what is left out leaves no gap, and no noise."""
    images = np.array(mrc.read(tiny_particles.parent / "tiny.mrcs").data)
    alone: list[Any] = []
    for bad in ([], [0], [3, 4, 11, 23]):
        spoilt = images.copy()
        spoilt[bad] = 0
        mrc.write(tiny_particles.parent / "tiny.mrcs", spoilt, 5.0)
        monkeypatch.setattr("spa.job.particles.BATCH_BYTES", 5 * images[0].nbytes)
        run = Run("some job", {"threads": threads})
        stack = open_particles(run, star.read(tiny_particles))
        found, noise, rows = collect(stack, partial(stack.batches, run), np.arange(24) % 2, 12, 80.0)
        there = np.delete(np.arange(24), bad)
        assert np.array_equal(rows, there) and np.array_equal(found.half, there % 2)
        np.testing.assert_array_equal(found.planes, coefficients(images[there], found.band))
        alone.append(noise)
        assert np.isfinite(noise).all() and (noise[:, 1:] > 0).all()
    assert not np.array_equal(alone[0], alone[2])


def test_batches_of_which_none_is_measured(tiny_particles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many images most batches have none; the noise is that of the others, the coefficients of all."""
    measured = np.arange(24) // 4 % 3 == 1
    monkeypatch.setattr("spa.refine.data.sampled", lambda group: measured)
    images = np.array(mrc.read(tiny_particles.parent / "tiny.mrcs").data)
    monkeypatch.setattr("spa.job.particles.BATCH_BYTES", 4 * images[0].nbytes)
    run = Run("some job", {"threads": 2})
    stack = open_particles(run, star.read(tiny_particles))
    found, noise, _ = collect(stack, partial(stack.batches, run), np.arange(24) % 2, 12, 80.0)
    np.testing.assert_array_equal(found.planes, coefficients(images, found.band))
    power = background_power(images[measured], found.band, 40.0 / stack.pixel_size)
    taken = np.concatenate([ordinary(some, found.band) for some in np.split(power, 2)])
    np.testing.assert_allclose(noise[0], (power * taken).sum(axis=0) / np.maximum(taken.sum(axis=0), 1), rtol=1e-6)


def test_some_images_tell_of_all() -> None:
    """All of a small group, at least as many as asked for of a large one, from its beginning to its end."""
    group = np.repeat([0, 1, 2], [300, 20_000, 700])
    np.random.default_rng(0).shuffle(group)
    found = sampled(group, 500)
    assert found[group == 0].all() and 500 <= found[group == 1].sum() < 1200
    runs = np.flatnonzero(found[group == 1])[::RUN]
    assert runs[0] == 0 and runs[-1] > 17_000 and np.ptp(np.diff(runs)) == 0
    assert sampled(np.zeros(5000, int), 5000).all()


def test_noise_is_that_of_ordinary_images() -> None:
    """A few boxes of ice among many do not raise the noise; without them nothing is left out."""
    band, rng = disc(32, 12), np.random.default_rng(0)
    images = rng.standard_normal((200, 32, 32)).astype(np.float32)
    clean = background_power(images, band, 8)
    assert ordinary(clean, band)[:, 1:].mean() > 0.999
    images[:40] += 20 * np.linspace(-1, 1, 32, dtype=np.float32)
    power = background_power(images, band, 8)
    taken = ordinary(power, band)
    mean = (power * taken).sum(axis=0) / taken.sum(axis=0)
    assert power[:, 1:].mean(axis=0).min() > 5 and np.allclose(mean[1:], clean.mean(axis=0)[1:], rtol=0.4)
