"""What a refinement is told, and the search that follows from it."""

from dataclasses import dataclass

import numpy as np

from spa.search.newton import Stage


@dataclass(frozen=True)
class Settings:
    """diameter, lowpass, shift_range in angstroms; operators (g, 3, 3) of the point group.

    iterations: at most so many passes over all images; where they take turns an iteration is a part of one.
    breadth: of the ball that has the particle's radius of gyration, angstroms: how finely poses must be searched
    follows from it, not from the farthest corner; None: as the diameter.
    widest: the largest shift that may come to be searched, where the images ask for it; None: the shift range.
    """

    diameter: float
    lowpass: float
    operators: np.ndarray
    shift_range: float
    iterations: float
    seed: int
    symmetry: str = "C1"
    breadth: float | None = None
    widest: float | None = None


@dataclass(frozen=True)
class Search:
    """One exhaustive search: grid step (radians), its band (shells), candidates and how many live on in each stage."""

    step: float
    band: int
    candidates: int
    kept: tuple[int, int]


def searches(extent: float, limit: int) -> tuple[Search, Search]:
    """A cheap and a wide search for a particle that fills `extent` of the box, in bands of at most `limit` shells.

    A grid of a step supports shells up to 3 / step for an extent of 0.7: beyond it slices fall between grid points.
    """
    scale = 0.7 / extent

    def made(degrees: float, band: float, candidates: int, kept: tuple[int, int]) -> Search:
        return Search(np.deg2rad(degrees), min(int(round(band * scale)), limit), candidates, kept)

    return made(15, 8, 20, (6, 3)), made(12, 12, 60, (24, 16))


def columns_bytes(extent: float, limit: int, group: int) -> int:
    """Memory of one reference's slices in the wide search, over a point group of so many operators.

    float32: real and imaginary part and power of a half disc's coefficients; and bfloat16 of the former.
    """
    wide = searches(extent, limit)[1]
    return int(8 * np.pi**2 / wide.step**3 / group * 16 * np.pi / 2 * (wide.band + 0.5) ** 2)


def global_stages(search: Search, extent: float, radius: int) -> list[Stage]:
    """Growing bands from the grid's to the whole."""
    scale = 0.7 / extent
    first, second = min(radius, int(round(10 * scale))), min(radius, int(round(20 * scale)))
    stages = [
        Stage(first, 2, 2 * search.candidates, 0.35, 3.0),  # all that the grid gives, and those known
        Stage(second, 3, search.kept[0], 0.15, 1.5),
        Stage(radius, 4, search.kept[1], 0.08, 0.8),
    ]
    return stages if second < radius else stages[:-1]  # a band is climbed in once


def local_stages(radius: int, modes: int) -> list[Stage]:
    """The whole band at once, from the modes that there are."""
    return [Stage(radius, 4, modes, 0.08, 0.8)]
