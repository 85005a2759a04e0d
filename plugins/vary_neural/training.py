"""Epochs of the networks: images in batches, some coefficients of each, gradients that do not depend on threads.

The bound of the log likelihood (Kingma & Welling, ICLR 2014) with images' own noise spectra, so that it needs no
weight between misfit and prior: sum |X - a C (P V_0 + sum_m a_m(z) B_m)|^2 / s^2 + KL, z drawn from the encoder.
A step looks at a random share of the coefficients, which leaves its gradient right in the mean.
"""

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import torch

from spa.vary.views import Views
from spa.volume.slices import Reference, slices
from spa_plugins.vary_neural.field import Made, Network

BATCH, PIECES = 64, 4  # images of a step, and in how many pieces they are computed side by side
PIXELS = 256  # coefficients of an image in a step
RISE = 0.4  # of the epochs: until the whole band is looked at
HOLD = 0.3  # of the epochs: the encoder tells what the start does, until the field follows it
WARM = 50  # steps
EPOCHS, STEPS = 15, 2000  # at least
MOMENTS = (0.9, 0.99)  # of Adam


@dataclass(frozen=True, kw_only=True)
class Course:
    """epochs; rate of the steps at its highest; beta: weight of the prior; start: shells looked at first; seed."""

    epochs: int
    rate: float
    beta: float
    start: int
    seed: int


@dataclass(frozen=True, eq=False)
class Material:
    """What is learned from: views, the mean's slices, scale (n,), features (n, p), rows that teach, and amplitude
    (shells,): of what varies, that the field's values are multiples of; unknown: independent coefficients of it."""

    views: Views
    source: Reference
    scale: np.ndarray
    features: np.ndarray
    rows: np.ndarray
    amplitude: np.ndarray
    unknown: float


@dataclass(frozen=True, eq=False)
class State:
    """After an epoch: weights and Adam's moments (size,), the mean bound of an image in each epoch (iteration,).

    round: how often poses had been searched before.
    """

    iteration: int
    images: int
    round: int
    weights: np.ndarray
    first: np.ndarray
    second: np.ndarray
    bound: np.ndarray


