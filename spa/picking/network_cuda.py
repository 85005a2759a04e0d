"""The network's answer on a device: the twin of `spa.picking.network.log_odds`. Convolutions are matrix products."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.gpu.gemm import product
from spa.picking.network import LAYERS, Layer, views

SOURCE = Path(__file__).with_name("network.cu")
THREADS = 128
SHARE = 8  # of the memory that is free: the windows of a layer take at most an eighth at once
_LAYERS = {layer.name: layer for layer in LAYERS}


def log_odds(device: Device, image: np.ndarray, weights: Mapping[str, np.ndarray], turns: int = 1) -> np.ndarray:
    """As the twin's, on the host; threads take turns at the device."""
    with device.current():
        there = {name: device.array(one.reshape(len(one), -1), np.float32) for name, one in weights.items()}
        return views(image, turns, lambda seen: _answer(device.array(seen[None]), there).get()[0])


def _answer(image: Array, weights: Mapping[str, Array]) -> Array:
    """(1, n, m) of (1, ny, nx). What two layers join lies side by side from the start."""

    def through(name: str, planes: Array, out: Array | None = None) -> Array:
        bound = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return _convolved(planes, _LAYERS[name], *bound, out, rectified=name != "head")

    def joined(coarse: int, fine: Layer, planes: Array) -> Array:
        sides = [(side + fine.stride - 1) // fine.stride for side in planes.shape[1:]]
        return planes.device.empty(coarse + fine.outputs, *sides)

    stem = through("stem", image)
    upper = joined(_LAYERS["back1"].outputs, _LAYERS["fine"], stem)
    fine = through("fine", stem, upper.rows(_LAYERS["back1"].outputs, len(upper)))
    down = through("down1", fine)
    lower = joined(_LAYERS["coarse"].outputs, _LAYERS["middle"], down)
    middle = through("middle", down, lower.rows(_LAYERS["coarse"].outputs, len(lower)))
    _doubled(through("coarse", through("down2", middle)), lower)
    _doubled(through("back1", through("join1", lower)), upper)
    return through("head", through("back2", through("join2", upper)))


def _convolved(planes: Array, layer: Layer, weight: Array, bias: Array, out: Array | None, rectified: bool) -> Array:
    """(outputs, ny, nx) of planes (inputs, ..), zeros around them; into out where it is given."""
    device, (_, ny, nx) = planes.device, planes.shape
    high, wide = ((side + layer.stride - 1) // layer.stride for side in (ny, nx))
    found = device.empty(layer.outputs, high, wide) if out is None else out
    width = layer.inputs * layer.side**2
    rows = int(np.clip(device.free() // SHARE // (4 * (width + layer.outputs) * wide), 1, high))
    for top in range(0, high, rows):
        band = min(rows, high - top)
        seen = device.empty(band * wide, width)
        words = map(np.int32, (layer.inputs, ny, nx, layer.side, layer.stride, top, band, wide))
        device.run(SOURCE, "windows", (-(-width // THREADS), band * wide), THREADS, planes, *words, seen)
        words = map(np.int32, (layer.outputs, high, wide, top, band, rectified))
        grid = (-(-band * wide // THREADS), layer.outputs)
        device.run(SOURCE, "activated", grid, THREADS, product(weight, seen, exact=True), bias, *words, found)
    return found


def _doubled(planes: Array, out: Array) -> None:
    """Onto a grid twice as fine, into the first of out's planes."""
    channels, ny, nx = planes.shape
    grid = (-(-(2 * ny - 1) * (2 * nx - 1) // THREADS), channels)
    planes.device.run(SOURCE, "doubled", grid, THREADS, planes, np.int32(channels), np.int32(ny), np.int32(nx), out)
