"""Made-up particles of many shapes, for the training of the general picker: sums of Gaussian blobs of any symmetry."""

import numpy as np

from spa.simulate.specimen import Specimen
from spa.volume.density import density
from spa.volume.symmetry import operators
from spa.volume.transform import transform

GROUPS = (
    "C1", "C1", "C1", "C1", "C2", "C2", "C3", "C4", "C5", "C6", "C7", "D2", "D2", "D3", "D4", "D5", "D7", "T", "O", "I",
)  # fmt: skip
KINDS = (
    "lobes", "lobes", "lobes", "lobes", "shell", "cage", "cage", "cage", "rod", "ring", "ring", "micelle", "fork",
)  # fmt: skip
BOX = 40


def specimen(rng: np.random.Generator, across: float) -> Specimen:
    """A particle ``across`` pixels of 1 A in its longest diameter, in a box of 40."""
    kind = KINDS[rng.integers(len(KINDS))]
    points, widths, weights = {
        "lobes": _lobes, "shell": _shell, "cage": _cage, "rod": _rod, "ring": _ring, "micelle": _micelle, "fork": _fork,
    }[kind](rng)  # fmt: skip
    points = points - np.average(points, axis=0, weights=np.abs(weights))
    reach = (np.linalg.norm(points, axis=1) + 1.3 * widths).max()
    points, widths = points * (across / 2 / reach), np.maximum(widths * (across / 2 / reach), 0.45)
    heights = weights / np.mean(weights)
    kinds, scattering = np.zeros(len(points), int), np.array([[[1.0], [0.0]]])
    volume = density(points, 8 * np.pi**2 * widths**2, heights, kinds, scattering, BOX, 1.0)
    return Specimen(volume, 1.0, transform(volume, 1.0), across)


def _spread(points: np.ndarray, widths: np.ndarray, rng: np.random.Generator, grains: int = 6) -> tuple:
    """Each blob as some smaller ones: the grain of helices and domains."""
    fine = points[:, None] + 0.6 * widths[:, None, None] * rng.standard_normal((len(points), grains, 3))
    return fine.reshape(-1, 3), np.repeat(0.55 * widths, grains)


def _lobes(rng: np.random.Generator, group: str | None = None) -> tuple:
    ops = operators(group or GROUPS[rng.integers(len(GROUPS))])
    count = int(rng.integers(2, 8)) if len(ops) < 8 else int(rng.integers(1, 4))
    centre = rng.standard_normal(3) * rng.uniform(0, 1.2)
    stretch = np.exp(rng.normal(0, 0.35, 3))
    points = [centre + rng.standard_normal(3) * 0.5 * stretch]
    while len(points) < count:
        step = rng.standard_normal(3) * stretch
        points.append(points[rng.integers(len(points))] + 0.5 * step / np.linalg.norm(step))
    widths = rng.uniform(0.16, 0.34, count) * (1 if len(ops) < 8 else 0.7)
    unit, fine = _spread(np.array(points), widths, rng)
    every = np.concatenate([unit @ op.T for op in ops])
    return every, np.tile(fine, len(ops)), np.ones(len(every))


def _shell(rng: np.random.Generator) -> tuple:
    count = int(rng.integers(40, 160))
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    z = 1 - 2 * (np.arange(count) + 0.5) / count
    points = np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], 1)
    thick = rng.uniform(0.08, 0.3)
    points *= 1 - thick * rng.uniform(0, 1, (count, 1))
    points[:, 2] *= rng.uniform(0.6, 1.6) if rng.random() < 0.3 else 1
    weights = np.ones(count)
    if rng.random() < 0.4:  # something inside
        inner = rng.standard_normal((60, 3)) * 0.3
        points, weights = np.concatenate([points, inner]), np.concatenate([weights, np.full(60, rng.uniform(0.2, 1.5))])
    return points, np.full(len(points), rng.uniform(0.1, 0.2)), weights


def _cage(rng: np.random.Generator) -> tuple:
    """A hollow shell of one subunit and its copies: ferritins, encapsulins, empty and full capsids."""
    ops = operators(("T", "O", "O", "I", "I", "D5", "D7")[rng.integers(7)])
    wall = rng.uniform(0.06, 0.4)
    count = max(1, round(rng.uniform(60, 240) / len(ops)))
    ways = rng.standard_normal((count, 3))
    unit = ways / np.linalg.norm(ways, axis=1, keepdims=True) * (1 - wall * rng.uniform(0, 1, (count, 1)))
    points = np.concatenate([unit @ op.T for op in ops])
    widths, weights = np.full(len(points), max(0.35 * wall, 0.07) * rng.uniform(0.9, 2)), np.ones(len(points))
    if rng.random() < 0.25:  # a core: iron, genome, cargo
        inner = rng.standard_normal((80, 3)) * rng.uniform(0.15, 0.35)
        share = rng.uniform(0.1, 1) * len(points) / len(inner)
        points, widths = np.concatenate([points, inner]), np.append(widths, np.full(len(inner), 0.12))
        weights = np.append(weights, np.full(len(inner), share))
    return points, widths, weights


def _rod(rng: np.random.Generator) -> tuple:
    count = int(rng.integers(3, 9))
    points = np.zeros((count, 3))
    points[:, 2] = np.linspace(-1, 1, count)
    points += rng.normal(0, 0.12, points.shape)
    points, widths = _spread(points, rng.uniform(0.18, 0.45, count), rng)
    return points, widths, np.ones(len(points))


def _ring(rng: np.random.Generator) -> tuple:
    fold, layers = int(rng.integers(5, 15)), int(rng.integers(1, 4))
    angle = 2 * np.pi * np.arange(fold) / fold
    layer = np.stack([np.cos(angle), np.sin(angle), np.zeros(fold)], 1)
    points = np.concatenate([layer + [0, 0, rng.uniform(0.5, 0.9) * i] for i in range(layers)])
    points, widths = _spread(points, np.full(len(points), rng.uniform(0.1, 0.4)), rng)
    return points, widths, np.ones(len(points))


def _micelle(rng: np.random.Generator) -> tuple:
    """A protein whose middle is in a belt of detergent."""
    points, widths, weights = _lobes(rng, GROUPS[rng.integers(11)])
    scale = np.linalg.norm(points[:, :2], axis=1).max()
    belt = rng.standard_normal((120, 3))
    belt /= np.linalg.norm(belt, axis=1, keepdims=True)
    belt *= np.array([1.2, 1.2, 0.5]) * rng.uniform(0.7, 1, (120, 1)) * scale
    belt[:, 2] += rng.uniform(-0.5, 0.5)
    share = rng.uniform(0.2, 0.8) * weights.sum() / len(belt)
    widths, weights = np.append(widths, np.full(120, 0.15 * scale)), np.append(weights, np.full(120, share))
    return np.concatenate([points, belt]), widths, weights


def _fork(rng: np.random.Generator) -> tuple:
    """Some arms from one middle: antibodies, clathrin, kinked rods."""
    arms = int(rng.integers(2, 5))
    ways = rng.standard_normal((arms, 3)) * np.array([1, 1, 0.5])
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    points = (ways[:, None] * np.linspace(0.2, rng.uniform(0.8, 1.2), 4)[:, None]).reshape(-1, 3)
    points, widths = _spread(points, rng.uniform(0.18, 0.35, len(points)), rng)
    return points, widths, np.ones(len(points))
