"""Planes of latents."""

import numpy as np
import pytest

from spa.vary import embed


def test_principal_axes_are_the_widest() -> None:
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    latent = 5 + (rng.standard_normal((3000, 4)) * [0.2, 3, 1, 0.1]) @ turn
    place, share = embed.principal(latent)
    assert np.allclose(np.sort(place.var(axis=0))[::-1], [9, 1], rtol=0.1)
    assert np.allclose(share, np.array([9, 1, 0.04, 0.01]) / 10.05, atol=0.01)


def test_who_is_not_fitted_lies_among_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("umap")
    monkeypatch.setattr(embed, "FITTED", 200)
    rng = np.random.default_rng(1)
    kind = rng.integers(2, size=300)
    latent = 8.0 * kind[:, None] * np.ones(3) + rng.standard_normal((300, 3))
    plane = embed.umap(latent, seed=4)
    away = np.linalg.norm(plane[:, None] - np.stack([plane[kind == k].mean(axis=0) for k in (0, 1)]), axis=2)
    assert (away.argmin(axis=1) == kind).mean() > 0.99
