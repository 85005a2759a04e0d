"""Local resolution: where the correlation of two half maps in bands and windows falls below a threshold.

Windows leave out what lies outside of the mask. As the curve falls, the fall is where the best falling curve passes
the threshold (isotonic regression: Ayer et al., Ann. Math. Stat. 26 (1955) 641), so that a dip of a noisy curve ends
nothing. What is measured in a band and a window also comes from beside them, and the well resolved parts of a map would
lend their resolution to their neighbours: that is taken off again (spa.volume.reach), and as it changes slowly from
place to place, the change that this makes is smoothed, over places with a signal of their own (of solvent that the mask
holds nearly all is taken off, which says nothing of the particle beside it). What half maps of random phases reach does
not count (the noise substitution of Chen et al., Ultramicroscopy 135 (2013) 24). Where a curve falls slowly its fall is
poorly known, and is averaged as widely as it changes by no more than that (spa.volume.pooled).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from spa.errors import DataError
from spa.image import fft
from spa.volume.bands import EMPTY, Bank, Map, averaged, bank, powers, sampled, stretched, windows
from spa.volume.fsc import randomise_phases
from spa.volume.pooled import pooled, without_patches
from spa.volume.reach import ROUNDS, Reach, without_reach
from spa.volume.shells import require_cube

LEAST = 1e-6  # of the mean noise: less is a map that was masked
COARSE = 32  # points a side on which the reach is taken off, at most
SMOOTH = 12.0  # angstroms, of the change that taking off the reach makes
OWN = 0.3, 0.6  # share of what is seen that is a place's own: solvent beside a particle has less, a particle more
SMOOTHER = 12  # rounds: noise has no edges
EVERY = 4  # bands: what random phases reach is the same in all but size
AROUND = 4  # bands on either side of the fall from which its steepness is taken
EVEN = 2.0  # wavelengths over which steepness is averaged
TOGETHER = 0.7  # error of a fall, of that at a single band: the bands beside it tell of it, too
VAGUE = 4  # a fall's error is less than this part of all bands


@dataclass(frozen=True, eq=False)
class Local:
    """What bands and windows tell of two half maps.

    correlation (m, g, g, g): the local FSC as seen; sharp (2, m, c, c, c): on fewer points, as seen and without the
    reach of bands and windows; own (c, c, c): the share of the signal seen there that is of there, up to 1;
    power (m, g, g, g): of the signal as seen, and noise (m, g, g, g) of a half map, in units of the mean noise in
    the mask, scale (m,); chance (m,): what random phases reach on average; mask (g, g, g).
    """

    bank: Bank
    correlation: np.ndarray
    sharp: np.ndarray
    own: np.ndarray
    power: np.ndarray
    noise: np.ndarray
    scale: np.ndarray
    chance: np.ndarray
    mask: np.ndarray


def local_fsc(
    half1: np.ndarray, half2: np.ndarray, pixel_size: float, mask: np.ndarray, rng: np.random.Generator,
    coarsest: float, finest: float = 0.0, run: Map = map,
) -> Local:  # fmt: skip
    """The local FSC of two half maps (n, n, n) between resolutions (angstroms); mask: where there is something."""
    n = require_cube(half1)
    if half1.shape != half2.shape or half1.shape != mask.shape:
        raise DataError("the boxes of the half maps and the mask differ")
    mask = np.clip(np.asarray(mask, np.float32), 0, 1)
    banked = bank(n, pixel_size, coarsest, finest)
    share = sampled(mask, banked.grid)
    inside = share > 0.5
    if not inside.any():
        raise DataError("the mask is empty")
    spectra = list(run(fft.rfft3, (half1, half2)))
    seen = powers(spectra[0], spectra[1], banked, mask, run)
    noise = seen[:, 1] - seen[:, 0]
    scale = np.maximum(noise[:, inside].mean(1), 1e-30).astype(np.float32)
    noise = np.maximum(noise / scale[:, None, None, None], LEAST)
    common = seen[:, 0] / scale[:, None, None, None]
    power = np.maximum(common, 0)
    sharp, own = _sharp(common, noise, scale, banked, mask, run)
    chance = _chance([randomise_phases(one, 1, rng) for one in spectra], banked, inside, run, mask)
    return Local(banked, common / (power + noise), sharp, own, power, noise, scale, chance, share)


def _sharp(
    common: np.ndarray, noise: np.ndarray, scale: np.ndarray, banked: Bank, mask: np.ndarray, run: Map
) -> tuple[np.ndarray, np.ndarray]:
    """On fewer points: (2, m, c, c, c) the local FSC as it is seen, and without the reach of bands and windows; and
    (c, c, c) how much of what is seen is the place's own."""
    few = replace(banked, grid=min(COARSE, banked.grid))
    common, noise = (np.stack([sampled(one, few.grid) for one in field]) for field in (common, noise))
    power, samples = np.maximum(common, 0), few.samples[:, None, None, None].astype(np.float32)
    reach = Reach(few, sampled(mask, few.grid))
    error = np.sqrt((noise**2 + 2 * power * noise) / samples)
    signal, grain = run(without_reach, (power, noise), (reach, reach), (error, None), (ROUNDS, SMOOTHER))
    return np.stack([common / (power + noise), signal / (signal + grain)]), _own(signal, power, error, scale)


