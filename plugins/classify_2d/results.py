"""What a classification leaves: states while it runs, averages and tables at its end."""

from functools import cached_property
from pathlib import Path

import numpy as np

from spa.class2d import average, loop
from spa.class2d.loop import State
from spa.class2d.plane import resampled
from spa.io import mrc, star
from spa.io.stacks import image_name
from spa.io.star import Table, Tables
from spa.job.run import Run
from spa.model.overlaps import linked, places
from spa_plugins.classify_2d.inputs import Problem

STACK, MODEL = "classes.mrcs", "model.star"
_STALE = ("rlnAngleRot", "rlnAngleTilt", "rlnAngleRotPrior", "rlnAngleTiltPrior", "rlnAnglePsiPrior",
          "rlnOriginXPriorAngst", "rlnOriginYPriorAngst", "rlnNormCorrection", "rlnNrOfSignificantSamples")  # fmt: skip


def line(problem: Problem, state: State) -> str:
    """One iteration in words."""
    seen = state.seen == state.iteration - 1
    return (
        f"iteration {state.iteration}: {problem.images.resolution_of(state.radius):.1f} A used, {seen.sum()} particles,"
        f" log-likelihood {state.gain[seen].mean():.2f} a particle, best posterior {state.best[seen].mean():.2f}"
    )


class Classes:
    """The averages of the last state, largest class first: images (C, box, box), share, resolution, effective size."""

    def __init__(self, problem: Problem, state: State) -> None:
        settings = problem.settings
        state, made = loop.shown(problem.images, settings, state, settings.diameter / 4)
        self.problem, self.state = problem, state
        share = state.prior
        self.order = np.argsort(-share, kind="stable")
        rank = np.empty_like(self.order)
        rank[self.order] = np.arange(len(rank))
        self.number = rank[state.cls] + 1
        self.images = resampled(made.images[self.order], problem.images.band.box)
        self.share, self.effective = share[self.order], state.effective[self.order]
        shells = average.resolution_shell(made.frc[self.order])
        self.resolution = np.array([problem.images.resolution_of(shell) for shell in shells])
        self.size = np.bincount(self.number - 1, minlength=len(rank))

    @cached_property
    def particles(self) -> Table:
        """The particles' table with their class, angle and shift; angles of an earlier 3-D search are taken out."""
        problem, state = self.problem, self.state
        psi = np.rad2deg(np.remainder(state.psi.astype(float) + np.pi, 2 * np.pi) - np.pi)
        origin = -(problem.centres + state.shift) * problem.images.pixel_size
        return problem.stack.table(problem.rows).without(*_STALE).with_columns(
            rlnClassNumber=self.number, rlnAnglePsi=np.round(psi, 4),
            rlnOriginXAngst=np.round(origin[:, 0], 4), rlnOriginYAngst=np.round(origin[:, 1], 4),
            rlnMaxValueProbDistribution=np.round(state.best.astype(float), 6),
            rlnLogLikeliContribution=np.round(state.gain, 4),
        )  # fmt: skip

    def table(self, stack: Path) -> Table:
        """One row a class, as RELION's data_model_classes, with sizes."""
        number = range(len(self.images))
        return Table.of(
            rlnReferenceImage=[image_name(i, stack) for i in number],
            rlnClassNumber=[i + 1 for i in number],
            rlnClassDistribution=np.round(self.share, 8),
            rlnEstimatedResolution=np.round(self.resolution, 4),
            spaClassSize=self.size,
            spaEffectiveSize=np.round(self.effective, 2),
        )


def written(run: Run, found: Classes) -> Tables:
    """Averages and model.star into DIR; the table for the next job."""
    assert run.outdir is not None
    stack = run.outdir / STACK
    mrc.write(stack, found.images, found.problem.images.pixel_size)
    classes = found.table(stack)
    general = Table.of(
        rlnReferenceDimensionality=2, rlnDataDimensionality=2, rlnOriginalImageSize=found.problem.stack.box,
        rlnCurrentResolution=float(found.resolution.min()), rlnCurrentImageSize=2 * found.state.radius,
        rlnPaddingFactor=2.0, rlnIsHelix=0, rlnPixelSize=found.problem.images.pixel_size,
        rlnNrClasses=len(classes), rlnNrBodies=1, rlnSigmaOffsetsAngst=float(
            found.state.shift_sigma * found.problem.images.pixel_size),
        rlnLogLikelihood=float(found.state.gain.sum()), rlnAveragePmax=float(found.state.best.mean()),
    )  # fmt: skip
    for_relion = classes.without("rlnClassNumber", "spaClassSize", "spaEffectiveSize")
    simple = Table({name: general.text(name) for name in general.columns}, simple=True)
    star.write(Tables({"model_general": simple, "model_classes": for_relion}), run.outdir / MODEL)
    tables = found.problem.stack.tables
    return tables.with_block("particles", found.particles).with_block("classes", classes)


def draw(path: Path, found: Classes) -> None:
    """The montage of the classes that have particles."""
    from spa.plot.figure import save
    from spa.plot.montage import montage

    used = np.flatnonzero(found.size > 0)
    titles = [f"{i + 1}: {found.size[i]}, {found.resolution[i]:.1f} Å" for i in used]
    save(montage(found.images[used], titles), path)


def twice(found: Classes, distance: float) -> int:
    """How many particles, as they are centred now, lie where another does: nearer than that, angstroms."""
    at = places(found.particles, found.problem.stack.tables["optics"])
    return 0 if at is None else len(at) - len(np.unique(linked(at, distance)))


def summary(found: Classes) -> str:
    used = found.size > 0
    best, middle = found.resolution[used].min(), float(np.median(found.resolution[used]))
    return (
        f"{int(used.sum())} classes of {len(found.number)} particles, averages to {best:.1f} A (median {middle:.1f} A),"
        f" largest {int(found.size.max())}"
    )
