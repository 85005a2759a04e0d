"""Of jobs that look for poses, and of those that start from them."""

from collections.abc import Callable

import click

from spa.job.options.every import INPUT_FILE, Body


def iterations(default: int) -> Callable[[Body], Body]:
    """--iterations of a job that stops by itself."""
    return click.option("--iterations", type=click.IntRange(min=1), default=default, show_default=True,
                        help="At most this many passes over all images; it stops by itself when nothing is gained.",
                        )  # fmt: skip


solvent_mask = click.option(
    "--mask", type=INPUT_FILE, show_default="a sphere of the diameter", help="Soft solvent mask."
)


def search(body: Body) -> Body:
    """--lowpass, --symmetry, --diameter, --mask, --shift-range: of poses that are not known."""
    for option in (
        click.option("--shift-range", type=click.FloatRange(min=0.1), help="Largest shift searched, angstroms.",
                     show_default="20, then what the images are found to need, 40 at most"),
        solvent_mask,
        click.option("--diameter", type=click.FloatRange(min=1), show_default="measured on the reference",
                     help="Of the particle, angstroms."),
        click.option("--symmetry", default="C1", show_default=True, metavar="GROUP",
                     help="Point group: Cn, Dn, T, O, I."),
        click.option("--lowpass", type=click.FloatRange(min=1), help="Resolution of the start, angstroms.",
                     show_default="40, or a sixth of the diameter where that is finer; a seventh for the stream's "
                                  "one map, which its particles have made, and for several, where that is finer"),
    ):  # fmt: skip
        body = option(body)
    return body


def ewald(body: Body) -> Body:
    """--ewald: of the maps of final poses."""
    return click.option("--ewald", type=click.Choice(["none", "positive", "negative"]), default="none",
                        show_default=True,
                        help="Make the final maps on the Ewald sphere: density at larger heights, towards the third "
                             "axis of a pose, is at a larger (positive) or smaller defocus; a map of the other hand "
                             "needs the other.")(body)  # fmt: skip


def relaxation(body: Body) -> Body:
    """--relax-symmetry, --focus-mask: for refiners of particles that have a symmetry only nearly."""
    for option in (
        click.option("--focus-mask", type=INPUT_FILE, show_default="all of the particle",
                     help="Soft mask of where copies over --relax-symmetry may differ."),
        click.option("--relax-symmetry", metavar="GROUP",
                     help="Point group that the particle has only nearly; --symmetry is the one that it has."),
    ):  # fmt: skip
        body = option(body)
    return body


def refinement(body: Body) -> Body:
    """Of a refiner of one volume: --reference, --class, --iterations, and those of `search`, `relaxation`, `ewald`."""
    reference = click.option("--reference", type=INPUT_FILE, show_default="the stream's", help="Map to start from.")
    number = click.option("--class", "number", type=click.IntRange(min=1),
                          help="Which class of the stream the map is of, where there are several; all particles are "
                               "refined.")  # fmt: skip
    return reference(number(search(iterations(30)(relaxation(ewald(body))))))


def comparison(body: Body) -> Body:
    """What images are compared with: --map, --half1, --half2, --mask, --class, --min-resolution, --max-resolution."""
    for option in (
        click.option("--max-resolution", type=click.FloatRange(min=0, min_open=True),
                     show_default="where the half maps' FSC falls below 0.143",
                     help="Finest detail compared, angstroms."),
        click.option("--min-resolution", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True,
                     help="Coarsest detail compared, angstroms."),
        click.option("--class", "number", type=click.IntRange(min=1), help="Which class of the stream."),
        click.option("--mask", type=INPUT_FILE, show_default="the stream's, or the sphere in the box",
                     help="Soft mask of the particle."),
        click.option("--half2", type=INPUT_FILE, help="Half map of half-set 2."),
        click.option("--half1", type=INPUT_FILE, help="Half map of half-set 1; with --half2."),
        click.option("--map", "map_file", type=INPUT_FILE, show_default="the stream's half maps, or else its map",
                     help="One map for all particles."),
    ):  # fmt: skip
        body = option(body)
    return body


def variable(body: Body) -> Body:
    """Of particles that vary at fixed poses: --diameter, --mask, --focus-mask, --max-resolution, --min-resolution."""
    for option in (
        click.option("--min-resolution", type=click.FloatRange(min=0, min_open=True), show_default="all",
                     help="Coarsest detail used, angstroms."),
        click.option("--max-resolution", type=click.FloatRange(min=1), default=8.0, show_default=True,
                     help="Finest detail used, angstroms."),
        click.option("--focus-mask", type=INPUT_FILE,
                     help="Soft mask of what may vary; elsewhere all are the map of all particles."),
        solvent_mask,
        click.option("--diameter", type=click.FloatRange(min=1), show_default="measured on the map of all particles",
                     help="Of the particle, angstroms."),
    ):  # fmt: skip
        body = option(body)
    return body
