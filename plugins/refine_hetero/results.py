"""What a refinement of several references leaves: maps, tables, a figure, and words."""

from pathlib import Path

import numpy as np

from spa.class3d.apart import entropy
from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job.maps import BLOCK, with_maps, with_symmetry
from spa.job.run import Run
from spa.recipe.given import Inputs
from spa.recipe.kept import counted, curve_table, pose_table, unclear, with_scales
from spa.refine.problem import Problem
from spa.refine.states import State


def resolutions(problem: Problem, state: State) -> np.ndarray:
    """(c,) where the FSC of each class's half maps falls below 0.143, angstroms."""
    return np.array([problem.resolution(one) for one in state.curves])


def line(problem: Problem, state: State) -> str:
    """One iteration in words."""
    share = state.shares[state.searched].mean(axis=0)
    classes = ", ".join(f"{100 * one:.0f} % at {res:.1f} A" for one, res in zip(share, resolutions(problem, state)))
    kind = "local" if state.local else "wide" if state.wide else "global"
    moved = f"{np.rad2deg(state.moved):.2f} deg" if state.moved < np.pi else "-"
    return f"{counted(state)}: {int(state.searched.sum())} particles, {classes}; next {kind}, moved {moved}"


def by_size(state: State) -> np.ndarray:
    """(c,) the classes, the largest first."""
    return np.argsort(-state.shares.sum(axis=0), kind="stable")


class Classes:
    """The classes of the last state, the largest first."""

    def __init__(self, given: Inputs, state: State) -> None:
        self.given, self.state = given, state
        self.order = by_size(state)
        self.shares = state.shares[:, self.order]
        self.number = self.shares.argmax(axis=1) + 1
        self.size = np.bincount(self.number - 1, minlength=len(self.order))
        self.resolution = resolutions(given.problem, state)[self.order]

    def particles(self) -> Table:
        """The particles' table with the pose in the best class, and what each class has of it."""
        best, _ = self.state.best()
        table = pose_table(self.given, best, self.state)
        return with_scales(table, self.given.problem, self.state).with_columns(
            rlnClassNumber=self.number,
            rlnMaxValueProbDistribution=np.round(self.shares.max(axis=1) * best.weight.max(axis=1), 6),
            spaClassEntropy=np.round(entropy(self.shares), 6),
            **{f"spaClassShare{k}": np.round(share, 6) for k, share in enumerate(self.shares.T, 1)},
        )

    def table(self, names: list[str]) -> Table:
        """One row a class; names: its map."""
        total, squares = self.shares.sum(axis=0), (self.shares**2).sum(axis=0)
        return Table.of(
            rlnReferenceImage=names, rlnClassNumber=np.arange(1, len(names) + 1),
            rlnClassDistribution=np.round(self.shares.mean(axis=0), 8),
            rlnEstimatedResolution=np.round(self.resolution, 4), spaClassSize=self.size,
            spaEffectiveSize=np.round(total**2 / np.maximum(squares, 1e-30), 2),
        )  # fmt: skip


def written(run: Run, found: Classes) -> Tables:
    """Maps and curves into DIR; the table for the next job."""
    state, problem = found.state, found.given.problem
    assert run.outdir is not None and state.joint is not None and state.halves is not None
    pixel, width = problem.images.pixel_size, problem.images.band.box * problem.images.pixel_size
    tables = found.given.stack.tables.without_block(BLOCK).with_block("particles", found.particles())
    mask = run.outdir / "mask.mrc"
    mrc.write(mask, np.asarray(problem.solvent, np.float32), pixel)
    names = []
    for number, k in enumerate(found.order, 1):
        stem = f"{run.outdir / 'class'}{number:03d}"
        volumes = {f"{stem}.mrc": state.joint[k] * problem.solvent, f"{stem}_half1.mrc": state.halves[k, 0],
                   f"{stem}_half2.mrc": state.halves[k, 1]}  # fmt: skip
        for path, volume in volumes.items():
            mrc.write(path, np.asarray(volume, np.float32), pixel)
        curve = f"{stem}_fsc.star"
        star.write(Tables(blocks={"fsc": curve_table(state.curves[k], width)}), curve)
        roles = zip(("map", "half1", "half2", "mask", "fsc"), (*volumes, str(mask), curve))
        tables = with_maps(tables, list(roles), number)
        names.append(f"{stem}.mrc")
    tables = with_symmetry(tables, [problem.settings.symmetry] * len(names))
    return tables.with_block("classes", found.table(names))


def draw(path: Path, found: Classes) -> None:
    """Slices and projections of each class."""
    from spa.plot.classes3d import maps_of_classes
    from spa.plot.figure import save

    assert found.state.joint is not None
    volumes = found.state.joint[found.order] * found.given.problem.solvent
    titles = [
        f"{k}: {size} ({100 * size / len(found.number):.0f} %), {resolution:.1f} Å"
        for k, (size, resolution) in enumerate(zip(found.size, found.resolution), 1)
    ]
    curves = found.state.curves[found.order]
    save(maps_of_classes(volumes, titles, curves, found.given.problem.images.pixel_size, entropy(found.shares)), path)


def summary(found: Classes) -> str:
    classes = ", ".join(
        f"{100 * size / len(found.number):.0f} % at {res:.1f} A" for size, res in zip(found.size, found.resolution)
    )
    number = int(unclear(found.state).sum())
    particles = f"{len(found.number)} particles" + (f" ({number} of them unclear)" if number else "")
    return (
        f"{len(found.order)} classes of {particles}: {classes} (FSC 0.143 of half maps in the "
        f"solvent mask); mean entropy {entropy(found.shares).mean():.3f}, {found.state.iteration} iterations"
    )
