"""The command: a map and its local resolution in, a filtered map out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spa.errors import DataError, UsageError
from spa.job import call, options
from spa.job.run import Run, job

if TYPE_CHECKING:
    import numpy as np

    from spa.io import mrc


@click.command()
@options.star_in
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.plot
@click.option("--local", "local_file", type=options.INPUT_FILE, show_default="the stream's",
              help="Local resolution, angstroms at each voxel (`spa post local`, RELION).")
@click.option("--map", "map_file", type=options.INPUT_FILE, show_default="the mean of the half maps",
              help="Filter this map.")
@options.half_maps
@click.option("--mask", "mask_file", type=options.INPUT_FILE, show_default="the stream's, or else an automatic one",
              help="With --sharpen: soft mask.")
@click.option("--sharpen", is_flag=True,
              help="Sharpen locally, too: half maps are needed, and their local FSC is taken again.")
@click.option("--threshold", default=0.143, show_default=True,
              type=click.FloatRange(0, 1, min_open=True, max_open=True), help="With --sharpen: of the local FSC.")
@click.option("--max-gain", default=5.0, show_default=True, type=click.FloatRange(min=1),
              help="With --sharpen: largest local gain, of the whole map's in that band.")
@job("post filter")
def filter_(run: Run, star: str, output: str, plot: str | None, local_file: str | None, map_file: str | None,
            half1: str | None, half2: str | None, mask_file: str | None, number: int | None, sharpen: bool,
            threshold: float, max_gain: float) -> None:  # fmt: skip
    """Filter a map by its local resolution; sharpen it locally.

    Each place is low-passed to its own resolution.  With --sharpen no local resolution is read: from the half maps the
    amplitudes of the whole are made flat beyond 10 A, a place that fades faster than the whole is sharpened more, as
    far as the difference of their B-factors is known, and each band of each place is weighted by its local FSC.  DIR
    gets filtered.mrc or sharpened.mrc, which joins data_maps with role map.
    """
    from spa.io import mrc
    from spa.io.star import Tables
    from spa.job import maps, pool
    from spa.recipe import masks
    from spa.volume.localfilter import local_lowpass

    call.go_with("sharpen", "mask_file", "threshold", "max_gain")
    call.excluded_by("map_file", "half1", "half2")
    if bool(half1) != bool(half2) or (sharpen and map_file) or (sharpen and local_file):
        raise UsageError("name both --half1 and --half2; --sharpen takes half maps alone, no --map and no --local")
    assert run.outdir is not None
    named = bool(half1) if sharpen else bool(local_file and (map_file or half1))
    tables = maps.stream(run, star, enough=named)
    read = masks.agreeing_halves if sharpen else maps.read_halves
    halves = [] if map_file else list(read(run, tables, half1, half2, number))
    volume = maps.read(run, map_file) if map_file else halves[0]
    mean = (halves[0].data + halves[1].data) / 2 if halves else volume.data
    with pool.mapping(run.threads) as mapped:
        if sharpen:
            name = maps.find(tables, "mask", mask_file, number)
            made, words = _sharpened(run, halves, mean, name, threshold, max_gain, mapped)
        else:
            name = maps.need(tables, "local", "--local", local_file, number)
            field = maps.read_like(run, name, volume, contrast=False).data
            if field.min() <= 0:
                raise DataError(f"{name}: {field.min():g} A at some voxels; a local resolution is positive everywhere")
            made = local_lowpass(mean, volume.pixel_size, field, mapped)
            words = f"filtered to between {field.min():.2f} and {field.max():.2f} A"
    path = run.outdir / ("sharpened.mrc" if sharpen else "filtered.mrc")
    mrc.write(path, made, volume.pixel_size, origin=volume.origin)
    if plot:
        from spa.plot import figure
        from spa.plot.maps import sections

        figure.save(sections(made, volume.pixel_size, str(path)), plot)
    run.write(maps.with_maps(tables or Tables(), [("map", str(path))], number or 1), output)
    run.summary(words)


def _sharpened(run: Run, halves: list[mrc.Image], mean: np.ndarray, mask_name: str | None, threshold: float,
               max_gain: float, mapped: object) -> tuple[np.ndarray, str]:  # fmt: skip
    from spa.recipe import masks
    from spa.volume.localfilter import locally_sharpened
    from spa.volume.localfsc import local_fsc

    first, pixel = halves[0], halves[0].pixel_size
    mask = masks.solvent(run, mask_name, mean, first)
    end = min(24.0, len(mean) * pixel / 8)
    found = local_fsc(first.data, halves[1].data, pixel, mask, run.rng("phases"), end, 0.0, mapped)  # type: ignore[arg-type]
    made, _ = locally_sharpened(mean, found, threshold, max_gain, mapped)  # type: ignore[arg-type]
    return made, f"sharpened locally in {len(found.bank.resolutions)} bands from {end:g} to {2 * pixel:g} A"
