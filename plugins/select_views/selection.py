"""Which particles stay, and how even their views were and are."""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.io.star import Tables
from spa.job.run import Run
from spa.model.numbers import sensible
from spa.model.poses import sights
from spa.volume.sampling import sampled
from spa.volume.thinned import thinned

ANGLES = ("rlnAngleRot", "rlnAngleTilt")


@dataclass(frozen=True, eq=False)
class Selected:
    """kept (n,); angles (2, n) rot and tilt, radians; crowding: the most about a view, over even ones; even: SCF* (1
    where slices fill Fourier space evenly) of all and of those that stay."""

    kept: np.ndarray
    angles: np.ndarray
    crowding: float
    even: tuple[float, float]

    def words(self) -> str:
        count = f"{int(self.kept.sum())} of {len(self.kept)} particles kept"
        before, after = self.even
        most = f"at most {self.crowding:.1f} times as many views about a direction as even ones would have"
        return f"{count}; there were {most}; SCF* {before:.2f} -> {after:.2f}"


def selected(run: Run, tables: Tables, group: np.ndarray, over: float, by: str | None) -> Selected:
    """Of particles with poses; group (g, 3, 3): of the particle; over: times even views that a direction keeps; by: the
    column whose largest values stay. DataError: no poses, no such column, no numbers in it."""
    table = tables["particles"]
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    if not all(name in table for name in ANGLES):
        raise DataError(f"{table.where} has no poses ({', '.join(ANGLES)})")
    angles = np.deg2rad([sensible(table, name) for name in ANGLES])
    sight = sights(*angles)
    better = sensible(table, by) if by else run.rng("views").random(len(table))
    half = table.ints("rlnRandomSubset") if "rlnRandomSubset" in table else np.zeros(len(table), int)
    kept, crowding = thinned(sight, group, over, better, half)
    before, after = (sampled(some, group, run.rng("slices")).scf_star for some in (sight, sight[kept]))
    return Selected(kept, angles, crowding, (before, after))


def draw(path: str, found: Selected, group: np.ndarray) -> None:
    """Views before and after."""
    from spa.plot import figure, views

    drawn = figure.open_figure(13, 4.4)
    for place, (kept, words, even) in enumerate(
        zip((np.ones(len(found.kept), bool), found.kept), ("all", "kept"), found.even)
    ):
        axes = drawn.add_subplot(1, 2, place + 1, projection="mollweide")
        rot, tilt = found.angles[:, kept]
        views.draw(drawn, axes, rot, tilt, f"{words}: SCF* {even:.2f}", group)
    figure.save(drawn, path)
