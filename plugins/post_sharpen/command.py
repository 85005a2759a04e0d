"""The command: half maps or a map in, a sharpened map out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spa.errors import UsageError
from spa.job import call, options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from spa.io import mrc
    from spa.io.star import Tables
    from spa.volume.sharpen import Guinier

GOLD = 0.143
BEYOND = 80.0  # exp of more overflows
GUINIER_LOW, GUINIER_HIGH = 10.0, 7.0  # where the Guinier plot is straight, and how far the map must reach for a fit


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.plot
@options.half_maps
@click.option("--map", "map_file", type=options.INPUT_FILE,
              help="Sharpen this map instead of the halves' mean (it needs --fsc or --no-fsc-weighting).")
@options.mask
@click.option("--fsc", "fsc_file", type=options.INPUT_FILE, show_default="the stream's, or else computed",
              help="FSC of `spa post fsc` or RELION.")
@click.option("--bfactor", type=float, show_default="fitted", help="B-factor, square angstroms, negative sharpens.")
@click.option("--guinier", nargs=2, type=click.FloatRange(min=0, min_open=True), metavar="LOW HIGH",
              show_default="10 and the map's, if that is 7 or better",
              help="Resolutions between which B is fitted, angstroms.")
@click.option("--mtf", type=options.INPUT_FILE,
              help="STAR of the detector's MTF (rlnResolutionInversePixel, rlnMtfValue).")
@click.option("--mtf-pixel-size", type=click.FloatRange(min=0, min_open=True), show_default="the map's",
              help="Pixel size of the detector, angstroms, unbinned.")
@click.option("--fsc-weighting/--no-fsc-weighting", default=True, show_default=True,
              help="Weight by sqrt(2 FSC / (1 + FSC)).")
@click.option("--lowpass", type=click.FloatRange(min=0, min_open=True), help="Low-pass at this resolution, angstroms.")
@job("post sharpen")
def sharpen(run: Run, star: str, output: str, plot: str | None, half1: str | None, half2: str | None,
            map_file: str | None, mask_file: str | None, fsc_file: str | None, number: int | None,
            bfactor: float | None, guinier: tuple[float, float] | None, mtf: str | None,
            mtf_pixel_size: float | None, fsc_weighting: bool, lowpass: float | None) -> None:  # fmt: skip
    """Sharpen a map by its B-factor and weight it by its FSC.

    The mean of the half maps is divided by the detector's MTF, weighted by its corrected FSC, and multiplied by
    exp(-B/4 d^2) with B from the Guinier plot. No MTFs come with spa, as each is measured: --mtf takes RELION's tables
    (mtf_*.star), or one of your own, from a knife edge. DIR gets sharpened.mrc (which joins data_maps with role map),
    sharpened_masked.mrc and guinier.star.
    """
    import numpy as np

    from spa.io.star import Tables
    from spa.job import maps
    from spa.recipe import masks
    from spa.volume.fsc import resolution_at
    from spa.volume.sharpen import fsc_weights, sharpened

    _refuse_options(half1, half2, guinier)
    assert run.outdir is not None
    tables = maps.stream(run, star, enough=bool(half1 or map_file))
    halves = [] if map_file else list(masks.agreeing_halves(run, tables, half1, half2, number))
    volume = maps.read(run, map_file) if map_file else halves[0]
    mean = volume.data if map_file else (halves[0].data + halves[1].data) / 2
    mask_name = maps.find(tables, "mask", mask_file, number)
    mask = maps.solvent(maps.read_like(run, mask_name, volume, contrast=False).data, mask_name) if mask_name else None
    fsc_name = maps.find(tables, "fsc", fsc_file, number)
    curve, mask = _curve(run, fsc_name, halves, volume, mask, fsc_weighting)
    box, pixel = len(mean), volume.pixel_size
    if lowpass and lowpass > box * pixel:
        raise UsageError(f"--lowpass {lowpass:g}: the box is {box * pixel:g} A wide")
    resolution = resolution_at(curve, GOLD, box, pixel) if curve is not None else 2 * pixel
    low, high = guinier or _range(resolution)
    weights = fsc_weights(curve) if fsc_weighting and curve is not None else np.ones(box // 2 + 1)
    response = _mtf(run, mtf, box, pixel, mtf_pixel_size or pixel)
    if bfactor is not None and abs(bfactor) / (4 * pixel) ** 2 > BEYOND:
        raise UsageError(f"--bfactor {bfactor:g}: beyond all numbers at {2 * pixel:g} A, where the map ends")
    made, fit = sharpened(mean, pixel, weights, low, high, bfactor, response, lowpass)
    if bfactor is None and fit.bfactor is None:
        why = "too few shells lie between them" if guinier else f"that needs {GUINIER_HIGH:g} A or better"
        run.warn(f"no B is fitted from {low:g} to {resolution if not guinier else high:.2f} A ({why}), and none is "
                 f"applied; give --bfactor or --guinier")  # fmt: skip
    path, applied = run.outdir / "sharpened.mrc", bfactor if bfactor is not None else fit.bfactor or 0.0
    _write_maps(path, made, mask, volume, plot, applied)
    run.write(_guinier_tables(fit, applied), run.outdir / "guinier.star")
    run.write(maps.with_maps(tables or Tables(), [("map", str(path))], number or 1), output)
    source = "given" if bfactor is not None else "Guinier" if fit.bfactor is not None else "not fitted"
    run.summary(f"B = {applied:.0f} A^2 ({source}); {resolution:.2f} A")


def _refuse_options(half1: str | None, half2: str | None, guinier: tuple[float, float] | None) -> None:
    if bool(half1) != bool(half2):
        raise UsageError("--half1 and --half2: name both or neither")
    if guinier and guinier[0] <= guinier[1]:
        raise UsageError(f"--guinier {guinier[0]:g} {guinier[1]:g}: the lower resolution (more angstroms) comes first")
    call.go_with("mtf", "mtf_pixel_size")
    call.excluded_by("map_file", "half1", "half2")
    call.excluded_by("bfactor", "guinier")


def _write_maps(
    path: Path, made: np.ndarray, mask: np.ndarray | None, like: mrc.Image, plot: str | None, bfactor: float
) -> None:
    """The sharpened map, as it is and masked, where the one lies that it was made of, and the figure of it."""
    from spa.io import mrc

    pixel_size, origin = like.pixel_size, like.origin
    mrc.write(path, made, pixel_size, origin=origin)
    if mask is not None:
        mrc.write(path.with_name("sharpened_masked.mrc"), made * mask, pixel_size, origin=origin)
    if plot:
        from spa.plot import figure
        from spa.plot.maps import sections

        figure.save(sections(made, pixel_size, f"{path}, B = {bfactor:.0f} Å²", mask), plot)


def _range(resolution: float) -> tuple[float, float]:
    """Where B is fitted by default: nowhere for a map that is too coarse."""
    return GUINIER_LOW, resolution if resolution <= GUINIER_HIGH else GUINIER_LOW


def _curve(
    run: Run, fsc_name: str | None, halves: list[mrc.Image], volume: mrc.Image, mask: np.ndarray | None, wanted: bool
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The corrected FSC, read or computed, and the mask; None where there is nothing to take it from."""
    from spa.job import maps
    from spa.volume.halfmaps import measured

    box = volume.data.shape[0]
    curve, corrected = maps.fsc_curve(run, fsc_name) if fsc_name else (None, False)
    if curve is not None and len(curve) != box // 2 + 1:
        raise UsageError(f"{fsc_name}: {len(curve)} shells, the map of {box} pixels has {box // 2 + 1}")
    if corrected or (curve is not None and not halves):
        return curve, mask
    if halves:
        rngs = [run.rng("phases", one) for one in range(5)]
        curves, mask = measured(halves[0].data, halves[1].data, volume.pixel_size, mask, rngs)
        return curves.corrected, mask
    if wanted:
        raise UsageError("--map: its FSC is not known; give --fsc, or the half maps, or --no-fsc-weighting")
    return None, mask


