"""`spa symmetry align`: maps and poses in, the same on the axes of a point group, or on another map, out."""

import click

from spa.errors import DataError, UsageError
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
@click.option("--onto", type=options.INPUT_FILE, help="Another map of the particle, in the place of axes.")
@options.one_map
@click.option(
    "--max-resolution",
    type=click.FloatRange(min=1),
    show_default="a tenth of the particle; with --onto, about a twentieth",
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
def align(run: Run, star: str, output: str, plot: str | None, symmetry: str, onto: str | None, map_file: str | None,
          number: int | None, max_resolution: float | None, max_fold: int, average: bool) -> None:  # fmt: skip
    """Turn a map and its particles onto a point group's axes, or onto another map.

    The axes go where RELION and `--symmetry` expect them (Cn: z; Dn: also x; T, O, I as in their settings), the origin
    to the point where they cross, or to the nearest point of a lone axis.  Half maps and mask of the stream are turned
    with the map, and particles (of its class, where there are several) get new angles and origins: what they project to
    is the same.  DIR gets map.mrc and, where the stream has them, half1.mrc, half2.mrc and mask.mrc.

    With --onto they come to lie on another map of the same particle, of any box and pixel size (one of the EMDB that a
    model is fitted to, say; the particle's own box and pixels stay).  A map of the other hand is refused: `spa symmetry
    flip` first.

    \b
    Examples:
      spa abinit model p.star -d Abinit | spa symmetry align -d Aligned --symmetry D2 > d2.star
      spa symmetry align refined.star -d There --onto emd_1234.map | spa post mask -d Arm --model 1abc.cif --chain A
    """
    from spa.job import call

    if onto:
        for name in ("symmetry", "max_fold", "average"):
            if call.was_given(name):
                raise UsageError(f"--{name.replace('_', '-')}: not with --onto, which looks for no axes")
        _onto(run, star, output, plot, onto, map_file, number, max_resolution)
    else:
        if symmetry != "auto" and call.was_given("max_fold"):
            raise UsageError(f"--max-fold is of --symmetry auto: {symmetry} is named")
        _axes(run, star, output, plot, symmetry, map_file, number, max_resolution, max_fold, average)


def _axes(run: Run, star: str, output: str, plot: str | None, symmetry: str, map_file: str | None,
          number: int | None, max_resolution: float | None, max_fold: int, average: bool) -> None:  # fmt: skip
    from spa.io.star import Tables
    from spa.recipe import symmetry as recipe
    from spa_plugins.symmetry_detect.laid import laid_maps, laid_particles

    tables, found = recipe.looked_for(run, star, map_file, number, max_resolution, max_fold, symmetry)
    chosen = found.chosen
    if chosen is None:
        raise DataError(f"{found.image.path}: no symmetry was found in it; name the group with --symmetry")
    if not chosen.evident:
        run.warn(f"nothing in {found.image.path} speaks for {chosen.group.name}: its axes are hardly better than "
                 "axes at random")  # fmt: skip
    made = laid_particles(tables or Tables(), chosen, found.image.pixel_size, number)
    made = laid_maps(run, made, found.image, chosen, number or 1, chosen.group.operators if average else None)
    if plot:
        recipe.draw(found, plot)
    run.write(made.with_block(recipe.BLOCK, found.table()), output)
    run.summary(found.summary())


def _onto(run: Run, star: str, output: str, plot: str | None, other: str, map_file: str | None,
          number: int | None, max_resolution: float | None) -> None:  # fmt: skip
    from spa.io.star import Tables
    from spa.job import maps
    from spa_plugins.symmetry_detect import onto
    from spa_plugins.symmetry_detect.laid import laid_maps, laid_particles

    tables = maps.stream(run, star, enough=bool(map_file))
    image = maps.read_mean(run, tables, map_file, number)
    there = onto.place_of(run, image, other, max_resolution)
    made = laid_particles(tables or Tables(), there, image.pixel_size, number)
    made = laid_maps(run, made, image, there, number or 1, origin=onto.origin(image, other))
    if plot:
        onto.draw(run, plot, maps.read(run, maps.need(made, "map", "--map", None, number)), other)
    run.write(made.without_block(maps.SYMMETRY), output)
    run.summary(onto.words(there, image))
