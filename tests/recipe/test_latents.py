"""Latents as columns: what one job writes takes the place of all that another wrote."""

import numpy as np

from spa.io.star import Table
from spa.recipe import latents


def found(count: int) -> dict[str, np.ndarray]:
    mean = np.arange(3.0 * count).reshape(3, count)
    return latents.columns(mean, np.tile(np.eye(count), (3, 1, 1)))


def test_latents_of_an_earlier_job_do_not_outlive_it() -> None:
    """Fewer come after more, and clusters, paths and planes of those go with them; all else stays."""
    path = latents.path_columns(np.ones(3), np.ones(3))
    first = latents.renewed(Table.of(rlnClassNumber=[1, 2, 3]), **found(3), **path)
    first = first.with_columns(spaLatentCluster=[1, 1, 2], **latents.umap_columns(np.zeros((3, 2))))
    second = latents.renewed(first, **found(1))
    assert second.columns == ["rlnClassNumber", "spaLatent1", "spaLatentError1"]
    assert latents.count_of(first) == 3 and latents.count_of(second) == 1
    assert latents.spreads(second).shape == (3, 1, 1)
