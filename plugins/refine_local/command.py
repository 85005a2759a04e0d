"""Options in, a refinement about the fulcrum, tables and maps out."""

import re
from dataclasses import replace
from pathlib import Path

import click

from spa.job import options
from spa.job.run import Run, job


class Point(click.ParamType):
    """``X,Y,Z`` in pixels of the map, counted from its first voxel; ``X,Y,ZA`` in angstroms."""

    name = "point"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        number = r"[-+]?(\d+\.?\d*|\.\d+)"
        if not re.fullmatch(rf"{number},{number},{number}A?", value):
            self.fail(f"{value!r} is not X,Y,Z (pixels) or X,Y,ZA (angstroms)", param, ctx)
        return value


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--mask", type=options.INPUT_FILE, show_default="the stream's",
              help="Soft mask of what is refined.")
@click.option("--reference", type=options.INPUT_FILE,
              show_default="the stream's half maps, or else its map", help="One map to start from.")
@click.option("--half1", type=options.INPUT_FILE, help="Half map that half-set 1 starts from; with --half2.")
@click.option("--half2", type=options.INPUT_FILE, help="Half map that half-set 2 starts from.")
@click.option("--class", "number", type=click.IntRange(min=1), help="Which class of the stream.")
@click.option("--lowpass", type=click.FloatRange(min=1), show_default="the half maps' FSC; 12 for one map",
              help="Resolution of the start, angstroms.")
@click.option("--fulcrum", type=Point(), metavar="X,Y,Z[A]", show_default="the mask's centre of mass",
              help="Point that turns are about: pixels from the map's first voxel, or angstroms (60,52.5,71A).")
@click.option("--angle-prior", type=click.FloatRange(0.01, 30), default=5.0, show_default=True,
              help="Standard deviation of turns about each axis, degrees.")
@click.option("--shift-prior", type=click.FloatRange(0.01, 100), default=5.0, show_default=True,
              help="Standard deviation of the fulcrum's shifts along each axis, angstroms.")
@click.option("--symmetry", default="C1", show_default=True, metavar="GROUP",
              help="Point group of what is refined; its axes go through the fulcrum.")
@options.iterations(30)
@click.option("--non-uniform", is_flag=True, help="Filter the half maps place by place, as refine nu does.")
@options.relaxation
@options.seed
@options.plot
@options.standard
@job("refine local", devices="several")
def local(
    run: Run, star: str, output: str, mask: str | None, reference: str | None, half1: str | None, half2: str | None,
    number: int | None, lowpass: float | None, fulcrum: str | None, angle_prior: float, shift_prior: float,
    symmetry: str, iterations: int, non_uniform: bool, relax_symmetry: str | None, focus_mask: str | None,
    plot: str | None,
) -> None:  # fmt: skip
    """Refine a part of a volume, near the poses there are.

    What the mask keeps is turned about the fulcrum and shifted, particle by particle, with Gaussian priors about the
    poses of the table. Half-sets stay as they are, and each starts from its own half map where there are two. Where
    the rest of the particle moves, or is large, take it off first: spa subtract signal. DIR gets map.mrc, half1.mrc,
    half2.mrc, mask.mrc and fsc.star, in the frame of the reference; the table has the poses, and how far each moved.

    With --relax-symmetry the poses of the table are right up to that group, which what the mask keeps has only nearly:
    as in spa refine homo, each particle finds the copy of its pose that it is in (_spaCopy, _spaCopyEntropy).
    """
    from spa.job.pool import in_order
    from spa.recipe import device, kept
    from spa.recipe.refinement import refined
    from spa.recipe.symmetry import foreign
    from spa.volume.nonuniform import NonUniform
    from spa_plugins.refine_local import inputs, results

    asked = inputs.Asked(mask, reference, half1, half2, number, lowpass, fulcrum, angle_prior, shift_prior, symmetry,
                         iterations, relax_symmetry, focus_mask)  # fmt: skip
    engine = device.engine_of(run)
    read = run.read(star)
    if words := foreign(read, symmetry):
        run.warn(words)
    given = inputs.read(run, read, asked)
    problem = given.framed.problem
    with in_order(run.threads) as mapped:
        smoothing = NonUniform(problem.solvent, mapped) if non_uniform else None
        problem = replace(problem, smoothing=smoothing)
        found = refined(run, problem, given.framed.start, relax_symmetry, given.focus, engine)
    state, moves = results.unframed(given, found.state), results.moved(given, found.state)
    tables = results.written(run, given, state, moves, copies=bool(relax_symmetry))
    run.write(tables, output)
    if plot:
        results.draw(Path(plot), given, state, moves)
    words = results.words(moves, tables["particles"])
    run.summary(f"{kept.summary(found.problem, state)}; {words}{found.words}")
