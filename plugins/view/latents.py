"""Particles in their latent space, and where the volumes of their tables lie in it."""

from typing import Any

import numpy as np

from spa.io.star import Table, Tables
from spa.recipe.latents import CLUSTER, LATENT, PATH, count_of, means
from spa.web.page import Picture, Query, numbers
from spa_plugins.view.inputs import Shelf, of_kind

MOST = 100_000  # points that are sent: of more, every second, third …


class Latents:
    """Tables of particles that have latents."""

    def __init__(self, shelf: Shelf) -> None:
        self.tables = [one for one in of_kind(shelf.tables, "particles") if f"{LATENT}1" in one["particles"]]

    def __len__(self) -> int:
        return len(self.tables)

    def facts(self) -> list[dict[str, Any]]:
        """Of each table its axes, how many particles, whether they are in clusters, and its volumes with their places.

        A volume's place has null along an axis that its table does not tell.
        """
        return [{"name": one.source, "count": len(one["particles"]), "axes": _axes(one["particles"]),
                 "clusters": CLUSTER in one["particles"], "volumes": _volumes(one)} for one in self.tables]  # fmt: skip

    def points(self, query: Query) -> Picture:
        """Little-endian float32 of the table ``number``: each axis after the other, then the cluster (0: none)."""
        table = self.tables[query.whole("number", len(self.tables))]["particles"]
        step = -(-len(table) // MOST)
        columns = [table.floats(name, missing=np.nan)[::step] for name in _columns(table)]
        columns.append(table.floats(CLUSTER, missing=0.0)[::step] if CLUSTER in table else np.zeros(len(columns[0])))
        return Picture(np.stack(columns).astype("<f4").tobytes(), "application/octet-stream",
                       {"axes": len(columns) - 1, "count": len(columns[0])})  # fmt: skip


def _columns(table: Table) -> list[str]:
    return [f"{LATENT}{k + 1}" for k in range(count_of(table))] + ([PATH] if PATH in table else [])


def _axes(table: Table) -> list[str]:
    return [name.removeprefix("spaLatent") for name in _columns(table)]


def _volumes(tables: Tables) -> list[dict[str, Any]]:
    """The volumes of `vary volumes` (data_points) and those along components (data_series)."""
    places = _placed(tables)
    if PATH in tables["particles"]:
        known = _on_path(tables)
        places = {name: np.append(at, known[name] if name in known else _path_at(tables["particles"], at))
                  for name, at in places.items()}  # fmt: skip
    return [{"map": name, "at": numbers(at)} for name, at in places.items()]


def _on_path(tables: Tables) -> dict[str, float]:
    """Places of the volumes along the curve (data_series of component 0), by their files."""
    if "series" not in tables:
        return {}
    series = tables["series"]
    here = zip(series.listed("spaMapName"), series.ints("spaComponent"), series.floats("spaLatentValue"))
    return {name: float(value) for name, k, value in here if k == 0}


def _placed(tables: Tables) -> dict[str, np.ndarray]:
    """The latents (q,) of each volume, by its file."""
    count = count_of(tables["particles"])
    found: dict[str, np.ndarray] = {}
    for block, file in (("points", "rlnReferenceImage"), ("series", "spaMapName")):
        if block in tables and f"{LATENT}{count}" in tables[block]:
            found.update(zip(tables[block].listed(file), means(tables[block])[:, :count]))
    return found


def _path_at(table: Table, at: np.ndarray) -> float:
    """The place on the curve of one latent's value; of several latents it is not told."""
    if len(at) > 1:
        return np.nan
    along = table.floats(f"{LATENT}1")
    order = np.argsort(along)
    return float(np.interp(at[0], along[order], table.floats(PATH)[order]))
