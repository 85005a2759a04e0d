"""`spa select latent`: particles of a part of latent space out."""

from typing import Any

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@click.option("--where", metavar="EXPR", help="Keep the rows for which this is true, such as 'spaLatent1 > 0.5'; "
                                              "as spa star filter.")  # fmt: skip
@click.option("--cluster", metavar="LIST", help="Keep these clusters, e.g. 1,3-4.")
@click.option("--clusters", type=click.IntRange(2, 100), help="Make so many clusters first, in the place of others.")
@click.option("--umap", is_flag=True, help="Lay latents into a plane first, in which neighbours stay neighbours: "
                                          "columns _spaUmap1 and 2, for --plot and --where.")  # fmt: skip
@click.option("--near", metavar="Z", help="Keep what lies within --within of a point, such as 1.5,0,-2.")
@click.option("--path", nargs=2, metavar="FROM TO", help="Keep what lies within --within of a way from one point to "
                                                         "another where particles are dense.")  # fmt: skip
@click.option("--within", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True,
              help="Distance of --near and --path: standard deviations of all particles.")
@click.option("--certain", type=click.FloatRange(0, 1), metavar="SHARE",
              help="Keep only particles whose cluster is at least so likely.")
@options.rejected
@options.seed
@options.plot
@options.standard
@job("select latent")
def latent(run: Run, star: str, output: str, rejected: str | None, plot: str | None, **settings: Any) -> None:
    """Keep a region, cluster or path of latent space.

    The latents may be of any job that writes _spaLatent1 ... (vary linear, vary neural, vary cryodrgn, refine flex).
    What is asked for together must all be true.  --clusters knows each particle's error bar; with it alone, or --umap,
    all particles stay, and get _spaLatentCluster, or _spaUmap1 and 2 (which are for the eye: distances in them say
    little).  --plot shows pairs of latents, their two widest principal axes where there are three or more, and UMAP
    where it is there, with the clusters' colours or what is kept.

    \b
    Examples:
      spa select latent --where 'spaLatent1 > 0.5 and spaLatentError1 < 0.4' latents.star > open.star
      spa select latent --clusters 4 --cluster 2 --certain 0.8 latents.star | spa refine homo -d Two
      spa vary neural r.star -d V | spa select latent --clusters 6 --umap --plot latents.png > sorted.star
      spa select latent --where 'spaUmap1 > 4 and spaUmap2 < 0' sorted.star > island.star
    """
    from spa_plugins.select_latent import choice

    tables = run.read(star)
    found = choice.choice(run, tables, settings)
    if plot:
        choice.draw(plot, found)
    if rejected:
        run.write(tables.with_block("particles", found.table.take(~found.kept)), rejected)
    run.write(tables.with_block("particles", found.require().take(found.kept)), output)
    run.summary(f"{int(found.kept.sum())} of {len(found.kept)} particles kept")
