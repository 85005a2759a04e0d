"""Which images show the particle: the evidence for it in any pose, over that for nothing, or for anything else.

Noise, too, has a best pose, and where the map reaches far that pose is sharp: what it gains there is the best of very
many chances. The evidence takes them into account: it is the likelihood averaged over all poses and shifts that were
thought possible (Laplace). What has more than SURE of it shows the particle; of images of nothing less than 1 % have
(Kass & Raftery, J. Am. Stat. Assoc. 90 (1995) 773, call it very strong).

An edge, ice, an aggregate may have more in common with the particle than noise has, and far more power than it can
explain: they are likelier as random patterns, as strong in each shell as particles are or stronger.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from spa.refine.data import Images, blocks_of
from spa.refine.expectation import Poses
from spa.refine.premises import loudness
from spa.refine.problem import ALONE, Workers
from spa.search.images import Block
from spa.search.prior import Prior
from spa.volume import shells
from spa.volume.slices import Reference, reference, slices

SURE = 5.0  # nats
INNER = 2  # shells further in hold what the background's mean and the solvent leave
MOST = 0.5  # of the images surely show the particle: the others are weighed
ROUNDS, ENOUGH = 200, 0.01  # of finding how many images show the particle; images by which a round still moves that
TURNS = 8 * np.pi**2  # volume of all turns, in cubic radians
STRENGTHS = (0.25, 1.0, 4.0, 16.0, 64.0, 256.0)  # of a pattern's power over a particle's


def evidence(poses: Poses, prior: Prior, order: int, own: float | np.ndarray = 0.0) -> np.ndarray:
    """(n,) nats by which the particle is likelier than nothing; -inf for images that have no modes with a curvature.

    prior: of the search that found the poses; order: how many operators the point group has; own: nats that an image
    (each, or all) gains from its own noise in the map.
    """
    heights = poses.logp + _log_volume(poses.root)
    there = np.isfinite(heights).any(axis=1)
    found = np.full(len(heights), -np.inf)
    found[there] = np.logaddexp.reduce(heights[there], axis=1) - _log_prior_volume(prior, order)
    return found - own


def own_noise(curve: np.ndarray, radius: int, inside: float, views: float) -> float:
    """Nats that an image gains from its own noise in its half's map, which `views` images (copies counted) are in.

    Each has as large a part in the map's coefficients up to the radius (shells) as any other; their Wiener filter, by
    the FSC, and the mask, of which a share `inside` of the box is left, take the rest of the noise away.
    """
    shells = np.arange(radius + 1)
    coefficients = (2 * np.pi * shells**2 * np.clip(curve[: radius + 1], 0, 1)).sum() * inside
    return 2 * float(coefficients) / max(views, 1.0)


def _likely(evidence: np.ndarray) -> np.ndarray:
    """The chance of what has that much evidence for it, and as much a chance before."""
    return 0.5 * (1 + np.tanh(evidence / 2))


def threshold(evidence: np.ndarray) -> float:
    """The evidence above which an image is likelier than not to show the particle, from that of all images (n,).

    How many show it is not known before: the share that makes the evidence of all likeliest (by expectation and
    maximisation), at least one image and at most all but one.
    """
    share, odds, n = 0.5, 0.0, len(evidence)
    known = np.where(np.isfinite(evidence), evidence, -1e3)
    for _ in range(ROUNDS):
        before, share = share, float(np.clip(_likely(known - odds).mean(), 1 / n, 1 - 1 / n))
        odds = float(np.log((1 - share) / share))
        if abs(share - before) < ENOUGH / n:
            break
    return odds


def chance(evidence: np.ndarray, searched: np.ndarray) -> np.ndarray:
    """(n,) how likely each image is to show the particle; 0 for those that were not searched.

    Nothing is judged by a map that most images do not surely show: what is alike to it may be what it was made of.
    """
    known = evidence[searched]
    found = searched.astype(np.float64)
    if len(known) and (known > SURE).mean() > MOST:
        found[searched] = _likely(known - threshold(known))
    return found


def explained(
    images: Images, poses: Poses, rows: Sequence[np.ndarray], maps: np.ndarray, shell: int, background: np.ndarray,
    workers: Workers = ALONE,
) -> float:  # fmt: skip
    """Of the power that images have over the noise around the particles, the part that the map has at their poses.

    rows of each half, maps (2, n, n, n) of the halves, up to a shell in which these can be trusted; background
    (groups, shells), of which each image has as much as its outer shells say. A map of the particle has nearly all of
    it. One that its images were led to by a wrong start has not: what it lacks stays in the images.
    """
    loud, there, seen = loudness(images, background), 0.0, 0.0
    for some, volume in zip(rows, maps):
        source = reference(volume, shell, workers.threads)
        look = partial(_explained, images, poses, source, shell, background, loud)
        for ours, all_of_it in workers.map(look, blocks_of(some)):
            there, seen = there + ours, seen + all_of_it
    return there / seen if seen > 0 else 0.0


def _explained(
    images: Images, poses: Poses, source: Reference, shell: int, background: np.ndarray,
    loud: Callable[[np.ndarray], np.ndarray], rows: np.ndarray,
) -> tuple[float, float]:  # fmt: skip
    """The power of the map at the poses of rows, and theirs over the noise around them."""
    block = images.block(rows, shell, background)
    inner = images.band.shell[: images.band.count(shell)] >= INNER
    best = poses.poses[rows, poses.weight[rows].argmax(axis=1)]
    cut = slices(source, images.seen_from(rows, best), block.kx, block.ky)
    there = (((cut**2).sum(axis=1) * block.ctf**2)[:, inner]).sum(dtype=np.float64)
    power = (block.x**2).sum(axis=1) / loud(rows)[:, None]
    return float(there), float((power - 1)[:, inner].sum(dtype=np.float64))


def over_patterns(
    images: Images, maps: np.ndarray, evidence: np.ndarray, radius: int, noise: np.ndarray, workers: Workers = ALONE
) -> np.ndarray:
    """(n,) the evidence over nothing, made the evidence over a random pattern where that is likelier.

    maps (c, n, n, n) of the particle in the solvent mask, radius (shells) and noise (groups, shells): what the images
    were compared with.
    """
    power, found, engine = projected_power(maps), np.array(evidence), workers.engine
    queue = engine.blocks(images, np.arange(len(images)), radius)
    gains = workers.looks(lambda rows: engine.patterns(images, rows, radius, noise, power), queue)
    for rows, gain in zip(queue, gains):
        found[rows] -= np.maximum(gain, 0)
    return found


def projected_power(maps: np.ndarray) -> np.ndarray:
    """(shells,) mean |P|^2 of projections of maps (c, n, n, n), in the mean of all of them."""
    return np.mean([shells.power(one) for one in maps], axis=0) / maps.shape[-1] ** 2


def anything(block: Block, power: np.ndarray) -> np.ndarray:
    """(n,) log evidence of random patterns in whitened images, over that of no signal.

    power (shells,) is that of a particle's projections. A pattern's coefficients are Gaussian, of CTF^2 times it times
    one of STRENGTHS, each as likely as the others: log p = |X|^2 s / (1 + s) - log(1 + s) each.
    """
    signal = block.ctf**2 * power[block.band.shell[: block.ctf.shape[1]]].astype(np.float32)
    seen = block.x[:, 0] ** 2 + block.x[:, 1] ** 2
    logs = []
    for strength in STRENGTHS:
        s = np.float32(strength) * signal
        logs.append((seen * (s / (1 + s)) - np.log1p(s)).sum(axis=1, dtype=np.float64))
    return of_any_strength(np.stack(logs, axis=1))


def of_any_strength(logs: np.ndarray) -> np.ndarray:
    """(n,) of the logs (n, strengths) of each, which are as likely as one another."""
    return np.logaddexp.reduce(logs, axis=1) - np.log(len(STRENGTHS))


def _log_volume(root: np.ndarray) -> np.ndarray:
    """(n, m) log of the volume of Gaussians whose covariance is root root^T; -inf where it is 0."""
    sides = np.diagonal(root, axis1=-2, axis2=-1)
    there = sides.min(axis=-1) > 0
    logs = np.log(np.where(there[..., None], sides, 1.0)).sum(axis=-1)
    return np.where(there, logs + 2.5 * np.log(2 * np.pi), -np.inf)


def _log_prior_volume(prior: Prior, order: int) -> float:
    """Log of the volume of poses and shifts that are thought possible, each a Gaussian's or the whole."""
    turns = TURNS if prior.poses is None else min(TURNS, (2 * np.pi) ** 1.5 * prior.turn_sigma**3)
    return float(np.log(turns / order) + np.log(2 * np.pi * prior.shift_sigma**2))
