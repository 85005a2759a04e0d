"""Options in, maps of particles whose poses stay as they are out."""

from pathlib import Path

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--symmetry", default="C1", show_default=True, metavar="GROUP",
              help="Point group that the maps are averaged over: Cn, Dn, T, O, I.")
@click.option("--diameter", type=click.FloatRange(min=1), show_default="measured on the first map",
              help="Of the particle, angstroms.")
@options.solvent_mask
@click.option("--non-uniform", is_flag=True, help="Filter the map place by place, as refine nu does.")
@options.ewald
@options.seed
@options.plot
@options.standard
@job("reconstruct", devices="several")
def reconstruct(
    run: Run, star: str, output: str, symmetry: str, diameter: float | None, mask: str | None, non_uniform: bool,
    ewald: str, plot: str | None,
) -> None:  # fmt: skip
    """Half maps at the poses there are; nothing is searched.

    For particles whose poses are known: of another program, of one class, after symmetry expand, select latent, optics
    or polish. Half-sets stay as they are. Grey scales of groups and the noise are found as refiners find them, and
    what RELION's optics tables say is corrected. DIR gets map.mrc (both halves, weighted by the FSC), half1.mrc,
    half2.mrc (unfiltered, in all shells), mask.mrc and fsc.star; the table goes through, with data_maps for the next
    job.

    \b
    Examples:
      spa import particles cryosparc_exp.cs | spa reconstruct -d Map --symmetry D2 | spa post fsc -d Fsc
      spa star filter 'rlnClassNumber == 2' sorted.star | spa reconstruct -d Class2 > class2.star
    """
    from spa.job.pool import in_order
    from spa.recipe import device
    from spa.volume.nonuniform import NonUniform
    from spa_plugins.reconstruct import inputs, making, results

    engine = device.engine_of(run)
    given = inputs.read(run, run.read(star), inputs.Asked(symmetry, diameter, mask))
    with in_order(run.threads) as mapped:
        smoothing = (lambda problem: NonUniform(problem.solvent, mapped)) if non_uniform else None
        made = making.made(run, given, bool(diameter or mask), smoothing, ewald, engine)
    run.write(results.written(run, made), output)
    if plot:
        results.draw(Path(plot), made)
    run.summary(results.words(made))
