"""What is known of a map before it is seen: its power in each shell, its extent, its centre."""

import numpy as np

from spa.image import fft
from spa.image.disc import shell_mean
from spa.refine.data import Images
from spa.volume.insert import PADDING, Accumulator
from spa.volume.shells import radii, shell_counts, shell_products

LEAST = 1e-3  # of the strongest shell: the signal power that a shell has at least


def signal_power(images: Images, rows: np.ndarray, noise: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(c, shells) mean |P|^2 of the projections in each class: (<|X|^2> - noise) / <CTF^2> over rows, weighted.

    noise (groups, shells); share (n, c) weights. What comes out below 0 is set to a small part of the strongest shell.
    """
    x = images.planes[rows]
    power = shell_mean(x[:, 0] ** 2 + x[:, 1] ** 2, images.band) - noise[images.group[rows], : images.band.radius + 1]
    ctf2 = shell_mean(images.ctf(rows, len(images.band)) ** 2, images.band)
    weight = share.T.astype(np.float64)
    return floored((weight @ power) / np.maximum(weight @ ctf2, 1e-12))


def floored(power: np.ndarray) -> np.ndarray:
    """Signal power without holes: at least a small part of the strongest shell from shell 2 on."""
    out = np.array(power)
    top = out[..., 2:].max(axis=-1, keepdims=True)
    out = np.maximum(out, LEAST * top)
    out[..., 0] = 0
    return out


def with_power(volume: np.ndarray, power: np.ndarray, band: int) -> np.ndarray:
    """The volume with mean |F|^2 / box^2 of each shell 1 ... band set to power, nothing beyond."""
    n = len(volume)
    spectrum = fft.rfft3(volume)
    now = shell_products(spectrum, spectrum) / shell_counts(n) / n**2
    scale = np.zeros(n // 2 + 2, np.float32)
    stop = min(band, n // 2 - 1)
    scale[1 : stop + 1] = np.sqrt(power[1 : stop + 1] / np.maximum(now[1 : stop + 1], 1e-20))
    return _scaled(spectrum, scale, n)


def _scaled(spectrum: np.ndarray, scale: np.ndarray, n: int) -> np.ndarray:
    """The volume (n, n, n) of a half spectrum whose shells are scaled (n // 2 + 2,), the last factor for all beyond."""
    shell = np.minimum(np.rint(radii(n)).astype(int), n // 2 + 1)
    return fft.irfft3(spectrum * scale[shell], n)


def prior(power: np.ndarray, share: float, shells: int) -> np.ndarray:
    """(shells,) what signal of a power adds to the weights of sums: 1 / power of every point that an image has, spread
    over those of the oversampled grid (Scheres, J. Struct. Biol. 180 (2012) 519).

    share: the part that the sums hold of the images that they stand for.
    """
    known = np.pad(power, (0, max(0, shells - len(power))), mode="edge")[:shells].astype(np.float64)
    known[0] = known[1]
    return share / (PADDING**3 * np.maximum(known, 1e-12))


def banded(volume: np.ndarray, band: int) -> np.ndarray:
    """The volume's shells 1 ... band as they are, nothing beyond."""
    n = len(volume)
    scale = np.zeros(n // 2 + 2, np.float32)
    scale[1 : min(band, n // 2 - 1) + 1] = 1
    return _scaled(fft.rfft3(volume), scale, n)


def centre_of(volume: np.ndarray, operators: np.ndarray) -> np.ndarray:
    """(3,) x y z in pixels from the box centre to the centre of what is dense, along directions the group leaves."""
    n = len(volume)
    dense = np.maximum(volume - 0.2 * volume.max(), 0).astype(np.float64)
    line = np.arange(n) - n // 2
    mass = dense.sum() + 1e-20
    centre = np.array([(dense.sum(axis=axes) * line).sum() / mass for axes in ((0, 1), (0, 2), (1, 2))])
    return (operators @ centre).mean(axis=0)


def moved(sums: Accumulator, shift: np.ndarray) -> None:
    """Move the map that the sums stand for by -shift (x, y, z; pixels), in place."""
    r = len(sums.grid) // 2
    unit = 2j * np.pi / (PADDING * sums.box)
    line = np.arange(-r, r + 1)
    ramp = np.exp(unit * line * shift[2])[:, None, None] * np.exp(unit * line * shift[1])[:, None]
    ramp = ramp * np.exp(unit * np.arange(sums.grid.shape[2]) * shift[0])
    value = (sums.grid[..., 0] + 1j * sums.grid[..., 1]) * ramp
    sums.grid[..., 0], sums.grid[..., 1] = value.real, value.imag
