"""Of jobs on movies, micrographs and particle images, and of those that simulate them."""

from collections.abc import Callable

import click

from spa.job.options.every import INPUT_FILE, Body, least_first

PIXEL = click.FloatRange(0.05, 100)  # angstroms a pixel of what is imported: beyond it is another unit
DOSES = 0.001, 1000.0  # e per square angstrom: of a frame; what is before it is no more

seen_through = click.option(
    "--ctf", type=click.Choice(["full", "flipped", "none"]), default="full", show_default=True,
    help="What images are seen through: their CTF; its absolute value (phases are flipped in them already); nothing "
         "(negative stain, unknown defocus).",
)  # fmt: skip
everywhere = click.option(
    "--everywhere", is_flag=True,
    help="Look at carbon, crystals and lumps too, where the table has no mask of them (_spaJunkMask).",
)  # fmt: skip
float16 = click.option(
    "--float16/--float32", default=False, show_default="float32",
    help="Store 2 bytes a pixel, half the disk, which RELION before 4 cannot read; or 4.",
)  # fmt: skip
background = click.option(
    "--background", default=0.75, show_default=True, type=click.FloatRange(0.1, 1.4),
    help="Radius outside of which is background, as a part of half the box.",
)  # fmt: skip


def crop(default: str) -> Callable[[Body], Body]:
    """--crop, with what is done without it, in words."""
    return click.option("--crop", type=click.IntRange(min=8), metavar="PX", show_default=default,
                        help="Side of the box as it is stored, in larger pixels (Fourier cropping); even.")  # fmt: skip


def picks(spacing: str) -> Callable[[Body], Body]:
    """--spacing (with what it is by itself, in words), --max-picks."""

    def decorate(body: Body) -> Body:
        most = click.option("--max-picks", default=4000, show_default=True, type=click.IntRange(min=1),
                            help="Most picks of a micrograph; the best are kept.")  # fmt: skip
        return click.option("--spacing", type=click.FloatRange(min=0), show_default=spacing,
                            help="Least distance of two picks, angstroms.")(most(body))  # fmt: skip

    return decorate


def lens(body: Body) -> Body:
    """--voltage, --cs, --amplitude-contrast."""
    for option in (
        click.option("--amplitude-contrast", default=0.1, show_default=True, type=click.FloatRange(0, 1),
                     help="Fraction of amplitude contrast."),
        click.option("--cs", default=2.7, show_default=True, type=click.FloatRange(0, 100),
                     help="Spherical aberration, mm."),
        click.option("--voltage", default=300.0, show_default=True, type=click.FloatRange(10, 3000),
                     help="Voltage, kV."),
    ):  # fmt: skip
        body = option(body)
    return body


def optics_group(body: Body) -> Body:
    """What else an optics group is told by: --optics-group, --beam-tilt, --mtf."""
    for option in (
        click.option("--mtf", type=INPUT_FILE, help="STAR of the detector's MTF, kept in the optics table."),
        click.option("--beam-tilt", nargs=2, type=click.FloatRange(-50, 50), metavar="X Y",
                     help="Beam tilt, milliradians."),
        click.option("--optics-group", default="opticsGroup1", show_default=True, help="Name of the optics group."),
    ):
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
        click.option("--pre-dose", type=click.FloatRange(0, DOSES[1]),
                     help="Dose before the first frame, electrons per square angstrom."),
        click.option("--dose", type=click.FloatRange(*DOSES),
                     help="Dose of a frame (of EER: of a fraction), electrons per square angstrom."),
    ):  # fmt: skip
        body = option(body)
    return body


def microscope(most: int) -> Callable[[Body], Body]:
    """What images are simulated with: --defocus (by default up to so much), --astigmatism, and those of `lens`."""

    def decorate(body: Body) -> Body:
        astigmatism = click.option("--astigmatism", default=200.0, show_default=True, type=click.FloatRange(min=0),
                                   help="Median of DefocusU - DefocusV, angstroms.")  # fmt: skip
        return click.option("--defocus", nargs=2, default=(8000, most), show_default=True, type=float,
                            callback=least_first,
                            help="Least and greatest defocus, angstroms (underfocus is positive).",
                            )(astigmatism(lens(body)))  # fmt: skip

    return decorate


def specimen(body: Body) -> Body:
    """What the simulations image: --map, --model, --assembly, --symmetry, --specimen-diameter, --box, --pixel-size,
    --broken."""
    for option in (
        click.option("--broken", default=0.0, show_default=True, type=click.FloatRange(0, 1),
                     help="Share of the particles that are broken: cut by a plane, or without a domain."),
        click.option("--box", type=click.IntRange(min=16), show_default="the map's own, 1.5 times a model, or 96",
                     help="Box side, pixels."),
        click.option("--pixel-size", type=click.FloatRange(0, 100, min_open=True), show_default="the map's own, or 2.5",
                     help="Pixel size, angstroms."),
        click.option("--specimen-diameter", type=click.FloatRange(min=30), show_default="0.6 of the box",
                     help="Diameter of the built-in phantom, angstroms."),
        click.option("--symmetry", default="C1", show_default=True, metavar="GROUP",
                     help="Point group: of the phantom; a map or model is averaged over it."),
        click.option("--assembly", metavar="NAME", help="Build this biological assembly of the model (often 1)."),
        click.option("--model", type=INPUT_FILE, help="Atoms: PDB or mmCIF, plain or .gz."),
        click.option("--map", "map_file", type=INPUT_FILE, show_default="the --model, or a phantom",
                     help="A map: MRC."),
    ):  # fmt: skip
        body = option(body)
    return body
