"""Images of a map as each particle's microscope and pose show it."""

from dataclasses import dataclass, fields, replace

import numpy as np

from spa.image.aberrations import NONE, Aberrations
from spa.image.ctf import Lens, chi_basis, chi_terms
from spa.image.disc import Disc, coefficients, disc, images_of
from spa.image.straight import bent_poses, seen_through
from spa.search.images import ramps
from spa.volume.slices import Reference, reference, slices

BLOCK = 64  # images projected together: their coefficients stay in cache


@dataclass(frozen=True, eq=False)
class Views:
    """How n particles are seen.

    poses (n, 3, 3), rows = the image's axes in the volume; shifts (n, 2) in pixels: where the map's origin lies from
    the box centre; chi (n, 5) terms of the CTF's phase; bfactor (n,) square angstroms; half (n,) which map is seen;
    group (n,) whose aberrations are whose.
    """

    poses: np.ndarray
    shifts: np.ndarray
    chi: np.ndarray
    bfactor: np.ndarray
    half: np.ndarray
    group: np.ndarray
    aberrations: tuple[Aberrations, ...] = (NONE,)

    def __len__(self) -> int:
        return len(self.poses)

    def take(self, rows: np.ndarray) -> "Views":
        """Only these rows."""
        arrays = [f.name for f in fields(self) if f.name != "aberrations"]
        return replace(self, **{name: getattr(self, name)[rows] for name in arrays})


def views(
    voltage: np.ndarray, cs: np.ndarray, contrast: np.ndarray, defocus: tuple[np.ndarray, np.ndarray, np.ndarray],
    phase_shift: np.ndarray, bfactor: np.ndarray, poses: np.ndarray, shifts: np.ndarray, half: np.ndarray,
) -> Views:  # fmt: skip
    """Views of particles with voltage (kV), cs (mm), defocus u, v (angstroms) and angle, phase shift (radians)."""
    chi = chi_terms(Lens(voltage, cs, contrast), *defocus, phase_shift)
    return Views(poses, shifts, chi, bfactor, half, np.zeros(len(poses), np.int64))


@dataclass(frozen=True, eq=False)
class Signal:
    """A map to be imaged, in a version for each half-set (or one for both), with its sum over the voxels."""

    band: Disc
    pixel_size: float
    sources: list[Reference]
    sums: list[float]


def signal(volumes: list[np.ndarray], pixel_size: float, threads: int = 1) -> Signal:
    """One or two maps (box, box, box) on the images' grid, ready to be imaged up to the last whole shell."""
    box = len(volumes[0])
    band = disc(box, box // 2 - 1)
    sources = [reference(np.asarray(one, np.float32), band.radius, threads) for one in volumes]
    return Signal(band, pixel_size, sources, [float(one.sum(dtype=np.float64)) for one in volumes])


def planes(seen: Signal, who: Views) -> np.ndarray:
    """Coefficients (n, 2, K) float32 of the map as `who` sees it."""
    band = seen.band
    out = np.empty((len(who), 2, len(band)), np.float32)
    for start in range(0, len(who), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(who)))
        part = who.take(rows)
        cut = _slices(seen, part)
        turned = (cut[:, 0] + 1j * cut[:, 1]) * ramps(-part.shifts.astype(np.float32), band.kx, band.ky, band.box)
        for number in np.unique(part.group):
            here = part.group == number
            turned[here] *= _transfer(seen, part.take(here), part.aberrations[number])
        out[rows, 0], out[rows, 1] = turned.real, turned.imag
    return out


def _transfer(seen: Signal, part: Views, aberrations: Aberrations) -> np.ndarray:
    """(n, K) CTF of views that share their aberrations, times the phase of the odd ones where there are any."""
    through = seen_through(aberrations, seen.band, seen.pixel_size)
    basis = chi_basis(through.qx, through.qy)
    transfer = np.sin((part.chi @ basis + through.offset).astype(np.float32))
    if np.any(part.bfactor):
        transfer *= np.exp(-part.bfactor[:, None] / 4 * basis[0]).astype(np.float32)
    return transfer * np.exp(1j * through.phase).astype(np.complex64) if any(aberrations.odd) else transfer


def _slices(seen: Signal, part: Views) -> np.ndarray:
    out = np.empty((len(part), 2, len(seen.band)), np.float32)
    version = np.minimum(part.half, len(seen.sources) - 1)
    poses = bent_poses(part.poses, part.group, part.aberrations)
    for number, source in enumerate(seen.sources):
        here = np.flatnonzero(version == number)
        if len(here):
            out[here] = slices(source, poses[here], seen.band.kx, seen.band.ky)
    return out


def images(seen: Signal, who: Views) -> np.ndarray:
    """Images (n, box, box) float32 of the map as `who` sees it, their mean included."""
    version = np.minimum(who.half, len(seen.sources) - 1)
    middle = np.array([one.offset(np.zeros(1), np.zeros(1))[0] for one in who.aberrations])[who.group]
    mean = np.array(seen.sums)[version] * np.sin(who.chi[:, 4] + middle) / seen.band.box**2
    return images_of(planes(seen, who), seen.band) + mean[:, None, None].astype(np.float32)


def shell_products(parts: list[Signal], who: Views, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations in each shell, summed over images (n, box, box), for the factors of p parts of the signal.

    (shells, p) products of the images with each part, and (shells, p, p) of the parts with one another.
    """
    band = parts[0].band
    x, models = coefficients(pixels, band), [planes(one, who) for one in parts]

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        sums = np.einsum("nck,nck->k", a, b, dtype=np.float64)
        return np.bincount(band.shell, sums, band.radius + 1)

    cross = np.stack([product(x, one) for one in models], axis=1)
    norm = np.stack([np.stack([product(a, b) for b in models], axis=1) for a in models], axis=1)
    return cross, norm


def agreement(
    parts: list[Signal], who: Views, pixels: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) cross and (n,) norm of particle images (n, box, box) and the parts' together: their ratio is the best scale.

    weight (n, shells): one over the noise power of each coefficient.
    """
    band = parts[0].band
    x, model = coefficients(pixels, band), np.sum([planes(one, who) for one in parts], axis=0)
    each = weight[:, band.shell].astype(np.float32)
    cross = np.einsum("nck,nck,nk->n", x, model, each, dtype=np.float64)
    norm = np.einsum("nck,nck,nk->n", model, model, each, dtype=np.float64)
    return cross, norm
