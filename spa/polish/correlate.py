"""How likely each place of a particle in each frame is: log-likelihoods on a small grid about where it is expected.

With X the whitened window, S the expected image and d the frame's damage, the log-likelihood of a displacement s is,
but for a constant, the sum over the half plane of ``2 d Re(X S* exp(2 pi i k.s))``. It is tabulated at twice the rate
that its finest detail asks for and interpolated by cubic splines.
Source: Zivanov, Nakane & Scheres, IUCrJ 6 (2019) 5.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import spline_filter1d

from spa.compiled import kernel
from spa.polish.windows import Block


@dataclass(frozen=True, eq=False)
class Scores:
    """splines (p, n, s, s) float32, rows y: cubic B-splines of log-likelihoods; step: pixels between them."""

    splines: np.ndarray
    step: float

    def __call__(self, moved: np.ndarray) -> tuple[float, np.ndarray]:
        """Sum over all particles and frames at displacements (p, n, 2) x y in pixels, and its gradient (p, n, 2)."""
        slope = np.empty(moved.shape)
        at = np.ascontiguousarray(moved, np.float64) / self.step
        total = _sampled(self.splines, at, slope)
        return total, slope / self.step

    def take(self, rows: np.ndarray) -> "Scores":
        """Of some particles."""
        return Scores(self.splines[rows], self.step)


@kernel("f8(f4[:,:,:,::1], f8[:,:,::1], f8[:,:,::1])", fastmath=True, allocates=True)
def _sampled(splines, at, slope):
    half = splines.shape[2] // 2
    total = 0.0
    w = np.empty((2, 4))
    d = np.empty((2, 4))
    for p in range(splines.shape[0]):
        for f in range(splines.shape[1]):
            base = np.empty(2, np.int64)
            inside = np.ones(2)
            for a in range(2):
                place = at[p, f, a] + half
                if place < 1 or place > 2 * half - 1:  # beyond the grid it goes on as at its edge
                    inside[a] = 0.0
                    place = min(max(place, 1.0), 2.0 * half - 1)
                low = min(int(place), 2 * half - 2)
                t = place - low
                base[a] = low - 1
                u = 1 - t
                w[a, 0], w[a, 3] = u * u * u / 6, t * t * t / 6
                w[a, 1] = (3 * t * t * t - 6 * t * t + 4) / 6
                w[a, 2] = (3 * u * u * u - 6 * u * u + 4) / 6
                d[a, 0], d[a, 3] = -u * u / 2, t * t / 2
                d[a, 1] = (3 * t * t - 4 * t) / 2
                d[a, 2] = -(3 * u * u - 4 * u) / 2
            value = dx = dy = 0.0
            for j in range(4):
                row = vx = 0.0
                for i in range(4):
                    here = splines[p, f, base[1] + j, base[0] + i]
                    row += w[0, i] * here
                    vx += d[0, i] * here
                value += w[1, j] * row
                dx += w[1, j] * vx
                dy += d[1, j] * row
            total += value
            slope[p, f, 0], slope[p, f, 1] = dx * inside[0], dy * inside[1]
    return total


@kernel("void(i1[:,:,:,::1], c8[:,::1], f4[:,::1], i4[:,::1], c8[:,::1], c8[:,::1], c8[:,:,::1])",
            fastmath=True)  # fmt: skip
def _product(levels, wanted, damage, shell, along_x, along_y, out):
    for f in range(levels.shape[0]):
        for y in range(levels.shape[1]):
            turn = along_y[f, y]
            for x in range(levels.shape[2]):
                seen = np.complex64(complex(levels[f, y, x, 0], levels[f, y, x, 1]))
                out[f, y, x] = seen * wanted[y, x] * (damage[f, shell[y, x]] * (turn * along_x[f, x]))


def ramps(moved: np.ndarray, band: Block) -> tuple[np.ndarray, np.ndarray]:
    """exp(2 pi i k s / W) along x (n, r+1) and y (n, 2r+1) that undo displacements (n, 2) in pixels."""
    unit = 2j * np.pi / band.side
    return tuple(np.exp(unit * moved[:, a, None] * k).astype(np.complex64) for a, k in ((0, band.kx), (1, band.ky)))  # type: ignore[return-value]


def scores(
    levels: np.ndarray, wanted: np.ndarray, damage: np.ndarray, rest: np.ndarray, band: Block, reach: float, finest: int
) -> Scores:  # fmt: skip
    """Of one particle: levels (n, 2r+1, r+1, 2), wanted (2r+1, r+1): the conjugate of the expected image times what
    whitens and weighs, damage (n, r+2); rest (n, 2): where it is expected in each window, pixels from the middle.

    reach: how far from there, pixels; finest: the last shell that wanted has. The result has one particle.
    """
    step = band.side / (4 * finest)
    count = max(3, int(np.ceil(reach / step)) + 2)
    places = np.arange(-count, count + 1) * step
    product = np.empty(levels.shape[:3], np.complex64)
    _product(levels, np.ascontiguousarray(wanted, np.complex64), np.ascontiguousarray(damage, np.float32), band.shell,
             *ramps(rest, band), product)  # fmt: skip
    unit = 2j * np.pi / band.side
    x, y = (np.exp(unit * k[:, None] * places).astype(np.complex64) for k in (band.kx, band.ky))
    rows = product.reshape(-1, len(band.kx)) @ x
    table = (y.T @ rows.reshape(len(levels), len(band.ky), -1)).real.astype(np.float64)
    for axis in (1, 2):
        table = spline_filter1d(table, 3, axis=axis, mode="nearest")
    return Scores(np.ascontiguousarray(table[None], np.float32), float(step))


def joined(parts: list[Scores]) -> Scores:
    """Those of several particles as one."""
    return Scores(np.concatenate([one.splines for one in parts]), parts[0].step)


@kernel("void(i1[:,:,:,::1], c8[:,::1], f4[::1], f4[:,::1], i4[:,::1], c8[:,::1], c8[:,::1], f8[:,:,::1])")  # fmt: skip
def _agreed(levels, expected, white, parts, shell, along_x, along_y, out):
    for f in range(levels.shape[0]):
        for y in range(levels.shape[1]):
            turn = along_y[f, y]
            for x in range(levels.shape[2]):
                share = parts[y, x]
                if share == 0:
                    continue
                at = shell[y, x]
                seen = np.complex64(complex(levels[f, y, x, 0], levels[f, y, x, 1])) * (turn * along_x[f, x])
                want = expected[y, x]
                out[f, at, 0] += share * white[at] * (seen.real * want.real + seen.imag * want.imag)
                out[f, at, 1] += share * (want.real * want.real + want.imag * want.imag)


def agreement(
    levels: np.ndarray, expected: np.ndarray, white: np.ndarray, moved: np.ndarray, band: Block, out: np.ndarray
) -> None:
    """Add to out (n, r+2, 2), in each frame and shell, Re(X S*) and |S|^2 of one particle over the whole plane.

    expected (2r+1, r+1) complex: S; white (r+2,); moved (n, 2): where the particle is in each window, pixels.
    """
    wanted = np.ascontiguousarray(expected, np.complex64)
    _agreed(levels, wanted, white, band.parts, band.shell, *ramps(moved, band), out)
