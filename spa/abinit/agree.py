"""How far runs from different seeds agree: their maps laid on one another, whatever their hand."""

from dataclasses import dataclass

import numpy as np

from spa.symmetry import align
from spa.volume.fsc import crossing


@dataclass(frozen=True)
class Agreement:
    """shell: where the FSC of two maps, one laid on the other, falls below 0.5; mirrored: of opposite hands."""

    shell: int
    mirrored: bool


def agreement(a: np.ndarray, b: np.ndarray, band: int) -> Agreement:
    """Of two runs' maps (c, n, n, n), masked: for each class of the first the best of the second, in the mean."""
    shells, hands = [], []
    for one in a:
        pairs = []
        for other in b:
            fit = align.fit(one, other, band)
            pairs.append((crossing(align.shell_correlation(one, other, fit, band), 0.5), fit.mirrored))
        shell, mirrored = max(pairs)
        shells.append(shell)
        hands.append(mirrored)
    return Agreement(int(np.rint(np.mean(shells))), bool(hands[0]))
