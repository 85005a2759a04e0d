"""`spa export cryodrgn`: particles in, poses.pkl and ctf.pkl out."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@job("export cryodrgn")
def cryodrgn(run: Run, star: str, output: str) -> None:
    """Poses and CTF of particles as pickles for cryoDRGN.

    DIR gets poses.pkl, a pair of rotation matrices (n, 3, 3) and shifts (n, 2) in parts of the box, and ctf.pkl,
    (n, 9): box, pixel size, defocus U and V (angstroms), its angle, kV, Cs (mm), amplitude contrast, phase shift.
    Angles are in degrees, all is float32 and in the order of the table, which goes on as it is: cryoDRGN takes its
    images from it.
    """
    from spa.recipe.cryodrgn import write_pickles

    assert run.outdir is not None
    tables = run.read(star)
    written = write_pickles(run.outdir, tables)
    if len(written) == 1:
        run.warn(f"{tables['particles'].where} has no angles: no poses.pkl is written")
    run.write(tables, output)
    run.summary(f"{len(tables['particles'])} particles: {' and '.join(written)}")
