"""The command: a table, a stack or a dataset in, `data_particles` out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spa.errors import UsageError
from spa.job import call, options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from spa.io.star import Tables


@click.command()
@click.argument("star", metavar="FILE", type=click.Path())
@options.star_out
@click.option("-d", "--outdir", metavar="DIR", type=click.Path(),
              help="Folder for the stacks that --normalise, --crop or --resample writes.")
@options.standard
@click.option("--pixel-size", type=options.PIXEL, help="Angstroms a pixel.")
@click.option("--voltage", type=click.FloatRange(10, 3000), help="Voltage, kV.")
@click.option("--cs", type=click.FloatRange(0, 100), help="Spherical aberration, mm.")
@click.option("--amplitude-contrast", type=click.FloatRange(0, 1), help="Fraction of amplitude contrast.")
@click.option("--optics-group", help="Name of the optics group, where there is one.")
@click.option("--passthrough", multiple=True, type=options.INPUT_FILE,
              help="cryoSPARC dataset with more fields of the same particles, joined by uid; may be repeated.")
@click.option("--stack", type=options.INPUT_FILE, show_default="as the table says",
              help="The images of a table of cisTEM or a .par of Frealign.")
@click.option("--invert-y", is_flag=True, help="cryoSPARC: count the coordinates' rows from the other end.")
@click.option("--check/--no-check", default=True, show_default=True,
              help="Open the stacks, leave out rows without an image, and write the box into the table.")
@options.crop("not cropped")
@click.option("--resample", type=click.FloatRange(0, 100, min_open=True), metavar="A",
              help="Write new stacks of this pixel size, angstroms, no finer than the coarsest optics group's; without "
                   "--crop in the largest box that all images fill.")
@click.option("--normalise", is_flag=True, help="Write a new stack whose background has mean 0 and deviation 1.")
@click.option("--background-diameter", type=click.FloatRange(0, min_open=True), show_default="0.75 of the box",
              help="With --normalise: angstroms; what lies outside this circle is background.")
@click.option("--ramp/--no-ramp", default=True, show_default=True, help="With --normalise: take off a plane, too.")
@click.option("--invert/--no-invert", default=None, show_default="as a .cs says, else no",
              help="With --normalise: make dark particles white.")
@click.option("--float16/--float32", default=False, show_default="float32",
              help="With --normalise, --crop or --resample: how pixels are stored.")
@job("import particles")
def particles(run: Run, star: str, output: str, pixel_size: float | None, voltage: float | None, cs: float | None,
              amplitude_contrast: float | None, optics_group: str | None, passthrough: tuple[str, ...],
              stack: str | None, invert_y: bool, check: bool, crop: int | None, resample: float | None, normalise: bool,
              background_diameter: float | None, ramp: bool, invert: bool | None, float16: bool) -> None:  # fmt: skip
    """Make a table of particles from RELION, cryoSPARC, cisTEM, Frealign or a bare stack.

    FILE is a STAR table of RELION 3.0 to 5 or of cisTEM (or - for standard input), a cryoSPARC .cs dataset, a .par of
    Frealign 9 or cisTEM, or a stack of images. Optics that the file does not say are options. Unknown columns go
    through untouched, such as cisTEM's occupancy and score. Particles of cisTEM and Frealign are dark, where they were
    not turned: --normalise --invert makes them white. With --crop a new stack of larger pixels is written: particles
    that come without their micrographs are classified and searched faster. With --resample optics groups of several
    pixel sizes come to have one, and go into one refinement. Both keep the name of the image in _spaImportedName, which
    leads back to the fine images. Odd boxes, which no job takes, are written without their last row and column: pixel
    n//2 stays the middle.

    \b
      spa import particles cistem.star --normalise --invert -d White | spa reconstruct -d Map
      spa import particles all.star --resample 3 -d Coarse | spa classify 2d -d C --diameter 150 |
        spa select classes --auto | spa abinit model -d A --diameter 150 > coarse.star
      spa star set 'rlnImageName = spaImportedName' coarse.star |
        spa star join all.star --with - --inner > fine.star
    """
    import numpy as np

    from spa_plugins.import_particles.stack import Anew, written

    anew = _anew(normalise, resample, crop)
    if anew and (run.outdir is None or not check):
        raise UsageError(f"{anew} writes a stack: say --outdir DIR (and not --no-check)")
    given = {"rlnImagePixelSize": pixel_size, "rlnVoltage": voltage, "rlnSphericalAberration": cs,
             "rlnAmplitudeContrast": amplitude_contrast, "rlnOpticsGroupName": optics_group}  # fmt: skip
    tables, dark = _read(run, star, passthrough, stack, invert_y)
    if optics_group is not None and len(tables["optics"]) > 1:
        raise UsageError(f"--optics-group: {star} has {len(tables['optics'])} groups")
    tables = _completed(run, tables, given, check, remember=bool(crop or resample))
    if dark and not normalise:
        run.warn("the dataset says that its particles are dark; RELION and spa want them white: --normalise turns them")
    if not anew and (odd := _odd(tables)):
        run.warn(f"images are {odd} pixels wide, and jobs need an even number: --normalise, --crop or --resample write "
                 "them without their last row and column, and the middle stays where it is")  # fmt: skip
    if anew:
        how = Anew(crop, resample, normalise, background_diameter, ramp, dark if invert is None else invert,
                   np.float16 if float16 else np.float32)  # fmt: skip
        tables = written(run, tables, how)
    run.write(tables, output)
    run.summary(_summary(tables))


def _anew(normalise: bool, resample: float | None, crop: int | None) -> str | None:
    """The option for which a stack is written; UsageError for those that do nothing without such a one."""
    call.go_with("normalise", "background_diameter", "ramp", "invert")
    if not crop and not resample:
        call.go_with("normalise", "float16")
    return "--normalise" if normalise else "--resample" if resample else "--crop" if crop else None


def _read(run: Run, file: str, passthrough: tuple[str, ...], stack: str | None, invert_y: bool) -> tuple[Tables, bool]:
    """The document, and whether it says that its particles are dark."""
    from spa.io import cryosparc as dataset
    from spa.io import frealign
    from spa.io.star import Tables
    from spa_plugins.import_particles import cistem, cryosparc, sources

    kind = Path(file).suffix.lower()
    for option, given in (("--passthrough", passthrough), ("--invert-y", invert_y)):
        if given and kind != ".cs":
            raise UsageError(f"{option} goes with a .cs file")
    theirs, tables, dark, left_out = None, Tables(source=file), False, []
    if kind == ".par":
        theirs = frealign.read(run.input(file))
    elif kind == ".cs":
        data: Any = dataset.read(run.input(file), passthrough)
        tables, dark = cryosparc.tables_of(data, file, invert_y), cryosparc.dark(data)
        left_out = cryosparc.left_out(data)
    elif sources.is_stack(file):
        tables = sources.from_stack(str(run.input(file)))
    else:
        tables = run.read(file)
        theirs = cistem.block(tables)
        tables = tables if theirs is not None else sources.from_star(tables)
    if theirs is not None:
        left_out = cistem.left_out(theirs)
        tables = cistem.tables_of(theirs, tables, stack and str(run.input(stack)))
    elif stack is not None:
        raise UsageError("--stack goes with a table of cisTEM or a .par of Frealign")
    run.begin()
    for name in left_out:
        run.warn(f"{name} is not zero and is not carried over")
    return tables, dark


def _completed(run: Run, tables: Tables, given: dict[str, Any], check: bool, remember: bool) -> Tables:
    """The document with the optics that were given, and only rows that have an image and optics, if wished."""
    from spa.model.optics import optics_groups, require_groups
    from spa_plugins.import_particles import sources
    from spa_plugins.import_particles.images import found_images

    for text in sources.contradictions(tables, given):
        run.warn(text)
    tables = sources.with_optics(tables, given)
    if remember:
        tables = sources.remembered(tables)
    if check:
        tables = found_images(tables, run.warn, run.leave_out)
    particles = tables["particles"]
    require_groups(optics_groups(tables), particles.ints("rlnOpticsGroup"), particles.where)
    return tables


def _odd(tables: Tables) -> int:
    """The first box that is odd; 0 where none is."""
    from spa.model.optics import optics_groups

    sizes = [group.image_size or 0 for group in optics_groups(tables).values()]
    return next((size for size in sizes if size % 2), 0)


def _summary(tables: Tables) -> str:
    from spa.model.optics import optics_groups

    groups = optics_groups(tables)
    boxes = sorted({(f"{group.image_size} px at " if group.image_size else "pixels of ") + f"{group.pixel_size:.4g} A"
                    for group in groups.values()})  # fmt: skip
    count = f"{len(groups)} optics group{'s'[: len(groups) > 1]}"
    return f"{len(tables['particles'])} particles, {' and '.join(boxes)}, {count}"
