"""Latents and points in, a reconstruction at each point out."""

from pathlib import Path
from typing import Any

import click

from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--at", multiple=True, metavar="Z", help="A point, such as 1.5,0,-2 (standard deviations); repeatable.")
@click.option("--centres", is_flag=True, help="The middle of each cluster of the table (_spaLatentCluster).")
@click.option("--axis", type=click.IntRange(min=1), help="Points along this latent, --frames of them.")
@click.option("--path", nargs=2, metavar="FROM TO", help="Points on a way from one point to another where particles "
                                                         "are dense, --frames of them.")  # fmt: skip
@click.option("--main-path", is_flag=True, help="Points on the curve through the crowd of all, --frames of them.")
@click.option("--frames", type=click.IntRange(2, 200), default=7, show_default=True,
              help="Of --axis, --path and --main-path.")  # fmt: skip
@click.option("--model", type=options.INPUT_FILE,
              help="Decode the volumes by this model of vary neural, from the table's latents alone.")  # fmt: skip
@options.variable
@options.seed
@options.plot
@options.standard
@job("vary volumes")
def volumes(run: Run, star: str, output: str, plot: str | None, **settings: Any) -> None:
    """Volumes anywhere in latent space.

    A volume is the reconstruction of the particles near a point, in units of their own error bars; how near is
    chosen for each band of frequencies and each place by what comes closest to the other half-set's particles, so
    that nothing is drawn that images do not show. The latents may be of any job that writes _spaLatent1 ... and
    _spaLatentError1 .... With --model they are what the networks of vary neural make of the point instead, and no
    image is read. DIR gets volume001.mrc ..., half maps and FSC, and mask.mrc; the table has data_maps, a class for
    each point, and data_points.

    \b
    Examples:
      spa vary linear r.star -d V --clusters 3 | spa vary volumes --centres -d K > volumes.star
      spa vary volumes latents.star --path -1.5,0 1.5,0.5 --frames 10 -d K | spa export chimerax -d Movie
    """
    from spa.job.pool import mapping
    from spa.refine.problem import Workers
    from spa_plugins.vary_volumes import points, results

    call.go_with(("axis", "path", "main_path"), "frames")
    call.excluded_by("model", "plot", "mask", "focus_mask", "diameter", "max_resolution", "min_resolution")
    if settings["model"]:
        from spa_plugins.vary_volumes.decoding import decoded

        run.write(decoded(run, run.read(star), settings), output)
        return
    given, known, chosen = points.read(run, run.read(star), settings)
    with mapping(run.threads) as pool:
        workers = Workers(pool, run.threads)
        found = results.made(run, given, known, chosen, workers)
    for one in found.points[found.near == 0]:
        run.warn(f"--at {','.join(f'{z:.3g}' for z in one)}: no particle is within its error bars of there: the volume "
                 "shows those that are nearest")  # fmt: skip
    run.write(results.written(run, found), output)
    if plot:
        results.draw(Path(plot), found)
    run.summary(results.summary(found))
