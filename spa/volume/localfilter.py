"""Maps filtered by their local resolution, and sharpened place by place.

Sharpening: the whole map's amplitudes are made flat beyond 10 A as a protein's are; a place that fades faster or slower
is corrected by its B-factor's difference from the map's, as far as that is known (local B-factors: Kaur et al., Nat.
Commun. 12 (2021) 1240); how strong each place is, and what spectrum its fold has, remain. Each band of each place is
weighted by its local FSC as Wiener's filter does, so that noise is not lifted.
"""

import numpy as np

from spa.image import fft
from spa.volume.bands import EMPTY, Bank, Map, averaged, blurred, stretched, windows
from spa.volume.localfsc import Local
from spa.volume.shells import radial, raised_cosine, require_cube

STEP = 1.08  # from one filter's resolution to the next one's
EDGE = 0.08  # half width of a filter's edge, of its shell
SMOOTH = 1.5  # of the reach of windows and bands: how smooth gains are
FEWEST = 4  # bands that a line needs
DOMAIN = 12.0  # angstroms: B-factors change from domain to domain
FLAT_FROM = 10.0  # angstroms: beyond it the amplitudes of proteins are flat


def local_lowpass(volume: np.ndarray, pixel_size: float, field: np.ndarray, run: Map = map) -> np.ndarray:
    """The volume (n, n, n) low-passed at each voxel to the resolution of the field (n, n, n), angstroms."""
    n = require_cube(volume)
    low, high = float(field.min()), float(field.max())
    count = max(2, int(np.ceil(np.log(high / low) / np.log(STEP))) + 1)
    levels = np.geomspace(low, max(high, low * 1.0001), count)
    place = np.interp(np.log(field), np.log(levels), np.arange(count)).astype(np.float32)
    spectrum = fft.rfft3(volume)

    def one(number: int) -> np.ndarray:
        cut = n * pixel_size / levels[number]
        return fft.irfft3(radial(spectrum, lambda far: raised_cosine(far, cut * (1 - EDGE), cut * (1 + EDGE))), n)

    out = np.zeros((n,) * 3, np.float32)
    for number, part in enumerate(run(one, range(count))):
        out += np.maximum(1 - np.abs(place - number), 0) * part
    return out


def locally_sharpened(
    volume: np.ndarray, local: Local, threshold: float, most: float = 5.0, run: Map = map
) -> tuple[np.ndarray, np.ndarray]:
    """The volume (n, n, n), the mean of both halves, sharpened; and the target (m,): amplitudes a band should have.

    most: local gains beyond this multiple of the whole map's are held there.
    Bands whose local FSC is below the threshold fade.
    """
    banked = local.bank
    inside = local.mask > 0.5
    smooth = blurred(local.power, banked, SMOOTH, run)  # gains that change within a wave would spoil the phases
    density = smooth * (local.scale / _volumes(banked))[:, None, None, None]  # power of a coefficient
    own = np.sqrt(np.maximum(density[:, inside].mean(1), 1e-30))
    target = _flat(own, banked)
    there = smooth * _filled(local)  # windows that reach out of the mask have less of it
    correlation = there / (there + local.noise)
    kept = np.minimum(correlation / np.maximum(threshold, local.chance)[:, None, None, None], 1)
    fade = _excess(density / own[:, None, None, None] ** 2, correlation * (kept == 1), local)
    squared = (1 / banked.resolutions**2).astype(np.float32)[:, None, None, None]
    gain = np.clip(np.exp(fade * squared / 4), 1 / most, most) * (target / own)[:, None, None, None]
    gain *= 2 * correlation / (1 + correlation) * kept
    return _amplified(volume, banked, gain.astype(np.float32), run), target


def _filled(local: Local) -> np.ndarray:
    """(m, g, g, g) the part of each window that lies in the mask."""
    banked = local.bank
    return np.stack([averaged(local.mask, windows(banked.grid, banked, width)) for width in banked.window])


def _excess(ratio: np.ndarray, correlation: np.ndarray, local: Local) -> np.ndarray:
    """(g, g, g) by how much each place's B-factor (square angstroms) exceeds the map's.

    ratio (m, g, g, g): local power over that of the whole map. The line through its logarithm is drawn to the map's own
    as far as its error asks for, measured by the spread of all lines in the mask, and averaged over DOMAIN.
    """
    banked = local.bank
    squared = (1 / banked.resolutions**2).astype(np.float32)[:, None, None, None]
    weight = 2 * banked.samples[:, None, None, None].astype(np.float32) * correlation**2  # of half a power's logarithm
    logs = np.log(np.maximum(ratio, 1e-12)) / 2
    whole = np.maximum(weight.sum(0), 1e-9)
    away = squared - (weight * squared).sum(0) / whole
    known = np.maximum((weight * away**2).sum(0), 1e-12)
    fade = -4 * (weight * away * (logs - (weight * logs).sum(0) / whole)).sum(0) / known
    error = 16 / known * _bands_apart(banked)  # neighbouring bands share what they see
    inside = (local.mask > 0.5) & ((correlation > 0).sum(0) >= FEWEST)
    if not inside.any():
        return np.zeros_like(fade)
    typical = np.average(fade[inside], weights=1 / error[inside])
    spread = max(float(np.average((fade[inside] - typical) ** 2 - error[inside], weights=1 / error[inside])), 0.0)
    drawn = np.where(inside, (fade - typical) * spread / (spread + error), 0).astype(np.float32)
    line = windows(banked.grid, banked, DOMAIN)
    return averaged(drawn, line) / np.maximum(averaged(inside.astype(np.float32), line), EMPTY)


def _bands_apart(banked: Bank) -> float:
    """How many neighbouring bands see the same."""
    return float(np.median(banked.spread * np.sqrt(2 * np.pi) / np.gradient(banked.shells)))


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
    spectrum = fft.rfft3(volume)

    def share(far: np.ndarray, band: int) -> np.ndarray:
        place = np.interp(far, banked.shells, np.arange(len(gain)))
        return np.where(far > n / 2, 0, np.maximum(1 - np.abs(place - band), 0))  # nothing beyond Nyquist's sphere

    def one(band: int) -> np.ndarray:
        return fft.irfft3(radial(spectrum, lambda far: share(far, band)), n) * stretched(gain[band], n)

    out = np.zeros((n,) * 3, np.float32)
    for part in run(one, range(len(gain))):
        out += part
    return out
