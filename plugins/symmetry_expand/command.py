"""`spa symmetry expand`."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.seed
@options.standard
@click.option("--symmetry", required=True, metavar="GROUP", help="Point group: Cn, Dn, T, O, I, I1 to I4.")
@job("symmetry expand")
def expand(run: Run, star: str, output: str, symmetry: str) -> None:
    """Copy each particle's pose over a point group.

    Every row comes once for each rotation of the group, its copies one after the other. A copy looks at the same image
    from where another subunit stands in the first one's place: what differs between subunits can then be classified,
    or refined with `refine local`, as if each were a particle. The first copy is the row as it was; all keep their
    origins and every other column, and share a half-set (drawn with --seed where there is none yet).
    _spaSymmetryParent names the image and _spaSymmetryCopy counts its copies, so that
    `spa star filter 'spaSymmetryCopy == 1'` gives back the particles. A table that is expanded already is refused.
    """
    from spa.recipe.symmetry import foreign
    from spa.volume.symmetry import canonical, operators
    from spa_plugins.symmetry_expand.expansion import parts, prepared

    group = operators(symmetry)
    tables = run.read(star)
    if words := foreign(tables, symmetry):
        run.warn(words)
    table = prepared(run, tables)
    rows = parts(table, group)
    run.write(tables.with_block("particles", next(rows)), output, {"particles": rows})
    run.summary(f"{len(table)} particles, {len(table) * len(group)} copies over {canonical(symmetry)}")
