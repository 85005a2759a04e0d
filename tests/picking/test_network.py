"""The network without torch: geometry, and the same answer as torch gives."""

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.picking import network, network_cuda


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: (rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))).astype(np.float32)
            for name, shape in network.shapes().items()}  # fmt: skip


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(41, 57), (42, 60), (33, 36)])
def test_an_answer_for_every_second_pixel(weights: dict[str, np.ndarray], shape: tuple[int, int]) -> None:
    assert network.log_odds(noise(*shape), weights).shape == tuple((n + 1) // 2 for n in shape)


def test_all_turns_together_follow_the_picture(weights: dict[str, np.ndarray]) -> None:
    """With eight turns, a turned or mirrored picture has the turned or mirrored answer."""
    image = noise(41, 41)
    answer = network.log_odds(image, weights, 8)
    for change in (lambda a: a[:, ::-1], lambda a: a.T, lambda a: np.rot90(a)):
        assert np.allclose(network.log_odds(np.ascontiguousarray(change(image)), weights, 8), change(answer), atol=1e-4)


def test_a_shifted_picture_has_a_shifted_answer(weights: dict[str, np.ndarray]) -> None:
    """By eight pixels, away from the edges."""
    image = noise(201, 201)
    one, other = (network.log_odds(part, weights) for part in (image[:193, :193], image[8:, :193]))
    assert np.allclose(one[48:-44, 44:-44], other[44:-48, 44:-44], atol=1e-4)


def test_the_middle_of_a_finer_grid_is_the_mean() -> None:
    line = np.arange(5, dtype=np.float32)
    made = network.doubled(np.broadcast_to(line, (2, 5, 5)).copy())
    assert made.shape == (2, 9, 9) and np.allclose(made, np.arange(9) / 2)


def test_torch_gives_the_same_answer(weights: dict[str, np.ndarray]) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'spa[neural]'")
    from spa_plugins.train_neural import net

    image = noise(49, 66)
    found = net.answer(net.framed(image), net.loaded(weights)).detach().numpy()[:25, :33]
    assert np.allclose(found, network.log_odds(image, weights), atol=1e-4)


@pytest.mark.parametrize("share", [8, 10**9])
@pytest.mark.parametrize("turns", [1, 8])
def test_a_device_answers_the_same(
    weights: dict[str, np.ndarray], device: Device, share: int, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers whole, or row by row where memory is short."""
    monkeypatch.setattr(network_cuda, "SHARE", share)
    image = noise(30, 37)
    wanted = network.log_odds(image, weights, turns)
    np.testing.assert_allclose(network_cuda.log_odds(device, image, weights, turns), wanted, atol=1e-4)
