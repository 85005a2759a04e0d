"""Latent coordinates in a plane: principal axes, and UMAP, where neighbours stay neighbours."""

import warnings

import numpy as np
from scipy.spatial import cKDTree

from spa.errors import DeviceError

FITTED = 30000  # particles that a plane is fitted to; others take their neighbours' places in it
NEAREST = 15  # neighbours that are to stay so
BETWEEN = 5  # of those, the nearest that place another particle


def principal(latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) along the two widest principal axes of latents (n, q), q > 1, and the share of variance of all (q,)."""
    away = latent - latent.mean(axis=0)
    values, axes = np.linalg.eigh(away.T @ away / len(away))
    order = np.argsort(-values)
    axes = axes[:, order]
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(len(axes))] < 0, -1.0, 1.0)
    return away @ axes[:, :2], values[order] / max(float(values.sum()), 1e-30)


def umap(latent: np.ndarray, seed: int) -> np.ndarray:
    """(n, 2) the plane in which neighbours among latents (n, q) stay neighbours (McInnes, Healy & Melville 2018).

    DeviceError where umap-learn is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from umap import UMAP
    except ImportError:
        raise DeviceError("--umap needs umap-learn: pip install 'spa[neural]'") from None
    rng = np.random.Generator(np.random.Philox(seed))
    some = np.sort(rng.permutation(len(latent))[:FITTED])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own ways of saying that the seed costs it threads
        plane = UMAP(n_neighbors=min(NEAREST, len(some) - 1), min_dist=0.1, init="pca", random_state=seed, n_jobs=1
                     ).fit_transform(latent[some].astype(np.float32))  # fmt: skip
    out = np.empty((len(latent), 2))
    out[some] = plane
    rest = np.setdiff1d(np.arange(len(latent)), some)
    if len(rest):
        away, near = cKDTree(latent[some]).query(latent[rest], BETWEEN)
        weight = 1 / np.maximum(away, 1e-9)
        out[rest] = np.einsum("nk,nkd->nd", weight / weight.sum(axis=1, keepdims=True), plane[near])
    return out
