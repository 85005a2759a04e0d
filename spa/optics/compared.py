"""Particle images beside what a map shows at their poses: what every refinement of optics starts from."""

from dataclasses import dataclass, fields, replace

import numpy as np

from spa.compiled import kernel
from spa.image import fft
from spa.image.aberrations import Aberrations
from spa.image.ctf import chi_basis
from spa.image.disc import Disc, disc
from spa.image.straight import Demodulator, seen_through
from spa.volume.slices import Reference, reference, slices

BLOCK = 16  # images that are compared together


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

    def cycles(self, group: int) -> np.ndarray:
        """The same in cycles a box."""
        return self.frequencies(group) * (self.band.box * self.pixel_size)

    def version(self, who: "Who") -> np.ndarray:
        """Which of the maps (n,) images are compared with."""
        return np.minimum(who.half, len(self.sources) - 1)


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
class Moved:
    """Images moved to the centre, odd aberrations taken off (n, 2, K); the CTF's phase chi (n, K), and its envelope.

    All float32; the CTF of the images is ``envelope sin(chi)``, an envelope of None is 1.
    """

    x: np.ndarray
    chi: np.ndarray
    envelope: np.ndarray | None

    def waves(self) -> tuple[np.ndarray, np.ndarray]:
        """sin(chi) and cos(chi) (n, K), with the envelope."""
        sine, cosine = np.sin(self.chi), np.cos(self.chi)
        return (sine, cosine) if self.envelope is None else (sine * self.envelope, cosine * self.envelope)


@dataclass(frozen=True, eq=False)
class Compared(Moved):
    """The same, and the map's slices (n, 2, K) beside them, float32."""

    cut: np.ndarray


def joined(parts: list[Compared]) -> Compared:
    """Several as one."""
    envelope = None
    if any(one.envelope is not None for one in parts):
        envelope = np.concatenate([np.ones_like(one.chi) if one.envelope is None else one.envelope for one in parts])
    x, chi, cut = (np.concatenate([getattr(one, name) for one in parts]) for name in ("x", "chi", "cut"))
    return Compared(x, chi, envelope, cut)


def compared(here: Scene, who: Who, pixels: np.ndarray) -> Compared:
    """Images (n, N, N) of who, beside the map."""
    one = moved(here, who, pixels)
    return Compared(one.x, one.chi, one.envelope, shown(here, who))


def shown(here: Scene, who: Who) -> np.ndarray:
    """What the map shows (n, 2, K) where the images of who lie, each of its own half's map."""
    out, version = np.empty((len(who), 2, len(here.band)), np.float32), here.version(who)
    for group in np.unique(who.group):
        for number, source in enumerate(here.sources):
            rows = np.flatnonzero((version == number) & (who.group == group))
            if len(rows):
                out[rows] = slices(source, who.poses[rows], *here.cycles(group))
    return out


def moved(here: Scene, who: Who, pixels: np.ndarray) -> Moved:
    """Images (n, N, N) of who as they are compared."""
    band = here.band
    chi = np.empty((len(who), len(band)), np.float32)
    for number in np.unique(who.group):
        mine = who.group == number
        basis = chi_basis(*here.frequencies(number)).astype(np.float32)
        chi[mine] = who.chi[mine].astype(np.float32) @ basis
        if any(here.plain.aberrations[number].even):
            chi[mine] += seen_through(here.plain.aberrations[number], band, here.pixel_size).offset.astype(np.float32)
    envelope = None
    if np.any(who.bfactor):
        square = (band.kx.astype(np.float32) ** 2 + band.ky.astype(np.float32) ** 2) / (band.box * here.pixel_size) ** 2
        envelope = np.exp(-who.bfactor[:, None] / 4 * square).astype(np.float32)
    return Moved(_centred(here, who, pixels), chi, envelope)


def _centred(here: Scene, who: Who, pixels: np.ndarray) -> np.ndarray:
    """Coefficients (n, 2, K) of images with the particle in the middle, without odd aberrations."""
    band, out = here.band, np.empty((len(who), 2, len(here.band)), np.float32)
    turns = np.ones((len(here.plain.aberrations), len(band)), np.complex64)
    for number, one in enumerate(here.plain.aberrations):
        if any(one.odd):
            turns[number] = np.exp(-1j * seen_through(one, band, here.pixel_size).phase)
    middle = who.shifts + band.box // 2  # where the particle is, from the first pixel
    k = np.arange(-band.radius, band.radius + 1)
    x, y = (np.exp(2j * np.pi / band.box * middle[:, axis, None] * k).astype(np.complex64) for axis in (0, 1))
    scale = np.float32(1 / band.box)
    _centre(fft.rfft2(pixels), x, y, turns, who.group.astype(np.int64), band.kx, band.ky, scale, out)
    return out


@kernel(
    "void(c8[:,:,::1], c8[:,::1], c8[:,::1], c8[:,::1], i8[::1], i4[::1], i4[::1], f4, f4[:,:,::1])", fastmath=True,
)  # fmt: skip
def _centre(spectra, along_x, along_y, turns, group, kx, ky, scale, out):
    radius = along_x.shape[1] // 2
    for i in range(spectra.shape[0]):
        for j in range(kx.shape[0]):
            row = ky[j] if ky[j] >= 0 else ky[j] + spectra.shape[1]
            value = spectra[i, row, kx[j]] * (along_x[i, kx[j] + radius] * along_y[i, ky[j] + radius])
            value = value * turns[group[i], j] * scale
            out[i, 0, j] = value.real
            out[i, 1, j] = value.imag
