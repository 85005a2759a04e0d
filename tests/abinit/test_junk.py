"""A class for what is no particle."""

from dataclasses import replace

import numpy as np

from spa.abinit import junk, sharpen, stochastic
from spa.refine.problem import Workers
from spa.symmetry import align
from spa.volume.symmetry import operators


def test_a_blob_looks_the_same_from_everywhere(lumps) -> None:
    made = junk.blob(np.stack([lumps(1), lumps(2)]))
    assert made.shape == lumps(1).shape
    np.testing.assert_allclose(made.sum(), (lumps(1) + lumps(2)).sum() / 2, rtol=0.05)
    turned = align.turned(made, operators("C3")[1])
    assert np.corrcoef(made.ravel(), turned.ravel())[0, 1] > 0.99


def test_nothing_is_as_good_as_a_blob_without_density() -> None:
    """A map of no density makes any image as likely as no map: the mixture of all is any of them."""
    flat = np.array([-0.5 * np.log(junk.WHOLE**3 * 4.0**-4)])  # the evidence of a mode as wide as the prior, height 0
    np.testing.assert_allclose(junk.evidence(flat, np.zeros(1), 4.0), flat)


def test_empty_images_go_to_the_junk_class(planted, lumps) -> None:
    data = planted(lumps(1), n=300)
    planes = data.images.planes.copy()
    empty = np.arange(300) % 4 == 0
    planes[empty] = np.random.default_rng(1).standard_normal(planes[empty].shape) / np.sqrt(2)
    images, settings = replace(data.images, planes=planes), replace(data.settings, junk=True)
    maps = data.volume[None] * stochastic.solvents(images, settings)
    state = sharpen.first_state(images, maps, np.ones(1), 7, data.noise, True)
    while not state.done:
        state = sharpen.iterated(images, state, settings, 1, Workers())
    assert state.found is not None and state.joint is not None and len(state.joint) == 2
    assert (state.found.number[empty] == 1).mean() > 0.9
    assert (state.found.number[~empty] == 0).mean() > 0.9
    np.testing.assert_allclose(state.sizes.sum(), 1, rtol=1e-5)
