"""The command: options in, micrographs and tables out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spa.errors import UsageError
from spa.job import memory, options
from spa.job.run import Run, job

if TYPE_CHECKING:
    from spa.io.star import Table
    from spa_plugins.simulate_micrographs.session import Plan, Session


@click.command()
@options.star_out
@options.outdir
@options.standard
@options.seed
@options.specimen
@click.option("--n", "count", default=10, show_default=True, type=click.IntRange(min=1), help="How many micrographs.")
@click.option("--size", nargs=2, default=(1440, 1440), show_default=True, type=click.IntRange(min=64),
              help="Columns and rows of a micrograph, pixels.")
@click.option("--particles", default=150, show_default=True, type=click.IntRange(min=0),
              help="Particles on a micrograph, or as many as there is room for.")
@click.option("--gap", default=30.0, show_default=True, type=click.FloatRange(min=0),
              help="Least space between two particles' spheres, angstroms.")
@click.option("--snr", default=0.1, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="Variance of the signal over that of all noise, within the particle's circle.")
@click.option("--ice", default=0.2, show_default=True, type=click.FloatRange(0, 0.95),
              help="Share of the noise that comes from the ice and so carries the CTF (Thon rings).")
@click.option("--bfactor", default=80.0, show_default=True, type=click.FloatRange(0, 10000),
              help="Envelope of particles and ice, square angstroms.")
@options.microscope(most=25000)
@click.option("--phase-shift", nargs=2, default=(0.0, 0.0), show_default=True, type=click.FloatRange(0, 180),
              callback=options.least_first,
              help="Least and greatest phase shift of a phase plate, degrees.")
@click.option("--empty", default=0, show_default=True, type=click.IntRange(min=0),
              help="Micrographs without particles, the last but the bad ones.")
@click.option("--bad", default=0, show_default=True, type=click.IntRange(min=0),
              help="Micrographs blurred by drift, the last ones.")
@click.option("--tilt", nargs=2, default=(0.0, 0.0), show_default=True, type=click.FloatRange(0, 60),
              callback=options.least_first,
              help="Least and greatest tilt of the specimen, degrees, about an axis of any direction.")
@click.option("--thickness", default=0.0, show_default=True, type=click.FloatRange(0, 4000),
              help="Of the ice, angstroms; particles lie at any height in it.")
@click.option("--ice-ring", default=0.0, show_default=True, type=click.FloatRange(0, 100),
              help="How many times as strong as the ice's other detail its crystalline ring at 3.67 A is.")
@click.option("--carbon", default=0.0, show_default=True, type=click.FloatRange(0, 0.9),
              help="Share of each micrograph that carbon about a hole covers.")
@click.option("--aggregates", default=0, show_default=True, type=click.IntRange(min=0),
              help="Lumps of particles on each micrograph.")
@click.option("--crystals", default=0, show_default=True, type=click.IntRange(min=0),
              help="Dark ice crystals on each micrograph.")
@job("simulate micrographs")
def micrographs(run: Run, output: str, count: int, size: tuple[int, int], particles: int, gap: float, snr: float,
                ice: float, bfactor: float, defocus: tuple[float, float], astigmatism: float, voltage: float, cs: float,
                amplitude_contrast: float, phase_shift: tuple[float, float], empty: int, bad: int,
                **settings: Any) -> None:  # fmt: skip
    """Micrographs with known truth.

    Particles of a map, a model or a made-up protein lie at random places and poses in ice, dark on grey, with the
    CTF on particles and ice and shot noise on top. A tilted or thick specimen is seen slice by slice, each at its own
    defocus. Carbon, aggregates and crystals have no particles on them. DIR gets the MRC files, micrographs.star (which
    is printed), truth_particles.star (coordinates, poses, defocus; with --broken what share of its density a particle
    lacks), truth_micrographs.star (defocus, tilt, thickness, and the mask of what is junk) and truth.mrc.
    """
    from spa.image.ctf import Lens
    from spa.io import mrc
    from spa.recipe import specimen as asked
    from spa.simulate.micrographs import memory_for
    from spa_plugins.simulate_micrographs.session import Faults, Session, film_for, planned

    plate = math.radians(phase_shift[0]), math.radians(phase_shift[1])
    if empty + bad > count:
        raise UsageError(f"--empty {empty} and --bad {bad} are more than the {count} micrographs")
    assert run.outdir is not None
    specimen = asked.made(run, asked.Asked.of(settings))
    pixel = specimen.pixel_size
    amiss = Faults.of(pixel, settings)
    lens = Lens(voltage, cs, amplitude_contrast)
    draws = run.rng("defocus")
    film = film_for(specimen, lens, (size[1], size[0]), snr, ice, bfactor, defocus, plate, run.rng("noise level"))
    exposing = run.threads * memory_for(film)
    memory.require(exposing, f"micrographs of {size[0]} x {size[1]} pixels, {run.threads} at once (--threads),")
    session = Session(specimen, lens, film, particles, gap, amiss)
    plans = planned(count, empty, bad, defocus, astigmatism, plate, draws)
    done = list(run.each(plans, lambda plan: _made(run, session, plan), lambda plan: plan.name, "micrograph"))
    mrc.write(run.outdir / "truth.mrc", (specimen.volume / film.noise).astype("f4"), pixel, origin=specimen.origin)
    _write(run, output, done, asked.optics(lens, pixel, rlnMicrographPixelSize=pixel))
    total = sum(len(result["columns"]["rlnCoordinateX"]) for _, result in done)
    across = f"a specimen {specimen.diameter:.0f} A across"
    run.summary(f"{total} particles on {len(done)} micrographs, {across}, SNR {snr:g}")


def _made(run: Run, session: Session, plan: Plan) -> dict[str, Any]:
    """One micrograph, written; what its tables say of it."""
    import numpy as np

    from spa.io import mrc
    from spa_plugins.simulate_micrographs.session import picture

    assert run.outdir is not None
    image, columns, slab, junk = picture(session, plan, run.rng("micrograph", plan.number))
    path, pixel = run.outdir / f"{plan.name}.mrc", session.film.pixel_size
    mrc.write(path, image, pixel)
    known = {"spaCtfTilt": float(np.degrees(slab.tilt)), "spaCtfTiltAxis": float(np.degrees(slab.axis)),
             "spaIceThickness": slab.thickness}  # fmt: skip
    if junk is not None:
        mrc.write(run.outdir / f"{plan.name}_junk.mrc", junk, pixel)
        known["spaJunkMask"] = str(run.outdir / f"{plan.name}_junk.mrc")
    plain = {name: np.asarray(values).tolist() for name, values in columns.items()}
    return {"file": str(path), "columns": plain, "known": known}


def _write(run: Run, output: str, done: list[tuple[Plan, dict[str, Any]]], optics: Table) -> None:
    """The tables: micrographs, their truth, and the particles' truth."""
    import numpy as np

    from spa.io.star import Table, Tables
    from spa_plugins.simulate_micrographs.session import truth_columns

    assert run.outdir is not None
    files = [result["file"] for _, result in done]
    plain = {"rlnMicrographName": files, "rlnOpticsGroup": np.ones(len(files), int)}
    known = {
        "rlnDefocusU": [float(plan.defocus.u[0]) for plan, _ in done],
        "rlnDefocusV": [float(plan.defocus.v[0]) for plan, _ in done],
        "rlnDefocusAngle": [float(np.rad2deg(plan.defocus.angle[0])) for plan, _ in done],
    } | {name: [result["known"][name] for _, result in done] for name in done[0][1]["known"]}
    known |= _plates([plan for plan, _ in done])
    truth = truth_columns([(Path(result["file"]), plan, result["columns"]) for plan, result in done])
    run.write(Tables({"optics": optics, "particles": Table.of(**truth)}), run.outdir / "truth_particles.star")
    run.write(
        Tables({"optics": optics, "micrographs": Table.of(**plain, **known)}), run.outdir / "truth_micrographs.star"
    )
    made = Tables({"optics": optics, "micrographs": Table.of(**plain)})
    run.write(made, run.outdir / "micrographs.star")
    run.write(made, output)


def _plates(plans: list[Plan]) -> dict[str, list[float]]:
    if all(plan.defocus.plate is None for plan in plans):
        return {}
    return {"rlnPhaseShift": [math.degrees(plan.defocus.shift[0]) for plan in plans]}
