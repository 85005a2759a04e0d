"""How much of the signal each frame has, from the data: a scale and a B-factor for each, fitted to the agreement.

In frame f and shell k the expected image is met with the share ``D(k) C_f exp(-B_f k^2 / 4)``; D is common to all
frames.
What the data do not tell is taken from the curve of radiation damage, if the dose is known.
Source: Zivanov, Nakane & Scheres, IUCrJ 6 (2019) 5; Rosenthal & Henderson, J. Mol. Biol. 333 (2003) 721.
"""

from dataclasses import dataclass

import numpy as np

ROUNDS = 30
# how freely frames differ from the expected: log scale and B-factor (square angstroms), of all and from frame to frame
LEVEL, STEP = (0.7, 60.0), (0.15, 12.0)
MOST = 2.0  # of the logarithm of a scale


@dataclass(frozen=True, eq=False)
class Weights:
    """scale (n,) and bfactor (n,) in square angstroms, of each frame; error of both (n, 2)."""

    scale: np.ndarray
    bfactor: np.ndarray
    errors: np.ndarray

    def at(self, k: np.ndarray) -> np.ndarray:
        """(n, …) weights at frequencies k (1/angstrom): noise of variance 1 in all frames has it in their sum."""
        square = np.asarray(k, np.float64) ** 2
        log = np.log(self.scale) - np.multiply.outer(square, self.bfactor) / 4
        found = np.exp(log - log.max(axis=-1, keepdims=True))
        found /= np.sqrt((found**2).sum(axis=-1, keepdims=True))
        return np.moveaxis(found, -1, 0)


def expected(damage: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log scale (n,) and B-factor (n,) that come nearest to weights (n, K) at frequencies k: a start, and a prior."""
    rows = np.stack([np.ones_like(k), -(k**2) / 4], axis=1)
    found = np.linalg.lstsq(rows * k[:, None], np.log(np.maximum(damage, 1e-6)).T * k[:, None], rcond=None)[0]
    return found[0], found[1]


def fitted(agreed: np.ndarray, k: np.ndarray, damage: np.ndarray) -> Weights:
    """From sums (n, K, 2) of Re(X S*) and |S|^2, at frequencies k (K,) in 1/angstrom; damage (n, K): expected weights.

    The noise of X has the variance 1.
    """
    cross, norm = agreed[..., 0], agreed[..., 1]
    n = len(agreed)
    log, bfactor = expected(damage, k)
    given = np.stack([log, bfactor])
    now = given.copy()
    precision = _precision(n)
    square = k**2 / 4
    form = np.zeros((2, n, 2, n))
    for _ in range(ROUNDS):
        share = np.exp(now[0, :, None] - now[1, :, None] * square)
        common = np.maximum((share * cross).sum(0) / np.maximum((share**2 * norm).sum(0), 1e-30), 0)
        model = common * share
        slopes = np.stack([model, -model * square])  # (2, n, K)
        right = (slopes * (cross - norm * model)).sum(-1)
        form[:] = 0
        frames = np.arange(n)
        form[:, frames, :, frames] = np.einsum("afk,bfk,fk->fab", slopes, slopes, norm)
        full = form.reshape(2 * n, 2 * n) + precision
        push = right.ravel() - precision @ (now - given).ravel()
        step = np.linalg.solve(full, push).reshape(2, n)
        step *= min(1.0, 0.5 / max(np.abs(step[0]).max(), 1e-9), 40 / max(np.abs(step[1]).max(), 1e-9))
        now = now + step
        now[0] -= now[0].mean() - given[0].mean()  # D has what is common
        now[0] = given[0] + np.clip(now[0] - given[0], -MOST, MOST)
        if np.abs(step[0]).max() < 1e-4 and np.abs(step[1]).max() < 1e-2:
            break
    errors = np.sqrt(np.diag(np.linalg.inv(full))).reshape(2, n).T
    return Weights(np.exp(now[0] - now[0].max()), now[1], errors)


def _precision(n: int) -> np.ndarray:
    """(2 n, 2 n) of the prior: each near to what is expected, and as far from it as its neighbours are."""
    step = np.diff(np.eye(n), axis=0)
    found = np.zeros((2, n, 2, n))
    for kind in range(2):
        found[kind, :, kind] = np.eye(n) / LEVEL[kind] ** 2 / n + step.T @ step / STEP[kind] ** 2
    return found.reshape(2 * n, 2 * n)
