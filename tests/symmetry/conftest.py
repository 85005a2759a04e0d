"""Made-up proteins of any point group, turned and moved."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.simulate.specimen import of_phantom
from spa.symmetry.align import turned


@pytest.fixture(scope="session")
def lumps() -> Callable[[int], np.ndarray]:
    """A function of a seed: a small map without symmetry (32, 32, 32)."""
    return lambda seed: of_phantom(32, 6.0, "C1", 140, np.random.default_rng(seed)).volume.astype(np.float32)


@pytest.fixture(scope="session")
def astray() -> Callable[..., np.ndarray]:
    """A function of a group, a seed, and noise (of the standard deviation in the particle): a map (64, 64, 64) of it.

    It is turned at random, and its origin lies at (3, -1, 2) (x, y, z; pixels from the middle of the box).
    """

    def made(group: str, seed: int = 0, noise: float = 0.0, moved: bool = True) -> np.ndarray:
        rng = np.random.default_rng(seed)
        volume = of_phantom(64, 3.5, group, 150, rng).volume
        if moved:
            volume = turned(volume, Rotation.random(random_state=seed).as_matrix())
            volume = np.roll(volume, (2, -1, 3), (0, 1, 2))
        spread = volume[volume > 0.2 * volume.max()].std()
        return np.asarray(volume + noise * spread * rng.standard_normal(volume.shape), np.float32)

    return made
