"""What half maps claim, beside the truth: their corrected FSC is 0.143 where that of their mean with the truth is 0.5.

That holds under one mask; under a wider one the same map has more solvent, and resolves less (Rosenthal & Henderson,
J. Mol. Biol. 333 (2003) 721: the FSC with the truth is the root of 2 F / (1 + F)).
"""

import numpy as np
import pytest
from scipy import ndimage

from spa.volume.fsc import crossing, fsc, independent_under, masked_curves
from spa.volume.masks import soft_mask, soft_sphere

BOX, PIXEL = 64, 3.0
COPIES = {"C1": 1, "C2": 2, "C4": 4}


def particle(symmetry: str, rng: np.random.Generator) -> np.ndarray:
    """Points strewn in a ball of 0.3 of the box, a little blurred; alike for each of the quarter turns."""
    places = rng.uniform(-1, 1, (3000, 3))
    inside = np.rint(places[(places**2).sum(1) < 1][:900] * 0.3 * BOX + BOX / 2).astype(int)
    points = np.zeros((BOX, BOX, BOX))
    np.add.at(points, tuple(inside.T), 1.0)
    return averaged(ndimage.gaussian_filter(points, 1.2), symmetry)


def averaged(volume: np.ndarray, symmetry: str) -> np.ndarray:
    """Over quarter or half turns about z, through the centre n//2."""
    count = COPIES[symmetry]
    whole = np.pad(volume, ((0, 1),) * 3, mode="wrap")  # turns about n//2 are exact there
    turns = [np.rot90(whole, 4 * turn // count, (1, 2)) for turn in range(count)]
    return np.mean(turns, axis=0)[:-1, :-1, :-1].astype(np.float32)


@pytest.mark.parametrize("symmetry", COPIES)
@pytest.mark.parametrize("kind", ["tight", "wide"])
def test_a_claim_is_the_truth_under_the_same_mask(symmetry: str, kind: str) -> None:
    away = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth = particle(symmetry, rng)
        noise = [averaged(rng.standard_normal(truth.shape).astype(np.float32), symmetry) for _ in range(2)]
        level = 2.5 * truth.std() / noise[0].std()
        halves = [truth + level * one for one in noise]
        mean = (halves[0] + halves[1]) / 2
        sphere = soft_sphere(BOX, 0.85 * BOX / 2, 3)
        mask = soft_mask(mean, PIXEL, extend=0.0, edge=6.0)[0] if kind == "tight" else sphere
        free = independent_under(mask, COPIES[symmetry])
        claimed = crossing(masked_curves(*halves, mask, sphere, [rng]).corrected, 0.143, free)
        away.append(claimed - crossing(fsc(truth * mask, mean * mask), 0.5, free))
        assert 8 < claimed < BOX // 2
    assert abs(np.mean(away)) < 1.5 and np.abs(away).max() <= 3
