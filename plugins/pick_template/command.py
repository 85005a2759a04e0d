"""`spa pick template`: picks by class averages, or by projections of a map."""

import click

from spa.errors import UsageError
from spa.job import call, options
from spa.job.run import Run, job


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.plot
@click.option("--templates", type=options.INPUT_FILE, show_default="the classes of the stream",
              help="Class averages: an MRC stack, or a table of classes.")  # fmt: skip
@click.option("--map", "map_file", type=options.INPUT_FILE, help="A map whose projections are the templates: MRC.")
@click.option("--symmetry", default="C1", show_default=True, metavar="GROUP", help="Point group of --map.")
@click.option("--angular-step", default=15.0, show_default=True, type=click.FloatRange(2, 60),
              help="Between two views of --map, degrees.")  # fmt: skip
@click.option("--psi-step", default=5.0, show_default=True, type=click.FloatRange(1, 180),
              help="Between two in-plane angles, degrees.")  # fmt: skip
@click.option("--template-pixel-size", type=click.FloatRange(min=0, min_open=True),
              show_default="as their table or header says", help="Pixel size of the templates, angstroms.")  # fmt: skip
@click.option("--center/--no-center", default=True, show_default=True,
              help="Move class averages to their centres of mass.")  # fmt: skip
@click.option("--diameter", required=True, type=click.FloatRange(min=1),
              help="Of a particle, angstroms: templates are cut to this disc.")  # fmt: skip
@click.option("--lowpass", default=20.0, show_default=True, type=click.FloatRange(min=1),
              help="Finest detail that is looked at, angstroms.")  # fmt: skip
@click.option("--threshold", type=float, show_default="from the scores themselves", help="Least score.")
@options.picks(spacing="half the diameter")
@click.option("--learn-from", default=24, show_default=True, type=click.IntRange(min=1),
              help="Micrographs, spread over the table, from which the threshold is learned.")  # fmt: skip
@click.option("--white", is_flag=True, help="Particles are brighter than the ice in the micrographs, not darker.")
@click.option("--no-ctf", is_flag=True, help="Leave the CTF aside even where the table has it.")
@click.option("--micrographs", type=options.INPUT_FILE, help="Micrographs for a table that has classes alone.")
@options.everywhere
@job("pick template", devices="one")
def template(
    run: Run, star: str, output: str, plot: str | None, templates: str | None, map_file: str | None, symmetry: str,
    angular_step: float, psi_step: float, template_pixel_size: float | None, center: bool, diameter: float,
    lowpass: float, threshold: float | None, spacing: float | None, max_picks: int, learn_from: int, white: bool,
    no_ctf: bool, micrographs: str | None, everywhere: bool,
) -> None:  # fmt: skip
    """Pick particles by class averages or a map.

    Each template is compared with each place of each micrograph at all in-plane angles: a matched filter, the template
    seen through the micrograph's CTF (where the table has it) against the whitened micrograph, normalised by the noise
    of the place. Without --templates and --map, the templates are the classes of the stream that still have particles.
    Without --threshold, picks are kept from where they outnumber what noise and inverted contrast give.

    The table printed has data_particles (coordinates, score, local power, number of the template, in-plane angle)
    beside the micrographs. DIR gets NAME_autopick.star for each micrograph and autopick.star, as RELION has them.
    """
    from spa.io import star as star_files
    from spa.recipe.picks import finish
    from spa_plugins.pick_template.picking import Settings, pick_all
    from spa_plugins.pick_template.sources import Given, made

    if templates and map_file:
        raise UsageError("--templates and --map exclude each other")
    call.go_with("map_file", "symmetry", "angular_step")
    call.excluded_by("map_file", "center")
    if 2 * lowpass > diameter:
        raise UsageError(f"--lowpass {lowpass:g} would leave nothing of a particle of {diameter:g} A")
    settings = Settings(
        diameter, lowpass, psi_step, threshold, spacing, max_picks, learn_from, white, not no_ctf, everywhere
    )
    tables = run.read_today(star)
    given = Given(templates, map_file, symmetry, angular_step, template_pixel_size, center)
    polar = made(run, tables, given, settings)
    if micrographs:
        beside = star_files.read(micrographs)
        tables = tables.with_block("micrographs", beside["micrographs"]).with_block("optics", beside["optics"])
    found = pick_all(run, tables, polar, settings)
    finish(run, found, output, plot, diameter, "sd of the noise")
