"""A made-up protein of any point group: alpha helices packed into a lobed, asymmetric envelope, then symmetrised.

Helices (1.5 angstroms and 100 degrees a residue, about 10 angstroms apart) give the power spectrum of protein: the
shape below 1/20, the packing near 1/10 and the pitch near 1/5 per angstrom. Every blob is a Gaussian, so that map and
projections have closed forms.
"""

from dataclasses import dataclass

import numpy as np

from spa.errors import DataError
from spa.volume.symmetry import operators

RISE, TURN = 1.5, np.deg2rad(100)  # a residue along an alpha helix
BACKBONE, SIDE = 2.0, 5.0  # distances of the two blobs of a residue from the helix axis
SPACING = 9.0  # least distance of two helix axes
MARGIN = 4.0  # for the side chains and the last centring
LOBES = 4
TRIES = 6000
_CELL = 3.0  # grid of the occupancy


@dataclass(frozen=True)
class Phantom:
    """Blobs as `spa.volume.density.density` takes them; lengths in angstroms."""

    positions: np.ndarray  # (n, 3) x y z
    bfactors: np.ndarray
    occupancies: np.ndarray
    kinds: np.ndarray
    scattering: np.ndarray  # (2, 2, 1): backbone and side chain


def phantom(group: str, diameter: float, rng: np.random.Generator, bfactor: float = 60.0) -> Phantom:
    """A protein-like assembly of the point group that fits in a sphere of this diameter, different for every draw.

    DataError where there is no room for a single helix.
    """
    ops = operators(group)
    lobes = _lobes(ops, diameter / 2, rng)
    axes = _packed(ops, lobes, diameter / 2, rng)
    if not axes:
        raise DataError(f"a phantom {diameter:.0f} angstroms across with symmetry {group} has no room for a helix")
    unit, kinds = _residues(axes, rng)
    positions = np.concatenate([unit @ op.T for op in ops])
    positions -= positions.mean(0)  # along the axes that the group leaves
    count = len(positions)
    spread = rng.uniform(0.7, 1.5, len(unit)) * bfactor  # as B-factors are in a protein
    scattering = np.array([[[6.7], [16.0]], [[5.0], [30.0]]])  # some C, N, O each: a sum of heights, a mean width
    return Phantom(positions, np.tile(spread, len(ops)), np.ones(count), np.tile(kinds, len(ops)), scattering)


def _lobes(ops: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Spheres (m, 4: x y z r) of the asymmetric unit; the first touches the sphere of radius, each touches another."""
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    share = min(0.5, 0.95 / len(ops) ** (1 / 3))  # lobes shrink with the order of the group
    sizes = radius * share * rng.uniform(0.6, 1.0, LOBES)
    lobes = [np.append(direction * (radius - sizes[0]), sizes[0])]
    while len(lobes) < LOBES:
        near = lobes[rng.integers(len(lobes))]
        step = rng.standard_normal(3)
        size = sizes[len(lobes)]
        centre = near[:3] + step / np.linalg.norm(step) * 0.8 * (near[3] + size)
        if np.linalg.norm(centre) + size <= radius:
            lobes.append(np.append(centre, size))
    return _fitted(np.array(lobes), ops, radius)


def _fitted(lobes: np.ndarray, ops: np.ndarray, radius: float) -> np.ndarray:
    """The same lobes about their centre of mass (as far as the group lets it move), reaching out to radius."""
    centre = np.average(lobes[:, :3], axis=0, weights=lobes[:, 3] ** 3)
    moved = lobes[:, :3] - (ops @ centre).mean(0)
    return np.column_stack([moved, lobes[:, 3]]) * (radius / (np.linalg.norm(moved, axis=1) + lobes[:, 3]).max())


def _packed(ops: np.ndarray, lobes: np.ndarray, radius: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Helix axes (points, 3), a residue a point, that keep apart from each other and from all symmetry copies."""
    size = int(np.ceil(2 * (radius + SPACING) / _CELL)) + 2
    taken = np.zeros((size,) * 3, bool)
    offsets = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    offsets = offsets[(offsets**2).sum(1) <= (SPACING / _CELL) ** 2]
    axes = []
    for _ in range(TRIES):
        axis = _helix_axis(lobes, rng)
        cells = _cells(axis, size)
        if _leaves(axis, lobes, radius) or taken[tuple(cells.T)].any() or _meets_copies(axis, ops):
            continue
        axes.append(axis)
        for op in ops:
            around = (_cells(axis @ op.T, size)[:, None] + offsets).reshape(-1, 3)
            taken[tuple(np.clip(around, 0, size - 1).T)] = True
    return axes


def _helix_axis(lobes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    lobe = lobes[rng.integers(len(lobes))]
    middle = lobe[:3] + rng.uniform(-1, 1, 3) * lobe[3]
    direction = rng.standard_normal(3)
    length = rng.integers(5, 26)
    along = (np.arange(length) - length / 2) * RISE
    return middle + along[:, None] * direction / np.linalg.norm(direction)


def _leaves(axis: np.ndarray, lobes: np.ndarray, radius: float) -> bool:
    """Whether any point leaves the envelope, that is the union of the lobes and the sphere of radius."""
    inside = (np.linalg.norm(axis[:, None] - lobes[:, :3], axis=2) <= lobes[:, 3]).any(1)
    return bool(not inside.all() or (np.linalg.norm(axis, axis=1) > radius - SIDE - MARGIN).any())


def _cells(points: np.ndarray, size: int) -> np.ndarray:
    return np.rint(points / _CELL).astype(int) + size // 2


def _meets_copies(axis: np.ndarray, ops: np.ndarray) -> bool:
    """Whether a helix comes too near to one of its own symmetry copies."""
    copies = np.concatenate([axis @ op.T for op in ops[1:]]) if len(ops) > 1 else np.empty((0, 3))
    return bool(len(copies) and (np.linalg.norm(copies[:, None] - axis, axis=2) < SPACING).any())


def _residues(axes: list[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Blobs (n, 3) of all helices and their kinds: 0 backbone, 1 side chain."""
    positions, kinds = [], []
    for axis in axes:
        along = (axis[-1] - axis[0]) / np.linalg.norm(axis[-1] - axis[0])
        u = np.cross(along, np.roll(along, 1) + np.array([0.3, 0, 0]))
        u /= np.linalg.norm(u)
        angle = rng.uniform(0, 2 * np.pi) + TURN * np.arange(len(axis))
        radial = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * np.cross(along, u)
        positions += [axis + BACKBONE * radial, axis + SIDE * rng.uniform(0.7, 1.1, (len(axis), 1)) * radial]
        kinds += [np.zeros(len(axis), int), np.ones(len(axis), int)]
    return np.concatenate(positions), np.concatenate(kinds)
