"""Which way round a gain reference fits the movies: all eight are tried against the frames' own sum."""

from dataclasses import dataclass, replace

import numpy as np

from spa.motion import kernels

TURNS = [(rotate, flip) for flip in (0, 1) for rotate in range(4)]  # quarter turns, then upside down: all eight
_PLACES = [0, 7, 2, 5, 1, 6, 3, 4]  # of these, in what `kernels.products` makes of an image and of its transpose
SIDE = 1024  # pixels of the middle of the frame, which are enough
CERTAIN = 8.0  # standard deviations of a correlation by chance


@dataclass(frozen=True, eq=False)
class Evidence:
    """correlation (8,): of -log(gain) with log(sum), in its finest detail, times pixels: those that are independent."""

    correlation: np.ndarray
    pixels: int

    def __add__(self, other: "Evidence") -> "Evidence":
        return replace(self, correlation=self.correlation + other.correlation, pixels=self.pixels + other.pixels)

    @property
    def scores(self) -> np.ndarray:
        """(8,) in standard deviations of chance; positive where the gain multiplies."""
        return self.correlation / np.sqrt(max(self.pixels, 1))

    def verdict(self) -> tuple[int, int, bool] | None:
        """(rotate, flip, divides) if another way fits certainly better than the gain as it is; None if not."""
        scores = self.scores
        best = int(np.argmax(np.abs(scores)))
        if np.abs(scores[best]) < CERTAIN or (best == 0 and scores[0] > 0):
            return None
        if np.abs(scores[best]) < np.abs(scores[0]) + CERTAIN / 2 and scores[0] > 0:
            return None
        return (*TURNS[best], bool(scores[best] < 0))


def tried(total: np.ndarray, gain: np.ndarray) -> Evidence:
    """The sum of a movie's frames (ny, nx), as they come, against a gain in all eight ways (four where not square)."""
    image, reference = _fine(_middle(total)), _fine(_middle(gain))
    found = np.zeros((2, 4))  # not turned, or half; by a quarter, either way
    kernels.products(image, reference, found[0])
    if total.shape[0] == total.shape[1]:
        kernels.products(image, np.ascontiguousarray(reference.T), found[1])
    scale = np.sqrt(float(np.vdot(image, image)) * float(np.vdot(reference, reference)))
    scores = -found.ravel()[_PLACES] / max(scale, 1e-30)
    return Evidence(scores * (image.size / 4), image.size // 4)  # neighbours are not independent


def _middle(image: np.ndarray) -> np.ndarray:
    """The square in the middle, which every turn brings onto itself."""
    cut = []
    for size in image.shape:
        side = min(SIDE - (size - SIDE) % 2, size)
        cut.append(slice((size - side) // 2, (size - side) // 2 + side))
    return np.ascontiguousarray(image[tuple(cut)], np.float32)


def _fine(image: np.ndarray) -> np.ndarray:
    """What differs between a pixel and its four neighbours, of the logarithm, extremes cut off."""
    usual = np.float32(max(float(np.mean(image, dtype=np.float64)), 1e-30))
    logs = np.clip(image, np.float32(0.3) * usual, 3 * usual)
    np.log(logs, out=logs)
    fine = np.empty((image.shape[0] - 2, image.shape[1] - 2), np.float32)
    kernels.bends(logs, fine)
    edge = np.float32(3 * fine[::3, ::3].std() or 1.0)
    return np.clip(fine, -edge, edge, out=fine)
