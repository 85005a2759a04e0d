"""Half maps of which the part that all copies share is known better than what is one copy's own.

The average over the group rests on as many views of an image as there are copies, and is seen to finer detail; the
difference from it is of one copy alone. Each is filtered by the FSC of its own halves, so that neither the difference's
noise leads the alignment nor the shared detail is lost with it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from spa.volume import insert as into
from spa.volume.fsc import fsc
from spa.volume.shells import apply_radial
from spa.volume.slices import kernel_correction, reference


@dataclass(frozen=True, eq=False)
class Shared:
    """A smoothing (`spa.refine.problem`): group (g, 3, 3); solvent (box, box, box) soft mask; run: a pool's map."""

    group: np.ndarray
    solvent: np.ndarray
    run: Callable[..., Iterable] = map

    def __call__(self, half1: np.ndarray, half2: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
        common, own, trust = self._parts(half1, half2)
        first, second = (
            apply_radial(shared, trust[0]) + apply_radial(rest, trust[1]) for shared, rest in zip(common, own)
        )
        return first, second

    def joint(self, half1: np.ndarray, half2: np.ndarray, /) -> np.ndarray:
        common, own, trust = self._parts(half1, half2)
        more = [2 * curve / (1 + curve) for curve in trust]
        return apply_radial((common[0] + common[1]) / 2, more[0]) + apply_radial((own[0] + own[1]) / 2, more[1])

    def _parts(
        self, half1: np.ndarray, half2: np.ndarray
    ) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        """What all copies share, and the rest, of each half; and the FSC of either between the halves, in the mask."""
        common = [averaged(half, self.group, self.run) for half in (half1, half2)]
        own = [half - shared for half, shared in zip((half1, half2), common)]
        curves = [fsc(*(part * self.solvent for part in pair)) for pair in (common, own)]
        return common, own, [_trusted(curve) for curve in curves]


def averaged(volume: np.ndarray, operators: np.ndarray, run: Callable[..., Iterable] = map) -> np.ndarray:
    """A map (box, box, box) averaged over operators (g, 3, 3) in its oversampled transform."""
    exact = np.abs(operators - np.rint(operators)).max((1, 2)) < 1e-9  # grid points on grid points: not interpolated
    found = np.zeros_like(volume)
    for some, kernels in ((operators[exact], 0), (operators[~exact], 1)):
        if len(some):
            found += np.float32(len(some) / len(operators)) * _turned_together(volume, some, kernels, run)
    return found


def _turned_together(
    volume: np.ndarray, operators: np.ndarray, kernels: int, run: Callable[..., Iterable]
) -> np.ndarray:  # fmt: skip
    """The mean over operators; kernels: how often the trilinear kernel smooths the transform when it is turned."""
    box = len(volume)
    line = kernel_correction(box)
    source = reference(volume * (line[:, None, None] * line[:, None] * line), box // 2 - 1)  # the transform itself
    grid = np.ones((*source.grid.shape[:3], 3), np.float32)
    grid[..., :2] = source.grid
    sums = into.added(into.Accumulator(box, source.radius, grid), operators, run)
    return into.solve(replace(sums, kernels=kernels), np.full(source.radius + 2, 1e-6))


def _trusted(curve: np.ndarray) -> np.ndarray:
    """An FSC as a filter: nothing beyond the second shell in a row without signal, 1 on the mean."""
    below = curve[1:] < 0.02
    ends = np.flatnonzero(below[:-1] & below[1:])
    trust = np.clip(curve, 0, 1)
    trust[0] = 1
    if len(ends):
        trust[int(ends[0]) + 1 :] = 0
    return trust