def enough(images: int) -> int:
    """Epochs that are enough for so many images."""
    return max(EPOCHS, -(-STEPS // -(-images // BATCH)))


def first_state(weights: np.ndarray, images: int, round_: int) -> State:
    """Before the first epoch."""
    return State(0, images, round_, weights, np.zeros_like(weights), np.zeros_like(weights), np.zeros(0))


def epoch(material: Material, state: State, course: Course, made: Made, pool: Executor, device: str) -> State:
    """One more pass over the images."""
    rng = _stream(course.seed, state.iteration)
    order = rng.permutation(material.rows)
    radius = _radius(material, state.iteration, course)
    weights = torch.from_numpy(state.weights.copy()).to(device)
    first, second = (torch.from_numpy(one.copy()).to(device) for one in (state.first, state.second))
    steps, encoder = -(-len(order) // BATCH), made(weights).shape.encoder
    total, done, lost = steps * course.epochs, steps * state.iteration, 0.0
    for step in range(steps):
        rows = np.sort(order[step * BATCH : (step + 1) * BATCH])
        pieces = [one for one in np.array_split(rows, PIECES) if len(one)]
        seeds = rng.integers(1 << 62, size=len(pieces))

        def slope(piece: tuple[np.ndarray, np.integer]) -> tuple[float, torch.Tensor]:
            torch.set_num_threads(1)
            return _slope(material, piece[0], radius, course.beta, weights, made, int(piece[1]))

        found = list(pool.map(slope, zip(pieces, seeds)))
        lost += sum(one[0] for one in found)
        gradient = torch.stack([one[1] for one in found]).sum(dim=0) / len(rows)
        if state.iteration < HOLD * course.epochs:
            gradient[encoder:] = 0
        number = done + step + 1
        _adam(weights, gradient, first, second, number, course.rate * _pace(number, total))
    bound = np.append(state.bound, -lost / len(order))
    arrays = [one.cpu().numpy() for one in (weights, first, second)]
    return State(state.iteration + 1, state.images, state.round, arrays[0], arrays[1], arrays[2], bound)


def _stream(seed: int, epoch: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(3, epoch))))


def _radius(material: Material, epoch: int, course: Course) -> int:
    whole = material.views.images.band.radius
    return int(round(course.start + (whole - course.start) * min(1.0, epoch / max(RISE * course.epochs, 1))))


def _pace(step: int, total: int) -> float:
    """The share of the full rate: up in the first steps, down along half a cosine."""
    return min(1.0, step / WARM) * 0.5 * (1 + float(np.cos(np.pi * step / (total + 1))))


def _adam(
    weights: torch.Tensor, gradient: torch.Tensor, first: torch.Tensor, second: torch.Tensor, step: int, rate: float
) -> None:
    """One step, in place (Kingma & Ba, ICLR 2015); a gradient longer than most is cut."""
    low, high = MOMENTS
    first.lerp_(gradient, 1 - low)
    second.lerp_(gradient**2, 1 - high)
    move = (first / (1 - low**step)) / ((second / (1 - high**step)).sqrt() + 1e-8)
    weights.sub_(move.clamp(-4, 4), alpha=rate)


def _slope(
    material: Material, rows: np.ndarray, radius: int, beta: float, weights: torch.Tensor, made: Made, seed: int
) -> tuple[float, torch.Tensor]:
    """The loss summed over rows and its gradient (size,)."""
    flat = weights.detach().requires_grad_(True)
    network = made(flat)
    rng = np.random.Generator(np.random.Philox(seed))
    some = Some.drawn(material, rows, radius, rng)
    device = weights.device
    mean, spread = network.encoded(torch.from_numpy(material.features[rows]).to(device))
    noise = torch.from_numpy(rng.standard_normal(mean.shape, np.float32)).to(device)
    misfit = some.misfit(network, mean + spread.exp() * noise)
    gap = 0.5 * (mean**2 + (2 * spread).exp() - 1 - 2 * spread).sum()
    loss = misfit + beta * gap
    return float(loss.detach()), torch.autograd.grad(loss, [flat])[0]


@dataclass(frozen=True, eq=False)
class Some:
    """Of some images, the same random coefficients: frequencies k (n, s, 3); left (n, s, 2): what the mean leaves;
    gain (n, s): from the field's values to the images' whitened coefficients; share: how many each stands for; held
    (s,): weight of the prior of the field's values, of an image."""

    k: np.ndarray
    left: np.ndarray
    gain: np.ndarray
    share: float
    held: np.ndarray

    @classmethod
    def drawn(cls, material: Material, rows: np.ndarray, radius: int, rng: np.random.Generator) -> "Some":
        views, band = material.views, material.views.images.band
        count = band.count(radius)
        least = int(np.searchsorted(band.shell, views.least))
        chosen = np.sort(least + rng.permutation(count - least)[:PIXELS])
        kx, ky, shell = (one[chosen].astype(np.float32) for one in (band.kx, band.ky, band.shell))
        weight = 1 / np.sqrt(views.noise[views.images.group[rows]][:, band.shell[chosen]])
        factor = (views.images.ctf(rows, count)[:, chosen] * material.scale[rows, None] * weight).astype(np.float32)
        model = slices(material.source, views.poses[rows], kx, ky)
        planes = views.images.planes[rows][:, :, chosen] * weight[:, None].astype(np.float32)
        left = planes - factor[:, None] * model
        poses = views.poses[rows].astype(np.float32)
        k = kx[:, None] * poses[:, None, 0] + ky[:, None] * poses[:, None, 1]
        gain = factor * material.amplitude[shell.astype(int)].astype(np.float32)
        far = np.hypot(kx, ky)  # a volume has more coefficients far out than a slice has
        held = material.unknown * (radius / views.images.band.radius) ** 3 / len(material.rows) * far / far.sum()
        left = np.ascontiguousarray(left.transpose(0, 2, 1))
        return cls(k, left, gain, (count - least) / len(chosen), held.astype(np.float32))

    def misfit(self, network: Network, z: torch.Tensor) -> torch.Tensor:
        """What the field at z (n, q) leaves of the images, less what the mean alone does, and the field's own prior."""
        device = z.device
        k, left, gain, held = (torch.from_numpy(one).to(device) for one in (self.k, self.left, self.gain, self.held))
        maps = network.field(k)  # (n, s, M, 2)
        value = torch.einsum("nm,nsmc->nsc", network.parts(z), maps)
        model = value * gain[..., None]
        return self.share * (model * model - 2 * model * left).sum() + (held[:, None] * value * value).sum()
