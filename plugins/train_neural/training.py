"""The course of a training, and how good a picker is on micrographs that it has not seen."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial import cKDTree

from spa.picking import network
from spa.picking.working import ACROSS, Working
from spa_plugins.train_neural import net
from spa_plugins.train_neural.loss import objective
from spa_plugins.train_neural.samples import Sample, piece

BATCH, STEPS = 4, 30  # pieces of a step, steps of an epoch
WARM = 10  # steps
KEPT = 0.95  # of the running mean of the weights, each step
CLOSE = 0.02  # of the best figure: thresholds between which it does not tell
HIT = 0.25  # diameters: a pick this near to a label is that particle
LOWEST = -6.0  # log-odds that are looked at
APART = 0.5  # diameters


@dataclass(frozen=True)
class Course:
    """How to train: epochs, the rate of the steps, the weight of the count; device: torch's name of it."""

    epochs: int
    rate: float
    slack: float
    threads: int
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class Curve:
    """Of a threshold on the log-odds, falling: recall of so many labels, and picks for each label."""

    threshold: np.ndarray
    recall: np.ndarray
    picks: np.ndarray
    labels: int

    @property
    def best(self) -> int:
        """The most picks of those thresholds at which recall^2 / picks is within ``CLOSE`` of its largest, or a label's
        worth.

        That is F1 without negatives (Lee & Liu, ICML 2003), on few labels and flat about its top; a particle that is
        not picked is lost, a pick that is none goes in the classes.
        """
        figure = self.recall**2 / np.maximum(self.picks, 1e-9)
        close = min(0.5, max(CLOSE, 1 / self.labels))
        return int(np.flatnonzero(figure >= (1 - close) * figure.max())[-1])

    def of_rank(self, rank: int) -> float:
        """The threshold that gives as many picks: scores of two trainings on few picks may be far apart."""
        return float(self.threshold[min(rank, len(self.threshold) - 1)])


def epochs(
    samples: Sequence[Sample], start: Mapping[str, np.ndarray] | None, course: Course, rng: np.random.Generator
) -> Iterator[tuple[float, dict[str, np.ndarray]]]:
    """Mean loss and weights after each epoch; start: weights to go on from, None for fresh ones."""
    weights = net.loaded(start, course.device) if start else net.fresh(rng, course.device)
    mean = {name: one.detach().clone() for name, one in weights.items()}
    optimiser = torch.optim.AdamW(weights.values(), lr=course.rate, weight_decay=1e-4)
    total, step = course.epochs * STEPS, 0
    with ThreadPoolExecutor(course.threads) as pool:
        for _ in range(course.epochs):
            lost = 0.0
            for _ in range(STEPS):
                step += 1
                optimiser.param_groups[0]["lr"] = course.rate * _pace(step, total)
                pieces = [piece(samples[i], rng) for i in rng.integers(len(samples), size=BATCH)]
                images = [net.framed(one.image) for one in pieces]
                lost += net.gradient(images, weights, pool, objective(pieces, rng, course.slack))
                torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
                optimiser.step()
                for name, one in weights.items():
                    mean[name].lerp_(one.detach(), 1 - min(KEPT, step / (step + 10)))
            yield lost / STEPS, net.arrays(mean)


def _pace(step: int, total: int) -> float:
    """The share of the full rate: up in the first steps, down along half a cosine."""
    return min(1.0, step / WARM) * 0.5 * (1 + float(np.cos(np.pi * step / (total + 1))))


def judged(samples: Sequence[Sample], weights: Mapping[str, np.ndarray], threads: int, device: str = "cpu") -> Curve:
    """The curve over samples: one-to-one matches of picks to labels."""

    def one(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
        image = Working(sample.image, np.ones(2), np.zeros(2))
        here = device == "cpu"
        odds = network.log_odds(sample.image, weights) if here else net.log_odds(sample.image, weights, device)
        found = image.found(odds, LOWEST, APART)
        return found[:, 2], _hits(found[:, 1::-1], sample.picks)

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(one, samples))
    score, hit = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    order = np.argsort(-score, kind="stable")
    labels = max(1, sum(len(sample.picks) for sample in samples))
    if not len(order):
        return Curve(np.zeros(1), np.zeros(1), np.zeros(1), labels)
    return Curve(score[order], np.cumsum(hit[order]) / labels, np.arange(1, len(order) + 1) / labels, labels)


def _hits(found: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n,) whether each pick, best first, is the first near a label of its own."""
    taken, hit = np.zeros(len(labels), bool), np.zeros(len(found))
    if not len(labels) or not len(found):
        return hit
    for i, near in enumerate(cKDTree(labels).query_ball_point(found, HIT * ACROSS)):
        free = [j for j in near if not taken[j]]
        if free:
            taken[min(free, key=lambda j: float(np.square(labels[j] - found[i]).sum()))] = True
            hit[i] = 1
    return hit


def apart(samples: Sequence[Sample], share: float, rng: np.random.Generator) -> tuple[list[Sample], list[Sample]]:
    """Samples to train on and held out; none is held out of fewer than two."""
    count = 0 if share == 0 or len(samples) < 2 else min(len(samples) - 1, max(1, round(share * len(samples))))
    held = set(rng.permutation(len(samples))[:count].tolist())
    return [s for i, s in enumerate(samples) if i not in held], [s for i, s in enumerate(samples) if i in held]


def with_expected(samples: Sequence[Sample], expected: float | None, more: float) -> list[Sample]:
    """Samples with the particles that each should hold: in proportion to its picks, ``expected`` in the mean.

    Without a number: ``more`` times the picks.
    """
    mean = np.mean([len(sample.picks) for sample in samples])
    factor = more if expected is None else max(1.0, expected / float(mean))
    return [replace(sample, expected=factor * len(sample.picks)) for sample in samples]
