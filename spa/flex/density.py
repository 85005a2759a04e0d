"""The density that all images share, at the motions that they have: linear least squares by conjugate gradients.

With the moves held, images are linear in the density; on such a problem L-BFGS with exact searches takes the very steps
of conjugate gradients (Nazareth, SIAM J. Numer. Anal. 16 (1979) 794).  They are preconditioned by what the normal
equations would be if nothing moved: a weight for each shell.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spa.flex.latents import Flow
from spa.flex.scene import Scene, fit, looked, seen
from spa.refine.problem import Workers
from spa.volume.shells import apply_radial


@dataclass(frozen=True, eq=False)
class Posed:
    """Images rows of a scene at coordinates z (rows, q) of a flow."""

    scene: Scene
    rows: np.ndarray
    z: np.ndarray
    flow: Flow


def prior_weight(weight: np.ndarray, curve: np.ndarray, floor: float = 1e-3) -> np.ndarray:
    """(radius + 2,) added weight of shells for a signal-to-noise of FSC / (1 - FSC), by the mean weight of each."""
    known = np.clip(np.pad(curve, (0, len(weight)), mode="edge")[: len(weight)], 0.02, 0.999)
    return weight * (1 - known) / known + floor * weight.max()


def _radial(scene: Scene, values: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Values (M,) with their map's shells multiplied, in the mesh again."""
    n = scene.body.box
    full = np.zeros(n // 2 + 1)
    size = min(len(curve), len(full))
    full[:size] = curve[:size]
    return scene.body.values(apply_radial(scene.body.volume(values), full))


def relieved(scene: Scene, slope: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Newton's step (M,) for a slope of the misfit, at the weights of shells that images have if nothing moves."""
    return _radial(scene, -slope, 1 / (scene.body.box * np.maximum(weight, 1e-30)))


def held(scene: Scene, density: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The slope (M,) of the prior's misfit, prior |V|^2 of the shells' coefficients."""
    return _radial(scene, density, scene.body.box * prior)


def bend(posed: Posed, density: np.ndarray, step: np.ndarray, workers: Workers) -> float:
    """Curvature of the images' misfit along a step (M,), at the grey scales that they have under a density (M,)."""
    scene = posed.scene

    def one(at: np.ndarray) -> float:
        rows, moves = posed.rows[at], posed.flow(posed.z[at])
        m, w = looked(scene, rows)
        scale = fit(scene, m, w, seen(scene, rows, density, moves)).scale.astype(float)
        return float(2 * (scale**2 * fit(scene, m, w, seen(scene, rows, step, moves)).norm).sum())

    return sum(workers.map(one, scene.blocks(np.arange(len(posed.rows)))))


def solved(
    posed: Posed, density: np.ndarray, prior: np.ndarray, weight: np.ndarray, turns: int, workers: Workers
) -> Iterator[np.ndarray]:
    """The density (M,) after each of some turns, from a first one; weight: of shells, as the preconditioner has it."""
    scene = posed.scene

    def curvature(values: np.ndarray) -> np.ndarray:
        return _normal(posed, scales, values, workers) + held(scene, values, prior)

    scales, slope = _first(posed, density, workers)
    left = -(slope + held(scene, density, prior))
    way = relieved(scene, -left, weight + prior)
    fall = float(np.dot(left.astype(np.float64), way))
    along = way
    for _ in range(turns):
        bent = curvature(along)
        size = fall / max(float(np.dot(along.astype(np.float64), bent)), 1e-30)
        density = density + np.float32(size) * along
        left = left - np.float32(size) * bent
        yield density
        way = relieved(scene, -left, weight + prior)
        now = float(np.dot(left.astype(np.float64), way))
        along = way + np.float32(now / max(fall, 1e-30)) * along
        fall = now


def _first(posed: Posed, density: np.ndarray, workers: Workers) -> tuple[np.ndarray, np.ndarray]:
    """Grey scales (rows,) under a first density, and the slope (M,) there."""
    scene = posed.scene

    def one(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        spots = scene.places(posed.flow(posed.z[at]), posed.rows[at])
        p = scene.canvas.projected(density, spots)
        m, w = looked(scene, posed.rows[at])
        a = fit(scene, m, w, p).scale[:, None]
        return a[:, 0], scene.canvas.adjoint_density(spots, a * (a * w * p - m))

    scales, total = [], np.zeros(len(density), np.float32)
    for scale, slope in workers.map(one, scene.blocks(np.arange(len(posed.rows)))):
        scales.append(scale)
        total += slope
    return np.concatenate(scales), total


def _normal(posed: Posed, scales: np.ndarray, values: np.ndarray, workers: Workers) -> np.ndarray:
    """The misfit's curvature along values (M,)."""
    scene = posed.scene

    def one(at: np.ndarray) -> np.ndarray:
        spots = scene.places(posed.flow(posed.z[at]), posed.rows[at])
        p = scene.canvas.projected(values, spots)
        _, w = looked(scene, posed.rows[at])
        return scene.canvas.adjoint_density(spots, scales[at, None] ** 2 * w * p)

    total = np.zeros(len(values), np.float32)
    for part in workers.map(one, scene.blocks(np.arange(len(posed.rows)))):
        total += part
    return total
