"""The options that jobs share, spelt once."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from spa.gpu.names import FORM

Body = TypeVar("Body", bound=Callable[..., Any])

# Options that do not change the result: they are not compared on --resume, and not part of a table's history.
NEUTRAL = frozenset({"threads", "resume", "strict", "quiet", "verbose", "output", "plot", "star", "port", "browser"})
STANDARD = frozenset({"device", "threads", "resume", "strict", "quiet", "verbose"})


class InputFile(click.ParamType):
    """A file that the job reads beside its table: recorded in job.json; status 66 when it is not there."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        return click.Path().shell_complete(ctx, param, incomplete)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "FILE"


INPUT_FILE = InputFile()


def _device(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not FORM.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not cpu, cuda, cuda:N or cuda:N,M", ctx, param)
    return value


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


star_in = click.argument("star", default="-", metavar="[STAR]", type=click.Path())
star_out = click.option(
    "-o", "--output", default="-", metavar="STAR", type=click.Path(), show_default="standard output",
    help="Where the table goes.",
)  # fmt: skip
outdir = click.option(
    "-d", "--outdir", required=True, metavar="DIR", type=click.Path(),
    help="Folder for the files that the job makes, and job.json.",
)  # fmt: skip
seed = click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of everything that is drawn."
)
plot = click.option("--plot", metavar="PNG", type=click.Path(), help="Draw a figure of the result (extra: plot).")
seen_through = click.option(
    "--ctf", type=click.Choice(["full", "flipped", "none"]), default="full", show_default=True,
    help="What images are seen through: their CTF; its absolute value (phases are flipped in them already); nothing "
         "(negative stain, unknown defocus).",
)  # fmt: skip
everywhere = click.option(
    "--everywhere", is_flag=True,
    help="Look at carbon, crystals and lumps too, where the table has no mask of them (_spaJunkMask).",
)  # fmt: skip
mask = click.option(
    "--mask", "mask_file", type=INPUT_FILE, help="Soft mask; without it the stream's, or else an automatic one."
)


# Where a job computes (the ``devices`` of ``spa.job.run.job``): how --device reads in its help.
DEVICES = {
    "": ("cpu", "Where to compute: this job has no CUDA kernels."),
    "one": ("cpu|cuda[:N]", "Where to compute."),
    "several": ("cpu|cuda[:N[,M...]]", "Where to compute; several devices share the work."),
}


def standard(body: Body) -> Body:
    """--device, --threads, --resume, --strict, -q, -v; above ``job``, which tells the devices."""
    form, where = DEVICES[getattr(body, "devices", "")]
    for option in (
        click.option("-v", "--verbose", is_flag=True, help="Say more on standard error."),
        click.option("-q", "--quiet", is_flag=True, help="No progress and no summary on standard error."),
        click.option("--strict", is_flag=True, help="Stop at the first bad item, instead of leaving it out."),
        click.option("--resume", is_flag=True, help="Go on with what an earlier, stopped run left in the outdir."),
        click.option("--threads", type=click.IntRange(min=1), default=cores, show_default="all cores",
                     help="Threads to use; the result does not depend on it."),
        click.option("--device", default="cpu", show_default=True, metavar=form, callback=_device, help=where),
    ):  # fmt: skip
        body = option(body)
    return body


def page(body: Body) -> Body:
    """--port, --browser: of a page in a browser."""
    for option in (
        click.option("--browser/--no-browser", default=True, show_default=True,
                     help="Open the page in a browser, where there is a screen."),
        click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="a free one",
                     help="Port of the page, on this machine's loopback."),
    ):  # fmt: skip
        body = option(body)
    return body


def by_hand(body: Body) -> Body:
    """--web, --outdir, --port, --browser: of a choice that may be made on a page, too."""
    folder = click.option(
        "-d", "--outdir", metavar="DIR", type=click.Path(),
        help="With --web: folder where your choice is kept as you make it; default: Choices.",
    )  # fmt: skip
    web = click.option("--web", is_flag=True, help="Choose on a page in the browser (extra: web).")
    return web(folder(page(body)))


