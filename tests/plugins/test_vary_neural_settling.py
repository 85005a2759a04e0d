"""The functions of coordinates that a decoder's maps are solved for."""

import numpy as np
import pytest

from spa.vary.decoder import Decoder


def decoder(q: int) -> Decoder:
    rng = np.random.default_rng(0)
    made = [rng.standard_normal(shape) for shape in ((12, q), (12,), (12, 12), (12,), (5, 12), (5, q), (5,))]
    return Decoder(np.zeros((6, 4, 4, 4), np.float32), 2.0, *made)


@pytest.mark.parametrize("q", [1, 3])
def test_principal_functions_have_mean_0_and_variance_1_and_nothing_in_common(q: int) -> None:
    pytest.importorskip("torch")
    from spa_plugins.vary_neural.settling import functions, principal

    z = np.random.default_rng(1).standard_normal((2000, q))
    plain = principal(decoder(q), [z[:1000], z[1000:]])
    parts = plain.parts(z)[:, 1:]
    assert parts.shape[1] <= functions(q) and len(plain.maps) == parts.shape[1] + 1
    assert np.allclose(parts.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(np.cov(parts.T), np.eye(parts.shape[1]), atol=1e-2)
    line = np.linalg.lstsq(np.c_[np.ones(len(z)), parts], z, rcond=None)[0]
    assert (((np.c_[np.ones(len(z)), parts] @ line - z) ** 2).mean(axis=0) < 0.05).all()  # z is nearly among them


def test_functions_grow_with_latents_up_to_a_limit() -> None:
    from spa_plugins.vary_neural.settling import functions

    assert [functions(q) for q in (1, 2, 4, 16)] == [10, 10, 12, 16]
