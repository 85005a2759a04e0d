"""What changes from iteration to iteration: how many images, how fine, how far."""

from dataclasses import dataclass

import numpy as np

from spa.class2d.seeds import rng

_MARGIN = 3  # shells beyond what an average shows


@dataclass(frozen=True)
class Settings:
    """classes; diameter and reach (largest shift) in pixels; first and limit: shells at the start and at most;

    iterations, of which the last `full` see all images and the others `batch` images each.
    """

    classes: int
    diameter: float
    reach: float
    first: int
    limit: int
    iterations: int
    full: int
    batch: int
    seed: int

    def last(self, iteration: int) -> bool:
        """One of the full passes at the end: no more annealing, centring or forgetting."""
        return iteration >= self.iterations - self.full

    def annealed(self, iteration: int) -> float:
        """0 at the start, 1 once all of the resolution may be used: after 0.6 of the mini-batches."""
        return min(1.0, iteration / max(1.0, 0.6 * (self.iterations - self.full)))

    def moving(self, iteration: int) -> bool:
        """Whether empty classes are still filled: there are iterations enough left for them to settle."""
        return iteration < self.iterations - self.full - max(2, self.iterations // 8)

    def radius(self, iteration: int, shown: int) -> int:
        """Band (shells): as annealing allows, and not far beyond what the best average shows."""
        allowed = self.first * (self.limit / self.first) ** self.annealed(iteration)
        return int(np.clip(min(allowed, max(shown + _MARGIN, 1.2 * shown)), self.first, self.limit))

    def rows(self, iteration: int, n: int) -> np.ndarray:
        """Images of an iteration, ascending: a piece of a permutation of all, then of the next one."""
        if self.last(iteration) or self.batch >= n:
            return np.arange(n)
        found: list[np.ndarray] = []
        at = iteration * self.batch
        end = at + self.batch
        while at < end:
            epoch, first = divmod(at, n)
            piece = rng(self.seed, 2, epoch).permutation(n)[first : first + end - at]
            found.append(piece)
            at += len(piece)
        return np.unique(np.concatenate(found))


def batch_size(n: int, classes: int) -> int:
    """Mini-batch: 30 images a class (three batches are remembered), a twentieth of all up to 20 000; or all, if few."""
    size = max(30 * classes, 500, min(n // 20, 20_000))
    return n if size > 0.6 * n else size
