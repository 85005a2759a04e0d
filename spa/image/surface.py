"""A smooth surface over a micrograph: Legendre polynomials of its coordinates, kept flat of higher terms outside of
where it was measured."""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre


def terms(degree: int) -> list[tuple[int, int]]:
    """Orders in x and y of the polynomials up to a total degree, the constant first."""
    return [(total - j, j) for total in range(degree + 1) for j in range(total + 1)]


def basis(points: np.ndarray, shape: tuple[int, int], reach: tuple[float, float], degree: int) -> np.ndarray:
    """(n, terms) Legendre polynomials at points (n, 2), x and y in pixels of a micrograph of ``shape`` (ny, nx).

    Coordinates run from -1 to 1 over the micrograph. Terms of second and higher degree are those of the nearest point
    within ``reach`` (x, y) of the middle: a plane may be carried on to the edges, a curve not.
    """
    size = np.array(shape[::-1], float)
    scaled = (2 * np.asarray(points, float) + 1) / size - 1
    clamped = np.clip(scaled, -np.array(reach), np.array(reach))
    near, far = (legendre.legvander(one, max(degree, 1)) for one in (clamped.T, scaled.T))
    columns = [(near if i + j > 1 else far)[0][:, i] * (near if i + j > 1 else far)[1][:, j] for i, j in terms(degree)]
    return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Surface:
    """Coefficients of `terms` (angstroms) over a micrograph of ``shape`` (ny, nx), measured within ``reach``."""

    shape: tuple[int, int]
    reach: tuple[float, float]
    coefficients: np.ndarray

    @property
    def degree(self) -> int:
        """The total degree of the polynomials."""
        return int(np.sqrt(2 * len(self.coefficients) + 0.25) - 1.5 + 1e-9)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Values (n,) in angstroms at points (n, 2), x and y in pixels."""
        return basis(points, self.shape, self.reach, self.degree) @ self.coefficients

    def slope(self, pixel_size: float) -> tuple[float, float]:
        """Of its plane along x and y, angstroms per angstrom."""
        if self.degree < 1:
            return 0.0, 0.0
        ny, nx = self.shape
        return 2 * self.coefficients[1] / (nx * pixel_size), 2 * self.coefficients[2] / (ny * pixel_size)
