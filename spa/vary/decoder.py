"""Volumes as a function of latent coordinates that a network has learned: maps, combined by a small network.

``V(z) = U_0 + sum_m a_m(z) U_m``.  The maps U are as many as it takes to follow large motions; the coordinates z are
few; a is a network of two hidden layers beside a straight way.  The maps are read off a field that was learned
elsewhere (`spa vary neural`); what is here needs no more than numpy.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.errors import DataError

WEIGHTS = ("in_weight", "in_bias", "mid_weight", "mid_bias", "out_weight", "straight", "out_bias")


@dataclass(frozen=True, eq=False)
class Decoder:
    """maps (m + 1, n, n, n); pixel_size (angstroms) of their grid; of the network, rows are outputs:
    in_weight (h, q), mid_weight (h, h), out_weight (m, h), straight (m, q) and biases."""

    maps: np.ndarray
    pixel_size: float
    in_weight: np.ndarray
    in_bias: np.ndarray
    mid_weight: np.ndarray
    mid_bias: np.ndarray
    out_weight: np.ndarray
    straight: np.ndarray
    out_bias: np.ndarray

    @property
    def latents(self) -> int:
        return int(self.in_weight.shape[1])

    def parts(self, z: np.ndarray) -> np.ndarray:
        """(n, m + 1): how much of each map there is at points (n, q); of the first, one."""
        hidden, h = self.hidden(z), len(self.mid_bias)
        found = hidden[:, :h] @ self.out_weight.T + hidden[:, h:] @ self.straight.T + self.out_bias
        return np.concatenate([np.ones((len(z), 1)), found], axis=1)

    def hidden(self, z: np.ndarray) -> np.ndarray:
        """(n, h + q): values of the last hidden layer at points (n, q), and the points."""
        low = np.tanh(z @ self.in_weight.T + self.in_bias)
        return np.concatenate([np.tanh(low @ self.mid_weight.T + self.mid_bias), z], axis=1)

    def slopes(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The parts (n, m + 1) and their derivatives (n, q, m + 1)."""
        low = np.tanh(z @ self.in_weight.T + self.in_bias)
        high = np.tanh(low @ self.mid_weight.T + self.mid_bias)
        found = high @ self.out_weight.T + z @ self.straight.T + self.out_bias
        inner = (1 - low**2)[:, None, :] * self.in_weight.T  # (n, q, h)
        inner = (inner @ self.mid_weight.T) * (1 - high**2)[:, None, :]
        slope = inner @ self.out_weight.T + self.straight.T
        parts = np.concatenate([np.ones((len(z), 1)), found], axis=1)
        return parts, np.concatenate([np.zeros((*slope.shape[:2], 1)), slope], axis=2)

    def volume(self, point: np.ndarray) -> np.ndarray:
        """(n, n, n) float32 at a point (q,)."""
        return np.tensordot(self.parts(np.asarray(point, float)[None])[0], self.maps, 1).astype(np.float32)

    def turned(self, matrix: np.ndarray) -> "Decoder":
        """The same in coordinates z' with z = matrix z' (q, q)."""
        return replace(self, in_weight=self.in_weight @ matrix, straight=self.straight @ matrix)

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file holds."""
        weights = {name: np.asarray(getattr(self, name), np.float64) for name in WEIGHTS}
        return {"maps": np.asarray(self.maps, np.float32), "pixel_size": np.array(self.pixel_size), **weights}


def of_arrays(held: dict[str, np.ndarray], where: str) -> Decoder:
    """From what a file (named for errors) holds; DataError where it is not that."""
    try:
        found = Decoder(held["maps"], float(held["pixel_size"]), *(held[name] for name in WEIGHTS))
        q, h, m = found.in_weight.shape[1], len(found.in_weight), len(found.maps) - 1
        wanted = (h, q), (h,), (h, h), (h,), (m, h), (m, q), (m,)
        fits = all(getattr(found, name).shape == shape for name, shape in zip(WEIGHTS, wanted))
        fits = fits and found.maps.ndim == 4 and len(set(found.maps.shape[1:])) == 1
    except (KeyError, TypeError, ValueError, IndexError):
        fits = False
    if not fits:
        raise DataError(f"{where}: not a model of spa vary neural")
    return found
