"""Particle images beside what a map shows at their poses: what every refinement of optics starts from."""

from dataclasses import dataclass, fields, replace

import numpy as np

from spa.image.aberrations import Aberrations
from spa.image.ctf import chi_basis
from spa.image.disc import Disc, disc
from spa.image.straight import Demodulator, seen_through
from spa.search.images import ramps
from spa.volume.slices import Reference, reference, slices

BLOCK = 32  # images that are compared together
STEP = 0.25  # of q: half a cell of the padded grid


@dataclass(frozen=True, eq=False)
class Scene:
    """The map, or one a half-set, in a band of the images, and the optics that these came through."""

    band: Disc
    pixel_size: float
    sources: list[Reference]
    plain: Demodulator

    def frequencies(self, group: int) -> np.ndarray:
        """True frequencies q (2, K), x and y in 1/angstrom, of the coefficients of a group's images."""
        seen = seen_through(self.plain.aberrations[group], self.band, self.pixel_size)
        return np.stack([seen.qx, seen.qy])


def scene(
    volumes: list[np.ndarray], pixel_size: float, radius: int, aberrations: tuple[Aberrations, ...], threads: int = 1
) -> Scene:
    """Maps (box, box, box) on the images' grid, compared up to a shell; aberrations of each optics group."""
    band = disc(len(volumes[0]), radius)
    sources = [reference(np.asarray(one, np.float32), band.radius, threads) for one in volumes]
    return Scene(band, pixel_size, sources, Demodulator(band, pixel_size, aberrations))


@dataclass(frozen=True, eq=False)
class Who:
    """Arrays over particles: poses (n, 3, 3); shifts (n, 2) pixels; chi (n, 5) terms of the CTF's phase; bfactor (n,)
    square angstroms; half (n,) which map is seen; group (n,) whose aberrations are whose."""

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
    """Images moved to the centre, odd aberrations taken off, and the map's slices (n, 2, K); the CTF's phase chi
    (n, K), and its envelope.

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
    planes = here.plain.coefficients(pixels, who.group)
    turn = ramps(who.shifts.astype(np.float32), band.kx, band.ky, band.box)
    moved = (planes[:, 0] + 1j * planes[:, 1]) * turn
    chi = np.empty(moved.shape, np.float32)
    for number in np.unique(who.group):
        mine = who.group == number
        basis = chi_basis(*here.frequencies(number))
        chi[mine] = who.chi[mine] @ basis + seen_through(here.plain.aberrations[number], band, here.pixel_size).offset
    square = (band.kx.astype(np.float32) ** 2 + band.ky.astype(np.float32) ** 2) / (band.box * here.pixel_size) ** 2
    envelope = np.exp(-who.bfactor[:, None] / 4 * square).astype(np.float32) if np.any(who.bfactor) else None
    return Compared(np.stack([moved.real, moved.imag], axis=1), _cut(here, who, (0, 0)), chi, envelope)


def slopes(here: Scene, who: Who) -> np.ndarray:
    """(n, 2, 2, K): how the slices of who change a unit of q along x and along y, by differences over half a unit."""
    steps = ((STEP, 0), (0, STEP))
    both = [_cut(here, who, step) - _cut(here, who, (-step[0], -step[1])) for step in steps]
    return np.stack(both, axis=1) / np.float32(2 * STEP)


def _cut(here: Scene, who: Who, aside: tuple[float, float]) -> np.ndarray:
    """Slices (n, 2, K) that lie as the images do, each of its own half's map, at q moved aside (cycles a box)."""
    width = here.band.box * here.pixel_size
    out = np.empty((len(who), 2, len(here.band)), np.float32)
    version = np.minimum(who.half, len(here.sources) - 1)
    for group in np.unique(who.group):
        x, y = here.frequencies(group) * width + np.array(aside)[:, None]
        for number, source in enumerate(here.sources):
            rows = np.flatnonzero((version == number) & (who.group == group))
            if len(rows):
                out[rows] = slices(source, who.poses[rows], x, y)
    return out
