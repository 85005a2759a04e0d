"""Micrographs with planted rings: random structure seen through a known CTF, over shot noise and inelastic haze."""

import numpy as np

from spa.ctffit.refine import Defocus
from spa.image.ctf import Lens, ctf

LENS = Lens(voltage=300.0, cs=2.7, contrast=0.1)


def micrograph(
    defocus: Defocus, lens: Lens = LENS, pixel_size: float = 1.4, size: int = 1536, signal: float = 0.15,
    bfactor: float = 60.0, seed: int = 0,
) -> np.ndarray:  # fmt: skip
    """A micrograph (size, size) float32; ``signal`` is the power of structure over shot noise before the envelope."""
    rng = np.random.default_rng(seed)
    ky, kx = np.meshgrid(np.fft.fftfreq(size, pixel_size), np.fft.rfftfreq(size, pixel_size), indexing="ij")
    k = np.hypot(kx, ky)
    seen = ctf(lens, kx, ky, defocus.u, defocus.v, defocus.angle, defocus.phase_shift)
    structure = np.sqrt(signal * (1 + 15 * np.exp(-k / 0.02)) * np.exp(-bfactor * k**2 / 2))
    haze = np.sqrt(1 + 3 * np.exp(-k / 0.02) - 0.5 * k)
    white = [np.fft.rfft2(rng.standard_normal((size, size))) for _ in range(2)]
    return np.fft.irfft2(structure * seen * white[0] + haze * white[1], s=(size, size)).astype(np.float32)
