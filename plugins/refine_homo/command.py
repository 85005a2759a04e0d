"""Options in, the shared refinement, tables and maps out."""

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
@job("refine homo", devices="several")
def homo(run: Run, star: str, output: str, plot: str | None, **settings: Any) -> None:
    """Gold-standard refinement of one volume.

    Both halves of the particles start from one low-passed map and never meet again.  Orientations and shifts are
    searched over the whole asymmetric unit until they settle, then locally; the resolution in use follows the half
    maps' FSC.  Where the point group leaves axes free (C1, Cn), the map is kept in the frame of the reference: a model
    or a mask that lies on that lies on it.  DIR gets map.mrc (both halves, weighted by the FSC), half1.mrc, half2.mrc
    (unfiltered), mask.mrc and fsc.star; the table has the poses, and data_maps for the next job.

    Images of a group (rlnGroupName, else rlnGroupNumber, else micrographs) share a grey scale, which is found anew in
    each iteration, weighs their scores and what they add to the map, and stands in rlnGroupScaleCorrection.

    The run ends when the poses of the images that show the particle have come to rest: none moves, or, where the map
    gains no more, no more of them than their posteriors foretell.  _spaParticleEvidence says which show it (above 5
    nats surely; junk is below 0): `spa star filter 'spaParticleEvidence > 0'` leaves the others out, and `spa select
    particles` the broken ones, too.

    A particle whose subunits are alike but for one or some has --symmetry (C1, say), and --relax-symmetry only nearly.
    It is refined in the latter first; then each particle finds the copy of its pose, over that group, that the others'
    difference from the average speaks for, and the map is refined in the former. Where held-out particles gain nothing
    from any difference, that is said, and the map keeps the whole group. _spaCopy and _spaCopyEntropy say which copy,
    and how certain.  Of n copies a subunit that is missing tells an image 2/n of what tells it its pose: where that is
    not well above log n, larger particles or stronger images are needed.
    """
    from spa.recipe.given import Asked
    from spa.recipe.refinement import run_refinement

    run_refinement(run, star, output, plot, Asked.of(settings))
