"""Volumes as a function of latent coordinates that a network has learned: maps, combined by a small network.

``V(z) = U_0 + sum_m a_m(z) U_m``.  The maps U are as many as it takes to follow large motions; the coordinates z are
few; a is a network of two hidden layers beside a straight way, which may look at stretched coordinates (`stretch`).
The maps are read off a field that was learned elsewhere (`spa vary neural`); what is here needs no more than numpy.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.errors import DataError
from spa.vary.stretch import Stretch

WEIGHTS = ("in_weight", "in_bias", "mid_weight", "mid_bias", "out_weight", "straight", "out_bias")
STRETCH = ("stretch_at", "stretch_own")


@dataclass(frozen=True, eq=False)
class Decoder:
    """maps (m + 1, n, n, n); pixel_size (angstroms) of their grid; of the network, rows are outputs:
    in_weight (h, q), mid_weight (h, h), out_weight (m, h), straight (m, q) and biases; stretch: from coordinates to
    its inputs, if these are not the same."""

    maps: np.ndarray
    pixel_size: float
    in_weight: np.ndarray
    in_bias: np.ndarray
    mid_weight: np.ndarray
    mid_bias: np.ndarray
    out_weight: np.ndarray
    straight: np.ndarray
    out_bias: np.ndarray
    stretch: Stretch | None = None

    @property
    def latents(self) -> int:
        return int(self.in_weight.shape[1])

    def parts(self, z: np.ndarray) -> np.ndarray:
        """(n, m + 1): how much of each map there is at points (n, q); of the first, one."""
        return self._combined(self.hidden(z), 1.0)

    def _combined(self, hidden: np.ndarray, first: float) -> np.ndarray:
        """(..., m + 1) from hidden values (..., h + q); first 1: with biases, 0: of derivatives, without."""
        h = len(self.mid_bias)
        found = hidden[..., :h] @ self.out_weight.T + hidden[..., h:] @ self.straight.T + first * self.out_bias
        return np.concatenate([np.full((*found.shape[:-1], 1), first), found], axis=-1)

    def hidden(self, z: np.ndarray) -> np.ndarray:
        """(n, h + q): values of the last hidden layer at points (n, q), and its inputs; straight on beyond the ends of
        a stretch."""
        if self.stretch is None:
            return self._hidden(z)
        own, _, beyond = self.stretch.inner(z)
        values, far = self._hidden(own), np.flatnonzero(beyond.any(axis=1))
        values[far] += np.einsum("nq,nqh->nh", beyond[far], self._turns(own[far]))
        return values

    def _hidden(self, own: np.ndarray) -> np.ndarray:
        low = np.tanh(own @ self.in_weight.T + self.in_bias)
        return np.concatenate([np.tanh(low @ self.mid_weight.T + self.mid_bias), own], axis=1)

    def _turns(self, own: np.ndarray) -> np.ndarray:
        """(n, q, h + q): derivatives of the hidden values and of the inputs, by the inputs."""
        low = np.tanh(own @ self.in_weight.T + self.in_bias)
        high = np.tanh(low @ self.mid_weight.T + self.mid_bias)
        inner = (1 - low**2)[:, None, :] * self.in_weight.T  # (n, q, h)
        inner = (inner @ self.mid_weight.T) * (1 - high**2)[:, None, :]
        q = self.latents
        return np.concatenate([inner, np.broadcast_to(np.eye(q), (len(own), q, q))], axis=2)

    def slopes(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The parts (n, m + 1) and their derivatives (n, q, m + 1)."""
        if self.stretch is None:
            turns = self._turns(z)
        else:
            own, rate, _ = self.stretch.inner(z)
            turns = self._turns(own) * rate[:, :, None]
        return self.parts(z), self._combined(turns, 0.0)

    def volume(self, point: np.ndarray) -> np.ndarray:
        """(n, n, n) float32 at a point (q,)."""
        return np.tensordot(self.parts(np.asarray(point, float)[None])[0], self.maps, 1).astype(np.float32)

    def turned(self, matrix: np.ndarray) -> "Decoder":
        """The same in coordinates z' with z = matrix z' (q, q); not of stretched ones."""
        assert self.stretch is None
        return replace(self, in_weight=self.in_weight @ matrix, straight=self.straight @ matrix)

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file holds."""
        weights = {name: np.asarray(getattr(self, name), np.float64) for name in WEIGHTS}
        found = {"maps": np.asarray(self.maps, np.float32), "pixel_size": np.array(self.pixel_size), **weights}
        return found if self.stretch is None else found | dict(zip(STRETCH, (self.stretch.at, self.stretch.own)))


def of_arrays(held: dict[str, np.ndarray], where: str) -> Decoder:
    """From what a file (named for errors) holds; DataError where it is not that."""
    try:
        stretch = Stretch(*(held[name] for name in STRETCH)) if STRETCH[0] in held else None
        weights = {name: held[name] for name in WEIGHTS}
        found = Decoder(maps=held["maps"], pixel_size=float(held["pixel_size"]), stretch=stretch, **weights)
        q, h, m = found.in_weight.shape[1], len(found.in_weight), len(found.maps) - 1
        wanted = (h, q), (h,), (h, h), (h,), (m, h), (m, q), (m,)
        fits = all(getattr(found, name).shape == shape for name, shape in zip(WEIGHTS, wanted))
        fits = fits and (stretch is None or len(stretch.at) == q and stretch.at.shape == stretch.own.shape)
        fits = fits and found.maps.ndim == 4 and len(set(found.maps.shape[1:])) == 1
    except (KeyError, TypeError, ValueError, IndexError):
        fits = False
    if not fits:
        raise DataError(f"{where}: not a model of spa vary neural")
    return found
