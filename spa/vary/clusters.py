"""Clusters of latent coordinates that know each particle's error bars, and plain k-means.

A mixture of normal distributions seen through each particle's own error (extreme deconvolution: Bovy, Hogg & Roweis,
Ann. Appl. Stat. 5 (2011) 1657): blurred particles pull less, and widths are those of the states, not of the errors.
Widths have a prior about their mean (Fraley & Raftery, J. Classif. 24 (2007) 155): without one a state whose tails are
longer than its errors foretell becomes a narrow cluster, and its tails go to a wide one with all the others.
"""

from dataclasses import dataclass

import numpy as np

from spa.class3d.mixture import spread_out
from spa.class3d.scores import posterior

ITERATIONS = 300
GAIN = 1e-6  # of the mean log evidence, below which a run ends
NARROWEST = 0.02  # standard deviation of a cluster at least, in units of all coordinates'
ALIKE = 0.25  # of a mean cluster's weight, that each width is held to the mean of all widths with


@dataclass(frozen=True, eq=False)
class Clusters:
    """centres (k, q), widths (k, q, q), share (k,); posterior (n, k); evidence: mean log p of a particle."""

    centres: np.ndarray
    widths: np.ndarray
    share: np.ndarray
    posterior: np.ndarray
    evidence: float

    @property
    def number(self) -> np.ndarray:
        """(n,) the likeliest, from 0."""
        return self.posterior.argmax(axis=1)

    def ordered(self) -> "Clusters":
        """The largest first."""
        order = np.argsort(-np.bincount(self.number, minlength=len(self.share)), kind="stable")
        return Clusters(
            self.centres[order], self.widths[order], self.share[order], self.posterior[:, order], self.evidence
        )


def likelihoods(mean: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """linear (n, q), precision (n, q, q) of what images say of z, from its posterior under a prior of one."""
    q = mean.shape[1]
    precision = np.linalg.inv(spread)
    own, vectors = np.linalg.eigh(precision - np.eye(q))
    seen = np.einsum("nab,nb,ncb->nac", vectors, np.maximum(own, 0), vectors)
    return np.einsum("nab,nb->na", precision, mean), seen


def mixture(
    mean: np.ndarray, spread: np.ndarray, count: int, rng: np.random.Generator, starts: int = 8
) -> Clusters:
    """The likeliest of several runs; mean (n, q), spread (n, q, q)."""
    linear, seen = likelihoods(mean, spread)
    sample = np.sort(rng.permutation(len(mean))[: max(2000, 200 * count)])
    runs = [_climbed(linear[sample], seen[sample], *_start(mean, count, rng), 60) for _ in range(starts)]
    best = max(runs, key=lambda run: run.evidence)
    return _climbed(linear, seen, best.centres, best.widths, best.share, ITERATIONS).ordered()


def _start(mean: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chosen = spread_out(mean, count, rng)
    width = np.eye(mean.shape[1]) * max(float(mean.var(axis=0).mean()), 0.05) / count
    return chosen, np.repeat(width[None], count, axis=0), np.full(count, 1 / count)


def _climbed(
    linear: np.ndarray, seen: np.ndarray, centres: np.ndarray, widths: np.ndarray, share: np.ndarray, most: int
) -> Clusters:
    q = linear.shape[1]
    last = -np.inf
    for _ in range(most):
        logp, means, spreads = _scores(linear, seen, centres, widths)
        weight, all_evidence = posterior(logp.T, share)
        evidence = float(all_evidence.mean())
        if evidence - last < GAIN:
            break
        last = evidence
        size = np.maximum(weight.sum(axis=0), 1e-9)
        share = size / size.sum()
        centres = np.einsum("nk,knq->kq", weight, means) / size[:, None]
        away = means - centres[:, None]
        widths = np.einsum("nk,knab->kab", weight, spreads) + np.einsum("nk,kna,knb->kab", weight, away, away)
        mean_width, held = widths.sum(axis=0) / size.sum(), ALIKE * size.mean()
        widths = (widths + held * mean_width) / (size[:, None, None] + held) + NARROWEST**2 * np.eye(q)
    weight, all_evidence = posterior(_scores(linear, seen, centres, widths)[0].T, share)
    return Clusters(centres, widths, share, weight, float(all_evidence.mean()))


def _scores(
    linear: np.ndarray, seen: np.ndarray, centres: np.ndarray, widths: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log p (k, n) of images in each cluster, and z's mean (k, n, q) and covariance (k, n, q, q) there."""
    logp, means, spreads = [], [], []
    for centre, width in zip(centres, widths):
        inverse = np.linalg.inv(width)
        precision = seen + inverse
        spread = np.linalg.inv(precision)
        push = linear + inverse @ centre
        mean = np.einsum("nab,nb->na", spread, push)
        curve = np.linalg.slogdet(precision)[1] + np.linalg.slogdet(width)[1]
        logp.append(0.5 * (push * mean).sum(axis=1) - 0.5 * centre @ inverse @ centre - 0.5 * curve)
        means.append(mean)
        spreads.append(spread)
    return np.stack(logp), np.stack(means), np.stack(spreads)


def kmeans(mean: np.ndarray, count: int, rng: np.random.Generator, starts: int = 8) -> Clusters:
    """The tightest of several runs of k-means; widths are the clusters' covariances."""
    best: tuple[float, np.ndarray] | None = None
    for _ in range(starts):
        centres = _start(mean, count, rng)[0]
        for _ in range(ITERATIONS):
            number = ((mean[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
            new = np.stack([mean[number == k].mean(axis=0) if (number == k).any() else centres[k]
                            for k in range(count)])  # fmt: skip
            if np.array_equal(new, centres):
                break
            centres = new
        spent = float(((mean - centres[number]) ** 2).sum())
        if best is None or spent < best[0]:
            best = spent, centres
    assert best is not None
    centres = best[1]
    number = ((mean[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    weight = np.eye(count)[number]
    widths = np.stack([np.atleast_2d(np.cov(mean[number == k].T)) if (number == k).sum() > 1
                       else np.eye(mean.shape[1]) * NARROWEST**2 for k in range(count)])  # fmt: skip
    return Clusters(centres, widths, weight.mean(axis=0), weight, float("nan")).ordered()
