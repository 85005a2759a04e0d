"""``spa view``: files in, a page to look at; nothing is printed."""

import click

from spa.job import options
from spa.job.run import Run, job


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@options.page
@options.standard
@job("view")
def view(run: Run, files: tuple[str, ...], port: int, browser: bool) -> None:
    """Look at maps, micrographs, particles, classes and curves, in a browser.

    FILE is a STAR table, an MRC map, stack or micrograph, or the folder of a job; which it is, its content says. A
    table may come on standard input, too. All of them are on one page, under tabs: maps as surfaces, whose level a
    slider moves, and as slices, one alone or two side by side that turn together; micrographs with the picks of each
    table; images of particles and averages of classes, sorted by any column of their table; curves of the FSC; how the
    views of particles are spread over the sphere.

    Maps travel to the browser as half floats and are drawn there by its graphics card. Of a map of more than 320 pixels
    a side so many are drawn, and the page says so.

    The page is served to this machine alone (127.0.0.1), behind an address that nobody can guess; the ssh command for
    looking from another machine is said on standard error. The job ends when the page is closed, or by Ctrl-C. Nothing
    is written.

    \b
    Examples:
      spa view Sharpened/sharpened.mrc emd_1234.map
      spa view refined.star Refine Fsc/fsc.star
      spa refine homo p.star -d Refine | tee refined.star | spa view
    """
    from spa.web.server import serve
    from spa_plugins.view.inputs import sorted_out
    from spa_plugins.view.panels import Panels

    panels = Panels.of(run, sorted_out(run, files or ("-",)))
    serve(run, panels.page(), port, browser)
    run.summary(panels.summary())
