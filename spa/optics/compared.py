"""Particle images beside what a map shows at their poses: what every refinement of optics starts from."""

from dataclasses import dataclass, fields, replace

import numpy as np

from spa.image.aberrations import Aberrations
from spa.image.ctf import chi_basis
from spa.image.disc import Disc, disc
from spa.image.straight import Straightener, offsets
from spa.search.images import ramps
from spa.volume.slices import Reference, reference, slices

BLOCK = 32  # images that are compared together
STEP = np.float32(0.25)  # of k: half a cell of the padded grid


@dataclass(frozen=True, eq=False)
class Scene:
    """The map, or one a half-set, in a band of the images; even (groups, K): what is added to chi, if anything is."""

    band: Disc
    pixel_size: float
    sources: list[Reference]
    straight: Straightener
    even: np.ndarray | None

    @property
    def frequencies(self) -> tuple[np.ndarray, np.ndarray]:
        """qx, qy (K,) in 1/angstrom."""
        unit = 1 / (self.band.box * self.pixel_size)
        return self.band.kx * unit, self.band.ky * unit


def scene(
    volumes: list[np.ndarray], pixel_size: float, radius: int, aberrations: tuple[Aberrations, ...], threads: int = 1
) -> Scene:
    """Maps (box, box, box) on the images' grid, compared up to a shell; aberrations of each optics group."""
    band = disc(len(volumes[0]), radius)
    sources = [reference(np.asarray(one, np.float32), band.radius, threads) for one in volumes]
    straight = Straightener(band, pixel_size, aberrations)
    return Scene(band, pixel_size, sources, straight, offsets(aberrations, band, pixel_size))


@dataclass(frozen=True, eq=False)
class Who:
    """Arrays over particles: poses (n, 3, 3); shifts (n, 2) pixels in the straight images; chi (n, 5) terms of the
    CTF's phase; bfactor (n,) square angstroms; half (n,) which map is seen; group (n,) whose aberrations are whose."""

    poses: np.ndarray
    shifts: np.ndarray
    chi: np.ndarray
    bfactor: np.ndarray
    half: np.ndarray
    group: np.ndarray

    def __len__(self) -> int:
        return len(self.poses)

    def take(self, rows: np.ndarray) -> "Who":
        """Only these rows."""
        return replace(self, **{one.name: getattr(self, one.name)[rows] for one in fields(self)})


@dataclass(frozen=True, eq=False)
class Compared:
    """Straight images moved to the centre and the map's slices (n, 2, K); the CTF's phase chi (n, K), its envelope.

    All float32; the CTF of the images is ``envelope sin(chi)``, an envelope of None is 1.
    """

    x: np.ndarray
    cut: np.ndarray
    chi: np.ndarray
    envelope: np.ndarray | None

    def waves(self) -> tuple[np.ndarray, np.ndarray]:
        """sin(chi) and cos(chi) (n, K), with the envelope."""
        sine, cosine = np.sin(self.chi), np.cos(self.chi)
        return (sine, cosine) if self.envelope is None else (sine * self.envelope, cosine * self.envelope)


def joined(parts: list[Compared]) -> Compared:
    """Several as one."""
    envelope = None
    if any(one.envelope is not None for one in parts):
        envelope = np.concatenate([np.ones_like(one.chi) if one.envelope is None else one.envelope for one in parts])
    x, cut, chi = (np.concatenate([getattr(one, name) for one in parts]) for name in ("x", "cut", "chi"))
    return Compared(x, cut, chi, envelope)


def compared(here: Scene, who: Who, pixels: np.ndarray) -> Compared:
    """Images (n, N, N) of who, beside the map."""
    band = here.band
    planes = here.straight.coefficients(pixels, who.group)
    turn = ramps(who.shifts.astype(np.float32), band.kx, band.ky, band.box)
    moved = (planes[:, 0] + 1j * planes[:, 1]) * turn
    cut = _cut(here, who, band.kx, band.ky)
    basis = chi_basis(*here.frequencies)
    chi = (who.chi @ basis).astype(np.float32)
    if here.even is not None:
        chi += here.even[who.group]
    envelope = np.exp(-who.bfactor[:, None] / 4 * basis[0]).astype(np.float32) if np.any(who.bfactor) else None
    return Compared(np.stack([moved.real, moved.imag], axis=1), cut, chi, envelope)


def slopes(here: Scene, who: Who) -> np.ndarray:
    """(n, 2, 2, K): how the slices of who change a unit of k along x and along y, by differences over half a unit."""
    kx, ky = here.band.kx.astype(np.float32), here.band.ky.astype(np.float32)
    ways = ((STEP, 0), (0, STEP))
    return np.stack(
        [(_cut(here, who, kx + dx, ky + dy) - _cut(here, who, kx - dx, ky - dy)) / np.float32(2 * STEP)
         for dx, dy in ways], axis=1,
    )  # fmt: skip


def _cut(here: Scene, who: Who, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """Slices (n, 2, K), each of its own half's map."""
    out = np.empty((len(who), 2, len(kx)), np.float32)
    version = np.minimum(who.half, len(here.sources) - 1)
    for number, source in enumerate(here.sources):
        rows = np.flatnonzero(version == number)
        if len(rows):
            out[rows] = slices(source, who.poses[rows], kx, ky)
    return out