def iterations(default: int) -> Callable[[Body], Body]:
    """--iterations of a job that stops by itself."""
    return click.option("--iterations", type=click.IntRange(min=1), default=default, show_default=True,
                        help="At most this many passes over all images; it stops by itself when nothing is gained.",
                        )  # fmt: skip


def search(body: Body) -> Body:
    """--lowpass, --symmetry, --diameter, --mask, --shift-range: of poses that are not known."""
    for option in (
        click.option("--shift-range", type=click.FloatRange(min=0.1), 
                     help="Largest shift searched, angstroms; default: 20, then what the images are found to need, 40 "
                          "at most."),
        click.option("--mask", type=INPUT_FILE, help="Soft solvent mask; default: a sphere of the diameter."),
        click.option("--diameter", type=click.FloatRange(min=1),
                     help="Of the particle, angstroms; default: measured on the reference."),
        click.option("--symmetry", default="C1", show_default=True, metavar="GROUP",
                     help="Point group: Cn, Dn, T, O, I."),
        click.option("--lowpass", type=click.FloatRange(min=1),
                     help="Resolution of the start, angstroms; default: 40, or a seventh of the diameter for the "
                          "stream's one map, which its particles have made."),
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
        click.option("--focus-mask", type=INPUT_FILE,
                     help="Soft mask of where copies over --relax-symmetry may differ; default: all of the particle."),
        click.option("--relax-symmetry", metavar="GROUP",
                     help="Point group that the particle has only nearly; --symmetry is the one that it has."),
    ):  # fmt: skip
        body = option(body)
    return body


def refinement(body: Body) -> Body:
    """Of a refiner of one volume: --reference, --class, --iterations, and those of `search`, `relaxation`, `ewald`."""
    reference = click.option("--reference", type=INPUT_FILE, help="Map to start from; default: the stream's.")
    number = click.option("--class", "number", type=click.IntRange(min=1),
                          help="Which class of the stream the map is of, where there are several; all particles are "
                               "refined.")  # fmt: skip
    return reference(number(search(iterations(30)(relaxation(ewald(body))))))


def comparison(body: Body) -> Body:
    """What images are compared with: --map, --half1, --half2, --mask, --class, --min-resolution, --max-resolution."""
    for option in (
        click.option("--max-resolution", type=click.FloatRange(min=0, min_open=True),
                     help="Finest detail compared, angstroms; default: where the half maps' FSC falls below 0.143."),
        click.option("--min-resolution", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True,
                     help="Coarsest detail compared, angstroms."),
        click.option("--class", "number", type=click.IntRange(min=1), help="Which class of the stream."),
        click.option("--mask", type=INPUT_FILE,
                     help="Soft mask of the particle; default: the stream's, or the sphere in the box."),
        click.option("--half2", type=INPUT_FILE, help="Half map of half-set 2."),
        click.option("--half1", type=INPUT_FILE, help="Half map of half-set 1; with --half2."),
        click.option("--map", "map_file", type=INPUT_FILE,
                     help="One map for all particles; default: the stream's half maps, or else its map."),
    ):  # fmt: skip
        body = option(body)
    return body


def variable(body: Body) -> Body:
    """Of particles that vary at fixed poses: --diameter, --mask, --focus-mask, --max-resolution, --min-resolution."""
    for option in (
        click.option("--min-resolution", type=click.FloatRange(min=0, min_open=True),
                     help="Coarsest detail used, angstroms; default: all."),
        click.option("--max-resolution", type=click.FloatRange(min=1), default=8.0, show_default=True,
                     help="Finest detail used, angstroms."),
        click.option("--focus-mask", type=INPUT_FILE,
                     help="Soft mask of what may vary; elsewhere all are the map of all particles."),
        click.option("--mask", type=INPUT_FILE, help="Soft solvent mask; default: a sphere of the diameter."),
        click.option("--diameter", type=click.FloatRange(min=1),
                     help="Of the particle, angstroms; default: measured on the map of all particles."),
    ):  # fmt: skip
        body = option(body)
    return body


map_symmetry = click.option("--symmetry", metavar="GROUP", show_default="that the stream's maps were made with, or C1",
                            help="Point group of the maps and poses: Cn, Dn, T, O, I.")  # fmt: skip


