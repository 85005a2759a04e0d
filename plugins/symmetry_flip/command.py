"""`spa symmetry flip`: maps and poses in, the same of the other hand out."""

import click

from spa.errors import UsageError
from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--map", "map_file", type=options.INPUT_FILE, help="One map by itself, without a table.")
@click.option("--class", "number", type=click.IntRange(min=1), show_default="all",
              help="Only this class's maps and particles.")
@options.plot
@options.standard
@job("symmetry flip")
def flip(
    run: Run, star: str, output: str, map_file: str | None, number: int | None, plot: str | None
) -> None:  # fmt: skip
    """Maps and poses of the other hand.

    Projections have no hand: what is made from nothing has the wrong one as often as not, and each class its own. Where
    helices turn left (`spa view`; `spa check --map` tells it from about 5 A on), this puts it right: each map is seen
    through its centre, and poses turn by half a turn in the image's plane, so that the same images go on showing the
    same. Axes of a point group stay where they are. DIR gets the maps, under the names that they had.

    \b
    Examples:
      spa symmetry flip refined.star -d Flipped | spa refine nu -d Refine --symmetry D2 > final.star
      spa abinit model p.star -d Abinit --classes 3 | spa symmetry flip -d Flipped --class 2 > classes.star
      spa symmetry flip --map map.mrc -d Flipped > flipped.star
    """
    from spa.job import maps
    from spa_plugins.symmetry_flip import flipping

    if map_file:
        if tables := maps.stream(run, star, enough=True):
            raise UsageError(f"--map {map_file}: one map by itself; {tables.source} has its own")
        found = flipping.flipped_map(run, map_file)
        if plot:
            flipping.draw(run, plot, maps.with_maps(found, [("map", map_file)]), found, None)
        run.write(found, output)
        run.summary("1 map")
        return
    read = run.read(star)
    tables, particles = flipping.flipped_particles(read, number)
    tables, volumes = flipping.flipped_maps(run, tables, number)
    flipping.require_something(read.source, number, particles + volumes)
    if plot:
        flipping.draw(run, plot, read, tables, number)
    run.write(tables, output)
    run.summary(f"{volumes} maps, {particles} particles")
