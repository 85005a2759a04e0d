"""Image shifts in clusters, and groups that are too small merged.

Exposures of one place of a hole pattern have nearly one image shift: of the lengths of a minimum spanning tree, those
within a place are far below those between places, and the widest gap of their logarithms says where to cut.
"""

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial import cKDTree

CLEAR = 2.5  # how much longer the shortest way between places must be than the longest within one
NEAREST = 30  # neighbours among which the tree is looked for
TINY = 1e-6  # of the extent: the length of a way between equal shifts
TRIES = 10


def places(points: np.ndarray) -> np.ndarray | None:
    """The place (n,) of each shift (n, 2), from 0; None where no gap tells places apart."""
    n = len(points)
    extent = float(np.ptp(points, axis=0).max())
    if n < 3 or extent == 0:
        return np.zeros(n, np.int64)
    alone, inverse, counts = np.unique(points, axis=0, return_inverse=True, return_counts=True)
    edges = _tree(alone)
    lengths = np.sort(np.concatenate([edges.data, np.full(n - len(alone), TINY * extent)]))
    ratios = lengths[1:] / np.maximum(lengths[:-1], TINY * extent)
    cut = int(ratios.argmax()) if len(ratios) else 0
    if not len(ratios) or ratios[cut] < CLEAR or counts.mean() == n:
        return None
    near = edges.data <= lengths[cut]
    graph = coo_array((edges.data[near], (edges.row[near], edges.col[near])), (len(alone),) * 2)
    return connected_components(graph, directed=False)[1][inverse.ravel()].astype(np.int64)


def _tree(points: np.ndarray) -> coo_array:
    """Edges of a minimum spanning tree of different points (n, 2), as far as near neighbours connect them."""
    n = len(points)
    if n == 1:
        return coo_array((1, 1))
    length, other = cKDTree(points).query(points, k=min(NEAREST + 1, n))
    here = np.repeat(np.arange(n), length.shape[1] - 1)
    graph = coo_array((length[:, 1:].ravel(), (here, other[:, 1:].ravel())), (n, n)).tocsr()
    return coo_array(minimum_spanning_tree(graph))


def clusters(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The same, in a given number of clusters: the best of some k-means."""
    best, label = np.inf, np.zeros(len(points), np.int64)
    for _ in range(TRIES):
        centres, found = kmeans2(points, count, minit="++", seed=rng, missing="warn" if count == 1 else "raise")
        error = float(((points - centres[found]) ** 2).sum())
        if error < best:
            best, label = error, found.astype(np.int64)
    return label


def merged(label: np.ndarray, points: np.ndarray | None, least: int) -> np.ndarray:
    """Labels (n,), those with fewer than `least` members given to others.

    By shifts (n, 2) the smallest goes to the nearest, again and again; without them all small ones are put together,
    and with the smallest of the others where they are few still.
    """
    label = np.unique(label, return_inverse=True)[1]
    while True:
        sizes = np.bincount(label)
        there = np.flatnonzero(sizes)
        small = there[sizes[there] < least]
        if not len(small) or len(there) == 1:
            return np.unique(label, return_inverse=True)[1]
        if points is None:
            label = np.where(np.isin(label, small), small[0], label)
            if sizes[small].sum() >= least:
                continue
            others = np.setdiff1d(there, small)
            if len(others):
                label[label == small[0]] = others[sizes[others].argmin()]
            continue
        centres = np.stack([points[label == one].mean(axis=0) for one in there])
        smallest = small[sizes[small].argmin()]
        away = np.linalg.norm(centres - centres[there == smallest], axis=1)
        away[there == smallest] = np.inf
        label[label == smallest] = there[away.argmin()]
