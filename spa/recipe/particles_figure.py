"""A figure of particles as they are in their stacks."""

import numpy as np

from spa.image import fft
from spa.io.star import Tables
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.plot import figure
from spa.plot.montage import montage
from spa.recipe.fields import spread

_SHOWN = 60
_DETAIL = 20.0  # angstroms: what is finer is mostly noise in one image


def draw(run: Run, tables: Tables, path: str) -> None:
    """Some particles spread over the table, low-passed, with the defocus of each in micrometres."""
    found = open_particles(run, tables, ctf=False)
    rows = np.array(spread(range(len(found)), _SHOWN))
    spectra = fft.rfft2(found.source.read(rows).astype(np.float32))
    ky, kx = np.fft.fftfreq(found.box)[:, None], np.fft.rfftfreq(found.box)[None]
    k = np.hypot(ky, kx) * _DETAIL / found.pixel_size
    images = fft.irfft2((spectra * (1 / np.sqrt(1 + k**8))).astype(np.complex64), found.box)
    defocus = found.tables["particles"].floats("rlnDefocusU", missing=np.nan)[rows]
    titles = ["" if np.isnan(one) else f"{one * 1e-4:.2f} µm" for one in defocus]
    figure.save(montage(images, titles), path)
