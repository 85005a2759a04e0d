"""How far bands and windows reach, and that reach taken off again.

The power of a signal, a density over place and frequency, is that which bands and windows would show as it is seen
(Richardson, J. Opt. Soc. Am. 62 (1972) 55; Lucy, Astron. J. 79 (1974) 745). Differences within an error change nothing
(damped: White, Proc. SPIE 2198 (1994) 1342), so that noise is not drawn to points; steps are longer than theirs
(Biggs & Andrews, Appl. Opt. 36 (1997) 1766).
"""

from dataclasses import dataclass, field

import numpy as np

from spa.volume.bands import EMPTY, Bank, Map, averaged, windows

ROUNDS = 36
STEP = 1.8  # power of a round's factor
DAMPED = 2.5  # standard deviations within which a difference counts as noise
SHARP = 8  # how suddenly it does
TINY = np.float32(1e-6)  # of the noise


@dataclass(eq=False)
class Reach:
    """What a bank's bands and windows make of a density (m, g, g, g) within a mask (g, g, g), and the adjoint."""

    bank: Bank
    mask: np.ndarray
    run: Map = map
    kernels: list[np.ndarray] = field(init=False)
    windows: list[np.ndarray] = field(init=False)
    wholes: list[np.ndarray] = field(init=False)
    overlap: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        bank = self.bank
        self.kernels = [windows(bank.grid, bank, one / np.sqrt(2)) for one in bank.kernel]
        self.windows = [windows(bank.grid, bank, one) for one in bank.window]
        self.wholes = [np.maximum(averaged(self.mask, one), EMPTY) for one in self.windows]
        self.overlap = bank.overlap().astype(np.float32)

    def seen(self, density: np.ndarray) -> np.ndarray:
        """As bands and windows show it."""

        def one(band: int) -> np.ndarray:
            spread = averaged(density[band], self.kernels[band]) * self.mask
            return averaged(spread, self.windows[band]) / self.wholes[band]

        return np.tensordot(self.overlap, np.stack(list(self.run(one, range(len(density))))), 1)

    def returned(self, values: np.ndarray) -> np.ndarray:
        """The adjoint: what is seen, put back where it may have come from."""
        spread = np.tensordot(self.overlap.T, values, 1)

        def one(band: int) -> np.ndarray:
            within = averaged(spread[band] / self.wholes[band], self.windows[band].T) * self.mask
            return averaged(within, self.kernels[band].T)

        return np.stack(list(self.run(one, range(len(values)))))


def without_reach(power: np.ndarray, reach: Reach, error: np.ndarray | None = None) -> np.ndarray:
    """The density (m, g, g, g) that shows as the power (m, g, g, g); differences within its error change nothing."""
    whole = np.maximum(reach.returned(np.ones_like(power)), EMPTY)
    found = np.maximum(power, TINY)
    for _ in range(ROUNDS):
        shown = np.maximum(reach.seen(found), TINY)
        off = power - shown
        if error is not None:
            sure = np.minimum((off / (DAMPED * error)) ** 2, 1)
            off *= sure ** (SHARP - 1) * (SHARP - (SHARP - 1) * sure)
        factor = np.maximum(reach.returned(1 + off / shown) / whole, TINY)
        found = np.maximum(found * factor ** np.float32(STEP), TINY)
    return found
