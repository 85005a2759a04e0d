"""The M-step: class averages from weighted sums, regularised by the agreement of two pseudo-halves.

Wiener filter with the prior's power from the Fourier ring correlation F of the halves (inside the circle):
average = num / (den + mean den (1 - F) / F); as RELION's (Scheres 2012), with F in the place of tau^2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from spa.class2d.plane import Plane
from spa.image import fft

_FLOOR = 1e-3
_FLAT = 0.02  # of the mean weight, where halves are compared without a prior


@dataclass(frozen=True)
class Averages:
    """images (C, small, small) float32 of all, masked; others: of a fold's number, those without its images.

    frc (C, shells): ring correlation between even and odd folds, as of the two together.
    """

    images: np.ndarray
    others: Callable[[int], np.ndarray]
    frc: np.ndarray


def circle(size: int, radius: float, edge: float) -> np.ndarray:
    """(size, size) float32: 1 within the radius, a raised cosine over `edge` pixels outside it."""
    x = np.arange(size) - size // 2
    distance = np.hypot(x[:, None], x)
    return (0.5 + 0.5 * np.cos(np.pi * np.clip((distance - radius) / edge, 0, 1))).astype(np.float32)


def averages(plane: Plane, sums: np.ndarray, diameter: float, limit: int) -> Averages:
    """Averages of sums (F folds, C, cells, 3); diameter in pixels of the full box; shells over `limit` are cut."""
    sums = plane.folded(sums)
    radius = diameter / 2 * plane.small / plane.box
    mask = circle(plane.small, radius, max(2.0, 0.06 * plane.small))
    rim = circle(plane.small, radius + 2, 1) - circle(plane.small, radius, 1)
    if rim.sum() < 8:
        rim = 1 - circle(plane.small, plane.small / 2 - 2, 1)

    def finished(sums: np.ndarray, prior: np.ndarray) -> np.ndarray:
        return _flattened(plane.images(_divided(plane, sums, prior)), mask, rim)

    halves = np.stack([sums[0::2].sum(0), sums[1::2].sum(0)])
    even, odd = finished(halves, _FLAT * _shell_mean(plane, halves[..., 2]))
    frc = _frc(plane, even, odd, limit)
    joint = sums.sum(0)
    f = np.clip(frc, _FLOOR, 1 - _FLOOR)
    prior = _shell_mean(plane, joint[..., 2]) * ((1 - f) / f + _FLOOR)
    return Averages(finished(joint, prior), lambda fold: finished(joint - sums[fold], prior), frc)


def joined(parts: Sequence[Averages]) -> Averages:
    """Of some classes, then of others."""
    return Averages(
        np.concatenate([part.images for part in parts]),
        lambda fold: np.concatenate([part.others(fold) for part in parts]),
        np.concatenate([part.frc for part in parts]),
    )


def _flattened(images: np.ndarray, mask: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Images with the mean on the rim made zero, and masked."""
    background = (images * rim).sum((-2, -1)) / rim.sum()
    return (images - background[..., None, None]) * mask


def _shell_mean(plane: Plane, weights: np.ndarray) -> np.ndarray:
    """Mean weight (…, shells) of each shell of a plane."""
    n = plane.radius + 2
    shell = np.minimum(plane.shell, n - 1)
    counts = np.bincount(shell, minlength=n)
    rows = weights.reshape(-1, plane.cells)
    return np.stack([np.bincount(shell, row, minlength=n) / counts for row in rows]).reshape(weights.shape[:-1] + (n,))


def _divided(plane: Plane, sums: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """num / (den + prior of the shell), (…, cells) complex64; 0 beyond the band and where there is nothing."""
    shell = np.minimum(plane.shell, plane.radius + 1)
    weight = sums[..., 2] + prior[..., shell].astype(np.float32)
    inside = (plane.shell <= plane.radius) & (weight > 1e-12)
    value = sums[..., 0] + 1j * sums[..., 1]
    return np.where(inside, value / np.where(inside, weight, 1), 0).astype(np.complex64)


def _frc(plane: Plane, a: np.ndarray, b: np.ndarray, limit: int) -> np.ndarray:
    """(C, radius + 2) ring correlation of images a and b, for their sum: 2F / (1 + F), smoothed, falling to 0."""
    size = plane.small
    ky, kx = np.mgrid[:size, : size // 2 + 1]
    shell = np.minimum(np.rint(np.hypot((ky + size // 2) % size - size // 2, kx)), plane.radius + 1).astype(int).ravel()
    fa, fb = fft.rfft2(a).reshape(len(a), -1), fft.rfft2(b).reshape(len(b), -1)
    n = plane.radius + 2

    def sums(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(shell, row, minlength=n) for row in values])

    cross, power = sums((fa * fb.conj()).real), (sums(np.abs(fa) ** 2), sums(np.abs(fb) ** 2))
    padded = [np.pad(v, ((0, 0), (1, 1)), mode="edge") for v in (cross, *power)]
    c, p, q = (v[:, :-2] + 2 * v[:, 1:-1] + v[:, 2:] for v in padded)
    f = c / np.sqrt(p * q + 1e-30)
    f = np.clip(2 * f / (1 + np.maximum(f, 0)), 0, 1)
    f[:, 0] = f[:, 1]
    gone = np.cumsum(f < 0.25, axis=1) > 0  # 2 x 0.143 / 1.143
    f = np.where(gone, f * 0.9 ** np.cumsum(gone, axis=1), f)
    f[:, min(limit, plane.radius) + 1 :] = 0
    return f


def resolution_shell(frc: np.ndarray, threshold: float = 0.25) -> np.ndarray:
    """(C,) last shell before the curve (C, shells) first falls under the threshold (of the two halves together)."""
    below = frc[:, 1:] < threshold
    return np.where(below.any(1), below.argmax(1), frc.shape[1] - 1)


def off_centre(images: np.ndarray) -> np.ndarray:
    """(C, 2) x, y pixels from the box centre of the centre of mass of what rises above a fifth of the maximum."""
    size = images.shape[-1]
    x = np.arange(size) - size // 2
    weight = np.maximum(images - 0.2 * images.max((1, 2), keepdims=True), 0)
    total = weight.sum((1, 2)) + 1e-20
    return np.stack([(weight.sum(1) * x).sum(1) / total, (weight.sum(2) * x).sum(1) / total], 1)


def turned(points: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """Points (n, 2 = x, y) of averages, as images see them that show the average turned by psi (n,) radians."""
    x, y, cos, sin = points[:, 0], points[:, 1], np.cos(psi), np.sin(psi)
    return np.stack([x * cos + y * sin, y * cos - x * sin], 1).astype(np.float32)


def moved(plane: Plane, sums: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Sums (2, C, cells, 3) of averages moved by shift (C, 2 = x, y) pixels of the full box."""
    ky, kx = np.mgrid[: plane.rows, : plane.columns]
    phase = shift[:, :1] * kx.ravel() + shift[:, 1:] * (ky.ravel() - plane.rows // 2)
    turn = np.exp(-2j * np.pi / (2 * plane.box) * phase).astype(np.complex64)
    value = (sums[..., 0] + 1j * sums[..., 1]) * turn
    return np.stack([value.real, value.imag, sums[..., 2]], -1).astype(np.float32)

