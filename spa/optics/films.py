"""What all particles of a micrograph say of its astigmatism and phase shift, with a prior."""

from dataclasses import dataclass

import numpy as np

from spa.image.disc import Disc
from spa.optics.calibrate import Calibration
from spa.optics.compared import Compared
from spa.optics.profiles import Even

ROUNDS = 12


class Film(Even):
    """Sums over the particles of a micrograph, each weighted by the noise of its group, from shell `first` on."""

    def __init__(self, seen: Compared, group: np.ndarray, given: Calibration, band: Disc, first: int) -> None:
        scale = given.scale[band.shell].astype(np.float32)
        weight = (2 / given.noise[group][:, band.shell]).astype(np.float32) * (band.shell >= first)
        sine, cosine = seen.waves()
        cross = weight * scale * (seen.x[:, 0] * seen.cut[:, 0] + seen.x[:, 1] * seen.cut[:, 1])
        norm = weight * scale**2 * (seen.cut[:, 0] ** 2 + seen.cut[:, 1] ** 2)
        parts = cross * sine, cross * cosine, norm * sine**2, norm * sine * cosine, norm * cosine**2
        self.sine, self.cosine, self.ss, self.sc, self.cc = (one.sum(axis=0, dtype=np.float64) for one in parts)


@dataclass(frozen=True)
class Prior:
    """Standard deviations of the changes: astigmatism (angstroms, each component), phase shift (radians); 0: none."""

    astigmatism: float
    phase_shift: float


@dataclass(frozen=True, eq=False)
class Found:
    """Changes of a micrograph: astigmatism (2,) along 0 and 45 degrees in angstroms, phase shift in radians."""

    astigmatism: np.ndarray
    phase_shift: float

    def chi(self, wave: float, basis: np.ndarray) -> np.ndarray:
        """What they add to chi (K,), basis: `ctf.chi_basis`."""
        return np.pi * wave * (self.astigmatism @ basis[1:3]) + self.phase_shift * basis[4]


def fitted(film: Even, basis: np.ndarray, wave: float, prior: Prior) -> Found:
    """The posterior's mode, by Fisher scoring; defocus is free beside what is asked for, and left to the particles."""
    functions = [np.pi * wave * basis[0]]
    widths = [np.inf]
    if prior.astigmatism:
        functions += list(np.pi * wave * basis[1:3])
        widths += [prior.astigmatism] * 2
    if prior.phase_shift:
        functions.append(basis[4])
        widths.append(prior.phase_shift)
    rows, precision = np.stack(functions), 1 / np.array(widths) ** 2
    values = before = np.zeros(len(rows))
    height = -np.inf
    for _ in range(ROUNDS):
        phase = values @ rows
        now = float(film.value(phase).sum() - 0.5 * precision @ values**2)
        if now <= height:  # too far
            values = (values + before) / 2
            continue
        height, before = now, values
        slope = rows @ film.slope(phase) - precision * values
        form = (rows * film.curvature(phase)) @ rows.T + np.diag(precision)
        step = np.linalg.lstsq(form, slope, rcond=1e-10)[0]
        if slope @ step < 1e-3:
            break
        values = values + step
    found = before[1:]
    return Found(found[:2] if prior.astigmatism else np.zeros(2), float(found[-1]) if prior.phase_shift else 0.0)
