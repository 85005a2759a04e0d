"""What the sums say of a phase at each coefficient: its log-likelihood, slope and curvature."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from spa.image.disc import Disc
from spa.optics.sums import NAMES, Sums


@dataclass(frozen=True, eq=False)
class Weighted:
    """Sums with the map in the images' grey scale, shell by shell; weight (K,): 2 / the noise's power, or 0.

    scale and noise: (shells,) what they are made with.
    """

    sums: Sums
    weight: np.ndarray
    scale: np.ndarray
    noise: np.ndarray


def agreeing(band: Disc, width: float, wave: float, error: float) -> np.ndarray:
    """(shells,) what of the agreement of images and map counts where each image's own defocus was fitted.

    A fit follows the noise as far as the defocus's error (angstroms) goes. By the phase x that this is in a shell,
    images agree by x^2 / 2 more than with the right defocus, and turn by x^2 / 2 less with what else is wrong
    (Neyman & Scott, Econometrica 16 (1948) 1). width: of the box, and wave, angstroms.
    """
    phase = np.pi * wave * (np.arange(band.radius + 1) / width) ** 2 * error
    return np.exp(-(phase**2))


def weighted(sums: Sums, band: Disc, first: int, part: np.ndarray | None = None) -> Weighted:
    """From shell `first` on; part (shells,): what of the agreement counts, see `agreeing`.

    The map's own scale in a shell is what fits best there: it makes up for what its noise and the poses' errors cost.
    """
    if part is not None:
        sums = Sums(np.stack([row * part[band.shell] if name == "sine" else row
                              for name, row in zip(NAMES, sums.values)]), sums.count)  # fmt: skip
    def by_shell(name: str) -> np.ndarray:
        return np.bincount(band.shell, sums[name], band.radius + 1)

    counts = np.maximum(np.bincount(band.shell, minlength=band.radius + 1), 1)
    cross, norm = by_shell("sine"), by_shell("ss")
    scale = np.maximum(np.divide(cross, norm, out=np.zeros_like(cross), where=norm > 0), 0)
    left = by_shell("power") - 2 * scale * cross + scale**2 * norm
    noise = np.maximum(left, 1e-12 * max(left.max(), 1e-30)) / counts / max(sums.count, 1)
    used = (band.shell >= first) & (band.shell <= band.radius)
    each = scale[band.shell]
    once = {name for name in NAMES if name.split("_")[0] in ("sine", "cosine", "pull")}
    power = {"power": 0} | dict.fromkeys(once, 1)
    values = np.stack([row * each ** power.get(name, 2) for name, row in zip(NAMES, sums.values)])
    return Weighted(Sums(values, sums.count), np.where(used, 2 / noise[band.shell], 0), scale, noise)


class Profile(Protocol):
    """Of the phase (K,) in radians at each coefficient: (K,) log-likelihood, its slope, its expected curvature."""

    def value(self, phase: np.ndarray) -> np.ndarray: ...
    def slope(self, phase: np.ndarray) -> np.ndarray: ...
    def curvature(self, phase: np.ndarray) -> np.ndarray: ...


class Beyond:
    """A profile of what comes on top of a phase (K,) that is known."""

    def __init__(self, inner: Profile, known: np.ndarray) -> None:
        self.inner, self.known = inner, known

    def value(self, phase: np.ndarray) -> np.ndarray:
        return self.inner.value(self.known + phase)

    def slope(self, phase: np.ndarray) -> np.ndarray:
        return self.inner.slope(self.known + phase)

    def curvature(self, phase: np.ndarray) -> np.ndarray:
        return self.inner.curvature(self.known + phase)


class Odd:
    """Of a phase that turns the image."""

    def __init__(self, given: Weighted) -> None:
        self.cosine, self.sine = given.weight * given.sums["sine"], given.weight * given.sums["sine_turn"]
        self.expected = given.weight * given.sums["ss"]

    def value(self, phase: np.ndarray) -> np.ndarray:
        return self.cosine * np.cos(phase) + self.sine * np.sin(phase)

    def slope(self, phase: np.ndarray) -> np.ndarray:
        return self.sine * np.cos(phase) - self.cosine * np.sin(phase)

    def curvature(self, phase: np.ndarray) -> np.ndarray:
        return self.expected


class Even:
    """Of what is added to the CTF's chi."""

    def __init__(self, given: Weighted) -> None:
        self.sine, self.cosine, self.ss, self.sc, self.cc = (
            given.weight * given.sums[name] for name in ("sine", "cosine", "ss", "sc", "cc")
        )

    def value(self, phase: np.ndarray) -> np.ndarray:
        s, c = np.sin(phase), np.cos(phase)
        return self.sine * c + self.cosine * s - 0.5 * (self.ss * c * c + 2 * self.sc * s * c + self.cc * s * s)

    def slope(self, phase: np.ndarray) -> np.ndarray:
        twice = 0.5 * (self.ss - self.cc) * np.sin(2 * phase) - self.sc * np.cos(2 * phase)
        return self.cosine * np.cos(phase) - self.sine * np.sin(phase) + twice

    def curvature(self, phase: np.ndarray) -> np.ndarray:
        s, c = np.sin(phase), np.cos(phase)
        return self.cc * c * c - 2 * self.sc * s * c + self.ss * s * s
