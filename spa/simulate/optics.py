"""What the microscope gives each micrograph or particle: defocus, astigmatism, poses, shifts."""

from dataclasses import dataclass, replace

import numpy as np

from spa.image.aberrations import NONE, Aberrations
from spa.image.ctf import Lens, ctf, phase


@dataclass(frozen=True)
class Defocus:
    """Arrays (n,): u >= v in angstroms, angle in radians from x; plate: the phase shift of a phase plate, radians."""

    u: np.ndarray
    v: np.ndarray
    angle: np.ndarray
    plate: np.ndarray | None = None

    @property
    def shift(self) -> np.ndarray:
        """(n,) radians, 0 without a phase plate."""
        return np.zeros(len(self.u)) if self.plate is None else self.plate

    def take(self, rows: slice) -> "Defocus":
        """Some of them."""
        return Defocus(self.u[rows], self.v[rows], self.angle[rows], None if self.plate is None else self.plate[rows])


def draw_defocus(n: int, low: float, high: float, astigmatism: float, rng: np.random.Generator) -> Defocus:
    """Mean defocus uniform in [low, high] angstroms; u - v half-normal with median astigmatism; any angle."""
    mean = rng.uniform(low, high, n)
    difference = np.abs(rng.standard_normal(n)) * astigmatism / 0.6745
    return Defocus(mean + difference / 2, mean - difference / 2, rng.uniform(0, np.pi, n))


def with_plate(defocus: Defocus, shift: tuple[float, float], rng: np.random.Generator) -> Defocus:
    """The same with phase shifts uniform in a range, radians; nothing is drawn where that is 0."""
    return replace(defocus, plate=rng.uniform(*shift, len(defocus.u))) if any(shift) else defocus


def draw_views(n: int, rng: np.random.Generator) -> np.ndarray:
    """rot, tilt, psi (n, 3) in radians, uniform over all rotations."""
    rot, psi = rng.uniform(-np.pi, np.pi, (2, n))
    return np.stack([rot, np.arccos(rng.uniform(-1, 1, n)), psi], 1)


def transfer(
    lens: Lens, defocus: Defocus, kx: np.ndarray, ky: np.ndarray, bfactor: float, aberrations: Aberrations = NONE
) -> np.ndarray:
    """CTF (n, ny, nx//2+1) at true frequencies with the envelope ``exp(-bfactor k^2 / 4)``; complex where aberrations
    are odd."""
    u, v, angle, shift = (one[:, None, None] for one in (defocus.u, defocus.v, defocus.angle, defocus.shift))
    offset = shift + (aberrations.offset(kx, ky) if any(aberrations.even) else 0.0)
    value = ctf(lens, kx, ky, u, v, angle, offset, bfactor)
    return value * np.exp(1j * aberrations.phase(kx, ky)) if any(aberrations.odd) else value


def curved_transfer(
    near: np.ndarray, far: np.ndarray, lens: Lens, defocus: Defocus, kx: np.ndarray, ky: np.ndarray, bfactor: float,
    aberrations: Aberrations = NONE,
) -> np.ndarray:  # fmt: skip
    """Spectra (n, ny, nx//2+1) of images whose map is met on both sides of the plane: near goes with exp(i chi)."""
    u, v, angle, shift = (one[:, None, None] for one in (defocus.u, defocus.v, defocus.angle, defocus.shift))
    offset = shift + (aberrations.offset(kx, ky) if any(aberrations.even) else 0.0)
    wave = np.exp(1j * phase(lens, kx, ky, u, v, angle, offset))
    seen = (wave * near - wave.conj() * far) / 2j * np.exp(-bfactor / 4 * (kx * kx + ky * ky))
    return seen * np.exp(1j * aberrations.phase(kx, ky)) if any(aberrations.odd) else seen
