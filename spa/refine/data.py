"""The images of a refinement: coefficients kept once, noise and CTF put in block by block."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from spa.image.aberrations import Aberrations
from spa.image.ctf import Lens, chi_basis, chi_terms
from spa.image.disc import Disc, coefficients, disc, shell_mean
from spa.image.straight import Demodulator, magnifications, offsets, stretched
from spa.search.images import Block

ONE = np.ones((1, 1), np.float32)
BLOCK = 64  # images handled together: large enough for BLAS, small enough for its products to stay in cache
MEASURED, RUN = 2000, 64  # images of a group whose background is measured, at least; as many one after another

Batches = Callable[[Callable[[np.ndarray, np.ndarray], Any]], Iterable[Any]]


def blocks_of(rows: np.ndarray) -> list[np.ndarray]:
    """Rows cut into blocks."""
    return [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]


class Stack(Protocol):
    """What is known of the images before they are read (`spa.job.particles.ParticleSet` has it); arrays are (n,)."""

    @property
    def box(self) -> int: ...
    @property
    def pixel_size(self) -> float: ...
    @property
    def particles(self) -> Any: ...  # defocus_u, defocus_v (angstroms), defocus_angle, phase_shift (radians), bfactor
    @property
    def voltage(self) -> np.ndarray: ...
    @property
    def cs(self) -> np.ndarray: ...
    @property
    def contrast(self) -> np.ndarray: ...
    @property
    def group(self) -> np.ndarray: ...
    @property
    def aberrations(self) -> tuple[Aberrations, ...]: ...


class Rows(Protocol):
    """(n, 2, K) float32 of which blocks of rows are looked at: an array, or what lies in a file (`spa.io.filed`)."""

    @property
    def shape(self) -> Any: ...
    @property
    def size(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, key: Any, /) -> Any: ...
    def __setitem__(self, key: Any, values: Any, /) -> None: ...


@dataclass(frozen=True, eq=False)
class Images:
    """All images of one box and pixel size.

    planes (n, 2, K) float32 coefficients (in memory or in a file); chi (n, 5) terms of the CTF's phase;
    bfactor (n,) square angstroms; group (n,) from 0: who shares a noise spectrum; half (n,) 0 or 1.
    scale (n,): of the particle in the image, in maps' grey levels; None where it is 1.
    even (groups, K): what even aberrations add to chi; odd ones are taken off the planes already. bend (groups, 2, 2):
    magnifications, which take the images' frequencies to the true ones.
    """

    band: Disc
    pixel_size: float
    planes: Rows
    chi: np.ndarray
    bfactor: np.ndarray
    group: np.ndarray
    half: np.ndarray
    even: np.ndarray | None = None
    bend: np.ndarray | None = None
    scale: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.planes)

    def of(self, rows: np.ndarray) -> "Images":
        """Those of some rows."""
        held = {name: getattr(self, name)[rows] for name in ("planes", "chi", "bfactor", "group", "half")}
        return replace(self, scale=None if self.scale is None else self.scale[rows], **held)

    def scaled(self, scale: np.ndarray | float | None) -> "Images":
        """Of another scale (n,)."""
        return replace(self, scale=None if scale is None else np.full(len(self), scale, np.float32))

    def shell_of(self, resolution: float) -> int:
        """The shell of a resolution in angstroms."""
        return int(np.clip(np.rint(self.band.box * self.pixel_size / resolution), 1, self.band.radius))

    def resolution_of(self, shell: float) -> float:
        """The resolution (angstroms) of a shell."""
        return self.band.box * self.pixel_size / max(shell, 1)

    def ctf(self, rows: np.ndarray, count: int) -> np.ndarray:
        """CTF (n, count) float32 of rows at the first `count` coefficients, times their scale."""
        chi, envelope = self.phase(rows, count)
        value = np.sin(chi)
        return value if envelope is ONE else value * envelope

    def phase(self, rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """chi (n, count) float32 whose sine, times an envelope (n or 1, count or 1), is the CTF."""
        unit = 1 / (self.band.box * self.pixel_size)
        plane = np.stack([self.band.kx[:count], self.band.ky[:count]]) * unit
        basis = chi_basis(*plane)
        value = (self.chi[rows] @ basis).astype(np.float32)
        if self.bend is not None:
            for number in np.unique(self.group[rows]):
                here = self.group[rows] == number
                value[here] = self.chi[rows[here]] @ chi_basis(*(self.bend[number] @ plane))
        if self.even is not None:
            value += self.even[self.group[rows], :count]
        envelope = ONE
        if np.any(self.bfactor[rows]):
            envelope = np.exp(-self.bfactor[rows, None] / 4 * basis[0]).astype(np.float32)
        if self.scale is not None:
            envelope = envelope * self.scale[rows, None].astype(np.float32)
        return value, envelope

    def block(self, rows: np.ndarray, radius: int, noise: np.ndarray) -> Block:
        """Rows in the band of a radius, divided by the noise's standard deviation; noise (groups, shells) is power."""
        count = self.band.count(radius)
        weight = (1 / np.sqrt(noise[self.group[rows]]))[:, self.band.shell[:count]].astype(np.float32)
        bend = None if self.bend is None else self.bend[self.group[rows]]
        if bend is not None:  # nothing is known of what lies beyond the radius
            plane = np.stack([self.band.kx[:count], self.band.ky[:count]])
            weight *= ((bend @ plane) ** 2).sum(axis=1) <= (radius + 0.5) ** 2
        x, ctf = self.planes[rows, :, :count], self.ctf(rows, count)
        x *= weight[:, None]
        ctf *= weight
        return Block(self.band, x, ctf, bend)

    def seen_from(self, rows: np.ndarray, poses: np.ndarray) -> np.ndarray:
        """Poses (n, 3, 3) whose slices lie as the images of rows do, distorted where these are."""
        return poses if self.bend is None else stretched(poses, self.bend[self.group[rows]])


