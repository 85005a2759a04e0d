"""Local resolution: where the correlation of two half maps in bands and windows falls below a threshold.

What is measured in a band and a window also comes from beside them, and the well resolved parts of a map would lend
their resolution to their neighbours. How far bands and windows reach is known, so that smear is undone: the power of
the signal, a density over place and frequency, is that which would be seen as it is (Richardson, J. Opt. Soc. Am. 62
(1972) 55; Lucy, Astron. J. 79 (1974) 745). Half maps of random phases go the same way: what they reach by chance does
not count (the noise substitution of Chen et al., Ultramicroscopy 135 (2013) 24).
"""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.image import fft
from spa.volume.bands import Bank, Map, bank, blurred, powers, sampled, stretched
from spa.volume.fsc import randomise_phases
from spa.volume.shells import require_cube

ROUNDS = 30  # of Richardson and Lucy
LEFT = 0.35  # of the smear that is kept: less would be noise
CHANCE = 0.95  # quantile of the correlation of random phases that counts as chance
LEAST = 1e-6  # of the mean noise: less is a map that was masked


@dataclass(frozen=True, eq=False)
class Local:
    """What bands and windows tell of two half maps.

    correlation (m, g, g, g): the local FSC; power (m, g, g, g): of the signal, and noise (m, g, g, g) of a half map,
    in units of the mean noise in the mask, scale (m,); chance (m,): what random phases reach.
    """

    bank: Bank
    correlation: np.ndarray
    power: np.ndarray
    noise: np.ndarray
    scale: np.ndarray
    chance: np.ndarray


def local_fsc(
    half1: np.ndarray, half2: np.ndarray, pixel_size: float, mask: np.ndarray, rng: np.random.Generator,
    coarsest: float, finest: float = 0.0, run: Map = map,
) -> Local:  # fmt: skip
    """The local FSC of two half maps (n, n, n) between resolutions (angstroms); mask: where there is something."""
    n = require_cube(half1)
    if half1.shape != half2.shape or half1.shape != mask.shape:
        raise DataError("the boxes of the half maps and the mask differ")
    banked = bank(n, pixel_size, coarsest, finest)
    inside = sampled(np.asarray(mask, np.float32), banked.grid) > 0.5
    if not inside.any():
        raise DataError("the mask is empty")
    spectra = [fft.rfft3(half) for half in (half1, half2)]
    seen = powers(spectra[0], spectra[1], banked, run)
    noise = (seen[:, 1] + seen[:, 2]) / 2 - seen[:, 0]
    scale = np.maximum(noise[:, inside].mean(1), 1e-30).astype(np.float32)
    noise = np.maximum(noise / scale[:, None, None, None], LEAST)
    power = unsmeared(np.maximum(seen[:, 0], 0) / scale[:, None, None, None], banked, run)
    chance = _chance([randomise_phases(one, 1, rng) for one in spectra], banked, inside, run)
    return Local(banked, power / (power + noise), power, noise, scale, chance)


def unsmeared(power: np.ndarray, banked: Bank, run: Map = map) -> np.ndarray:
    """A density (m, g, g, g) that bands and windows would smear into what was measured, as sharp as noise allows."""
    overlap = banked.overlap().astype(np.float32)
    reached = overlap.sum(0)[:, None, None, None]
    tiny = np.float32(1e-12)
    found = np.maximum(power, tiny)
    for _ in range(ROUNDS):
        smeared = np.tensordot(overlap, blurred(found, banked, 1.0, run), 1)
        ratio = np.tensordot(overlap.T, power / np.maximum(smeared, tiny), 1)
        found = found * blurred(ratio, banked, 1.0, run) / reached
    left = banked.overlap(LEFT).astype(np.float32)
    return np.tensordot(left, blurred(found, banked, LEFT, run), 1)


def _chance(spectra: list[np.ndarray], banked: Bank, inside: np.ndarray, run: Map) -> np.ndarray:
    """(m,) what the correlation of half maps with random phases reaches in one of twenty places."""
    seen = powers(spectra[0], spectra[1], banked, run)[:, :, inside]
    found = seen[:, 0] / np.sqrt(np.maximum(seen[:, 1] * seen[:, 2], 1e-30))
    return np.quantile(found, CHANCE, axis=1)


def resolution_map(local: Local, threshold: float) -> np.ndarray:
    """(n, n, n) float32 angstroms: where the local FSC first falls below the threshold, or below chance.

    The bank's coarsest resolution where it is never above, its finest where it is always.
    """
    level = np.maximum(threshold, local.chance)[:, None]
    curves = local.correlation.reshape(len(local.correlation), -1)
    frequency = first_crossing(1 / local.bank.resolutions, curves - level)
    field = frequency.reshape(local.correlation.shape[1:]).astype(np.float32)
    return np.float32(1) / stretched(field, local.bank.n)


def first_crossing(frequency: np.ndarray, above: np.ndarray) -> np.ndarray:
    """(p,) the frequency where curves (m, p) over frequencies (m,) first fall below 0, linear between two of them."""
    below = above < 0
    first = np.where(below.any(0), below.argmax(0), len(above))
    at = np.clip(first, 1, len(above) - 1)
    here, there = (np.take_along_axis(above, one[None], 0)[0] for one in (at - 1, at))
    part = np.clip(here / np.maximum(here - there, 1e-9), 0, 1)
    found = frequency[at - 1] + part * (frequency[at] - frequency[at - 1])
    return np.where(first == 0, frequency[0], np.where(first == len(above), frequency[-1], found))
