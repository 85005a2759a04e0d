"""The network's gradient and changes of frame; coordinates of halves in one frame."""

import numpy as np
import pytest

from spa.flex import network
from spa.flex.latents import Posterior, whitened
from spa.flex.motion import common, motion

SHAPE = network.Shape(2, 7, 0.05)


def weights(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (network.fresh(SHAPE, rng) + 0.1 * rng.standard_normal(SHAPE.size)).astype(np.float32)


def test_the_gradient_is_that_of_finite_differences() -> None:
    rng, here = np.random.default_rng(1), weights()
    z, slope = rng.standard_normal((5, 2)), rng.standard_normal((5, 7, 3))
    layers = network.forward(SHAPE, here, z)
    gradient = network.backward(SHAPE, here, layers, slope)
    way = rng.standard_normal(SHAPE.size)
    ends = [(network.moves(SHAPE, (here + sign * 1e-3 * way).astype(np.float32), z) * slope).sum() for sign in (1, -1)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(float(gradient @ way), rel=0.01)


def test_a_fresh_network_moves_nothing_and_learns_a_motion() -> None:
    rng = np.random.default_rng(2)
    here, memory = network.fresh(SHAPE, rng), np.zeros((2, SHAPE.size), np.float32)
    z = rng.standard_normal((64, 2))
    wanted = 0.05 * np.tanh(z[:, :1, None] * np.ones((1, 7, 3)))
    assert not network.moves(SHAPE, here, z).any()
    for step in range(1, 400):
        layers = network.forward(SHAPE, here, z)
        slope = layers[-1].reshape(wanted.shape) - wanted
        here, memory = network.adam(here, memory, network.backward(SHAPE, here, layers, slope), step, 3e-3)
    assert np.abs(network.moves(SHAPE, here, z) - wanted).max() < 0.01


def test_changes_of_frame_leave_the_motion() -> None:
    rng, here = np.random.default_rng(3), weights()
    z = rng.standard_normal((40, 2)) @ np.array([[2.0, 0.3], [0, 0.5]]) + 1
    spread = np.tile(0.1 * np.eye(2), (40, 1, 1))
    centre, root = whitened(z, spread)
    y = (z - centre) @ np.linalg.inv(root).T
    covariance = y.T @ y / 40 + (np.linalg.inv(root) @ spread @ np.linalg.inv(root).T).mean(axis=0)
    assert np.allclose(y.mean(axis=0), 0, atol=1e-9) and np.allclose(covariance, np.eye(2), atol=1e-6)
    turned = network.recoordinated(SHAPE, here, centre, root)
    assert np.allclose(network.moves(SHAPE, turned, y), network.moves(SHAPE, here, z), atol=1e-5)
    still = network.centred(SHAPE, here, z)
    away = network.moves(SHAPE, here, z) - network.moves(SHAPE, still, z)
    assert np.allclose(network.moves(SHAPE, still, z).mean(axis=0), 0, atol=1e-6)
    assert np.allclose(away, away[0], atol=1e-6)


def test_halves_that_see_the_same_motion_agree_in_one_frame() -> None:
    rng, here = np.random.default_rng(4), weights()
    z = rng.standard_normal((500, 2))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    other = network.recoordinated(SHAPE, here, np.zeros(2), turn)  # moves of y with z = y @ turn.T
    spread, none = np.tile(0.05 * np.eye(2), (500, 1, 1)), np.zeros(500)
    pair = Posterior(z, spread, none, none), Posterior(z @ turn, spread, none, none)
    flows = (lambda z: network.moves(SHAPE, here, z)), (lambda z: network.moves(SHAPE, other, z))
    found = common(pair, flows[0], np.full(7, 1 / 7))
    assert (found.agreement > 0.999).all()
    for half in (0, 1):
        assert np.allclose(found.frame.of(half, found.mean), pair[half].mean, atol=1e-3)
    line = np.linspace(-1, 1, 9)[:, None]
    size = [np.var(flows[0](found.frame.of(0, np.eye(2)[k] * line)), axis=0).sum() for k in (0, 1)]
    assert size[0] > size[1]
    how = motion(flows, pair)
    assert how.error.max() < 1e-4 < how.size.min()
