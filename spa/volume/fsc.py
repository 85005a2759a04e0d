"""Fourier shell correlation: the one routine for every job, and its correction for the mask.

Sources: Harauz & van Heel, Optik 73 (1986) 146; Chen et al., Ultramicroscopy 135 (2013) 24 (phase randomisation);
Rosenthal & Henderson, J. Mol. Biol. 333 (2003) 721 (the 0.143 criterion).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spa.errors import DataError
from spa.image import fft
from spa.volume.shells import require_cube, shell_counts, shell_products, shell_products_low

MARGIN = 2  # shells beyond the randomisation where the correction starts
SHARE = 0.1  # of the box: a particle's, where no mask says it
SURE = 2.0  # standard deviations by which shells that end a curve tell the threshold from nothing
SEEN = 2.5  # the same of the signal that the first of them have: several lengths are tried


Map = Callable[..., Iterable]


def fsc(a: np.ndarray, b: np.ndarray, *, run: Map = map, last: int | None = None) -> np.ndarray:
    """Correlation of two real volumes (n, n, n) in each shell 0 ... n//2: (n//2+1,) float64; 0 where one is empty.

    run: what may work on several things at once; last: the shell that ends it, beyond which it is 0.
    """
    n = require_cube(a)
    if a.shape != b.shape:
        raise DataError(f"the maps' boxes differ: {n} and {b.shape[0]} pixels")
    if last is None or 2 * last + 1 >= n:
        curve = fsc_spectra(*run(fft.rfft3, (a, b)), run=run)
        return curve if last is None else np.where(np.arange(len(curve)) <= last, curve, 0.0)
    a_low, b_low = run(lambda one: fft.rfft3_low(one, last), (a, b))
    found = run(shell_products_low, (a_low, a_low, b_low), (b_low, a_low, b_low))
    return np.concatenate([_correlation(*found), np.zeros(n // 2 - last)])


def fsc_spectra(a_rft: np.ndarray, b_rft: np.ndarray, *, run: Map = map) -> np.ndarray:
    """The same from half spectra (n, n, n//2+1)."""
    return _correlation(*run(shell_products, (a_rft, a_rft, b_rft), (b_rft, a_rft, b_rft)))


def _correlation(cross: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    power = one * other
    return np.divide(cross, np.sqrt(power), out=np.zeros_like(cross), where=power > 0)


def crossing(curve: np.ndarray, threshold: float, free: np.ndarray | None = None) -> int:
    """The last shell (at least 1) above threshold before the curve falls below it for good.

    A hollow particle has single shells without signal, and a shell of few coefficients falls by chance. So a fall
    counts where the shells from it on are below threshold together: two, or as many as it takes until their
    independent coefficients (``free``, as `independent` counts them; of a particle without symmetry where it is not
    given) tell threshold from nothing by two standard deviations. Where coefficients are few these reach far beyond the
    end of a coarse curve, and hold mostly noise: a dip before that (crowded views, few of them) is no fall either where
    the first of the shells are above threshold together, and what they have in common stands out of chance.
    """
    free = independent(2 * (len(curve) - 1)) if free is None else free
    seen, sums = (np.concatenate([[0.0], np.cumsum(one)]) for one in (free, free * curve))
    enough = (SURE / threshold) ** 2
    for shell in np.flatnonzero(curve[1:] < threshold) + 1:
        end = min(max(shell + 2, int(np.searchsorted(seen, seen[shell] + enough))), len(curve))
        among, common = (one[min(shell + 2, end) : end + 1] - one[shell] for one in (seen, sums))
        least = np.maximum(threshold * among, SEEN * np.sqrt(among))
        least[-1] = threshold * among[-1]
        if (common < least).all():
            above = np.flatnonzero(curve[1:shell] >= threshold)
            return int(above[-1]) + 1 if len(above) else 1
    return len(curve) - 1


def independent(n: int, share: float = SHARE, symmetry: int = 1) -> np.ndarray:
    """(n//2+1,) independent coefficients of each shell, Friedel mates counted once, of maps of n pixels.

    share: of the box, what the mask lets independent; symmetry: the group's order, by which there are fewer (Penczek,
    Methods Enzymol. 482 (2010) 73).
    """
    return _counts(n) / 2 * share / symmetry


@lru_cache(maxsize=8)
def _counts(n: int) -> np.ndarray:
    return shell_counts(n)


def independent_under(mask: np.ndarray, symmetry: int = 1) -> np.ndarray:
    """The same under a soft mask (n, n, n)."""
    squares = np.asarray(mask, np.float64) ** 2
    return independent(len(mask), squares.sum() ** 2 / max((squares**2).sum(), 1e-30) / mask.size, symmetry)


def resolution_at(
    curve: np.ndarray, threshold: float, box: int, pixel_size: float, free: np.ndarray | None = None
) -> float:
    """Resolution (angstroms) of the last shell before the curve falls below threshold, as `crossing` finds it."""
    return box * pixel_size / crossing(curve, threshold, free)


def randomise_phases(volume_rft: np.ndarray, shell: int, rng: np.random.Generator) -> np.ndarray:
    """The half spectrum with random phases from this radius (Fourier pixels) on; amplitudes and reality are kept."""
    n = volume_rft.shape[0]
    own = {column: _odd_angles(n, rng) for column in ((0,) if n % 2 else (0, n // 2))}
    k, kx = np.fft.fftfreq(n, 1 / n).astype(np.float32), np.arange(n // 2 + 1, dtype=np.float32)
    out = volume_rft.copy()
    for z in range(n):
        beyond = np.sqrt(k[z] ** 2 + k[:, None] ** 2 + kx**2) >= shell
        angle = rng.random(out.shape[1:], np.float32) * np.float32(2 * np.pi)
        for column, angles in own.items():
            angle[:, column] = angles[z]
        size = np.abs(volume_rft[z])
        np.copyto(out[z].real, size * np.cos(angle), where=beyond)
        np.copyto(out[z].imag, size * np.sin(angle), where=beyond)
    return out


def _odd_angles(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, n) random angles of a plane that holds both k and -k: at -k the negative, and where they are one 0 or pi."""
    angle = rng.random((n, n), np.float32) * np.float32(2 * np.pi)
    place = np.arange(n * n).reshape(n, n)
    mirror = np.roll(place[::-1, ::-1], (1, 1), (0, 1))
    alone = np.where(angle < np.pi, np.float32(0), np.float32(np.pi))
    return np.where(place < mirror, angle, np.where(place > mirror, -angle.ravel()[mirror], alone))


def corrected(masked: np.ndarray, randomised: np.ndarray, shell: int) -> np.ndarray:
    """(F_t - F_n) / (1 - F_n) from two shells beyond the randomisation; 0 where the noise correlates more."""
    true = np.array(masked, np.float64)
    beyond = np.arange(len(true)) >= shell + MARGIN
    share = (masked - randomised) / np.maximum(1 - randomised, 1e-9)
    true[beyond] = np.where(randomised > masked, 0.0, share)[beyond]
    return true


def band(curve: np.ndarray, free: np.ndarray, sigmas: float = 1.96) -> np.ndarray:
    """(2, n//2+1) where a curve of shells with so many independent coefficients may lie by chance, by Fisher's z.

    Shells with next to none may lie anywhere.
    """
    spread = np.where(free > 4, sigmas / np.sqrt(np.maximum(free - 3, 1)), 5.0)
    z = np.arctanh(np.clip(curve, -0.9999, 0.9999))
    return np.tanh(np.stack([z - spread, z + spread]))


@dataclass(frozen=True)
class Curves:
    """FSC curves (n//2+1,) of one pair of half maps; randomised_from is the first shell with random phases."""

    unmasked: np.ndarray
    spherical: np.ndarray
    masked: np.ndarray
    randomised: np.ndarray
    corrected: np.ndarray
    randomised_from: int


def randomisation_shell(unmasked: np.ndarray, level: float) -> int:
    """First shell (from 1) where the unmasked FSC is below level; the last shell when there is none."""
    below = np.flatnonzero(unmasked[1:] < level)
    return int(below[0]) + 1 if len(below) else len(unmasked) - 1


def masked_curves(
    half1: np.ndarray, half2: np.ndarray, mask: np.ndarray, sphere: np.ndarray,
    rngs: Sequence[np.random.Generator], level: float = 0.8, shell: int | None = None, run: Map = map,
) -> Curves:  # fmt: skip
    """FSC without, with a spherical, and with a given soft mask (n, n, n), and corrected for the latter.

    Phases are randomised from ``shell``, or else where the unmasked FSC falls below ``level``; each generator of
    ``rngs`` draws once and the curves of random phases are averaged. DataError when boxes differ.
    """
    for name, other in (("second half map", half2), ("mask", mask)):
        if other.shape != half1.shape:
            raise DataError(f"{name}: box {other.shape[0]} pixels, the first half map has {half1.shape[0]}")
    n = require_cube(half1)
    spectra = list(run(fft.rfft3, (half1, half2)))
    unmasked = fsc_spectra(*spectra, run=run)
    masked = fsc(half1 * mask, half2 * mask, run=run)
    start = randomisation_shell(unmasked, level) if shell is None else shell
    randomised = np.mean([_masked_random(spectra, mask, start, rng, n, run) for rng in rngs], 0)
    spherical = fsc(half1 * sphere, half2 * sphere, run=run)
    return Curves(unmasked, spherical, masked, randomised, corrected(masked, randomised, start), start)


def _masked_random(
    spectra: Sequence[np.ndarray], mask: np.ndarray, shell: int, rng: np.random.Generator, n: int, run: Map
) -> np.ndarray:
    randomised = [randomise_phases(spectrum, shell, rng) for spectrum in spectra]
    a, b = run(lambda one: fft.irfft3(one, n) * mask, randomised)
    return fsc(a, b, run=run)
