"""What a figure shows of the motion: read from the files that the job has written."""

import numpy as np

from spa.io import mrc
from spa.io.star import Table
from spa.model.filenames import titles
from spa.plot.motion import Panel
from spa.recipe import motion as motion_star

SHOWN = 6  # movies
WIDE = 400  # pixels of a picture
PLACES = 5


def panels(table: Table) -> list[Panel]:
    """Up to six movies: all, or every so many of them in the order of their motion."""
    moved = table.floats("rlnAccumMotionTotal")
    rows = np.arange(len(table))
    if len(rows) > SHOWN:
        rows = np.argsort(moved, kind="stable")[np.linspace(0, len(rows) - 1, SHOWN).round().astype(int)]
    names, motions = table.text("rlnMicrographName"), table.text("rlnMicrographMetadata")
    called = titles(map(str, names))
    return [_panel(str(names[row]), str(motions[row]), called[str(names[row])]) for row in rows]


def _panel(name: str, motion: str, title: str) -> Panel:
    image = np.asarray(mrc.read(name).data, np.float32)
    step = max(1, image.shape[1] // WIDE)
    ny, nx = image.shape[0] // step * step, image.shape[1] // step * step
    small = image[:ny, :nx].reshape(ny // step, step, nx // step, step).mean((1, 3))
    found = motion_star.read(motion)
    model, pixel_size = found.model, found.pixel_size
    at = (np.arange(PLACES) + 0.5) / PLACES - 0.5
    points = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    paths = model.displacements(points) * pixel_size
    return Panel(title, small, (points + 0.5) * small.shape[::-1], paths, -model.shifts * pixel_size)
