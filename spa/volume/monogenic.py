"""Local resolution of a single map: the finest band whose amplitude stands out of the solvent's noise.

Source: Vilas et al., Structure 26 (2018) 337 (MonoRes). The amplitude is the monogenic signal's: of the band-passed map
and its three Riesz transforms, so that it does not depend on where in its wave a voxel lies.
"""

import numpy as np

from spa.errors import DataError
from spa.image import fft
from spa.volume.bands import Bank, Map, averaged, bank, let_through, passed, sampled, stretched, windows
from spa.volume.shells import require_cube

FEWEST = 200  # grid points of solvent that a quantile needs
FLAT = 1e-3  # of the map's deviation: less is a solvent that was flattened


def amplitude(spectrum: np.ndarray, banked: Bank, band: int) -> np.ndarray:
    """The monogenic amplitude of a band of a half spectrum: (size, size, size)."""
    n = len(spectrum)
    k = np.fft.fftfreq(n, 1 / n).astype(np.float32)
    kx = np.arange(n // 2 + 1, dtype=np.float32)
    length = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + kx**2)
    length[0, 0, 0] = 1
    weight = let_through(banked, band)
    square = passed(spectrum, weight) ** 2
    for part in (k[:, None, None], k[None, :, None], kx):
        square += passed(spectrum * (-1j * part / length), weight) ** 2
    return np.sqrt(square)


def single_map(
    volume: np.ndarray, pixel_size: float, mask: np.ndarray, coarsest: float, finest: float = 0.0,
    significance: float = 0.95, run: Map = map,
) -> np.ndarray:  # fmt: skip
    """(n, n, n) float32 angstroms: the finest band before amplitudes first fall within the solvent's noise.

    significance: quantile of the noise's amplitudes, outside of the mask and inside of the box's sphere.
    DataError where the solvent is flat or there is none.
    """
    n = require_cube(volume)
    banked = bank(n, pixel_size, coarsest, finest)
    line = (np.arange(banked.grid) / banked.grid - 0.5) ** 2
    sphere = line[:, None, None] + line[:, None] + line < 0.47**2
    outside = (sampled(np.asarray(mask, np.float32), banked.grid) < 0.01) & sphere
    solvent = volume[np.asarray(mask) < 0.01]
    if outside.sum() < FEWEST or solvent.size == 0 or solvent.std() < FLAT * volume.std():
        raise DataError("no noise around the particle: the solvent is flat, or the mask leaves none (give half maps)")
    spectrum = fft.rfft3(volume)

    def one(band: int) -> np.ndarray:
        found = amplitude(spectrum, banked, band)
        return averaged(found, windows(len(found), banked, banked.window[band] / 2))

    seen = np.stack(list(run(one, range(len(banked.resolutions)))))
    noise = np.quantile(seen[:, outside], significance, axis=1)
    curves = (seen / noise[:, None, None, None] - 1).reshape(len(seen), -1)
    frequency = first_crossing(1 / banked.resolutions, curves).reshape(outside.shape)
    return np.float32(1) / stretched(frequency.astype(np.float32), n)


def first_crossing(frequency: np.ndarray, above: np.ndarray) -> np.ndarray:
    """(p,) the frequency where curves (m, p) over frequencies (m,) first fall below 0, linear between two of them."""
    below = above < 0
    first = np.where(below.any(0), below.argmax(0), len(above))
    at = np.clip(first, 1, len(above) - 1)
    here, there = (np.take_along_axis(above, one[None], 0)[0] for one in (at - 1, at))
    part = np.clip(here / np.maximum(here - there, 1e-9), 0, 1)
    found = frequency[at - 1] + part * (frequency[at] - frequency[at - 1])
    return np.where(first == 0, frequency[0], np.where(first == len(above), frequency[-1], found))
