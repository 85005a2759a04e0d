"""`spa export cryosparc`: particles in, a .cs dataset out."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@click.option("--absolute", is_flag=True, help="Write absolute paths, for a project in another folder.")
@job("export cryosparc")
def cryosparc(run: Run, star: str, output: str, absolute: bool) -> None:
    """Particles as a cryoSPARC dataset.

    DIR gets particles.cs (images, CTF, poses, classes, half-sets, locations).  The table that is printed has each
    particle's uid in _spaCryosparcUid: what a dataset cannot hold waits there, and `spa import particles` of what comes
    back and `spa star join` by that column put both together again.
    """
    import numpy as np

    from spa.io.whole import whole
    from spa.model.upgrade import is_old, upgraded
    from spa_plugins.export_tables.dataset import dataset_of, left_out, uids

    assert run.outdir is not None
    tables = run.read(star)
    tables = upgraded(tables) if is_old(tables) else tables
    uid = uids(tables["particles"], run.rng("uid"))
    for text in left_out(tables):
        run.warn(text)
    data = dataset_of(tables, uid, absolute)
    path = run.outdir / "particles.cs"
    with whole(path) as part, part.open("wb") as stream:
        np.save(stream, data, allow_pickle=False)
    run.write(tables.with_block("particles", tables["particles"].with_columns(spaCryosparcUid=uid)), output)
    run.summary(f"{len(data)} particles: {path}")
