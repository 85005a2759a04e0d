"""Micrographs: particles side by side in ice, protein dark, Thon rings, shot noise."""

from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.image.ctf import Lens
from spa.simulate.optics import Defocus, transfer
from spa.simulate.specimen import Specimen
from spa.volume.transform import frequencies, projections

MEAN, SPREAD = 100.0, 10.0  # grey level and its standard deviation from noise
_BATCH = 64


@dataclass(frozen=True)
class Film:
    """How a micrograph is exposed: its shape (ny, nx) in pixels, pixel size in angstroms, and its noise.

    noise: standard deviation of all noise in units of the signal; ice: the share of its variance that comes from the
    ice and so carries the CTF; bfactor (square angstroms): envelope of signal and ice.
    """

    shape: tuple[int, int]
    pixel_size: float
    noise: float
    ice: float
    bfactor: float


def placed(
    count: int, shape: tuple[int, int], spacing: float, margin: float, rng: np.random.Generator, tries: int = 60
) -> np.ndarray:
    """Up to count random points (n, 2) x y in pixels, at least spacing apart and margin from every edge."""
    low, high = np.full(2, margin), np.array(shape[::-1]) - 1 - margin
    if (high <= low).any():
        return np.empty((0, 2))
    points, found = np.empty((count, 2)), 0
    for candidate in rng.uniform(low, high, (tries * count, 2)):
        if found == count:
            break
        if (((points[:found] - candidate) ** 2).sum(1) >= spacing**2).all():
            points[found] = candidate
            found += 1
    return points[:found]


def exposed(
    specimen: Specimen, points: np.ndarray, poses: np.ndarray, lens: Lens, defocus: Defocus, film: Film,
    rng: np.random.Generator, drift: float = 0.0, ice_crystals: int = 0,
) -> np.ndarray:  # fmt: skip
    """One micrograph (ny, nx) float32: grey 100, its noise 10, protein dark.

    points (n, 2) x y in pixels, poses (n, 3, 3); defocus of one micrograph. drift (angstroms) blurs a bad exposure;
    ice_crystals lie on the film as dark, dense discs.
    """
    (ny, nx), pixel_size = film.shape, film.pixel_size
    kx, ky = np.fft.rfftfreq(nx, pixel_size)[None], np.fft.fftfreq(ny, pixel_size)[:, None]
    density = plane(specimen, points, poses, film)
    density += film.noise * np.sqrt(film.ice / _mean_power(lens, defocus, kx, ky, film)) * _white(film, rng)
    for _ in range(ice_crystals):
        density += 6 * film.noise * _disc(film, rng)
    contrast = fft.irfft2(fft.rfft2(density) * _optics(lens, defocus, kx, ky, film, drift, rng), nx)
    contrast += film.noise * np.sqrt(1 - film.ice) * _white(film, rng)
    return (MEAN - SPREAD / film.noise * contrast).astype(np.float32)


def _optics(
    lens: Lens, defocus: Defocus, kx: np.ndarray, ky: np.ndarray, film: Film, drift: float, rng: np.random.Generator
) -> np.ndarray:
    """CTF with its envelope, and the sinc of a straight drift in a random direction."""
    angle = rng.uniform(0, np.pi)
    return transfer(lens, defocus, kx, ky, film.bfactor)[0] * np.sinc(drift * (kx * np.cos(angle) + ky * np.sin(angle)))


def _mean_power(lens: Lens, defocus: Defocus, kx: np.ndarray, ky: np.ndarray, film: Film) -> float:
    """Mean square of the transfer function, so that ice has the share of the noise that was asked for."""
    return float((transfer(lens, defocus, kx, ky, film.bfactor) ** 2).mean())


def _white(film: Film, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(film.shape, np.float32)


def _disc(film: Film, rng: np.random.Generator) -> np.ndarray:
    """A soft dark disc of 100 to 400 angstroms anywhere."""
    y, x = np.ogrid[: film.shape[0], : film.shape[1]]
    cy, cx = rng.uniform(0, film.shape)
    radius = rng.uniform(100, 400) / 2 / film.pixel_size
    return (1 / (1 + np.exp((np.hypot(y - cy, x - cx) - radius) / 2))).astype(np.float32)


def plane(specimen: Specimen, points: np.ndarray, poses: np.ndarray, film: Film) -> np.ndarray:
    """The sum of all projections (ny, nx), before the optics; what reaches over an edge is cut."""
    return laid(projected(specimen, poses, film), points, film)


def projected(specimen: Specimen, poses: np.ndarray, film: Film) -> np.ndarray:
    """Half spectra (n, box, box//2+1) complex64 of projections, their origin at index 0."""
    box = len(specimen.volume)
    parts = [projections(specimen.source, poses[start : start + _BATCH], box, film.pixel_size)
             for start in range(0, len(poses), _BATCH)]  # fmt: skip
    return np.concatenate(parts).astype(np.complex64) if parts else np.zeros((0, box, box // 2 + 1), np.complex64)


def laid(spectra: np.ndarray, points: np.ndarray, film: Film) -> np.ndarray:
    """The sum (ny, nx) of projections at points (n, 2) x y; what reaches over an edge is cut."""
    box = spectra.shape[1]
    sheet = np.zeros((film.shape[0] + 2 * box, film.shape[1] + 2 * box), np.float32)
    kx, ky = frequencies(box, film.pixel_size)
    for start in range(0, len(points), _BATCH):
        part = slice(start, start + _BATCH)
        corner = np.rint(points[part]).astype(int)
        x, y = ((points[part] - corner) * film.pixel_size).T[:, :, None, None]
        moved = spectra[part] * (np.exp(-2j * np.pi * kx * x) * np.exp(-2j * np.pi * ky * y))
        images = np.roll(fft.irfft2(moved, box), (box // 2, box // 2), (1, 2))
        for image, (left, top) in zip(images, corner + box - box // 2):
            sheet[top : top + box, left : left + box] += image
    return sheet[box:-box, box:-box]
