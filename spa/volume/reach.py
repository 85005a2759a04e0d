"""How far bands and windows reach, and that reach taken off again.

The power of a signal, a density over place and frequency, is that which bands and windows would show as it is seen
(Richardson, J. Opt. Soc. Am. 62 (1972) 55; Lucy, Astron. J. 79 (1974) 745). Differences within an error change nothing
(damped: White, Proc. SPIE 2198 (1994) 1342), so that noise is not drawn to points; steps are longer than theirs
(Biggs & Andrews, Appl. Opt. 36 (1997) 1766).
"""

from dataclasses import dataclass, field

import numpy as np

from spa.volume.bands import EMPTY, Bank, Part, extent, windows

ROUNDS = 36
DAMPED = 2.5  # standard deviations within which a difference counts as noise
MARGIN = 1  # grid points about the mask that signal may come from
TINY = np.float32(1e-6)  # of the noise

Lines = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(eq=False)
class Reach:
    """What a bank's bands and windows make of a density (m, g, g, g) within a mask (g, g, g), and the adjoint.

    Both are worked out about the mask alone: part is where it is not 0, MARGIN points wider.
    """

    bank: Bank
    mask: np.ndarray
    part: Part = field(init=False)
    kernels: Lines = field(init=False)
    windows: Lines = field(init=False)
    share: np.ndarray = field(init=False)
    wholes: np.ndarray = field(init=False)
    overlap: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        bank = self.bank
        self.part = tuple(
            slice(max(0, one.start - MARGIN), one.stop + MARGIN) for one in extent(self.mask > EMPTY)
        )  # type: ignore[assignment]
        self.share = self.mask[self.part]
        self.kernels = self._lines(bank.kernel / np.sqrt(2))
        self.windows = self._lines(bank.window)
        self.wholes = np.maximum(_along(self.share[None], self.windows), EMPTY)
        self.overlap = bank.overlap().astype(np.float32)

    def _lines(self, widths: np.ndarray) -> Lines:
        made = np.stack([windows(self.bank.grid, self.bank, one) for one in widths])
        return tuple(np.ascontiguousarray(made[:, one, one]) for one in self.part)  # type: ignore[return-value]

    def seen(self, density: np.ndarray) -> np.ndarray:
        """As bands and windows show it; of (m, *part) as what comes back is."""
        spread = _along(density, self.kernels)
        spread *= self.share
        shown = _along(spread, self.windows)
        shown /= self.wholes
        return _mixed(self.overlap, shown)

    def returned(self, values: np.ndarray) -> np.ndarray:
        """The adjoint: what is seen, put back where it may have come from."""
        within = _along(_mixed(self.overlap.T, values) / self.wholes, _turned(self.windows))
        within *= self.share
        return _along(within, _turned(self.kernels))


def _mixed(overlap: np.ndarray, values: np.ndarray) -> np.ndarray:
    return (overlap @ values.reshape(len(values), -1)).reshape(values.shape)


def _turned(lines: Lines) -> Lines:
    return tuple(one.transpose(0, 2, 1) for one in lines)  # type: ignore[return-value]


def _along(values: np.ndarray, lines: Lines) -> np.ndarray:
    """Values (m or 1, z, y, x) averaged by lines (m, z, z), (m, y, y), (m, x, x)."""
    z, y, x = lines
    shape = (len(z), *values.shape[1:])
    found = np.matmul(z, values.reshape(len(values), shape[1], -1)).reshape(shape)
    return np.matmul(y[:, None], found) @ x.transpose(0, 2, 1)[:, None]


def without_reach(
    power: np.ndarray, reach: Reach, error: np.ndarray | None = None, rounds: int = ROUNDS
) -> np.ndarray:
    """The density (m, g, g, g) that shows as the power (m, g, g, g); differences within its error change nothing.

    Outside of the reach's part it is as the power.
    """
    all_of_it, part = np.maximum(power, TINY), (slice(None), *reach.part)
    power = np.ascontiguousarray(power[part])
    whole = np.maximum(reach.returned(np.ones_like(power)), EMPTY)
    allowed = None if error is None else (1 / (DAMPED * error[part])).astype(np.float32)
    found = np.maximum(power, TINY)
    for _ in range(rounds):
        shown = np.maximum(reach.seen(found), TINY)
        off = power - shown
        if allowed is not None:
            off *= _sure(off * allowed)
        off /= shown
        off += 1
        factor = np.maximum(reach.returned(off) / whole, TINY)
        found *= factor * factor / np.sqrt(np.sqrt(factor))  # to the power 1.75
        np.maximum(found, TINY, out=found)
    all_of_it[part] = found
    return all_of_it


def _sure(off: np.ndarray) -> np.ndarray:
    """How far differences count, from none where they are well below 1 to all from 1 on: 8 s^7 - 7 s^8 of squares s."""
    square = np.minimum(off * off, 1)
    twice = square * square
    return twice * twice * twice * square * (8 - 7 * square)
