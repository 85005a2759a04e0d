"""How likely each defocus is, for each particle, from one look at it; and what all particles together say of that.

A change of defocus adds pi lambda k^2 delta to chi, which is a function of the radius: sums over rings of k^2, of
CTF times image times slice and of CTF^2 |slice|^2 with sine and cosine of chi, give the likelihood of every delta.
How far defocus varies is learnt from all particles (empirical Bayes), and each gets its posterior's mean. What was
changed before counts as a part of the change, so that looking twice is not to believe the prior twice.
Sources: Zivanov et al., eLife 7 (2018) e42166; Robbins (empirical Bayes), Proc. 3rd Berkeley Symp. 1 (1956) 157.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from spa.compiled import kernel
from spa.image.ctf import wavelength
from spa.image.disc import Disc
from spa.optics.calibrate import Calibration
from spa.optics.compared import Compared

RING = 0.1  # radians of chi between neighbouring rings at the largest change
STEP = 0.35  # radians of chi at the largest radius between neighbouring changes
FINER = 6  # the posterior's grid within the likelihood's
ROUNDS = 60
SETTLED = 1e-3


@dataclass(frozen=True, eq=False)
class Rings:
    """starts (rings,) of the rings in a band sorted by radius; square (rings,): k^2 in 1/square angstrom."""

    starts: np.ndarray
    square: np.ndarray


def rings(band: Disc, pixel_size: float, wave: float, reach: float) -> Rings:
    """Rings fine enough for changes of up to `reach` angstroms at an electron wavelength."""
    square = (band.kx.astype(float) ** 2 + band.ky.astype(float) ** 2) / (band.box * pixel_size) ** 2
    width = RING / (np.pi * wave * max(reach, 1.0))
    number = np.floor(square / width)
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    counts = np.diff(np.append(starts, len(square)))
    return Rings(starts, np.add.reduceat(square, starts) / counts)


def changes(band: Disc, pixel_size: float, wave: float, reach: float) -> np.ndarray:
    """Changes of defocus (angstroms), from -reach to reach, 0 among them."""
    most = (band.radius / (band.box * pixel_size)) ** 2
    count = max(int(np.ceil(reach * np.pi * wave * most / STEP)), 4)
    return reach * np.arange(-count, count + 1) / count


def likelihoods(
    seen: Compared, group: np.ndarray, given: Calibration, band: Disc, pixel_size: float, voltage: float,
    first: int, grid: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(n, changes) log-likelihood of changes of defocus (angstroms), from shell `first` on; images of one voltage."""
    wave = float(wavelength(voltage))
    where = rings(band, pixel_size, wave, float(np.abs(grid).max()))
    used, which = np.unique(group, return_inverse=True)
    weight = given.scale * 2 / given.noise[used] * (np.arange(band.radius + 1) >= first)
    factors = np.stack([weight, 0.25 * weight * given.scale], axis=1).astype(np.float32).take(band.shell, axis=2)
    summed = np.zeros((4, len(group), len(where.starts)))
    _add(seen.x, seen.cut, *seen.waves(), factors, which, np.append(where.starts, len(band)), summed)
    phase = np.pi * wave * where.square[:, None] * grid
    waves = np.cos(phase), np.sin(phase), np.cos(2 * phase), np.sin(2 * phase)
    return np.sum([one @ wave for one, wave in zip(summed, waves)], axis=0)


@kernel(
    "void(f4[:,:,::1], f4[:,:,::1], f4[:,::1], f4[:,::1], f4[:,:,::1], i8[::1], i8[::1], f8[:,:,::1])", fastmath=True,
)  # fmt: skip
def _add(x, cut, sine, cosine, factors, which, edges, out):
    for i in range(x.shape[0]):
        factor = factors[which[i]]
        for ring in range(len(edges) - 1):
            along, across, square, product = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for j in range(edges[ring], edges[ring + 1]):
                s, c, p, q = sine[i, j], cosine[i, j], cut[i, 0, j], cut[i, 1, j]
                cross, norm = factor[0, j] * (x[i, 0, j] * p + x[i, 1, j] * q), factor[1, j] * (p * p + q * q)
                along += cross * s
                across += cross * c
                square += norm * (c * c - s * s)
                product -= np.float32(2) * norm * s * c
            out[0, i, ring], out[1, i, ring], out[2, i, ring], out[3, i, ring] = along, across, square, product


