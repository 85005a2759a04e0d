"""Parts of a symmetric map are asymmetric units of it, cut out in ways that differ."""

import numpy as np
import pytest

from spa.relax.copies import Copies
from spa.relax.parts import GUESSES, guesses
from spa.volume.symmetry import cosets, operators
from spa.volume.transform import resampled, transform

PAIRS = [("C2", "C1"), ("C6", "C1"), ("D3", "C1"), ("D4", "D2"), ("O", "C1"), ("I", "C1")]


@pytest.mark.parametrize(("group", "own"), PAIRS)
def test_the_copies_of_a_part_make_the_whole(group: str, own: str) -> None:
    rng, box = np.random.default_rng(0), 40
    z, y, x = np.indices((box,) * 3) - box // 2
    ball = np.exp(-((x**2 + y**2 + z**2) / 200.0) ** 4).astype(np.float32)
    rough = resampled(transform(rng.standard_normal((box,) * 3).astype(np.float32), 1.0), box, 1.0, operators(group))
    whole = ball * (1 + np.float32(0.3) * rough / rough.std())
    copies = Copies(cosets(group, own), operators(own), ball)
    found = list(guesses(whole, copies, rng))
    assert len(found) == GUESSES
    for guess in found:
        share = guess.part[ball > 0.5].mean() * len(copies.turns)
        assert 0.8 < share < 1.2
        assert np.array_equal(guess.volume, -whole * guess.part * ball)
    assert len({guess.part.tobytes() for guess in found}) > 1


def test_no_density_has_no_parts() -> None:
    nothing = np.zeros((16,) * 3, np.float32)
    copies = Copies(cosets("C4", "C1"), operators("C1"), np.ones_like(nothing))
    assert not list(guesses(nothing, copies, np.random.default_rng(0)))
