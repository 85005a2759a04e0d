"""Options in, the shared refinement with one filter of its own, tables and maps out."""

from typing import Any

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.refinement
@options.seed
@options.plot
@options.standard
@job("refine nu", devices="several")
def nu(run: Run, star: str, output: str, plot: str | None, **settings: Any) -> None:
    """Non-uniform refinement of one volume.

    As refine homo, but the half maps are filtered place by place, as finely as each predicts the other one there:
    disordered parts, such as the micelle of a membrane protein, no longer lead the alignment astray, and well ordered
    ones keep their detail (Punjani, Zhang & Fleet 2020).  DIR gets map.mrc (both halves, so filtered), half1.mrc and
    half2.mrc (unfiltered, for the FSC), mask.mrc and fsc.star; the table has the poses, and data_maps for the next job.

    What starts from the half maps, as post sharpen and post filter do, loses that filter: spa post sharpen --map
    DIR/map.mrc --no-fsc-weighting sharpens the map that has it.
    """
    from spa.job.pool import in_order
    from spa.recipe.given import Asked
    from spa.recipe.refinement import run_refinement
    from spa.volume.nonuniform import NonUniform

    with in_order(run.threads) as mapped:
        run_refinement(run, star, output, plot, Asked.of(settings), lambda problem: NonUniform(problem.solvent, mapped))
