"""The command: options in, movies, gain and truth out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spa.errors import UsageError
from spa.job import memory, options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from spa.simulate.optics import Defocus


@click.command()
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.specimen
@click.option("--n", "count", default=4, show_default=True, type=click.IntRange(min=1), help="How many movies.")
@click.option("--size", nargs=2, default=(1440, 1440), show_default=True, type=click.IntRange(min=128),
              help="Columns and rows of a frame, pixels.")
@click.option("--frames", default=24, show_default=True, type=click.IntRange(min=3), help="Frames of a movie.")
@click.option("--dose", default=1.5, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="Dose of a frame, electrons per square angstrom.")
@click.option("--drift", default=15.0, show_default=True, type=click.FloatRange(min=0),
              help="How far the whole frame goes, angstroms; fast at first.")
@click.option("--jitter", default=0.1, show_default=True, type=click.FloatRange(min=0),
              help="By how much frames miss that path, angstroms, standard deviation.")
@click.option("--local", default=4.0, show_default=True, type=click.FloatRange(min=0),
              help="By how much places of the frame move differently, angstroms, root mean square.")
@click.option("--stray", default=0.0, show_default=True, type=click.FloatRange(min=0),
              help="How far each particle goes on its own beside that, angstroms, root mean square.")
@click.option("--stray-length", default=500.0, show_default=True, type=click.FloatRange(min=1),
              help="Particles nearer to each other than this stray alike, angstroms.")
@click.option("--particles", default=100, show_default=True, type=click.IntRange(min=0),
              help="Particles in a movie, or as many as there is room for.")
@click.option("--gap", default=20.0, show_default=True, type=click.FloatRange(min=0),
              help="Least space between two particles' spheres, angstroms.")
@click.option("--contrast", default=0.05, show_default=True, type=click.FloatRange(0, 0.5),
              help="What a particle takes from the beam, as a share: root mean square over its circle.")
@click.option("--ice", type=click.FloatRange(0, 0.5),
              show_default="0.03; with pixels below 2.5 A the same ice as seen with those",
              help="What the ice takes from the beam, root mean square of pixels (Thon rings).")
@click.option("--bfactor", default=60.0, show_default=True, type=click.FloatRange(0, 10000),
              help="Envelope of particles and ice, square angstroms.")
@options.microscope(most=20000)
@click.option("--gain-spread", default=0.03, show_default=True, type=click.FloatRange(0, 0.5),
              help="Standard deviation of the camera's gain from pixel to pixel.")
@click.option("--bad-pixels", default=60, show_default=True, type=click.IntRange(min=0),
              help="Pixels of the camera that are hot or dead, half each.")
@click.option("--format", "kind", default="tiff", show_default=True, type=click.Choice(["tiff", "mrc", "eer"]),
              help="TIFF (LZW, bytes), MRC (mode 1), or EER: each frame as 32 of a camera that codes its electrons.")
@job("simulate movies")
def movies(run: Run, output: str, count: int, size: tuple[int, int], frames: int, dose: float, drift: float,
           jitter: float, local: float, stray: float, stray_length: float, particles: int, gap: float, contrast: float,
           ice: float | None, bfactor: float, defocus: tuple[float, float], astigmatism: float, voltage: float,
           cs: float, amplitude_contrast: float, gain_spread: float, bad_pixels: int, kind: str,
           **settings: Any) -> None:  # fmt: skip
    """Movies with known motion.

    Particles of a map, a model or a made-up protein lie in ice that drifts, bends and is burnt by the beam while its
    electrons are counted, by a camera with a gain and bad pixels. DIR gets the movies, gain.mrc (it multiplies; of EER
    movies it divides, as their cameras' do), truth.mrc, movies.star (which is printed), and of each movie _truth.star
    (coordinates in the first frame, poses, defocus; with --broken what share of its density each particle lacks) and
    _shifts.npy (frames, particles, 2): how far each particle is from there, x and y in pixels.
    """
    from spa.image.ctf import Lens
    from spa.io import mrc
    from spa.recipe import specimen as asked
    from spa.simulate import movies as making
    from spa.simulate.optics import Defocus, draw_defocus
    from spa_plugins.simulate_movies import session as sessions

    shape = (size[1], size[0])
    if bad_pixels > shape[0] * shape[1] // 10:
        raise UsageError(f"--bad-pixels {bad_pixels}: more than a tenth of the frame")
    assert run.outdir is not None
    memory.require(60 * shape[0] * shape[1] * run.threads, f"frames of {size[0]} x {size[1]}")
    specimen = asked.made(run, asked.Asked.of(settings))
    pixel = specimen.pixel_size
    ice = sessions.ice_for(pixel) if ice is None else ice
    gain = making.flat_field(shape, gain_spread, run.rng("gain"))
    hot, dead = sessions.bad_pixels(bad_pixels, shape, run.rng("bad pixels"))
    camera = making.Camera(frames, dose, voltage, pixel)
    scale = sessions.scale_for(specimen, contrast, run.rng("contrast"))
    session = sessions.Session(specimen, Lens(voltage, cs, amplitude_contrast), camera,
                               making.Journey(drift, jitter, local), shape, particles, gap, scale, ice, bfactor,
                               gain, hot, dead, (stray, stray_length))  # fmt: skip
    drawn = draw_defocus(count, *defocus, astigmatism, run.rng("defocus"))
    run.begin()
    mrc.write(run.outdir / "gain.mrc", 1 / gain if kind == "eer" else gain, pixel)
    mrc.write(run.outdir / "truth.mrc", specimen.volume, pixel, origin=specimen.origin)

    def work(number: int) -> dict[str, Any]:
        part = slice(number, number + 1)
        each = Defocus(drawn.u[part], drawn.v[part], drawn.angle[part])
        stem = run.outdir / f"mov{number + 1:05d}"  # type: ignore[operator]
        return sessions.made(session, each, stem, kind, run.rng("movie", number))

    done = list(run.each(range(count), work, lambda number: f"mov{number + 1:05d}", "movie"))
    _write(run, output, [result for _, result in done], drawn, session, kind)
    total = sum(len(result["columns"]["rlnCoordinateX"]) for _, result in done)
    run.summary(f"{total} particles in {len(done)} movies of {frames} frames, {dose * frames:g} e/A^2")


def _write(run: Run, output: str, done: list[dict[str, Any]], drawn: Defocus, session: Any, kind: str) -> None:
    """The table of movies and that of their defocus."""
    import numpy as np

    from spa.io.star import Table, Tables
    from spa.recipe import specimen as asked
    from spa_plugins.simulate_movies.session import FRACTION

    assert run.outdir is not None
    camera = session.camera
    optics = asked.optics(session.lens, camera.pixel_size)
    table = Table.of(
        rlnMicrographMovieName=[result["file"] for result in done], rlnOpticsGroup=1,
        rlnMicrographDoseRate=camera.dose, rlnMicrographGainName=str(Path(run.outdir) / "gain.mrc"),
    )  # fmt: skip
    if kind == "eer":
        table = table.with_columns(rlnEERGrouping=FRACTION, rlnEERUpsampling=1)
    known = table.with_columns(
        rlnDefocusU=drawn.u[: len(done)], rlnDefocusV=drawn.v[: len(done)],
        rlnDefocusAngle=np.rad2deg(drawn.angle[: len(done)]),
    )  # fmt: skip
    run.write(Tables({"optics": optics, "movies": known}), run.outdir / "truth_movies.star")
    made = Tables({"optics": optics, "movies": table})
    run.write(made, run.outdir / "movies.star")
    run.write(made, output)
