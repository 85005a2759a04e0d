"""What copies share, and what is one's own, filtered apart."""

import numpy as np
import pytest

from spa.relax.shared import Shared, averaged
from spa.simulate.odd import with_odd_unit
from spa.simulate.specimen import made
from spa.volume.fsc import fsc
from spa.volume.masks import soft_sphere
from spa.volume.symmetry import operators
from spa.volume.transform import resampled, transform

BOX = 40
SOLVENT = soft_sphere(BOX, 15, 3)


def particle(group: str, odd: bool) -> np.ndarray:
    specimen = made(None, BOX, 4.0, group, 100.0, np.random.default_rng(0))
    specimen = with_odd_unit(specimen, operators(group), "missing")[0] if odd else specimen
    return specimen.volume / specimen.volume.std()


def halves(volume: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    first, second = (volume + noise * rng.standard_normal(volume.shape).astype(np.float32) for _ in range(2))
    return first, second


@pytest.mark.parametrize("group", ["C2", "C6", "D3", "O"])
def test_the_average_is_that_of_the_accurate_projector(group: str) -> None:
    volume, turns = particle(group, odd=True), operators(group)
    found, accurate = averaged(volume, turns), resampled(transform(volume, 4.0), BOX, 4.0, turns)
    assert fsc(found * SOLVENT, accurate * SOLVENT)[1:17].min() > 0.99
    scale = (found * accurate * SOLVENT).sum() / (accurate**2 * SOLVENT).sum()
    assert scale == pytest.approx(1, abs=0.02)


def test_noise_is_no_difference() -> None:
    """Of a symmetric particle only the average is left, and each half keeps its own."""
    volume, turns = particle("C6", odd=False), operators("C6")
    given = halves(volume, 1.0)
    found = Shared(turns, SOLVENT)(*given)
    for before, after in zip(given, found):
        strange = [((one - averaged(one, turns)) ** 2 * SOLVENT).sum() for one in (before, after)]
        assert strange[1] < 0.15 * strange[0]
        assert fsc(after * SOLVENT, volume * SOLVENT)[1:10].min() > 0.9
    assert not np.allclose(found[0], found[1])


def test_a_difference_is_kept_and_the_joint_map_is_the_better() -> None:
    volume, turns = particle("C6", odd=True), operators("C6")
    shared = Shared(turns, SOLVENT)
    given = halves(volume, 1.0)
    truth = (volume - averaged(volume, turns)) * SOLVENT
    error = []
    for one in (shared(*given)[0], shared.joint(*given)):
        assert fsc((one - averaged(one, turns)) * SOLVENT, truth)[2:6].min() > 0.7
        error.append(((one - volume) ** 2 * SOLVENT).sum())
    assert error[1] < 0.8 * error[0] and error[0] < ((given[0] - volume) ** 2 * SOLVENT).sum()
