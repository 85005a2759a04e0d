"""Grey scale and noise of the map beside the images, and how much of each image the map of its own half has in it.

A map that an image has gone into agrees with the image's noise, at the CTF that it went in with: that would hold its
defocus where it is. The other half's map does not, and what the two agreements differ by is taken off the slices.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.image.disc import Disc
from spa.optics.compared import Compared, Scene, Who, compared, shown

LEAST = 1e-12


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums over images in each shell (groups, shells): see `tally`; counts: images of each group."""

    own: np.ndarray
    other: np.ndarray
    seen: np.ndarray
    norm: np.ndarray
    power: np.ndarray
    third: np.ndarray
    fourth: np.ndarray
    counts: np.ndarray

    def __add__(self, more: "Tally") -> "Tally":
        return Tally(*(getattr(self, name) + getattr(more, name) for name in self.__dataclass_fields__))


def tally(here: Scene, who: Who, pixels: np.ndarray, groups: int) -> Tally:
    """With C the CTF: C X P* of the own map and of the other, C^2 |X|^2, C^2 |P|^2, |X|^2, C^3 X P*, C^4 |X|^2."""
    one = compared(here, who, pixels)
    other = shown(here, replace(who, half=1 - who.half)) if len(here.sources) > 1 else one.cut
    sine, _ = one.waves()
    square = sine * sine
    cross, power = sine * _real(one.x, one.cut), _real(one.x, one.x)
    products = [cross, sine * _real(one.x, other), square * power, square * _real(one.cut, one.cut), power,
                square * cross, square * square * power]  # fmt: skip
    counts = np.bincount(who.group, minlength=groups)
    own, other, seen, norm, total, third, fourth = (_by_group(one, who.group, here.band, groups) for one in products)
    return Tally(own, other, seen, norm, total, third, fourth, counts)


def _real(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1]


def _by_group(values: np.ndarray, group: np.ndarray, band: Disc, groups: int) -> np.ndarray:
    out = np.zeros((groups, band.radius + 1))
    for number in np.unique(group):
        total = values[group == number].sum(axis=0, dtype=np.float64)
        out[number] = np.bincount(band.shell, total, band.radius + 1)
    return out


@dataclass(frozen=True, eq=False)
class Calibration:
    """In each shell: own (shells,), the part of an image in its own map; scale (shells,) of the map; noise (groups,
    shells), the power of what the map leaves."""

    own: np.ndarray
    scale: np.ndarray
    noise: np.ndarray

    def without_own(self, seen: Compared, band: Disc) -> Compared:
        """The same images, and the slices without what the images themselves have put there."""
        if not self.own.any():
            return seen
        part = seen.waves()[0] * self.own[band.shell].astype(np.float32)
        return replace(seen, cut=seen.cut - part[:, None] * seen.x)


def calibrated(found: Tally, band: Disc, halves: bool) -> Calibration:
    """From the sums of a sample; halves: whether there is a map for each half-set."""
    coefficients = np.maximum(np.bincount(band.shell, minlength=band.radius + 1), 1)
    total = {name: getattr(found, name).sum(axis=0) for name in ("own", "other", "seen")}
    own = np.zeros(band.radius + 1)
    if halves:
        own = np.clip((total["own"] - total["other"]) / np.maximum(total["seen"], LEAST), 0, 1)
    cross = found.own - own * found.seen
    norm = found.norm - 2 * own * found.third + own**2 * found.fourth
    scale = np.clip(cross.sum(axis=0) / np.maximum(norm.sum(axis=0), LEAST), 0, None)
    left = found.power - 2 * scale * cross + scale**2 * norm
    noise = left / coefficients / np.maximum(found.counts, 1)[:, None]
    mean = left.sum(axis=0) / coefficients / max(found.counts.sum(), 1)
    noise = np.where(found.counts[:, None] > 0, noise, mean)
    noise[:, 0] = noise[:, 1]
    return Calibration(own, scale, np.maximum(noise, LEAST))


def agreement(cross: np.ndarray, norm: np.ndarray, noise: np.ndarray) -> float:
    """By how many standard deviations images agree with a map, more than noise of this power does.

    In each shell (shells,): sums over images of C X P* and of C^2 |P|^2, and the noise's power a coefficient.
    """
    return float((cross / noise).sum() / np.sqrt(max(float((norm / noise).sum()) / 2, LEAST)))