def half_maps(body: Body) -> Body:
    """Half maps by name or from the stream: --half1, --half2, --class."""
    for option in (
        click.option("--class", "number", type=click.IntRange(min=1), help="Which class of the stream."),
        click.option("--half2", type=INPUT_FILE, help="Second half map; without it, the stream's."),
        click.option("--half1", type=INPUT_FILE, help="First half map; without it, the stream's."),
    ):  # fmt: skip
        body = option(body)
    return body


def microscope(body: Body) -> Body:
    """What images are simulated with: --astigmatism, --voltage, --cs, --amplitude-contrast."""
    for option in (
        click.option("--amplitude-contrast", default=0.1, show_default=True, type=click.FloatRange(0, 1),
                     help="Fraction of amplitude contrast."),
        click.option("--cs", default=2.7, show_default=True, type=click.FloatRange(0, 100),
                     help="Spherical aberration, mm."),
        click.option("--voltage", default=300.0, show_default=True, type=click.FloatRange(10, 3000),
                     help="Voltage, kV."),
        click.option("--astigmatism", default=200.0, show_default=True, type=click.FloatRange(min=0),
                     help="Median of DefocusU - DefocusV, angstroms."),
    ):  # fmt: skip
        body = option(body)
    return body


def movies(body: Body) -> Body:
    """What the camera did: --dose, --pre-dose, --gain and how it lies, --defects, --eer-fraction, --eer-upsample."""
    for option in (
        click.option("--eer-upsample", type=click.Choice(["1", "2", "4"]),
                     help="Pixels for each of an EER camera's, along a side; --pixel-size is that of these."),
        click.option("--eer-fraction", type=click.IntRange(min=1), metavar="N",
                     help="Frames of an EER camera that make one here; what is left at the end is dropped."),
        click.option("--defects", type=INPUT_FILE,
                     help="Bad pixels: a text of 'x y w h' a line, or a map (MRC, TIFF) that is not 0 there."),
        click.option("--gain-flip", type=click.Choice(["0", "1", "2"]),
                     help="Then flip the gain: 1 upside down, 2 left to right (RELION's --gain_flip)."),
        click.option("--gain-rotate", type=click.Choice(["0", "1", "2", "3"]),
                     help="Rotate the gain by so many quarter turns (RELION's --gain_rot, MotionCor's RotGain)."),
        click.option("--gain", type=INPUT_FILE,
                     help="Gain reference (MRC, TIFF, .gain): it multiplies; of EER movies all but .gain divide."),
        click.option("--pre-dose", type=click.FloatRange(min=0),
                     help="Dose before the first frame, electrons per square angstrom."),
        click.option("--dose", type=click.FloatRange(min=0, min_open=True),
                     help="Dose of a frame (of EER: of a fraction), electrons per square angstrom."),
    ):  # fmt: skip
        body = option(body)
    return body


def specimen(body: Body) -> Body:
    """What the simulations image: --map, --model, --assembly, --symmetry, --specimen-diameter, --box, --pixel-size."""
    for option in (
        click.option("--box", type=click.IntRange(min=16),
                     help="Box side, pixels; the map's own, 1.5 times a model, or 96."),
        click.option("--pixel-size", type=click.FloatRange(min=0, min_open=True),
                     help="Pixel size, angstroms; the map's own, or 2.5."),
        click.option("--specimen-diameter", type=click.FloatRange(min=30),
                     help="Diameter of the built-in phantom, angstroms; 0.6 of the box."),
        click.option("--symmetry", default="C1", show_default=True, metavar="GROUP",
                     help="Point group: of the phantom; a map or model is averaged over it."),
        click.option("--assembly", metavar="NAME", help="Build this biological assembly of the model (often 1)."),
        click.option("--model", type=INPUT_FILE, help="Atoms: PDB or mmCIF, plain or .gz."),
        click.option("--map", "map_file", type=INPUT_FILE, help="A map: MRC. Without --map and --model: a phantom."),
    ):  # fmt: skip
        body = option(body)
    return body
