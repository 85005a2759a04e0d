"""The network of `spa.picking.network` in torch, and a gradient that does not depend on the number of threads."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
import torch
from torch.nn import functional

from spa.picking.network import LAYERS, padded_size, shapes

Weights = dict[str, torch.Tensor]
_BY_NAME = {layer.name: layer for layer in LAYERS}


def fresh(rng: np.random.Generator, device: str = "cpu", rare: float = 0.03) -> Weights:
    """Weights to start from (He et al., ICCV 2015); the answer begins at the log-odds of ``rare``."""
    made = {}
    for name, shape in shapes().items():
        fan = np.prod(shape[1:]) if len(shape) > 1 else np.inf
        made[name] = (rng.standard_normal(shape) * np.sqrt(2 / fan)).astype(np.float32)
    made["head.weight"] *= np.float32(0.1)
    made["head.bias"][...] = np.log(rare / (1 - rare))
    return loaded(made, device)


def loaded(arrays: Mapping[str, np.ndarray], device: str = "cpu") -> Weights:
    """Weights of arrays, ready to be trained on a device of torch's."""
    there = {name: torch.from_numpy(np.array(arrays[name], np.float32)).to(device) for name in shapes()}
    return {name: one.requires_grad_(True) for name, one in there.items()}


def arrays(weights: Weights) -> dict[str, np.ndarray]:
    """Arrays of weights."""
    return {name: one.detach().cpu().numpy().copy() for name, one in weights.items()}


def framed(image: np.ndarray) -> torch.Tensor:
    """(1, 1, ny, nx): a picture in the least frame that the network takes, zeros around it."""
    frame = np.zeros(tuple(padded_size(n) for n in image.shape), np.float32)
    frame[: image.shape[0], : image.shape[1]] = image
    return torch.from_numpy(frame)[None, None]


def answer(image: torch.Tensor, weights: Weights) -> torch.Tensor:
    """Log-odds (ny', nx') of a framed picture (1, 1, ny, nx): what `log_odds` gives."""

    def through(name: str, planes: torch.Tensor) -> torch.Tensor:
        layer = _BY_NAME[name]
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.relu(functional.conv2d(planes, weight, bias, layer.stride, layer.side // 2))

    def joined(coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        size = list(fine.shape[-2:])
        return torch.cat([functional.interpolate(coarse, size, mode="bilinear", align_corners=True), fine], 1)

    fine = through("fine", through("stem", image))
    middle = through("middle", through("down1", fine))
    coarse = through("coarse", through("down2", middle))
    back = through("back1", through("join1", joined(coarse, middle)))
    back = through("back2", through("join2", joined(back, fine)))
    return functional.conv2d(back, weights["head.weight"], weights["head.bias"])[0, 0]


def gradient(
    images: Sequence[torch.Tensor], weights: Weights, pool: Executor,
    loss_of: Callable[[list[torch.Tensor]], torch.Tensor],
) -> float:  # fmt: skip
    """The loss over a batch of framed pictures; its gradient is left in the weights.

    Pictures go through the network side by side, each in one thread, and their shares are added in order. The network
    is where its weights are; the loss is taken on this processor.
    """
    values = list(weights.values())
    device = values[0].device

    def forward(image: torch.Tensor) -> torch.Tensor:
        torch.set_num_threads(1)
        return answer(image.to(device), weights)

    def backward(pair: tuple[torch.Tensor, torch.Tensor]) -> Sequence[torch.Tensor]:
        torch.set_num_threads(1)
        return torch.autograd.grad(pair[0], values, pair[1].to(device))

    answers = list(pool.map(forward, images))
    leaves = [one.detach().cpu().requires_grad_(True) for one in answers]
    loss = loss_of(leaves)
    slopes = torch.autograd.grad(loss, leaves)
    for value in values:
        value.grad = None
    for shares in pool.map(backward, list(zip(answers, slopes))):
        for value, share in zip(values, shares):
            value.grad = share if value.grad is None else value.grad + share
    return float(loss.detach())


def log_odds(image: np.ndarray, weights: Mapping[str, np.ndarray], device: str) -> np.ndarray:
    """`spa.picking.network.log_odds` of the picture as it lies, on a device of torch's."""
    with torch.no_grad():
        found = answer(framed(image).to(device), loaded(weights, device)).cpu().numpy()
    return found[: (image.shape[0] + 1) // 2, : (image.shape[1] + 1) // 2]