def _own(signal: np.ndarray, power: np.ndarray, error: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(c, c, c) how much of the power surely seen (m, c, c, c; error: its own) in all bands (scale: their noise) is
    signal of the place itself, up to 1, and 1 where nothing is."""
    own, seen = (np.tensordot(scale, np.maximum(one - 2 * error, 0), 1) for one in (signal, power))
    return np.where(seen > 0, np.minimum(own, seen) / np.maximum(seen, 1e-30), 1)


def _chance(spectra: list[np.ndarray], banked: Bank, inside: np.ndarray, run: Map, mask: np.ndarray) -> np.ndarray:
    """(m,) the correlation of half maps with random phases, on average."""
    common, whole = powers(spectra[0], spectra[1], banked, mask, run, EVERY)[:, :, inside].mean(2).T
    bands = np.arange(len(banked.resolutions))
    return np.interp(bands, bands[::EVERY], np.maximum(common / np.maximum(whole, 1e-30), 0))


def resolved(local: Local, threshold: float) -> np.ndarray:
    """(g, g, g) how many bands are resolved, a fraction of one among them: 0 to m - 1; 0 outside of the mask."""
    level = (local.chance + threshold * (1 - local.chance))[:, None, None, None]
    banked, few = local.bank, local.sharp.shape[-1]
    change = fall(local.sharp[1] - level) - fall(local.sharp[0] - level)
    inside = (sampled(local.mask, few) > 0.5).astype(np.float32)
    solid = np.clip((local.own - OWN[0]) / (OWN[1] - OWN[0]), 0, 1)
    change = _within(change, inside * solid, windows(few, replace(banked, grid=few), SMOOTH))
    above = local.correlation - level
    seen = fall(above)
    found = np.clip(seen + sampled(change, banked.grid), 0, len(level) - 1)
    waves = np.interp(found, np.arange(len(level)), banked.resolutions).astype(np.float32)
    inside = (local.mask > 0.5).astype(np.float32)
    line = windows(banked.grid, banked, EVEN * float(np.median(waves[inside > 0])))
    steepness = np.maximum(_within(np.maximum(_steepness(above, seen), 0), inside, line), 1e-4)
    samples = np.interp(waves, banked.resolutions[::-1], banked.samples[::-1])
    error = np.minimum(TOGETHER / np.sqrt(samples) / steepness, len(level) / VAGUE).astype(np.float32)
    spacing = banked.width / banked.grid
    reach = max(1, round(float(np.median(waves[inside > 0])) / spacing))
    calm = without_patches(found, error, reach)
    smooth = without_patches(pooled(calm, error, waves, inside, spacing), error / 2, reach)  # and what it left of them
    near = ndimage.maximum_filter(local.mask, 3, mode="wrap") > EMPTY
    return np.clip(np.where(near, smooth, 0), 0, len(level) - 1)


def _within(field: np.ndarray, inside: np.ndarray, line: np.ndarray) -> np.ndarray:
    """A field (g, g, g) averaged in windows over what lies inside."""
    return averaged(field * inside, line) / np.maximum(averaged(inside, line), EMPTY)


def _steepness(curves: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(...) by how much curves (m, ...) fall from one band to the next, about a place among them."""
    total = np.concatenate([np.zeros((1, *place.shape), curves.dtype), np.cumsum(curves, 0)])
    around = min(AROUND, len(curves) // 2)
    middle = np.clip(np.rint(place).astype(int), around, len(curves) - around)
    before, at, after = (np.take_along_axis(total, (middle + one)[None], 0)[0] for one in (-around, 0, around))
    return ((2 * at - before - after) / around**2).astype(np.float32)


def fall(above: np.ndarray) -> np.ndarray:
    """(...) where the best falling curve through curves (m, ...) passes 0, linear between two of their points."""
    total = np.cumsum(above, 0)
    count = np.where(total.max(0) > 0, total.argmax(0) + 1, 0)
    at = np.clip(count, 1, len(above) - 1)
    here, there = (np.take_along_axis(above, one[None], 0)[0] for one in (at - 1, at))
    part = np.clip(here / np.maximum(here - there, 1e-9), 0, 1)
    found = np.where(count == 0, 0, np.where(count == len(above), len(above) - 1, at - 1 + part))
    return found.astype(np.float32)


def resolution_map(local: Local, threshold: float) -> np.ndarray:
    """(n, n, n) float32 angstroms: where the local FSC falls below the threshold.

    The bank's coarsest resolution where it is never above and outside of the mask, its finest where it is always.
    """
    frequency = 1 / local.bank.resolutions
    field = np.interp(resolved(local, threshold), np.arange(len(frequency)), frequency)
    return np.float32(1) / stretched(field.astype(np.float32), local.bank.n)
