"""From trained networks to a decoder of maps, every image's coordinates in it, and what it is worth."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from spa.errors import DataError
from spa.image import fft
from spa.refine.problem import Workers
from spa.vary import placed as placing
from spa.vary.decoder import Decoder
from spa.vary.null import CLEAR, shuffled
from spa.vary.views import Views, moments
from spa_plugins.vary_neural.field import Network, fresh
from spa_plugins.vary_neural.inputs import Start
from spa_plugins.vary_neural.settling import settled

CHUNK = 16384  # frequencies at once
TURNS = 2  # of maps and coordinates, after the training
PART = 4096  # images whose moments are held at once
ENDS = 0.02, 0.1, 0.25  # of a way, beyond which it may go straight on
SCALED = 4  # times, even coordinates to a variance of one


@dataclass(frozen=True, eq=False)
class Worth:
    """gain: log evidence that an image that did not teach gains by the latents; error: its standard error; chance,
    chance_error: the same of such images with each other's residuals."""

    gain: float
    error: float
    chance: float
    chance_error: float

    @property
    def varies(self) -> bool:
        """Whether latents explain images that they were not learned from."""
        return self.gain > CLEAR * self.error and self.gain > self.chance + CLEAR * self.chance_error


def decoder(start: Start, network: Network) -> Decoder:
    """The field's maps within the region of what may vary, and the small network that combines them."""
    problem, band = start.problem, start.problem.views.images.band
    n, radius = band.box, band.radius
    k = np.stack(np.meshgrid(np.fft.fftfreq(n, 1 / n), np.fft.fftfreq(n, 1 / n), np.arange(n // 2 + 1), indexing="ij"))
    far = np.sqrt((k**2).sum(axis=0))
    inside = np.flatnonzero((np.rint(far) <= radius).ravel() & (far.ravel() > 0))
    at = k.reshape(3, -1)[::-1, inside].T.astype(np.float32)  # x y z
    values = np.empty((len(inside), network.shape.maps, 2), np.float32)
    with torch.no_grad():
        for cut in range(0, len(inside), CHUNK):
            some = torch.from_numpy(at[cut : cut + CHUNK]).to(network.flat.device)
            values[cut : cut + CHUNK] = network.field(some).cpu().numpy()
    amplitude = np.interp(far.ravel()[inside], np.arange(len(start.material.amplitude)), start.material.amplitude)
    centre = np.exp(-2j * np.pi * (n // 2) / n * at.sum(axis=1)) * n * amplitude
    maps = [problem.consensus]
    for number in range(network.shape.maps):
        spectrum = np.zeros(far.size, np.complex64)
        spectrum[inside] = (values[:, number, 0] + 1j * values[:, number, 1]) * centre
        maps.append(fft.irfft3(spectrum.reshape(far.shape), n) * problem.prior.region)
    return Decoder(np.stack(maps).astype(np.float32), problem.views.images.pixel_size, **network.branch())


def guessed(start: Start, network: Network) -> np.ndarray:
    """(n, q) coordinates by the encoder."""
    with torch.no_grad():
        features = torch.from_numpy(start.material.features).to(network.flat.device)
        return network.encoded(features)[0].double().cpu().numpy()


@dataclass(frozen=True, eq=False)
class Reading:
    """decoder and found in coordinates along which images change evenly, the most seen first; worth; trained: whether
    the networks explain particles that did not teach better than the linear start does, else all is from there."""

    decoder: Decoder
    found: placing.Placed
    worth: Worth
    trained: bool


def reading(start: Start, network: Network, shuffles: int, workers: Workers) -> Reading:
    """Of the last state."""
    problem = start.problem
    plain, guess = decoder(start, network), guessed(start, network)
    if not np.isfinite(guess).all() or not np.isfinite(plain.maps).all():
        raise DataError("training did not hold: the networks' values are no numbers; a smaller --rate may help")
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(problem.settings.seed, spawn_key=(4,))))
    ends = (plain, _placed(start, plain, guess, rng, workers)), _untrained(start, network, rng)
    tried = [_settled(start, *one, rng, workers) for one in ends]
    gains = [float(_gains(start, *one, workers)(None).mean()) for one in tried]
    best = int(np.argmax(gains))
    plain, found = tried[best]
    for _ in range(TURNS - 1):
        plain, found = _settled(start, plain, found, rng, workers)
    axes = _turn(found)
    plain, found = _evened(start, plain.turned(axes), found.turned(axes), rng, workers)
    return Reading(plain, found, _worth(start, plain, found, shuffles, workers), best == 0)


def _untrained(start: Start, network: Network, rng: np.random.Generator) -> tuple[Decoder, placing.Placed]:
    """Where the training began: the linear start's coordinates, and functions of them that bend a little."""
    shape, features = network.shape, start.material.features.astype(np.float64)
    q = shape.latents
    made = Network(shape, torch.from_numpy(fresh(shape, rng)), network.points.cpu())
    spread = np.exp(2 * features[:, q : 2 * q])[:, :, None] * np.eye(q)
    images = start.problem.views.images
    return Decoder(np.zeros((1, 1, 1, 1), np.float32), images.pixel_size, **made.branch()), placing.Placed(
        features[:, :q], spread)  # fmt: skip


def _settled(
    start: Start, plain: Decoder, found: placing.Placed, rng: np.random.Generator, workers: Workers
) -> tuple[Decoder, placing.Placed]:
    """Maps solved anew, and images placed in them."""
    material = start.material
    plain = settled(start.problem, plain, found, material.scale, material.rows, rng, workers)
    return plain, _placed(start, plain, found.mean, rng, workers)


def _placed(
    start: Start, plain: Decoder, guess: np.ndarray, rng: np.random.Generator, workers: Workers
) -> placing.Placed:
    """All images under the decoder, from a guess (n, q) or where others are."""
    views, scale = start.problem.views, start.material.scale
    places, parts = guess[rng.permutation(len(guess))[: placing.TRIED]], []
    for first in range(0, len(views), PART):
        rows = np.arange(first, min(first + PART, len(views)))
        seen = moments(views, rows, plain.maps, views.images.band.radius, workers)
        parts.append(placing.placed(plain, seen, scale[rows], guess[rows], places))
    return placing.Placed(*(np.concatenate([getattr(one, name) for one in parts]) for name in ("mean", "spread")))


def _evened(
    start: Start, plain: Decoder, found: placing.Placed, rng: np.random.Generator, workers: Workers
) -> tuple[Decoder, placing.Placed]:
    """The decoder in coordinates along which images change evenly, as a sample of them tells, and all images there.

    How far from its ends the way goes straight on is what makes the sample likeliest.
    """
    views, scale = start.problem.views, start.material.scale
    some = np.sort(rng.permutation(len(views))[:PART])
    seen = moments(views, some, plain.maps, views.images.band.radius, workers)
    tried = []
    for end in ENDS:
        bent, guess = placing.stretched(plain, found.mean, seen.quadratic.mean(axis=0), end, rng)
        for _ in range(SCALED):
            here = placing.placed(bent, seen, scale[some], guess[some], guess[: placing.TRIED])
            bent, guess = placing.scaled(bent, here, guess)
        own = placing.evidence(bent, seen, start.problem.contrast, here, rng)
        tried.append((float(own.mean()), bent, guess))
    _, bent, guess = max(tried, key=lambda one: one[0])
    return bent, _placed(start, bent, guess, rng, workers)


def _turn(found: placing.Placed) -> np.ndarray:
    """The rotation (q, q) after which images are least sure of the last coordinates, and longer tails are positive."""
    values, vectors = np.linalg.eigh((np.linalg.inv(found.spread)).mean(axis=0))
    vectors = vectors[:, np.argsort(-values)]
    skew = (((found.mean - found.mean.mean(axis=0)) @ vectors) ** 3).mean(axis=0)
    return vectors * np.where(skew < 0, -1.0, 1.0)


def _worth(start: Start, plain: Decoder, found: placing.Placed, shuffles: int, workers: Workers) -> Worth:
    """Of the images that did not teach; chance: the worst of so many shuffles."""
    problem, rows, gains = start.problem, start.held, _gains(start, plain, found, workers)

    def told(gain: np.ndarray) -> tuple[float, float]:
        return float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))

    gain = told(gains(None))
    part = replace(problem, views=problem.views.of(rows),
                   settings=replace(problem.settings, start=problem.views.images.band.radius))  # fmt: skip
    chances = [told(gains(shuffled(part, problem.settings.seed + 7919 * (k + 1), workers))) for k in range(shuffles)]
    chance = max(chances, default=(0.0, gain[1]))
    return Worth(*gain, *chance)


def _gains(
    start: Start, plain: Decoder, found: placing.Placed, workers: Workers
) -> Callable[[Views | None], np.ndarray]:
    """A function that tells what latents add to the log evidence of images that did not teach (n,), or of shuffled ones
    that it is given."""
    problem, rows = start.problem, start.held
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(problem.settings.seed, spawn_key=(5,))))
    drawn = np.linalg.cholesky(found.spread) @ rng.standard_normal((*found.mean.shape, 1))
    mean = plain.parts(found.mean + drawn[..., 0]).mean(axis=0)  # what all have in common, latents left out

    def gains(shuffled_: Views | None) -> np.ndarray:
        views = problem.views.of(rows) if shuffled_ is None else shuffled_
        scale = start.material.scale[rows] if shuffled_ is None else np.ones(len(rows))
        seen = moments(views, np.arange(len(views)), plain.maps, views.images.band.radius, workers)
        guess = np.repeat(found.mean.mean(axis=0)[None], len(views), axis=0)
        here = placing.placed(plain, seen, scale, guess, found.mean[start.material.rows])
        own = placing.evidence(plain, seen, problem.contrast, here, rng)
        return own - placing.plain(seen, np.repeat(mean[None], len(views), axis=0), problem.contrast)

    return gains
