"""The belt of detergent: where it is, what it weighs, and that no two particles have the same."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.image import fft
from spa.simulate.micelle import BFACTOR, THICKNESS, Belt, belt, spectrum, strewn
from spa.volume.density import density
from spa.volume.symmetry import rotation
from spa.volume.transform import projections, transform

BOX, PIXEL = 48, 4.0
LOW, HIGH = -30.0, 10.0


@pytest.fixture(scope="module")
def protein() -> np.ndarray:
    """A rod along z that is 40 angstroms wide and 140 long."""
    z, y, x = np.meshgrid(*[(np.arange(BOX) - BOX // 2) * PIXEL] * 3, indexing="ij")
    return ((np.hypot(x, y) < 20) & (np.abs(z) < 70)).astype(np.float32)


@pytest.fixture(scope="module")
def around(protein: np.ndarray) -> Belt:
    return belt(protein, PIXEL, LOW, HIGH, 0.5)


def test_it_surrounds_the_protein_between_the_heights(around: Belt) -> None:
    blobs = np.concatenate([strewn(around, np.random.default_rng(seed)) for seed in range(20)])
    radius = np.hypot(*blobs[:, :2].T)
    assert blobs[:, 2].min() > LOW - PIXEL and blobs[:, 2].max() < HIGH + PIXEL
    assert radius.min() > 20 - 2 * PIXEL and radius.max() < 20 + THICKNESS + 2 * PIXEL
    middle, face = np.abs(blobs[:, 2] + 10) < 5, blobs[:, 2] > 2
    assert radius[middle].max() > radius[face].max() + 4  # a torus, not a slab
    assert np.abs(blobs[:, :2].mean(0)).max() < 2


def test_its_mean_density_is_the_contrast_asked_for(protein: np.ndarray, around: Belt) -> None:
    room = len(around.cells)  # voxels
    assert around.count * around.mass / room == pytest.approx(0.5 * protein[protein > 0.5].mean(), rel=0.15)
    assert belt(protein, PIXEL, LOW, HIGH, 1.0).mass == pytest.approx(2 * around.mass)


def test_a_spectrum_is_that_of_the_projected_blobs(around: Belt) -> None:
    blobs = strewn(around, np.random.default_rng(3))
    pose = rotation((1.0, 2.0, 0.5), 0.9)
    n = len(blobs)
    heights = np.array([[[around.mass * PIXEL**3], [0.0]]])
    volume = density(blobs, np.full(n, BFACTOR), np.ones(n), np.zeros(n, int), heights, BOX, PIXEL)
    expected = projections(transform(volume, PIXEL), pose[None], BOX, PIXEL)[0]
    found = spectrum(around, blobs, pose, BOX, PIXEL)
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()
    assert found[0, 0].real == pytest.approx(n * around.mass, rel=1e-5)


def test_every_particle_has_its_own_and_their_mean_is_smooth(around: Belt) -> None:
    rng = np.random.default_rng(0)
    seen = np.stack([spectrum(around, strewn(around, rng), np.eye(3), BOX, PIXEL) for _ in range(200)])
    images = fft.irfft2(seen, BOX)
    alone, mean = images[0] - images.mean(0), images.mean(0)
    assert alone.std() > 0.1 * mean.std()
    fine = np.hypot(np.fft.rfftfreq(BOX), np.fft.fftfreq(BOX)[:, None]) > 0.2  # finer than 20 angstroms
    power = [np.mean(np.abs(one[fine]) ** 2) for one in (seen[0], seen.mean(0))]
    assert power[1] < 0.05 * power[0]


def test_a_belt_around_nothing_is_refused(protein: np.ndarray) -> None:
    with pytest.raises(DataError, match="nothing of the specimen"):
        belt(protein, PIXEL, 80, 90, 0.5)
    with pytest.raises(DataError, match="no room"):
        belt(protein, PIXEL, 0, 0.5, 0.5)
