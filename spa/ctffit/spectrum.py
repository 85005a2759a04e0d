"""The power spectrum of a micrograph, as all fits see it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spectrum:
    """A half spectrum (box, box//2+1) of power, rows in FFT order; one step is 1/(box · pixel_size) per angstrom."""

    power: np.ndarray
    pixel_size: float
    tiles: int

    @property
    def box(self) -> int:
        return len(self.power)
