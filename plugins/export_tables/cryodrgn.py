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
    import pickle

    from spa.io.whole import whole
    from spa.model.upgrade import is_old, upgraded
    from spa_plugins.export_tables.arrays import cryodrgn_ctf, cryodrgn_poses

    assert run.outdir is not None
    tables = run.read(star)
    known = upgraded(tables) if is_old(tables) else tables
    ctf = cryodrgn_ctf(known)
    written = [("ctf.pkl", ctf)]
    poses = cryodrgn_poses(known, ctf)
    if poses is None:
        run.warn(f"{tables['particles'].where} has no angles: no poses.pkl is written")
    else:
        written.append(("poses.pkl", poses))
    for name, content in written:
        with whole(run.outdir / name) as part, part.open("wb") as stream:
            pickle.dump(content, stream)
    run.write(tables, output)
    run.summary(f"{len(ctf)} particles: {' and '.join(str(run.outdir / name) for name, _ in written)}")
