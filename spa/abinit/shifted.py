"""Many shifts of an image from few: a grid on which no likelihood is missed is closer than a band can tell apart.

Moved by t an image has the coefficients X exp(2 pi i k.t / N).  Of a band, over shifts within a disc, these are nearly
combinations of as many as the product of both areas says, and some for the rim (Slepian, Bell Syst. Tech. J. 43 (1964)
3009).  So the products with slices are taken of few `turns` of the image, and mixed to scores at all shifts; and the
weights of all shifts are mixed to those of turns before they are multiplied with images.
"""

from dataclasses import dataclass

import numpy as np

from spa.search.images import ramps

ERROR = 0.01  # of an image's norm, by which it may be off at the shift that is worst
WORTH = 0.75  # of the shifts: where no fewer turns do, mixing costs what it saves


@dataclass(frozen=True, eq=False)
class Shifts:
    """What moves images by shifts (s, 2), pixels: mix (s, r) of turns (r, K) complex64 of their coefficients; mix is
    None where there is a turn for each shift."""

    shifts: np.ndarray
    turns: np.ndarray
    mix: np.ndarray | None = None

    def all_of(self, few: np.ndarray) -> np.ndarray:
        """What is linear in an image, at all shifts (s, …), of the same for turns (r, …)."""
        return few if self.mix is None else self.mix @ few

    def few_of(self, every: np.ndarray) -> np.ndarray:
        """Weights of turns (r, …) that make the sum which those of all shifts (s, …) make."""
        return every if self.mix is None else self.mix.T @ every


def prior_of(shifts: np.ndarray, sigma: float) -> np.ndarray:
    """(s,) float32 log of a Gaussian prior on shifts (s, 2), 0 at the middle; sigma in their unit."""
    return (-(shifts**2).sum(axis=1) / (2 * sigma**2)).astype(np.float32)


def shifts_of(shifts: np.ndarray, kx: np.ndarray, ky: np.ndarray, box: int) -> Shifts:
    """Of coefficients kx, ky (K,) of images of a box."""
    turns = ramps(shifts, kx, ky, box)
    ramp = turns.astype(np.complex128)
    size, mix = np.linalg.eigh((ramp @ ramp.conj().T).real)
    size, mix = size[::-1], mix[:, ::-1]
    left = 1 - np.cumsum(mix**2 * size, axis=1) / len(kx)  # of the norm at each shift, after so many turns
    rank = int((left.max(axis=0) > ERROR**2).sum()) + 1  # it only falls
    if rank > WORTH * len(shifts):
        return Shifts(shifts, turns)
    mix = mix[:, :rank]
    return Shifts(shifts, (mix.T @ ramp).astype(np.complex64), np.ascontiguousarray(mix, np.float32))
