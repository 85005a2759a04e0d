"""A small convolutional network that scores every place of a picture: its layers, and its answer without torch.

A U-Net (Ronneberger et al., MICCAI 2015) of three levels on a grid half as fine as its input. Sizes are 8 m + 1 and
grids are joined at their first pixels, so that a turned or mirrored picture gives the turned or mirrored answer grid.
Training (elsewhere, with torch) makes the same function of the same arrays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

STEP = 2  # pixels of the input per pixel of the answer
MULTIPLE = 8  # sizes are a multiple of this, and one
_BAND = 1 << 17  # values of a layer's input gathered at a time


@dataclass(frozen=True)
class Layer:
    """A convolution: channels in and out, side of its kernel, stride."""

    name: str
    inputs: int
    outputs: int
    side: int = 3
    stride: int = 1


LAYERS = (
    Layer("stem", 1, 24, 5, 2), Layer("fine", 24, 24),
    Layer("down1", 24, 48, 3, 2), Layer("middle", 48, 48),
    Layer("down2", 48, 64, 3, 2), Layer("coarse", 64, 64),
    Layer("join1", 112, 48), Layer("back1", 48, 48),
    Layer("join2", 72, 24), Layer("back2", 24, 24),
    Layer("head", 24, 1, 1),
)  # fmt: skip


def shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of all arrays of weights: NAME.weight (out, in, side, side), NAME.bias (out,)."""
    found: dict[str, tuple[int, ...]] = {}
    for layer in LAYERS:
        found[f"{layer.name}.weight"] = (layer.outputs, layer.inputs, layer.side, layer.side)
        found[f"{layer.name}.bias"] = (layer.outputs,)
    return found


def padded_size(n: int) -> int:
    """The least size 8 m + 1 that holds n."""
    return MULTIPLE * -(-(n - 1) // MULTIPLE) + 1


def log_odds(image: np.ndarray, weights: Mapping[str, np.ndarray], turns: int = 1) -> np.ndarray:
    """Log-odds (ceil(ny / 2), ceil(nx / 2)) that a particle's centre is near pixel (2 j, 2 i) of an image (ny, nx).

    turns: mean over so many (1, 2, 4 or 8) of the picture's turns and mirrors.
    """
    return views(image, turns, lambda seen: _answer(seen, weights))


def views(image: np.ndarray, turns: int, answer: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The mean of what answers (n, m) a picture's turns and mirrors get, each turned back; sizes are made to fit."""
    ny, nx = image.shape
    frame = np.zeros((padded_size(ny), padded_size(nx)), np.float32)
    frame[:ny, :nx] = image
    total = np.zeros(tuple((n + 1) // 2 for n in frame.shape), np.float32)
    every = [(turn, mirror) for turn in (0, 2, 1, 3) for mirror in (False, True)]
    for turn, mirror in [view for view in every if not view[1]][:turns] if turns <= 4 else every:
        seen = np.rot90(frame, turn)
        found = answer(np.ascontiguousarray(seen[:, ::-1] if mirror else seen))
        total += np.rot90(found[:, ::-1] if mirror else found, -turn)
    return total[: (ny + 1) // 2, : (nx + 1) // 2] / np.float32(turns)


def _answer(image: np.ndarray, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    by_name = {layer.name: layer for layer in LAYERS}

    def through(name: str, planes: np.ndarray) -> np.ndarray:
        made = _convolved(planes, weights[f"{name}.weight"], weights[f"{name}.bias"], by_name[name].stride)
        return np.maximum(made, 0, out=made)

    fine = through("fine", through("stem", image[None]))
    middle = through("middle", through("down1", fine))
    coarse = through("coarse", through("down2", middle))
    back = through("back1", through("join1", np.concatenate([doubled(coarse), middle])))
    back = through("back2", through("join2", np.concatenate([doubled(back), fine])))
    return _convolved(back, weights["head.weight"], weights["head.bias"], 1)[0]


def doubled(planes: np.ndarray) -> np.ndarray:
    """Planes (c, n, m) on a grid twice as fine, (c, 2 n - 1, 2 m - 1): means in between."""
    c, n, m = planes.shape
    made = np.empty((c, 2 * n - 1, 2 * m - 1), np.float32)
    made[:, ::2, ::2] = planes
    made[:, ::2, 1::2] = 0.5 * (planes[:, :, 1:] + planes[:, :, :-1])
    made[:, 1::2] = 0.5 * (made[:, 2::2] + made[:, :-2:2])
    return made


def _convolved(planes: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """Planes (c, ny, nx), zeros around them, through kernels (out, c, side, side): products of matrices, in bands."""
    outputs, c, side, _ = weight.shape
    edge = side // 2
    padded = np.pad(planes, ((0, 0), (edge, edge), (edge, edge))) if edge else planes
    windows = sliding_window_view(padded, (side, side), axis=(1, 2))[:, ::stride, ::stride]  # type: ignore[call-overload]
    ny, nx = windows.shape[1:3]
    flat = np.ascontiguousarray(weight, np.float32).reshape(outputs, -1)
    made = np.empty((outputs, ny, nx), np.float32)
    rows = max(1, _BAND // (c * nx))
    for top in range(0, ny, rows):
        band = windows[:, top : top + rows].transpose(0, 3, 4, 1, 2).reshape(flat.shape[1], -1)
        made[:, top : top + rows] = (flat @ band).reshape(outputs, -1, nx)
    made += bias[:, None, None].astype(np.float32)
    return made
