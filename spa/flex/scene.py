"""Images of a density that moves: misfit and slopes of each image, block by block, the same on any number of threads.

An image is ``X = a C P_R(V moved by D) + n``; up to a term of the image alone its negative log likelihood is
``a^2 <w, |P|^2> - 2 a Re <m, P>`` with the m and w of `spa.vary.views`; the grey scale a is the likeliest.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from spa.abinit.compact import compact
from spa.flex.mesh import Body, Mesh
from spa.flex.project import Canvas, places, screen
from spa.gpu.device import Device
from spa.image.disc import shell_mean
from spa.refine.problem import Workers
from spa.vary.views import Contrast, Views
from spa.volume.slices import reference, slices

BLOCK = 8  # images of which slices are taken together


class Projector(Protocol):
    """`spa.flex.project.Canvas`, or its twin on a device."""

    @property
    def side(self) -> int: ...
    @property
    def block(self) -> int: ...
    def projected(self, density: np.ndarray, at: np.ndarray) -> np.ndarray: ...
    def adjoint(self, density: np.ndarray, at: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...
    def adjoint_density(self, at: np.ndarray, residual: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Scene:
    """views in shells up to a radius, the mesh and its voxels on their grid, and what projects these; even: variance of
    the grey scales."""

    views: Views
    mesh: Mesh
    body: Body
    canvas: Projector
    even: float

    @property
    def radius(self) -> int:
        return self.views.images.band.radius

    def blocks(self, rows: np.ndarray) -> list[np.ndarray]:
        """Rows cut into blocks."""
        return [rows[i : i + self.canvas.block] for i in range(0, len(rows), self.canvas.block)]

    def places(self, moves: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(rows, V, 2) where vertices moved by (rows, V, 3) are seen in images."""
        return places(self.canvas.side, self.mesh, moves, self.views.poses[rows])

    def scale(self, cross: np.ndarray, norm: np.ndarray) -> np.ndarray:
        """The likeliest grey scale of images with Re <m, P> = cross and <w, |P|^2> = norm."""
        if self.even <= 0:
            return np.ones(len(cross), np.float32)
        return ((2 * cross + 1 / self.even) / (2 * norm + 1 / self.even)).astype(np.float32)


def scene(views: Views, mesh: Mesh, body: Body, contrast: Contrast, device: Device | None = None) -> Scene:
    """Of all images; the body lies on the grid of their band's box. device: what projects; None: this processor."""
    band = views.images.band
    canvas: Projector = Canvas(screen(band, len(band)), body)
    if device is not None:
        from spa.flex import project_cuda

        canvas = project_cuda.Canvas(device, screen(band, len(band)), body)
    share = np.exp(contrast.share)
    variance = float((share * (contrast.nodes - (share * contrast.nodes).sum()) ** 2).sum())
    return Scene(views, mesh, body, canvas, variance)


@dataclass(frozen=True, eq=False)
class Fit:
    """misfit (n,): negative log likelihood; scale (n,): grey scales; norm (n,): <w, |P|^2> at scale 1."""

    misfit: np.ndarray
    scale: np.ndarray
    norm: np.ndarray


def looked(found: Scene, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """m (rows, K) complex64 and w (rows, K)."""
    matched, weight = found.views.block(rows, found.radius)
    return matched[:, 0] + 1j * matched[:, 1], weight


def seen(found: Scene, rows: np.ndarray, density: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Projections (rows, K) of a density (M,) whose vertices moved by (rows, V, 3)."""
    return found.canvas.projected(density, found.places(moves, rows))


def fit(found: Scene, m: np.ndarray, w: np.ndarray, p: np.ndarray) -> Fit:
    """How well projections p (n, K) fit images."""
    cross = (m.real * p.real + m.imag * p.imag).sum(axis=1, dtype=np.float64)
    norm = (w * (p.real**2 + p.imag**2)).sum(axis=1, dtype=np.float64)
    a = found.scale(cross, norm)
    misfit = a**2 * norm - 2 * a * cross
    return Fit(misfit + ((a - 1) ** 2 / (2 * found.even) if found.even > 0 else 0), a, norm)


@dataclass(frozen=True, eq=False)
class Slopes:
    """misfit (n,) of images and its slopes by the moves (n, V, 3), and together by the density (M,)."""

    misfit: np.ndarray
    moves: np.ndarray
    density: np.ndarray


def slopes(found: Scene, rows: np.ndarray, density: np.ndarray, moves: np.ndarray, workers: Workers) -> Slopes:
    """Of images rows whose vertices moved by (rows, V, 3)."""

    def one(at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        poses = found.views.poses[rows[at]]
        spots = found.places(moves[at], rows[at])
        p = found.canvas.projected(density, spots)
        m, w = looked(found, rows[at])
        how = fit(found, m, w, p)
        a = how.scale[:, None]
        by_place, by_density = found.canvas.adjoint(density, spots, a * (a * w * p - m))
        turned = by_place @ poses[:, :2].astype(np.float32) * np.float32(found.canvas.side)
        return how.misfit, turned, by_density

    parts = list(workers.map(one, found.blocks(np.arange(len(rows)))))
    total = np.zeros(len(density), np.float32)
    for part in parts:
        total += part[2]
    return Slopes(np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]), total)


def shell_weight(found: Scene, rows: np.ndarray, workers: Workers) -> np.ndarray:
    """(radius + 2,) mean weight that images rows give the map's coefficients of each shell, slices spread evenly."""
    band = found.views.images.band

    def one(some: np.ndarray) -> np.ndarray:
        return shell_mean(looked(found, some)[1], band).sum(axis=0)

    mean = np.sum(list(workers.map(one, found.blocks(rows))), axis=0)
    shells = np.maximum(np.arange(band.radius + 1), 0.5)
    weight = mean / (2 * shells)  # a shell's 2 pi s coefficients of a plane over its 4 pi s^2 of the box
    weight[0] = weight[1]  # within a mask the mean is known from what is next to it
    return np.append(weight, weight[-1])


def without(views: Views, volume: np.ndarray, workers: Workers) -> None:
    """Take the projections of a map (n, n, n) that does not move off the images, in place."""
    images, band = views.images, views.images.band
    source = reference(volume, band.radius)

    def one(rows: np.ndarray) -> None:
        cut = slices(source, views.poses[rows], band.kx, band.ky)
        images.planes[rows] -= cut * images.ctf(rows, len(band))[:, None]

    rows = np.arange(len(views))
    list(workers.map(one, [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]))


def narrowed(views: Views, radius: int) -> Views:
    """The same views in shells up to radius, their box as small as that allows; coefficients are not copied."""
    images = views.images
    small = compact(replace(images, planes=images.planes[:0]), radius)
    planes = images.planes[:, :, : len(small.band)]
    return replace(views, images=replace(small, planes=planes), noise=views.noise[:, : small.band.radius + 1])
