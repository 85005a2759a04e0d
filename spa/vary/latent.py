"""Latent coordinates of images: their posterior, with the grey scale of each image integrated over.

Coordinates z have a normal prior of covariance one; a grey scale a takes the values of `views.Contrast`.  Given a, z
is normal with precision ``1 + a^2 Q`` (Tipping & Bishop, J. R. Stat. Soc. B 61 (1999) 611; grey scales on a grid:
Gilles & Singer, PNAS 122 (2025) e2419140122).
"""

from dataclasses import dataclass

import numpy as np

from spa.vary.views import Contrast, Moments

CHUNK = 4096  # images at once
TURNS = 12  # of the coordinates' covariance to one


@dataclass(frozen=True, eq=False)
class Latent:
    """mean (n, q) and spread (n, q, q) of z; evidence (n,): log p of the image, up to a term of the image alone.

    first (n, q + 1) and second (n, q + 1, q + 1): of u = a (1, z), which maps are solved with; scale (n,): mean of a.
    """

    mean: np.ndarray
    spread: np.ndarray
    evidence: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @property
    def scale(self) -> np.ndarray:
        return self.first[:, 0]


def posterior(found: Moments, contrast: Contrast) -> Latent:
    """Of all images."""
    cuts = [slice(i, i + CHUNK) for i in range(0, len(found), CHUNK)]
    parts = [_posterior(found.linear[cut], found.quadratic[cut], contrast) for cut in cuts]
    return Latent(*(np.concatenate(columns) for columns in zip(*parts)))


def _posterior(linear: np.ndarray, quadratic: np.ndarray, contrast: Contrast) -> tuple[np.ndarray, ...]:
    n, q = len(linear), linear.shape[1] - 1
    a = contrast.nodes[:, None, None]
    push = a * linear[None, :, 1:] - a**2 * quadratic[None, :, 1:, 0]  # (j, n, q)
    precision = np.eye(q) + a[..., None] ** 2 * quadratic[None, :, 1:, 1:]
    spread = np.linalg.inv(precision)
    mean = np.einsum("jnab,jnb->jna", spread, push)
    a = contrast.nodes[:, None]
    logp = contrast.share[:, None] + a * linear[:, 0] - a**2 * quadratic[:, 0, 0] / 2
    logp = logp + 0.5 * (push * mean).sum(axis=2) - 0.5 * np.linalg.slogdet(precision)[1]
    top = logp.max(axis=0)
    weight = np.exp(logp - top)
    total = weight.sum(axis=0)
    weight /= total
    z = np.einsum("jn,jna->na", weight, mean)
    square = spread + mean[..., :, None] * mean[..., None, :]
    first = np.concatenate([(weight * a).sum(axis=0)[:, None], np.einsum("jn,jna->na", weight * a, mean)], axis=1)
    second = np.empty((n, q + 1, q + 1))
    second[:, 0, 0] = (weight * a**2).sum(axis=0)
    second[:, 0, 1:] = second[:, 1:, 0] = np.einsum("jn,jna->na", weight * a**2, mean)
    second[:, 1:, 1:] = np.einsum("jn,jnab->nab", weight * a**2, square)
    own = np.einsum("jn,jnab->nab", weight, square) - z[:, :, None] * z[:, None, :]
    return z, own, np.log(total) + top, first, second


def whitened(found: Moments, contrast: Contrast, turns: int = TURNS) -> tuple[np.ndarray, Latent]:
    """The matrix (q + 1, q + 1) that makes coordinates' mean 0 and covariance one, and the coordinates with it.

    Columns combine the mean and components; found: the moments before.
    """
    matrix = np.eye(found.linear.shape[1])
    for _ in range(turns):
        now = posterior(found.turned(matrix), contrast)
        centre = now.mean.mean(axis=0)
        away = now.mean - centre
        covariance = now.spread.mean(axis=0) + away.T @ away / len(away)
        step = np.eye(len(matrix))
        step[1:, 0] = centre
        step[1:, 1:] = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(covariance)))
        matrix = matrix @ step
        if np.abs(step - np.eye(len(step))).max() < 1e-3:
            break
    return matrix, posterior(found.turned(matrix), contrast)


def apart(found: Moments, contrast: Contrast) -> np.ndarray:
    """The matrix (q + 1, q + 1) that takes off components what looks like the mean in images: that is grey scale's, if
    grey scales may differ."""
    matrix = np.eye(found.linear.shape[1])
    if len(contrast.nodes) > 1:
        mean = found.quadratic[:, 0].mean(axis=0)
        matrix[0, 1:] = -mean[1:] / max(mean[0], 1e-30)
    return matrix


def ordered(found: Moments) -> np.ndarray:
    """The rotation (q + 1, q + 1) after which components are uncorrelated in images, the one most seen first."""
    values, vectors = np.linalg.eigh(found.quadratic[:, 1:, 1:].mean(axis=0))
    matrix = np.eye(found.linear.shape[1])
    matrix[1:, 1:] = vectors[:, np.argsort(-values)]
    return matrix
