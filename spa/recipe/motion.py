"""A movie's motion as its STAR says it, RELION's or ours, and the movie's frames as they were summed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.io import defects, gain, movies, pixels, star
from spa.io.star import Table
from spa.io.table import MISSING
from spa.model.numbers import sensible
from spa.motion.bad import Filling
from spa.motion.relion import Model

COLUMN = "rlnMicrographMetadata"
"""The column of ``data_micrographs`` that names the file."""
UNKNOWN = -9000.0  # RELION's shift of a frame that it left out is less


@dataclass(frozen=True, eq=False)
class Motion:
    """movie; numbers (n,) of its frames that are used, from 0; model: their displacements; shape (ny, nx) pixels of
    pixel_size (angstroms), binning of the sum; dose, before: e per square angstrom; voltage in kV; hot (k, 2) x y."""

    movie: str
    gain: str | None
    defects: str | None
    shape: tuple[int, int]
    pixel_size: float
    binning: float
    dose: float
    before: float
    voltage: float
    numbers: np.ndarray
    model: Model
    hot: np.ndarray
    fraction: int
    upsample: int

    def displacements(self, places: np.ndarray) -> np.ndarray:
        """(p, n, 2) pixels that what was at places (p, 2; pixels) in the first frame has gone."""
        return self.model.displacements((places + 0.5) / self.shape[::-1] - 0.5)

    def doses(self) -> np.ndarray:
        """(n,) dose seen half way through each frame; their number where the dose is not known."""
        return self.before + (self.dose or 1.0) * (self.numbers + 0.5)


def _one(table: Table, name: str, default: float | None = None) -> float:
    return default if default is not None and name not in table else float(sensible(table, name)[0])


def read(path: str | Path) -> Motion:
    """A motion STAR; DataError where it is none."""
    tables = star.read(path)
    general, shifts = tables["general"], tables["global_shift"]
    moved = np.stack([sensible(shifts, f"rlnMicrographShift{axis}") for axis in "XY"], axis=1)
    numbers = shifts.ints("rlnMicrographFrameNumber") - 1
    used = (moved > UNKNOWN).all(axis=1)
    if used.sum() < 2 or numbers[used].min() < 0:
        raise DataError(f"{shifts.where}: shifts of fewer than two frames, or frames that count from 0")
    local = None
    if "local_motion_model" in tables and _one(general, "rlnMotionModelVersion", 1) == 1:
        local = sensible(tables["local_motion_model"], "rlnMotionModelCoeff")
        if len(local) != 36:
            raise DataError(f"{tables['local_motion_model'].where}: {len(local)} coefficients, where 36 are wanted")
        local = local.reshape(2, 18)
    hot = np.zeros((0, 2), np.int64)
    if "hot_pixels" in tables and len(tables["hot_pixels"]):
        hot = np.stack([sensible(tables["hot_pixels"], f"rlnCoordinate{axis}") for axis in "XY"], 1).astype(np.int64)
    flat, faults = (str(general.get_text(name, "None")[0])
                    for name in ("rlnMicrographGainName", "rlnMicrographDefectFile"))  # fmt: skip
    return Motion(
        str(general.text("rlnMicrographMovieName")[0]), None if flat in MISSING else flat,
        None if faults in MISSING else faults,
        (int(_one(general, "rlnImageSizeY")), int(_one(general, "rlnImageSizeX"))),
        _one(general, "rlnMicrographOriginalPixelSize"), _one(general, "rlnMicrographBinning", 1.0),
        _one(general, "rlnMicrographDoseRate", 0.0), _one(general, "rlnMicrographPreExposure", 0.0),
        _one(general, "rlnVoltage"), numbers[used], Model(moved[used], local), hot,
        int(_one(general, "rlnEERGrouping", 32)), int(_one(general, "rlnEERUpsampling", 1)),
    )  # fmt: skip


def frames(motion: Motion) -> Iterator[np.ndarray]:
    """The frames (ny, nx) float32 that are used, gain applied and bad pixels filled, in an array that is used again."""
    movie = movies.read(motion.movie, motion.fraction, motion.upsample)
    if movie.shape != motion.shape or movie.count <= motion.numbers[-1]:
        (ny, nx), (my, mx) = movie.shape, motion.shape
        raise DataError(f"{movie.path}: {movie.count} frames of {nx} x {ny} pixels; its motion is of {mx} x {my}, "
                        f"frames to {motion.numbers[-1] + 1}")  # fmt: skip
    bad = np.zeros(movie.shape, bool) if motion.defects is None else defects.read(motion.defects, movie.shape)
    bad[motion.hot[:, 1], motion.hot[:, 0]] = True
    flat = None
    if motion.gain is not None:
        flat = gain.fitted(gain.read(motion.gain, movie.events is not None), movie.shape, motion.gain)
        bad |= flat == 0
    filling, image = Filling(bad), np.empty(movie.shape, np.float32)
    used = set(motion.numbers.tolist())
    first = int(motion.numbers[0])
    for number, frame in enumerate(movie.frames(first, int(motion.numbers[-1]) + 1), first):
        if number not in used:
            continue
        filling.corrected(frame, flat, number, image)
        if number == first:
            pixels.require_finite(image, str(movie.path))
        yield image
