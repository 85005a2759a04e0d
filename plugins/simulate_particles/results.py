"""The stack, the map that it was made of, and the tables with the truth and without it."""

from pathlib import Path

import numpy as np

from spa.image.ctf import Lens
from spa.io import mrc
from spa.io.star import Table, Tables
from spa.job import pool
from spa.job.run import Run
from spa.recipe import specimen as asked
from spa_plugins.simulate_particles.draws import Draws, tables_of
from spa_plugins.simulate_particles.session import Session

BATCH = 64


def write_images(run: Run, found: Session) -> None:
    """DIR/particles.mrcs and DIR/truth.mrc."""
    seen = found.seen

    def made(rows: np.ndarray) -> np.ndarray:
        clean = seen.clean(rows, found.around, lambda row: run.rng("micelle", row))
        return noisy(run, seen.draws, rows, clean / found.sigma)

    count = found.wanted.count
    batches = [np.arange(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
    with mrc.StackWriter(_stack(run), count, seen.box, seen.pixel_size) as writer:
        work = pool.ordered(batches, made, run.threads, run.checkpoint)
        for _, images in run.progress(work, total=len(batches), unit="batch"):
            writer.write(images())
    truth = found.specimen.volume / np.float32(found.sigma)
    mrc.write(_stack(run).with_name("truth.mrc"), truth, seen.pixel_size, origin=found.specimen.origin)


def write_tables(run: Run, found: Session, output: str) -> None:
    """truth.star with all that is known; particles.star and the output as a user has them."""
    wanted, seen, planted = found.wanted, found.seen, found.wanted.planted
    lens = Lens(wanted.voltage, wanted.cs, wanted.amplitude_contrast)
    optics = asked.optics(lens, seen.pixel_size, wanted.optics_groups, rlnImagePixelSize=seen.pixel_size,
                          rlnImageSize=seen.box, rlnImageDimensionality=2, rlnCtfDataAreCtfPremultiplied=0)  # fmt: skip
    cs = np.full(wanted.optics_groups, seen.lens.cs)
    true = optics.with_columns(rlnSphericalAberration=cs, **planted.columns(found.tilts))
    blind, truth = tables_of(seen.draws, _stack(run), planted.matrix())
    if found.specimen.broken:
        truth["spaMissing"] = found.specimen.missing(seen.draws.form)
    run.write(Tables({"optics": true, "particles": Table.of(**truth)}), _stack(run).with_name("truth.star"))
    for target in (_stack(run).with_name("particles.star"), output):
        run.write(Tables({"optics": optics, "particles": Table.of(**blind)}), target)


def noisy(run: Run, draws: Draws, rows: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Images with white noise of each group's level; each image draws from its own generator."""
    for image, row in zip(images, rows):
        image += draws.noise[row] * run.rng("noise", int(row)).standard_normal(image.shape, np.float32)
    return images


def _stack(run: Run) -> Path:
    assert run.outdir is not None
    return run.outdir / "particles.mrcs"
