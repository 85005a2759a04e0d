"""Micrographs: particles side by side in ice, protein dark, Thon rings, shot noise."""

from dataclasses import dataclass, replace

import numpy as np

from spa.image import fft
from spa.image.ctf import Lens
from spa.simulate.junk import Junk, density, detail
from spa.simulate.optics import Defocus
from spa.simulate.slab import Slab, View, levels, slices
from spa.simulate.specimen import Specimen
from spa.volume.transform import frequencies, projections

MEAN, SPREAD = 100.0, 10.0  # grey level and its standard deviation from noise
FLAT = Slab()
RING, RING_WIDTH = 1 / 3.67, 0.006  # 1/angstrom: where crystalline ice has its strongest ring, and its sigma
MARGIN = 150.0  # angstroms: so far does the CTF carry most of what it delocalises
_BATCH = 64
_PEAK = 64  # bytes a pixel


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


@dataclass(frozen=True, eq=False)
class Scene:
    """What lies in the ice: particles at points (n, 2) x y in pixels, in poses (n, 3, 3), at depths (n,) (angstroms,
    what each adds to the defocus); the slab that they lie in; junk; ice_ring: how many times as strong as the ice's
    other detail its crystalline ring is; forms (n,) of the particles, whole where there are none."""

    points: np.ndarray
    poses: np.ndarray
    depths: np.ndarray | None = None
    slab: Slab = FLAT
    junk: Junk | None = None
    ice_ring: float = 0.0
    forms: np.ndarray | None = None


def exposed(
    specimen: Specimen, scene: Scene, lens: Lens, defocus: Defocus, film: Film, rng: np.random.Generator,
    drift: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """One micrograph (ny, nx) float32: grey 100, its noise 10, protein dark.

    defocus of the middle of one micrograph. Each slice of the slab is seen at its own; particles in the slice that is
    nearest to them. drift (angstroms) blurs a bad exposure.
    """
    margins = margin_of(film)
    wide = replace(film, shape=(film.shape[0] + 2 * margins[0], film.shape[1] + 2 * margins[1]))
    (ny, nx), pixel_size = wide.shape, film.pixel_size
    kx, ky = np.fft.rfftfreq(nx, pixel_size)[None], np.fft.fftfreq(ny, pixel_size)[:, None]
    kx, ky = kx.astype(np.float32), ky.astype(np.float32)
    u, v, angle, shift = (float(one[0]) for one in (defocus.u, defocus.v, defocus.angle, defocus.shift))
    through = View(lens, u, v, angle, shift, film.bfactor).through(kx, ky)
    ice = film.noise * np.sqrt(film.ice / float(np.square(through(0.0)).mean(dtype=np.float64)))
    grain = np.float32(ice) if scene.junk is None else _beyond(np.float32(ice) * detail(scene.junk), margins)
    depths = levels(scene.slab, wide.shape, pixel_size)
    where = nearest(depths, scene.depths, len(scene.points))
    seen = np.zeros((ny, nx // 2 + 1), np.complex64)
    for number, (deeper, fine) in enumerate(slices(scene.slab, wide.shape, pixel_size)):
        fine *= _white(wide, rng)
        fine *= grain
        spectrum = _ringed(fft.rfft2(fine), kx, ky, scene.ice_ring)
        here, dirty = where == number, number == len(depths) // 2 and scene.junk is not None
        if dirty or here.any():
            forms = None if scene.forms is None else scene.forms[here]
            dense = plane(specimen, scene.points[here] + margins[::-1], scene.poses[here], wide, forms)
            if dirty and scene.junk is not None:
                dense += _beyond(density(scene.junk, film.shape, film.noise), margins)
            spectrum += fft.rfft2(dense)
        spectrum *= through(deeper)
        seen += spectrum
    if drift:
        seen *= _blur(kx, ky, drift, rng)
    contrast = fft.irfft2(seen, nx)[margins[0] : ny - margins[0], margins[1] : nx - margins[1]]
    contrast = contrast + np.float32(film.noise * np.sqrt(1 - film.ice)) * _white(film, rng)
    return (MEAN - SPREAD / film.noise * contrast).astype(np.float32)


def memory_for(film: Film) -> int:
    """Bytes that `exposed` takes at its peak."""
    return _PEAK * int(np.prod([n + 2 * more for n, more in zip(film.shape, margin_of(film))]))


def margin_of(film: Film) -> tuple[int, int]:
    """Pixels (y, x) by which more is made on every side than is kept: what lies there reaches in, and nothing wraps."""
    ny, nx = film.shape
    least = int(np.ceil(MARGIN / film.pixel_size))
    return _margin(ny, least), _margin(nx, least)


def _margin(n: int, least: int) -> int:
    """At least that, and of even sides of a good size for transforms."""
    return least if n % 2 else (fft.good_size(n + 2 * least) - n) // 2


def _beyond(values: np.ndarray | float, margins: tuple[int, int]) -> np.ndarray:
    """float32, with the edges' values beyond them."""
    if np.ndim(values) == 0:
        return np.asarray(values, np.float32)
    return np.pad(np.asarray(values, np.float32), [(one, one) for one in margins], mode="edge")


def nearest(depths: np.ndarray, wanted: np.ndarray | None, count: int) -> np.ndarray:
    """(count,) the slice in which each particle is seen; those of no depth are in the middle."""
    wanted = np.zeros(count) if wanted is None else wanted
    return np.abs(np.asarray(wanted)[:, None] - depths).argmin(1) if count else np.zeros(0, int)


def _ringed(spectrum: np.ndarray, kx: np.ndarray, ky: np.ndarray, strength: float) -> np.ndarray:
    """The ice's transform with its crystalline ring."""
    if not strength:
        return spectrum
    away = (np.sqrt(kx * kx + ky * ky) - np.float32(RING)) / np.float32(RING_WIDTH)
    return np.asarray(spectrum * (1 + np.float32(strength) * np.exp(-(away**2) / 2)))


def _blur(kx: np.ndarray, ky: np.ndarray, drift: float, rng: np.random.Generator) -> np.ndarray:
    """The sinc of a straight drift (angstroms) in a random direction."""
    angle = rng.uniform(0, np.pi)
    return np.sinc(drift * (kx * np.cos(angle) + ky * np.sin(angle)))


def _white(film: Film, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(film.shape, np.float32)


def plane(
    specimen: Specimen, points: np.ndarray, poses: np.ndarray, film: Film, forms: np.ndarray | None = None
) -> np.ndarray:
    """The sum of all projections (ny, nx), before the optics; what reaches over an edge is cut."""
    return laid(projected(specimen, poses, film, forms), points, film)


def projected(specimen: Specimen, poses: np.ndarray, film: Film, forms: np.ndarray | None = None) -> np.ndarray:
    """Half spectra (n, box, box//2+1) complex64 of projections, their origin at index 0; forms (n,) of particles."""
    box = len(specimen.volume)
    out = np.zeros((len(poses), box, box // 2 + 1), np.complex64)
    forms = np.zeros(len(poses), int) if forms is None else forms
    for form in np.unique(forms):
        here = np.flatnonzero(forms == form)
        for start in range(0, len(here), _BATCH):
            rows = here[start : start + _BATCH]
            out[rows] = projections(specimen.of_form(form).source, poses[rows], box, film.pixel_size)
    return out


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