def soft_disc(box: int, radius: float, edge: float) -> np.ndarray:
    """1 within the radius, a cosine fall over the edge, 0 beyond; pixels."""
    y, x = np.ogrid[-(box // 2) : box - box // 2, -(box // 2) : box - box // 2]
    fall = np.clip((np.sqrt(x * x + y * y) - radius) / max(edge, 1e-6), 0, 1)
    return ((1 + np.cos(np.pi * fall)) / 2).astype(np.float32)


def background_power(images: np.ndarray, band: Disc, radius: float) -> np.ndarray:
    """(n, shells) power of what lies outside a circle of the radius (pixels), scaled to the whole image.

    The noise that the likelihood starts from: the particle is masked out with a soft edge.
    """
    outside = 1 - soft_disc(band.box, radius, min(5.0, 0.1 * band.box))
    weight = outside.sum()
    if weight < 0.02 * outside.size:
        raise ValueError("the circle leaves no background")
    mean = (images.reshape(len(images), -1) @ outside.ravel() / weight).astype(np.float32)
    part = coefficients((images - mean[:, None, None]) * outside, band)
    return shell_mean(part[:, 0] ** 2 + part[:, 1] ** 2, band) / (outside**2).mean()


def sampled(group: np.ndarray, most: int = MEASURED) -> np.ndarray:
    """(n,) of images of groups (n,), which are measured where some tell of all: runs of RUN, evenly over each group,
    that are together at least `most` or all of it."""
    found = np.zeros(len(group), bool)
    for number in np.unique(group):
        here = np.flatnonzero(group == number)
        found[here] = np.arange(len(here)) // RUN % max(1, len(here) // (most + RUN)) == 0
    return found


def ordinary(power: np.ndarray, band: Disc) -> np.ndarray:
    """(n, shells) bool: where the power of an image is not far beyond most images' (ice, edges, aggregates are)."""
    counts = np.maximum(np.bincount(band.shell, minlength=power.shape[1])[: power.shape[1]], 1)
    return power <= np.median(power, axis=0) * (2 + 6 / np.sqrt(counts))


def smooth_spectrum(power: np.ndarray) -> np.ndarray:
    """Noise power with shell 0 filled and no zeros: safe to divide by."""
    out = np.array(power, np.float64)
    out[..., 0] = out[..., 1]
    return np.maximum(out, 1e-6 * out.max(axis=-1, keepdims=True) + 1e-20)


def planes_bytes(n: int, box: int, radius: int) -> int:
    """Memory that the coefficients of n images take."""
    return 8 * n * len(disc(box, radius))


def collect(
    stack: Stack, batches: Batches, half: np.ndarray, radius: int, diameter: float, planes: Rows | None = None
) -> tuple[Images, np.ndarray, np.ndarray]:
    """Images up to a shell, the noise power (groups, shells) around particles of a diameter (angstroms), and the rows.

    The power is the mean of `ordinary` images among those `sampled`: a few boxes full of ice must not hide all the
    others' particles.

    batches: gives work(rows, images) in order; rows that never come are left out: the rows that came are returned.
    planes: where to keep the coefficients (n, 2, K), e.g. a file; default in memory.
    """
    band = disc(stack.box, radius)
    plain = Demodulator(band, stack.pixel_size, stack.aberrations)
    n, groups = len(half), int(stack.group.max()) + 1
    planes = np.empty((n, 2, len(band)), np.float32) if planes is None else planes
    power, count = np.zeros((2, groups, band.radius + 1))
    circle, measured = min(diameter / 2 / stack.pixel_size, 0.45 * stack.box), sampled(stack.group)

    def work(rows: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        planes[rows] = plain.coefficients(pixels, stack.group[rows])
        some = pixels[measured[rows]]
        return rows, background_power(some, band, circle) if len(some) else None

    came: list[np.ndarray] = []
    for rows, found in batches(work):
        if found is not None:
            taken, of = ordinary(found, band), stack.group[rows[measured[rows]]]
            np.add.at(power, of, found * taken)
            np.add.at(count, of, taken)
        kept = sum(map(len, came))
        if rows[-1] >= kept + len(rows):  # some were left out; what lies where they go has been moved, or left out
            planes[kept : kept + len(rows)] = planes[rows]
        came.append(rows)
    rows = np.concatenate(came)
    noise = np.where(count > 0, power / np.maximum(count, 1), power.sum(axis=0) / np.maximum(count.sum(axis=0), 1))
    particles = stack.particles
    lens = Lens(stack.voltage[rows], stack.cs[rows], stack.contrast[rows])
    names = ("defocus_u", "defocus_v", "defocus_angle", "phase_shift")
    chi = chi_terms(lens, *(getattr(particles, name)[rows] for name in names))
    images = Images(
        band, stack.pixel_size, planes[: len(rows)], chi, particles.bfactor[rows], stack.group[rows],
        np.asarray(half)[rows], offsets(stack.aberrations, band, stack.pixel_size), magnifications(stack.aberrations),
    )  # fmt: skip
    return images, noise, rows


def centre(images: Images, centres: np.ndarray) -> None:
    """Moves particles at `centres` (n, 2) pixels to the box centre, in place."""
    band = images.band
    k = 2 * np.pi / band.box * np.stack([band.kx, band.ky])
    for row in np.flatnonzero(np.any(centres != 0, axis=1)):
        phase = centres[row] @ k
        re, im = images.planes[row]
        cos, sin = np.cos(phase), np.sin(phase)
        images.planes[row] = re * cos - im * sin, re * sin + im * cos