@dataclass(frozen=True, eq=False)
class Spread:
    """particle: standard deviation (angstroms) of changes about their micrograph's; micrograph: of those about 0."""

    particle: float
    micrograph: float


@dataclass(frozen=True, eq=False)
class Changes:
    """mean (n,) of each particle's posterior and its deviation (n,), angstroms, with what was changed before; how far
    they spread."""

    mean: np.ndarray
    deviation: np.ndarray
    spread: Spread


def posterior(
    scores: np.ndarray, grid: np.ndarray, film: np.ndarray, spread: Spread | None, particles: bool = True,
    before: np.ndarray | None = None,
) -> Changes:  # fmt: skip
    """From log-likelihoods (n, changes) and the micrograph (n,) of each particle, numbered from 0.

    spread: how far changes go, learnt where it is None. particles: each its own, or one for a micrograph. before (n,):
    how far each was changed already, angstroms.
    """
    before = np.zeros(len(scores)) if before is None else before
    if not particles:
        return _of_films(scores, grid, film, spread, before)
    widths = spread or Spread(float(grid[-1]) / 4, float(grid[-1]) / 4)
    centre = np.zeros(int(film.max()) + 1)
    counts = np.bincount(film).astype(float)
    for _ in range(ROUNDS):
        mean, deviation = _moments(scores, grid, before, centre[film], widths.particle)
        sums = np.bincount(film, mean)
        share = widths.micrograph**2 / (widths.micrograph**2 * counts + widths.particle**2)
        centre = share * sums
        if spread is not None:
            widths_now = widths
        else:
            rest = widths.micrograph**2 * widths.particle**2 / (widths.micrograph**2 * counts + widths.particle**2)
            widths_now = Spread(
                max(float(np.sqrt(((mean - centre[film]) ** 2 + deviation**2).mean())), 1.0),
                max(float(np.sqrt((centre**2 + rest).mean())), 1.0) if len(counts) > 1 else 1.0,
            )
        ratios = widths_now.particle / widths.particle, widths_now.micrograph / widths.micrograph
        moved = float(np.abs(np.log(ratios)).sum())
        widths = widths_now
        if moved < SETTLED and spread is None:
            break
    mean, deviation = _moments(*_finer(scores, grid), before, centre[film], widths.particle)
    return Changes(mean, deviation, widths)


def _of_films(
    scores: np.ndarray, grid: np.ndarray, film: np.ndarray, spread: Spread | None, before: np.ndarray
) -> Changes:
    """One change for all particles of a micrograph."""
    summed = np.zeros((int(film.max()) + 1, len(grid)))
    np.add.at(summed, film, scores)
    alone = np.arange(len(summed))
    given = None if spread is None else Spread(spread.micrograph, 1e-3)
    earlier = np.bincount(film, before) / np.maximum(np.bincount(film), 1)
    found = posterior(summed, grid, np.zeros_like(alone), given, before=earlier)
    return Changes(found.mean[film], found.deviation[film], Spread(0.0, found.spread.particle))


def _moments(
    scores: np.ndarray, grid: np.ndarray, before: np.ndarray, centre: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (n,) of before (n,) and a change together, under a Gaussian prior about centre (n,)."""
    log = scores - (grid + (before - centre)[:, None]) ** 2 / (2 * width**2)
    share = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    mean = share @ grid
    return before + mean, np.sqrt(np.maximum(share @ grid**2 - mean**2, 0) + (grid[1] - grid[0]) ** 2 / 12)


def _finer(scores: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    fine = np.linspace(grid[0], grid[-1], FINER * (len(grid) - 1) + 1)
    return CubicSpline(grid, scores, axis=1)(fine), fine
