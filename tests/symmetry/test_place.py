"""Maps and poses move together."""

import numpy as np
from scipy.spatial.transform import Rotation

from spa.image.disc import disc
from spa.symmetry import place
from spa.volume.slices import reference, slices


def test_slices_of_the_laid_map_at_laid_poses_are_the_old_ones(lumps) -> None:
    volume, band = lumps(1), disc(32, 7)
    frame, centre = Rotation.random(random_state=1).as_matrix(), np.array([1.5, -0.7, 0.4])
    poses = Rotation.random(20, random_state=2).as_matrix()
    shifts = np.random.default_rng(3).normal(0, 2, (20, 2))
    new, moved = place.laid_poses(poses, shifts, frame, centre)
    old, laid = (
        _seen(*given, band) for given in ((volume, poses, shifts), (place.laid(volume, frame, centre), new, moved))
    )
    assert np.linalg.norm(old - laid) < 0.05 * np.linalg.norm(old)


def _seen(volume, poses, shifts, band) -> np.ndarray:
    """Transforms (n, K) of projections of particles that are shifted by (n, 2) pixels."""
    cut = slices(reference(volume, band.radius), poses, band.kx, band.ky)
    return (cut[:, 0] + 1j * cut[:, 1]) * np.exp(-2j * np.pi / band.box * (shifts @ np.stack([band.kx, band.ky])))
