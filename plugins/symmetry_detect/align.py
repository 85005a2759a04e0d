"""`spa symmetry align`: maps and poses in, the same on the axes of a point group out."""

import click

from spa.errors import DataError
from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.plot
@options.standard
@click.option(
    "--symmetry",
    default="auto",
    show_default=True,
    metavar="GROUP|auto",
    help="Point group: Cn, Dn, T, O, I, I1 to I4; auto: what `spa symmetry detect` finds.",
)
@options.one_map
@click.option(
    "--max-resolution",
    type=click.FloatRange(min=1),
    show_default="a tenth of the particle",
    help="Finest detail that is compared, angstroms.",
)
@click.option(
    "--max-fold",
    type=click.IntRange(2, 60),
    default=12,
    show_default=True,
    help="With --symmetry auto: Cn and Dn up to this n.",
)
@click.option("--average", is_flag=True, help="Average the map over the group as well; half maps stay as they are.")
@job("symmetry align")
def align(run: Run, star: str, output: str, plot: str | None, symmetry: str, map_file: str | None,
          number: int | None, max_resolution: float | None, max_fold: int, average: bool) -> None:  # fmt: skip
    """Turn a map and its particles onto a point group's axes.

    The axes go where RELION and `--symmetry` expect them (Cn: z; Dn: also x; T, O, I as in their settings), the origin
    to the point where they cross, or to the nearest point of a lone axis.  Half maps and mask of the stream are turned
    with the map, and particles (of its class, where there are several) get new angles and origins: what they project to
    is the same.  DIR gets map.mrc and, where the stream has them, half1.mrc, half2.mrc and mask.mrc.
    """
    from spa.io.star import Tables
    from spa.recipe import symmetry as recipe
    from spa_plugins.symmetry_detect.laid import laid_maps, laid_particles

    tables, found = recipe.looked_for(run, star, map_file, number, max_resolution, max_fold, symmetry)
    if found.chosen is None:
        raise DataError(f"{found.image.path}: no symmetry was found in it; name the group with --symmetry")
    if not found.chosen.evident:
        run.warn(f"nothing in {found.image.path} speaks for {found.chosen.group.name}: its axes are hardly better than "
                 "axes at random")  # fmt: skip
    made = laid_particles(tables or Tables(), found.chosen, found.image.pixel_size, number)
    made = laid_maps(run, made, found, number or 1, average)
    if plot:
        recipe.draw(found, plot)
    run.write(made.with_block(recipe.BLOCK, found.table()), output)
    run.summary(found.summary())
