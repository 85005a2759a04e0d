"""`spa select particles`: the whole ones out, or all with how likely each is to be one."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.standard
@options.plot
@click.option("--chance", type=click.FloatRange(0, 1), show_default="0.5, but no more than 2 % of the whole ones go",
              help="Keep what is at least so likely to be whole; 0: all, with their chances.")
@options.rejected
@job("select particles")
def particles(run: Run, star: str, output: str, plot: str | None, chance: float | None, rejected: str | None) -> None:
    """Keep the particles that show all of what their map shows.

    Broken particles, some of which any preparation has, those that lack a domain, and other things that were picked
    agree with the map less than whole ones do.  What refine homo, nu, local and hetero write of each image
    (_spaWholeDeviation: how far it is from showing all of the map; of other jobs _spaParticleEvidence) is compared
    with that of the others in its class and optics group: whole ones lie about one value, and a particle far below it
    is more likely another thing.  The table gets _spaWholeChance; how many of those kept lack something, and how many
    left out do not, is said.  Where none stand apart by showing less, all stay.  Particles that lack what moves or
    comes and goes are better sorted than left out: see `spa classify 3d` and `spa vary linear`.

    \b
    Examples:
      spa refine homo p.star -d H | spa select particles --plot whole.png | spa refine nu -d N > n.star
      spa select particles refined.star --chance 0 | spa star filter 'spaWholeChance > 0.9' > surely.star
    """
    from spa.job import maps
    from spa_plugins.select_particles.choice import CHANCE, chosen

    tables = run.read(star)
    found = chosen(tables["particles"], by_class=not maps.of_one_class(tables))
    table = tables["particles"].with_columns(**{CHANCE: found.chance.round(4)})
    kept = found.kept(chance)
    if plot:
        found.draw(plot, chance)
    if rejected:
        run.write(tables.with_block("particles", table.take(~kept)), rejected)
    run.write(tables.with_block("particles", table.take(kept)), output)
    run.summary(found.words(chance))
