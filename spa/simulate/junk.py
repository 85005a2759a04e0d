"""What lies on real films beside particles: carbon about the hole, lumps of particles, crystals of ice."""

from dataclasses import dataclass

import numpy as np

HOLE = 6000.0  # angstroms: radius of the holes in carbon
EDGE = 30.0  # angstroms: softness of its edge
DARKER, GRANULAR = 12.0, 3.0  # carbon: its density in units of the noise (a tenth is seen); detail, of the ice's
MEMBERS, CROWDED = 16, 0.5  # particles of a lump; their spread about its middle, in diameters
CRYSTAL = 6.0  # units of the noise
ICE = (100.0, 400.0)  # angstroms: diameters of ice crystals


@dataclass(frozen=True, eq=False)
class Junk:
    """carbon (ny, nx) in 0..1; pixels: lumps (n, 2), the middles of aggregates; crystals (n, 3), x y and radius."""

    carbon: np.ndarray | None
    lumps: np.ndarray
    crystals: np.ndarray


def drawn(
    carbon: float, lumps: int, crystals: int, shape: tuple[int, int], pixel_size: float, rng: np.random.Generator
) -> Junk:
    """carbon: the share of the micrograph (ny, nx) that it covers; so many lumps and crystals anywhere."""
    size = np.array(shape[::-1])
    radii = rng.uniform(*ICE, (crystals, 1)) / 2 / pixel_size
    found = np.hstack([rng.uniform(0, size, (crystals, 2)), radii])
    cover = _outside_hole(carbon, shape, pixel_size, rng) if carbon else None
    return Junk(cover, rng.uniform(0, size, (lumps, 2)), found)


def _outside_hole(share: float, shape: tuple[int, int], pixel_size: float, rng: np.random.Generator) -> np.ndarray:
    """1 on carbon, 0 in the hole, whose middle is somewhere beyond the micrograph; carbon covers the share."""
    angle, radius = rng.uniform(0, 2 * np.pi), HOLE / pixel_size
    y, x = np.ogrid[: shape[0], : shape[1]]
    cy, cx = shape[0] / 2 + radius * np.sin(angle), shape[1] / 2 + radius * np.cos(angle)
    away = np.hypot(y - cy, x - cx)
    edge = np.quantile(away[::4, ::4], 1 - share)
    return (0.5 + 0.5 * np.tanh((away - edge) * pixel_size / (2 * EDGE))).astype(np.float32)


def clear(junk: Junk, points: np.ndarray, reach: float) -> np.ndarray:
    """(n,) whether points (n, 2) x y are off the carbon and further than reach (pixels) from lumps and crystals."""
    free = np.ones(len(points), bool)
    if junk.carbon is not None and len(points):
        x, y = np.rint(points).astype(int).T
        free &= junk.carbon[y, x] < 0.1
    for place, radius in [(one, 2 * reach) for one in junk.lumps] + [(one[:2], one[2]) for one in junk.crystals]:
        free &= np.hypot(*(points - place).T) > reach + radius
    return free


def members(junk: Junk, diameter: float, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(n, 2) where the particles of the lumps lie, on top of each other, on the micrograph; diameter in pixels."""
    middles = np.repeat(junk.lumps, MEMBERS, axis=0)
    points = middles + rng.normal(0, CROWDED * diameter, middles.shape)
    return points[((points >= 0) & (points < shape[::-1])).all(1)]


def mask(junk: Junk, lump: float, shape: tuple[int, int]) -> np.ndarray | None:
    """uint8 (ny, nx), 1 on junk; lump: radius of an aggregate, pixels. None where there is no junk."""
    discs = [(x, y, lump) for x, y in junk.lumps] + [tuple(one) for one in junk.crystals]
    if junk.carbon is None and not discs:
        return None
    found = np.zeros(shape, bool) if junk.carbon is None else junk.carbon > 0.5
    y, x = np.ogrid[: shape[0], : shape[1]]
    for cx, cy, radius in discs:
        found |= (y - cy) ** 2 + (x - cx) ** 2 <= radius**2
    return found.astype(np.uint8)


def density(junk: Junk, shape: tuple[int, int], noise: float) -> np.ndarray:
    """What carbon and crystals have more than ice (ny, nx), without their detail; noise: standard deviation of all."""
    total = np.zeros(shape, np.float32)
    for x, y, radius in junk.crystals:
        total += np.float32(CRYSTAL * noise) * _disc(shape, x, y, radius)
    if junk.carbon is not None:
        total += np.float32(DARKER * noise) * junk.carbon
    return total


def detail(junk: Junk) -> np.ndarray | float:
    """How strong the detail is, over that of ice alone: carbon's grain beside it."""
    return 1.0 if junk.carbon is None else np.sqrt(1 + (GRANULAR * junk.carbon) ** 2)


def _disc(shape: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    """A disc with a soft edge."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (0.5 - 0.5 * np.tanh((np.hypot(rows - y, columns - x) - radius) / 4)).astype(np.float32)
