"""The command: particles with poses in, resolution by number of particles out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spa.errors import DataError
from spa.job import options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.job.particles import ParticleSet
    from spa_plugins.post_bfactor.line import Line

NYQUIST = 2.2  # pixels: resolutions near the end of the curve do not move with the number of particles
FIRST = 3.5  # shells: what ends before is not resolved at all
ENDLESS = 1e12  # particles: more are not told of
BENT = " of the last three numbers (the curve bends: something else limits)"
BETTER = (0.95, 0.9, 0.8)  # of the resolution there is: what it takes is told


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.plot
@click.option("--mask", "mask_file", type=options.INPUT_FILE,
              show_default="the stream's, or else a sphere of the diameter", help="Soft mask of the FSC.")
@options.map_symmetry
@click.option("--diameter", type=click.FloatRange(min=1), show_default="0.7 of the box",
              help="Of the particle, angstroms.")
@click.option("--smallest", default=100, show_default=True, type=click.IntRange(min=20),
              help="Particles in the smallest subset, at least.")
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1, 1000),
              help="How often subsets are drawn: the error comes from their scatter.")
@click.option("--target", type=click.FloatRange(min=0.5),
              help="A resolution, angstroms: how many particles it takes.")
@job("post bfactor")
def bfactor(run: Run, star: str, output: str, plot: str | None, mask_file: str | None, symmetry: str | None,
            diameter: float | None, smallest: int, repeats: int, target: float | None) -> None:  # fmt: skip
    """Resolution against the number of particles, and how many more are needed.

    Half maps are made of random subsets at the poses that the table has, from all particles down by halves, each subset
    a part of the next.  1/d^2 over ln N is a straight line of slope 2/B while more particles help (Rosenthal &
    Henderson); a bend means that something else limits, and then the line is that of the last three numbers.  DIR gets
    bfactor.star: data_subsets and, where more particles help, data_bfactor and data_needed.  The table goes on as it
    is.
    """
    import numpy as np

    from spa_plugins.post_bfactor.line import fitted

    assert run.outdir is not None
    tables = run.read(star)
    stack, posed, mask = _prepared(run, tables, mask_file, symmetry, diameter)
    counts, found = _measured(run, posed, mask, stack.pixel_size, smallest, repeats)
    best = float(np.median(found[counts == counts.max()]))
    lost = stack.box * stack.pixel_size / FIRST
    told = (found > NYQUIST * stack.pixel_size) & (found < lost)
    line = fitted(counts[told], found[told], run.rng("bootstrap")) if best < lost else None
    wanted = [target] if target else [best * share for share in BETTER]
    run.write(_tables(counts, found, line, wanted), run.outdir / "bfactor.star")
    if plot:
        from spa.plot import figure
        from spa.plot.bfactor import henderson

        drawn = None if line is None else np.concatenate([[[line.offset, line.slope]], line.drawn])
        figure.save(henderson(counts, found, drawn, wanted), plot)
    run.write(tables, output)
    nothing = f"no resolution: half maps of all {counts.max():.0f} particles agree no better than noise does"
    run.summary(_line(line, best, int(counts.max()), wanted, stack.pixel_size) if best < lost else nothing)


def _prepared(run: Run, tables: Any, mask_file: str | None, symmetry: str | None, diameter: float | None
              ) -> tuple[ParticleSet, Any, np.ndarray]:  # fmt: skip
    from spa.job import maps
    from spa.job.particles import open_particles
    from spa.model.poses import matrices
    from spa.recipe import given
    from spa.recipe.widths import require_diameter
    from spa.refine.data import smooth_spectrum
    from spa.volume.halfmaps import sphere_for
    from spa.volume.symmetry import operators
    from spa_plugins.post_bfactor.subsets import Posed

    group = operators(maps.symmetry(tables, symmetry))
    stack = open_particles(run, tables)
    if not stack.particles.has_poses:
        raise DataError(f"{stack.tables['particles'].where} has no angles: refine the particles first")
    box = stack.box * stack.pixel_size
    wide = diameter or 0.7 * box
    require_diameter(wide, box)
    name = maps.find(tables, "mask", mask_file)
    if name:
        mask = maps.solvent(given.on_grid(run, name, stack, contrast=False), name)
    else:
        mask = sphere_for(stack.box, stack.pixel_size, wide)
    images, noise, rows = given.load(run, stack, wide)
    poses = matrices(*stack.particles.euler[rows].T)
    shifts = stack.shifts(rows)
    return stack, Posed(images, poses, shifts, smooth_spectrum(noise), group), mask


def _measured(run: Run, posed: Any, mask: np.ndarray, pixel_size: float, smallest: int, repeats: int
              ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Numbers of particles and the resolutions that they gave; the whole set is measured once."""
    import numpy as np

    from spa.job import pool
    from spa.refine.problem import Workers
    from spa_plugins.post_bfactor.subsets import grown, resolution, sizes

    every = sizes(len(posed.images), smallest)
    if len(every) < 3:
        raise DataError(f"{len(posed.images)} particles: too few for three subsets from {smallest} (--smallest)")
    points: list[tuple[int, float]] = []
    with pool.mapping(run.threads) as mapped:
        workers = Workers(mapped, run.threads)
        for repeat in run.progress(range(repeats), unit="repeat"):
            some = every if repeat == 0 else every[:-1]
            for count, first, second in grown(posed, some, run.rng("subsets", repeat), workers):
                d = resolution(first, second, pixel_size, mask, run.rng("phases", repeat), len(posed.operators))
                points.append((count, d))
                run.say(f"{count} particles: {d:.2f} A")
                run.checkpoint()
    counts, found = np.array(points).T
    return counts, found


def _tables(counts: np.ndarray, found: np.ndarray, line: Line | None, wanted: list[float]) -> Any:
    from spa.io.star import Table, Tables

    subsets = Table.of(spaParticles=counts.astype(int), spaResolution=found)
    if line is None or line.slope <= 0:
        return Tables({"subsets": subsets})
    needed = [line.needed(one) for one in wanted]
    general = Table.pairs(spaBfactor=line.bfactor, spaBfactorError=line.error)
    number, low, high = zip(*needed)
    table = Table.of(spaResolution=wanted, spaParticles=number, spaParticlesLow=low, spaParticlesHigh=high)
    return Tables({"bfactor": general, "subsets": subsets, "needed": table})


def _line(line: Line | None, best: float, count: int, wanted: list[float], pixel_size: float) -> str:
    found = f"{best:.2f} A from {count} particles"
    if line is None:
        return f"{found}; no line: too few subsets are resolved short of Nyquist's"
    if line.slope <= 0:
        return f"{found}; more of them do not help"
    number, low, high = line.needed(wanted[0])
    needs = f"{number:.2g} ({low:.2g} to {high:.2g})" if number < ENDLESS else f"more than {ENDLESS:.0e}"
    if wanted[0] < 2 * pixel_size:
        needs = f"smaller pixels than {pixel_size:.3g} A and " + (needs if number > count else "no more particles")
    bent = BENT if line.bent else ""
    return f"B = {line.bfactor:.0f} +- {line.error:.0f} A^2{bent}; {found}; {wanted[0]:.2f} A needs {needs}"
