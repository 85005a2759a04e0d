"""Sums over particles at each coefficient, from which all aberrations of a group are found: one pass.

With X the image, P the map's slice, s and c the sine and cosine of the CTF's phase chi, the likelihood of a phase phi
(odd) and of an epsilon on chi (even) needs no more than what is summed here:
``-|X - exp(i phi) sin(chi + epsilon) P|^2``. A distortion moves the slice; its slopes along x and y tell how.
Source: Zivanov, Nakane & Scheres, IUCrJ 7 (2020) 253.
"""

from dataclasses import dataclass

import numpy as np

from spa.compiled import kernel
from spa.image.disc import Disc
from spa.optics.compared import Scene, Who, moved
from spa.volume.cells import CHUNK
from spa.volume.tangents import tangents

NAMES = (
    "sine", "cosine",  # s Re(X P*), c Re(X P*)
    "sine_turn", "cosine_turn",  # s Im(X P*), c Im(X P*)
    "ss", "sc", "cc",  # s^2 |P|^2 ...
    "power",  # |X|^2
    "pull_x", "pull_y", "pull_x_turn", "pull_y_turn",  # s Re(X P'*), s Im(X P'*), P' the slopes
    "own_x", "own_y",  # s^2 Re(P' P*)
    "xx", "xy", "yy",  # s^2 Re(P' P'*)
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sums:
    """values (17, K), see NAMES; count: of images."""

    values: np.ndarray
    count: int

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.values + other.values, self.count + other.count)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[NAMES.index(name)]


def no_sums(band: Disc) -> Sums:
    """Nothing yet."""
    return Sums(np.zeros((len(NAMES), len(band))), 0)


@kernel(
    "void(f4[::1], i8, i8, f4[:,:,::1], f4[::1], f4[::1], i8[::1], f4[:,:,::1], f4[:,::1], f4[:,::1], f8[:,::1])",
    fastmath=True, allocates=True,
)  # fmt: skip
def _add(grid, ny, nx, poses, kx, ky, rows, x, sine, cosine, out):
    at, v, cut = np.empty(CHUNK, np.int32), np.empty((5, CHUNK), np.float32), np.empty((6, CHUNK), np.float32)
    for i in rows:
        for first in range(0, len(kx), CHUNK):
            n = min(CHUNK, len(kx) - first)
            tangents(grid, ny, nx, poses, i, kx, ky, first, n, at, v, cut)
            for place in range(n):
                j = first + place
                xr, xi, pr, pi = x[i, 0, j], x[i, 1, j], cut[0, place], cut[1, place]
                ur, ui, vr, vi = cut[2, place], cut[3, place], cut[4, place], cut[5, place]
                s, c = sine[i, j], cosine[i, j]
                real, power, s2 = xr * pr + xi * pi, pr * pr + pi * pi, s * s
                turn = xi * pr - xr * pi
                out[0, j] += s * real
                out[1, j] += c * real
                out[2, j] += s * turn
                out[3, j] += c * turn
                out[4, j] += s2 * power
                out[5, j] += s * c * power
                out[6, j] += c * c * power
                out[7, j] += xr * xr + xi * xi
                out[8, j] += s * (ur * xr + ui * xi)
                out[9, j] += s * (vr * xr + vi * xi)
                out[10, j] += s * (ur * xi - ui * xr)
                out[11, j] += s * (vr * xi - vi * xr)
                out[12, j] += s2 * (ur * pr + ui * pi)
                out[13, j] += s2 * (vr * pr + vi * pi)
                out[14, j] += s2 * (ur * ur + ui * ui)
                out[15, j] += s2 * (ur * vr + ui * vi)
                out[16, j] += s2 * (vr * vr + vi * vi)


def sums(here: Scene, who: Who, pixels: np.ndarray) -> Sums:
    """Of images (n, N, N) of one group; slices and their slopes are made a few coefficients at a time."""
    out = np.zeros((len(NAMES), len(here.band)))
    seen, poses = moved(here, who, pixels), np.ascontiguousarray(who.poses, np.float32)
    waves, (x, y) = seen.waves(), here.cycles(int(who.group[0])).astype(np.float32)
    for number, source in enumerate(here.sources):
        rows, grid = np.flatnonzero(here.version(who) == number), source.grid
        _add(grid.reshape(-1), grid.shape[1], grid.shape[2], poses, x, y, rows, seen.x, *waves, out)
    return Sums(out, len(who))


TURNS = {name: NAMES.index(f"{name}_turn") for name in ("sine", "cosine", "pull_x", "pull_y")}


def demodulated(given: Sums, phase: np.ndarray) -> Sums:
    """The sums of images with a phase (K,) taken off."""
    cosine, sine = np.cos(phase), np.sin(phase)
    values = given.values.copy()
    for name, turn in TURNS.items():
        real, imag = given[name], given.values[turn]
        values[NAMES.index(name)], values[turn] = cosine * real + sine * imag, cosine * imag - sine * real
    return Sums(values, given.count)
