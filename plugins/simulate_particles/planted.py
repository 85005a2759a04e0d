"""Aberrations to be planted, and the columns that say them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from spa.errors import UsageError
from spa.image.aberrations import Aberrations, coma, summed
from spa.image.ctf import Lens

MOST_TERMS = 60
Terms = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Planted:
    """What the microscope does to the images and a user's table does not say.

    beam_tilt x, y and its spread between groups in milliradians; Zernike terms: index and coefficient (radians);
    magnification: anisotropy in per cent, and the angle (degrees) where it is largest; cs_error in mm.
    """

    beam_tilt: tuple[float, float]
    beam_tilt_spread: float
    odd_zernike: Terms
    even_zernike: Terms
    magnification: tuple[float, float]
    cs_error: float

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Planted":
        """From all options of the command."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})

    def __post_init__(self) -> None:
        for name, terms in (("--odd-zernike", self.odd_zernike), ("--even-zernike", self.even_zernike)):
            for index, value in terms:
                if not 0 <= index < MOST_TERMS:
                    raise UsageError(f"{name} {index} {value:g}: terms are numbered from 0 to {MOST_TERMS - 1}")
        anisotropy, angle = self.magnification
        if not abs(anisotropy) < 20:
            raise UsageError(f"--magnification {anisotropy:g} {angle:g}: per cent, less than 20")

    def matrix(self) -> np.ndarray:
        """The magnification (2, 2): image frequencies times it are the true ones."""
        half, turn = self.magnification[0] / 200, 2 * np.deg2rad(self.magnification[1])
        return np.eye(2) + half * np.array([[np.cos(turn), np.sin(turn)], [np.sin(turn), -np.cos(turn)]])

    def tilts(self, groups: int, rng: np.random.Generator) -> np.ndarray:
        """Beam tilt (groups, 2) of each group."""
        return np.array(self.beam_tilt) + self.beam_tilt_spread * rng.standard_normal((groups, 2))

    def aberrations(self, tilts: np.ndarray, lens: Lens) -> list[Aberrations]:
        """Of each group with beam tilts (groups, 2), at a lens with its true Cs."""
        cs, voltage = float(lens.cs), float(lens.voltage)
        a, b, c, d = self.matrix().ravel().tolist()
        odd, even = series(self.odd_zernike), series(self.even_zernike)
        return [
            Aberrations(summed(odd, coma((x, y), cs, voltage) if x or y else ()), even, (a, b, c, d))
            for x, y in tilts.tolist()
        ]

    def columns(self, tilts: np.ndarray) -> dict[str, Any]:
        """Of data_optics: what is planted, and nothing where it is not."""
        found: dict[str, Any] = {}
        if np.any(tilts):
            found |= {"rlnBeamTiltX": tilts[:, 0], "rlnBeamTiltY": tilts[:, 1]}
        for name, terms in (("rlnOddZernike", self.odd_zernike), ("rlnEvenZernike", self.even_zernike)):
            if terms:
                found[name] = [f"[{','.join(f'{value:.9g}' for value in series(terms))}]"] * len(tilts)
        if self.magnification[0]:
            names = ("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11")
            found |= {name: np.full(len(tilts), value) for name, value in zip(names, self.matrix().ravel())}
        return found


def series(terms: Terms) -> tuple[float, ...]:
    """Coefficients from 0 on."""
    found = np.zeros(max((index for index, _ in terms), default=-1) + 1)
    for index, value in terms:
        found[index] += value
    return tuple(found.tolist())