def _mtf(run: Run, path: str | None, box: int, pixel_size: float, detector_pixel: float) -> np.ndarray | None:
    """The detector's MTF in each shell."""
    from spa.recipe.response import read

    if path is None:
        return None
    found = read(path)
    for line in found.doubts(pixel_size, detector_pixel):
        run.warn(line)
    return found.at(box, pixel_size, detector_pixel)


def _guinier_tables(fit: Guinier, applied: float) -> Tables:
    """data_general and data_guinier with RELION's names."""
    import numpy as np

    from spa.io.star import Table, Tables

    show = {name: np.nan_to_num(values, nan=-99.0) for name, values in
            (("original", fit.original), ("weighted", fit.weighted), ("sharpened", fit.sharpened))}  # fmt: skip
    general = {"rlnBfactorUsedForSharpening": applied}
    if fit.slope is not None and fit.intercept is not None:
        general |= {"rlnFittedSlopeGuinierPlot": fit.slope, "rlnFittedInterceptGuinierPlot": fit.intercept}
    table = Table.of(
        rlnResolutionSquared=fit.squared, rlnLogAmplitudesOriginal=show["original"],
        rlnLogAmplitudesWeighted=show["weighted"], rlnLogAmplitudesSharpened=show["sharpened"],
    )  # fmt: skip
    return Tables({"general": Table.pairs(**general), "guinier": table})
