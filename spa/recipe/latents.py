"""Latent coordinates as columns of data_particles: one table for every method that finds them."""

import numpy as np

from spa.errors import DataError
from spa.io.star import Table
from spa.vary.clusters import Clusters

LATENT, ERROR, COVARIANCE, SCALE = "spaLatent", "spaLatentError", "spaLatentCovariance", "spaContrast"
PATH, CLUSTER, UMAP = "spaLatentPath", "spaLatentCluster", ("spaUmap1", "spaUmap2")


def columns(
    mean: np.ndarray, spread: np.ndarray, scale: np.ndarray | None = None, half: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Columns of mean (n, q) and covariance (n, q, q), in standard deviations of all; scale (n,): grey scales; half
    (n,): 0 or 1, the half-set whose volumes each was found beside."""
    q = mean.shape[1]
    out = {} if half is None else {"rlnRandomSubset": half + 1}
    out |= {f"{LATENT}{k + 1}": np.round(mean[:, k], 6) for k in range(q)}
    for k in range(q):
        out[f"{ERROR}{k + 1}"] = np.round(np.sqrt(np.maximum(spread[:, k, k], 1e-12)), 6)
    for j in range(q):
        for k in range(j + 1, q):
            out[f"{COVARIANCE}{j + 1}x{k + 1}"] = np.round(spread[:, j, k], 7)
    if scale is not None:
        out[SCALE] = np.round(scale, 5)
    return out


def path_columns(place: np.ndarray, error: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of each particle's place (n,), 0 to 1, on the curve through all, and its standard error (n,)."""
    return {PATH: np.round(place, 6), f"{PATH}Error": np.round(error, 6)}


def cluster_columns(groups: Clusters | None) -> dict[str, np.ndarray]:
    """Columns of each particle's cluster, from 1, and the share of its posterior there; none without clusters."""
    if groups is None:
        return {}
    return {CLUSTER: groups.number + 1, f"{CLUSTER}Share": np.round(groups.posterior.max(axis=1), 6)}


def umap_columns(plane: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of each particle's place (n, 2) in the plane of UMAP."""
    return {name: np.round(column, 4) for name, column in zip(UMAP, plane.T)}


def renewed(table: Table, **found: np.ndarray) -> Table:
    """The table with columns that a job has found; an earlier job's latents go, of which there may have been more, and
    with them the places, clusters and planes that were made of them."""
    old = [name for name in table.columns if name.startswith(LATENT) or name in UMAP]
    return table.without(*old).with_columns(**found)


def count_of(table: Table) -> int:
    """How many coordinates the rows have; DataError where there are none."""
    count = 0
    while f"{LATENT}{count + 1}" in table:
        count += 1
    if not count:
        raise DataError(f"{table.where}: no column {LATENT}1; find latents first (spa vary linear)")
    return count


def means(table: Table) -> np.ndarray:
    """Latent coordinates (n, q); DataError where one is not finite."""
    found = np.stack([table.floats(f"{LATENT}{k + 1}") for k in range(count_of(table))], axis=1)
    if not np.isfinite(found).all():
        row, k = np.argwhere(~np.isfinite(found))[0]
        raise DataError(f"{table.where}: row {row + 1}: {LATENT}{k + 1} is {found[row, k]:g}; a number is wanted")
    return found


def spreads(table: Table) -> np.ndarray:
    """Their covariances (n, q, q); DataError where errors are missing or no errors; correlations may be missing."""
    q = count_of(table)
    out = np.zeros((len(table), q, q))
    for k in range(q):
        name = f"{ERROR}{k + 1}"
        error = table.floats(name)
        if not (good := (error > 0) & np.isfinite(error)).all():
            row = int(np.flatnonzero(~good)[0])
            raise DataError(f"{table.where}: row {row + 1}: {name} is {error[row]:g}; an error is above 0")
        out[:, k, k] = error**2
    for j in range(q):
        for k in range(j + 1, q):
            if (name := f"{COVARIANCE}{j + 1}x{k + 1}") in table:
                out[:, j, k] = out[:, k, j] = table.floats(name)
    return _positive(out)


def _positive(spread: np.ndarray) -> np.ndarray:
    """The same with no direction narrower than rounding allows."""
    values, vectors = np.linalg.eigh(spread)
    floor = 1e-4 * np.maximum(values[:, -1:], 1e-8)
    if (values > floor).all():
        return spread
    return np.einsum("nab,nb,ncb->nac", vectors, np.maximum(values, floor), vectors)


def point(text: str, count: int, option: str) -> np.ndarray:
    """A point (count,) of latent space from "1.5,0,-2"; missing coordinates are 0."""
    try:
        values = [float(one) for one in text.split(",")]
    except ValueError:
        raise DataError(f"{option} {text!r}: numbers with commas are wanted, such as 1.5,0,-2") from None
    if len(values) > count or not np.isfinite(values).all():
        raise DataError(f"{option} {text!r}: at most {count} finite numbers (the table's latents) are wanted")
    return np.array(values + [0.0] * (count - len(values)))
