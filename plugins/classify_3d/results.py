"""What a classification leaves: states while it runs, maps and tables at its end."""

from functools import cached_property
from pathlib import Path

import numpy as np

from spa.abinit.compact import rescaled
from spa.class3d.apart import Worth, entropy
from spa.class3d.halves import Maps
from spa.class3d.loop import State
from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job.maps import BLOCK, made_in, with_maps
from spa.job.run import Run
from spa.recipe.kept import curve_table
from spa.volume.fsc import crossing
from spa.volume.slices import regridded
from spa_plugins.classify_3d.inputs import Ready

ALIKE = 0.1  # adjusted Rand index of how halves sort particles, below which they do it by chance
COPY = "spaSymmetryCopy"  # of `symmetry expand`


def line(state: State) -> str:
    """One iteration in words."""
    seen = state.number >= 0
    share = ", ".join(f"{100 * one:.1f}" for one in np.sort(state.share)[::-1])
    return (
        f"iteration {state.iteration}: {seen.sum()} particles, classes of {share} %, {100 * state.changed[-1]:.1f} % "
        f"changed, entropy {entropy(state.posterior[seen]).mean():.3f}"
    )


class Classes:
    """The classes of the last state, the largest first; images and maps of the compact box."""

    def __init__(self, ready: Ready, state: State, maps: Maps, worth: Worth) -> None:
        self.ready, self.state, self.maps, self.worth = ready, state, maps, worth
        self.order = np.argsort(-state.posterior.sum(axis=0), kind="stable")
        self.posterior = state.posterior[:, self.order]
        self.number = np.argsort(self.order)[state.number] + 1
        self.share = self.posterior.mean(axis=0)
        self.size = np.bincount(self.number - 1, minlength=len(self.share))
        self.effective = self.posterior.sum(axis=0) ** 2 / np.maximum((self.posterior**2).sum(axis=0), 1e-30)
        images = ready.given.posed.images
        shells = [min(crossing(curve, 0.143), images.band.radius) for curve in maps.curves[self.order]]
        self.resolution = np.array([images.resolution_of(shell) for shell in shells])

    @cached_property
    def particles(self) -> Table:
        """The particles' table with class, its posterior, the entropy over classes, and the evidence."""
        given = self.ready.given
        return given.stack.table(given.rows).with_columns(
            rlnClassNumber=self.number,
            rlnRandomSubset=given.posed.images.half + 1,
            rlnMaxValueProbDistribution=np.round(self.posterior.max(axis=1).astype(float), 6),
            spaClassEntropy=np.round(self.worth.entropy, 6),
            spaClassEvidence=np.round(self.state.evidence, 4),
        )

    def table(self, names: list[str]) -> Table:
        """One row a class; names: its map."""
        return Table.of(
            rlnReferenceImage=names, rlnClassNumber=np.arange(1, len(names) + 1),
            rlnClassDistribution=np.round(self.share.astype(float), 8),
            rlnEstimatedResolution=np.round(self.resolution, 4), spaClassSize=self.size,
            spaEffectiveSize=np.round(self.effective.astype(float), 2),
        )  # fmt: skip


def written(run: Run, found: Classes) -> Tables:
    """Maps and curves into DIR; the table for the next job."""
    assert run.outdir is not None
    stack, maps = found.ready.given.stack, found.maps
    tables = stack.tables.without_block(BLOCK).with_block("particles", found.particles)
    mask = run.outdir / "mask.mrc"
    _write(mask, np.clip(regridded(found.ready.solvent, stack.box), 0, 1), found)
    names = []
    for number, k in enumerate(found.order, 1):
        stem = run.outdir / f"class{number:03d}"
        files = {"map": maps.joint[k] * found.ready.solvent, "half1": maps.halves[k, 0], "half2": maps.halves[k, 1]}
        rows = []
        for role, volume in files.items():
            path = Path(f"{stem}.mrc" if role == "map" else f"{stem}_{role}.mrc")
            _write(path, rescaled(np.asarray(volume, np.float32), stack.box), found)
            rows.append((role, str(path)))
        curve = Path(f"{stem}_fsc.star")
        star.write(Tables(blocks={"fsc": _curve(found, maps.curves[k])}), curve)
        tables = with_maps(tables, [*rows, ("mask", str(mask)), ("fsc", str(curve))], number)
        names.append(rows[0][1])
    return tables.with_block("classes", found.table(names))


def _write(path: Path, volume: np.ndarray, found: Classes) -> None:
    mrc.write(path, np.asarray(volume, np.float32), found.ready.given.stack.pixel_size)


def _curve(found: Classes, curve: np.ndarray) -> Table:
    """A class's FSC at the shells of the full box; the compact one is as wide."""
    stack = found.ready.given.stack
    full = np.zeros(stack.box // 2 + 1)
    full[: min(len(curve), len(full))] = curve[: len(full)]
    return curve_table(full, stack.box * stack.pixel_size)


def draw(path: Path, found: Classes) -> None:
    """Slices of the classes and of what each differs in, and how the assignments settled."""
    from spa.plot.classes3d import overview
    from spa.plot.figure import save

    solvent = found.ready.solvent
    mean = np.tensordot(found.state.share, found.state.maps, 1)
    titles = [
        f"{number}: {size} ({100 * share:.0f} %), {resolution:.1f} Å"
        for number, (size, share, resolution) in enumerate(zip(found.size, found.share, found.resolution), 1)
    ]
    figure = overview(
        found.maps.joint[found.order] * solvent, found.state.maps[found.order] - mean, titles,
        found.ready.given.posed.images.pixel_size, found.state.sizes[:, found.order], found.state.changed,
        found.worth.entropy,
    )  # fmt: skip
    save(figure, path)


def doubt(found: Classes) -> str:
    """What speaks against the classes, and what may help; or nothing."""
    worth, symmetry = found.worth, _broken_symmetry(found)
    if worth.evidence <= worth.least:
        return (
            "classes made from one half of the particles explain the other half no better than a single map does "
            f"({worth.evidence:+.3f} log units a particle): they may be noise; "
            + (symmetry or "try fewer classes, a coarser --max-resolution or a --focus-mask")
        )
    if worth.agreement >= ALIKE:
        return ""
    return (
        f"halves of the particles that are classified apart do not sort them alike ({worth.agreement:.2f}, adjusted "
        "Rand): others would make other classes; " + (symmetry or "try fewer classes or a --focus-mask")
    )


def _broken_symmetry(found: Classes) -> str:
    """What to do where poses are known up to a point group alone; or nothing."""
    given = found.ready.given
    if COPY in given.stack.tables["particles"]:
        if given.asked.focus_mask:
            return ""
        return "each half may have taken another of the copies: a --focus-mask of one subunit looks at all in its place"
    group = made_in(given.stack.tables)
    if group in (None, "C1"):
        return ""
    return (
        f"poses are known up to {group} alone, and what breaks it (a subunit missing) lies in any of its places: `spa "
        f"symmetry expand --symmetry {group}` first and a --focus-mask of one subunit look at each of them"
    )


def summary(found: Classes) -> str:
    share = ", ".join(f"{100 * one:.0f} %" for one in found.share)
    return (
        f"{len(found.share)} classes of {len(found.number)} particles: {share}; mean entropy "
        f"{found.worth.entropy.mean():.3f}; halves classified apart gain {found.worth.evidence:+.2f} "
        f"log units a particle and sort alike to {found.worth.agreement:.2f} (adjusted Rand)"
    )
