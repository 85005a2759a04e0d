"""Kinds of particles within the span of some maps: a mixture of a few combinations, with grey scales integrated over.

A kind that few particles are of is no direction along which all spread: in a mixture those few alone decide on it
(expectation and maximisation: Dempster, Laird & Rubin, J. R. Stat. Soc. B 39 (1977) 1), found one after another
(Verbeek, Vlassis & Krose, Neural Comput. 15 (2003) 469).
"""

from dataclasses import dataclass

import numpy as np

from spa.class3d.scores import posterior
from spa.vary.views import Contrast, Moments

RARE = 0.05  # share that a kind starts with
SHORT, LONG = 15, 100  # turns from each start, and from the best
GAIN = 1e-3  # of the log evidence, below which a run ends


@dataclass(frozen=True, eq=False)
class Kinds:
    """parts (s, k): of each map beside the mean, in the kinds; share (s,) of images; evidence: their log p and that of
    the parts, whose prior is normal of variance one."""

    parts: np.ndarray
    share: np.ndarray
    evidence: float = -np.inf

    def with_one(self, parts: np.ndarray) -> "Kinds":
        """One more kind, a rare one."""
        return Kinds(np.vstack([self.parts, parts]), np.append((1 - RARE) * self.share, RARE))


def kinds(found: Moments, contrast: Contrast, suspects: np.ndarray, count: int) -> Kinds:
    """The commonest kind and count others: of moments under the mean and maps, each start lacks one suspect of them."""
    k = found.linear.shape[1] - 1
    now = _climbed(found, contrast, Kinds(np.zeros((1, k)), np.ones(1)), SHORT)
    for _ in range(count):
        starts = [now.with_one(now.parts[0] - np.eye(k)[one]) for one in suspects]
        best = max((_climbed(found, contrast, one, SHORT) for one in starts), key=lambda one: one.evidence)
        now = _climbed(found, contrast, best, LONG)
    order = np.argsort(-now.share, kind="stable")
    return Kinds(now.parts[order], now.share[order], now.evidence)


def _climbed(found: Moments, contrast: Contrast, now: Kinds, turns: int) -> Kinds:
    k = now.parts.shape[1]
    flat = found.quadratic.reshape(len(found), -1)
    beside, pull = found.quadratic[:, 1:, 1:].reshape(len(found), -1), found.quadratic[:, 1:, 0]
    for _ in range(turns):
        u = np.concatenate([np.ones((len(now.parts), 1)), now.parts], axis=1)
        squares = np.einsum("sa,sb->sab", u, u).reshape(len(u), -1)
        logp, scale, square = _grey(found.linear @ u.T, flat @ squares.T, contrast)
        weight, all_evidence = posterior(logp, now.share)
        evidence = float(all_evidence.sum() - 0.5 * (now.parts**2).sum())
        if evidence - now.evidence < GAIN:
            break
        first, second = weight * scale, weight * square
        curvature = (second.T @ beside).reshape(-1, k, k) + np.eye(k)
        push = first.T @ found.linear[:, 1:] - second.T @ pull
        share = np.maximum(weight.mean(axis=0), 1e-6)
        now = Kinds(np.linalg.solve(curvature, push[..., None])[..., 0], share / share.sum(), evidence)
    return now


def _grey(push: np.ndarray, norm: np.ndarray, contrast: Contrast) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log p (n, s) of images in kinds with grey scales integrated over, and the grey scale's mean and mean square."""
    a = contrast.nodes[:, None, None]
    logs = contrast.share[:, None, None] + a * push - 0.5 * a**2 * norm
    top = logs.max(axis=0)
    weight = np.exp(logs - top)
    total = weight.sum(axis=0)
    return np.log(total) + top, (weight * a).sum(axis=0) / total, (weight * a**2).sum(axis=0) / total
