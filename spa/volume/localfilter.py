"""Maps filtered by their local resolution, and sharpened place by place.

Sharpening: each band of each place is brought to the amplitude that the whole map has there, flat beyond 10 A as a
protein's is (LocScale without a model: Jakobi, Wilmanns & Sachse, eLife 6 (2017) e27131), and weighted by its local FSC
(Rosenthal & Henderson, J. Mol. Biol. 333 (2003) 721), so that noise is not lifted.
"""

import numpy as np

from spa.image import fft
from spa.volume.bands import Bank, Map, blurred, sampled, stretched
from spa.volume.localfsc import Local
from spa.volume.shells import radii, raised_cosine, require_cube

STEP = 1.08  # from one filter's resolution to the next one's
EDGE = 0.08  # half width of a filter's edge, of its shell
SMOOTH = 1.5  # of the reach of windows and bands: how smooth gains are
FLAT_FROM = 10.0  # angstroms: beyond it the amplitudes of proteins are flat


def local_lowpass(volume: np.ndarray, pixel_size: float, field: np.ndarray, run: Map = map) -> np.ndarray:
    """The volume (n, n, n) low-passed at each voxel to the resolution of the field (n, n, n), angstroms."""
    n = require_cube(volume)
    low, high = float(field.min()), float(field.max())
    count = max(2, int(np.ceil(np.log(high / low) / np.log(STEP))) + 1)
    levels = np.geomspace(low, max(high, low * 1.0001), count)
    place = np.interp(np.log(field), np.log(levels), np.arange(count)).astype(np.float32)
    spectrum, shell = fft.rfft3(volume), radii(n)

    def one(number: int) -> np.ndarray:
        cut = n * pixel_size / levels[number]
        return fft.irfft3(spectrum * raised_cosine(shell, cut * (1 - EDGE), cut * (1 + EDGE)), n)

    out = np.zeros((n,) * 3, np.float32)
    for number, part in enumerate(run(one, range(count))):
        out += np.maximum(1 - np.abs(place - number), 0) * part
    return out


def locally_sharpened(
    volume: np.ndarray, local: Local, mask: np.ndarray, threshold: float, most: float = 5.0, run: Map = map
) -> tuple[np.ndarray, np.ndarray]:
    """The volume (n, n, n), the mean of both halves, sharpened; and the target (m,): amplitudes a band should have.

    most: gains beyond this multiple of the band's own mean gain are held there. Bands beyond the local resolution go.
    """
    banked = local.bank
    share = sampled(np.asarray(mask, np.float32), banked.grid)
    inside = share > 0.5
    smooth = blurred(local.power, banked, SMOOTH, run)  # gains that change within a wave would spoil the phases
    density = smooth * (local.scale / _volumes(banked))[:, None, None, None]  # power of a coefficient
    own = np.sqrt(np.maximum(density[:, inside].mean(1), 1e-30))
    target = _flat(own, banked)
    faintest = own[:, None, None, None] / (1 + (most - 1) * share)  # what is faint in the solvent stays so
    gain = target[:, None, None, None] / np.maximum(np.sqrt(density), faintest)
    correlation = smooth / (smooth + local.noise)
    trusted = np.logical_and.accumulate(
        correlation >= np.maximum(threshold, local.chance)[:, None, None, None], axis=0
    )
    gain *= np.sqrt(2 * correlation / (1 + correlation)) * trusted
    return _amplified(volume, banked, gain.astype(np.float32), run), target


def _volumes(banked: Bank) -> np.ndarray:
    """(m,) coefficients that a band lets through, by their power."""
    return 4 * np.pi * banked.shells**2 * np.sqrt(np.pi) * banked.spread


def _flat(own: np.ndarray, banked: Bank) -> np.ndarray:
    """Amplitudes as they are down to 10 A, and beyond as at 10 A."""
    fine = banked.resolutions < FLAT_FROM
    if not fine.any() or fine.all():
        return own
    return np.where(fine, own[~fine][-1], own)


def _amplified(volume: np.ndarray, banked: Bank, gain: np.ndarray, run: Map) -> np.ndarray:
    """Sum over bands of the volume's part times its gain (m, g, g, g); what is coarser than the first goes with it."""
    n = require_cube(volume)
    spectrum, shell = fft.rfft3(volume), radii(n)
    place = np.interp(shell, banked.shells, np.arange(len(gain))).astype(np.float32)
    place[shell > n / 2] = -9  # nothing beyond Nyquist's sphere

    def one(band: int) -> np.ndarray:
        part = fft.irfft3(spectrum * np.maximum(1 - np.abs(place - band), 0), n)
        return part * stretched(gain[band], n)

    out = np.zeros((n,) * 3, np.float32)
    for part in run(one, range(len(gain))):
        out += part
    return out
