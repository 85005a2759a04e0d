"""The command: half maps or a map in, a map of local resolution out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spa.errors import DataError, UsageError
from spa.job import call, options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.io import mrc
    from spa.io.star import Tables

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.plot
@options.half_maps
@click.option("--map", "map_file", type=options.INPUT_FILE,
              help="A single map instead: where its amplitudes stand out of the noise around the particle.")
@options.mask
@click.option("--threshold", default=0.143, show_default=True, type=click.FloatRange(0, 1, max_open=True),
              help="Of the local FSC.")
@click.option("--significance", default=0.95, show_default=True, type=click.FloatRange(0.5, 1, max_open=True),
              help="With --map: quantile of the noise that amplitudes must exceed.")
@click.option("--min-resolution", type=click.FloatRange(min=0, min_open=True),
              show_default="24, or an eighth of the box",
              help="Coarsest local resolution that is looked for, angstroms.")
@click.option("--max-resolution", default=0.0, type=click.FloatRange(min=0), show_default="Nyquist's",
              help="Finest one, angstroms.")
@job("post local")
def local(run: Run, star: str, output: str, plot: str | None, half1: str | None, half2: str | None,
          map_file: str | None, mask_file: str | None, number: int | None, threshold: float, significance: float,
          min_resolution: float | None, max_resolution: float) -> None:  # fmt: skip
    """Local resolution from half maps, or from a single map.

    Half maps are compared in bands of resolution and in windows of about a wavelength; how far bands and windows reach
    is taken off again, so that sharp parts do not lend their resolution to their neighbours, and what half maps with
    random phases reach does not count.  With --map the monogenic amplitude of each band is compared with that of the
    solvent (MonoRes); the solvent must not be flattened.  Of a refiner's mask, a sphere as a rule, what is solvent does
    not count.  DIR gets local.mrc (angstroms at each voxel), which joins data_maps with role local, and local.star
    (quantiles in the mask).
    """
    from spa.io import mrc
    from spa.io.star import Tables
    from spa.job import maps
    from spa.recipe import masks

    call.go_with("map_file", "significance")
    call.excluded_by("map_file", "threshold")
    if bool(half1) != bool(half2) or (map_file and half1):
        raise UsageError("name --half1 and --half2, or --map, or none of them")
    assert run.outdir is not None
    tables = maps.stream(run, star, enough=bool(half1 or map_file))
    halves = [] if map_file else list(masks.agreeing_halves(run, tables, half1, half2, number))
    volume = maps.read(run, map_file) if map_file else halves[0]
    mean = (halves[0].data + halves[1].data) / 2 if halves else volume.data
    name = maps.find(tables, "mask", mask_file, number)
    mask = masks.solvent(run, name, mean, volume)
    if not mask_file:
        mask = masks.of_particle(run, mask, name, mean, volume)
    pixel, width = volume.pixel_size, len(mean) * volume.pixel_size
    end = min_resolution or min(24.0, width / 8)
    _require_between(end, max(max_resolution, 2 * pixel), width / 2, pixel)
    if halves:
        field = _of_halves(run, halves, mask, end, max_resolution, threshold)
    else:
        field = _of_one(run, volume, mask, end, max_resolution, significance)
    path = run.outdir / "local.mrc"
    mrc.write(path, field, pixel, origin=volume.origin)
    inside = field[mask > 0.5]
    run.write(_quantiles(inside), run.outdir / "local.star")
    if plot:
        _draw(plot, mean, field, mask, pixel, str(path))
    run.write(maps.with_maps(tables or Tables(), [("local", str(path))], number or 1), output)
    run.summary(_line(inside, end, "FSC " + f"{threshold:g}" if halves else "amplitudes of a single map"))


def _require_between(end: float, finest: float, coarsest: float, pixel_size: float) -> None:
    """UsageError for a --min-resolution that the map does not show, all in angstroms."""
    if end > coarsest:
        where = f"the box is {2 * coarsest:g} A wide, {coarsest:g} at most makes sense"
        raise UsageError(f"--min-resolution {end:g}: {where}")
    if end <= finest:
        where = f"coarser than --max-resolution and than {2 * pixel_size:g} A, where the map ends"
        raise UsageError(f"--min-resolution {end:g}: {where}")


def _of_halves(
    run: Run, halves: list[mrc.Image], mask: np.ndarray, end: float, finest: float, threshold: float
) -> np.ndarray:
    """Resolution (angstroms) of each voxel: where the FSC in bands from end to finest passes a threshold."""
    from spa.job import pool
    from spa.volume.localfsc import local_fsc, resolution_map

    first, second = halves
    try:
        with pool.mapping(run.threads) as mapped:
            found = local_fsc(first.data, second.data, first.pixel_size, mask, run.rng("phases"), end, finest, mapped)
    except DataError as error:
        raise DataError(f"{first.path}: {error}") from None
    return resolution_map(found, threshold)


def _of_one(
    run: Run, volume: mrc.Image, mask: np.ndarray, end: float, finest: float, significance: float
) -> np.ndarray:
    """Resolution (angstroms) of each voxel: the finest band whose amplitude stands out of the solvent's."""
    from spa.job import pool
    from spa.volume.monogenic import single_map

    try:
        with pool.mapping(run.threads) as mapped:
            return single_map(volume.data, volume.pixel_size, mask, end, finest, significance, mapped)
    except DataError as error:
        raise DataError(f"{volume.path}: {error}") from None


def _draw(plot: str, mean: np.ndarray, field: np.ndarray, mask: np.ndarray, pixel_size: float, name: str) -> None:
    from spa.plot import figure
    from spa.plot.localresolution import overview

    figure.save(overview(mean, field, mask, pixel_size, name), plot)


def _quantiles(inside: np.ndarray) -> Tables:
    import numpy as np

    from spa.io.star import Table, Tables

    values = np.quantile(inside, QUANTILES)
    return Tables({"local": Table.of(spaQuantile=list(QUANTILES), spaLocalResolution=values)})


def _line(inside: np.ndarray, end: float, what: str) -> str:
    """The figure that matters; nothing is claimed where most of the mask is at the coarsest."""
    import numpy as np

    low, middle, high = np.quantile(inside, (0.05, 0.5, 0.95))
    nothing = float((inside > 0.98 * end).mean())
    part = f"; {nothing:.0%} of the mask is not resolved at {end:g} A" if nothing > 0.01 else ""
    return f"median {middle:.2f} A in the mask ({what}), 5% to 95%: {low:.2f} to {high:.2f} A{part}"
