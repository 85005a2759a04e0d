"""Of jobs on maps."""

import click

from spa.job.options.every import INPUT_FILE, Body

mask = click.option(
    "--mask", "mask_file", type=INPUT_FILE, show_default="the stream's, or else an automatic one", help="Soft mask."
)
map_symmetry = click.option("--symmetry", metavar="GROUP", show_default="that the stream's maps were made with, or C1",
                            help="Point group of the maps and poses: Cn, Dn, T, O, I.")  # fmt: skip


def half_maps(body: Body) -> Body:
    """Half maps by name or from the stream: --half1, --half2, --class."""
    for option in (
        click.option("--class", "number", type=click.IntRange(min=1), help="Which class of the stream."),
        click.option("--half2", type=INPUT_FILE, show_default="the stream's", help="Second half map."),
        click.option("--half1", type=INPUT_FILE, show_default="the stream's", help="First half map."),
    ):  # fmt: skip
        body = option(body)
    return body


def one_map(body: Body) -> Body:
    """A map by name or from the stream: --map, --class."""
    for option in (
        click.option("--class", "number", type=click.IntRange(min=1), help="Which class of the stream."),
        click.option("--map", "map_file", type=INPUT_FILE, show_default="the stream's", help="The map."),
    ):
        body = option(body)
    return body
