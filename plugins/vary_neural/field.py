"""The networks in torch: a field over frequencies, what latent coordinates make of it, and the encoder.

The field maps a frequency k of 3-D space to the coefficients of M maps there (Zhong et al., Nat. Methods 18 (2021)
176): a slice at a pose is read off without a projection.  Frequencies enter as cosines and sines of k.r for points r
of the region that may vary (Gaussian features: Tancik et al., NeurIPS 2020, but drawn where the density is), so that
the field's maps are as wide as the region from the start.  Only half of the space is learned: V(-k) = conj V(k).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch.nn import functional

from spa.vary.decoder import WEIGHTS

HIDDEN = 48  # of the decoder's small network
ENCODER = 64  # of the encoder


@dataclass(frozen=True)
class Shape:
    """latents q; features of the encoder p; maps M; width and layers of the field; half: products in bfloat16."""

    latents: int
    features: int
    maps: int
    width: int
    layers: int
    half: bool

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all weights, rows outputs."""
        q, p, m, w, e = self.latents, self.features, self.maps, self.width, ENCODER
        field = {f"field{k}": (w, w) for k in range(self.layers)}
        bias = {f"field{k}_bias": (w,) for k in range(self.layers)}
        return {
            **field, **bias, "field_out": (2 * m, w), "field_straight": (2 * m, w), "field_out_bias": (2 * m,),
            "in_weight": (HIDDEN, q), "in_bias": (HIDDEN,), "mid_weight": (HIDDEN, HIDDEN), "mid_bias": (HIDDEN,),
            "out_weight": (m, HIDDEN), "straight": (m, q), "out_bias": (m,),
            "encoder0": (e, p), "encoder0_bias": (e,), "encoder1": (e, e), "encoder1_bias": (e,),
            "encoder_out": (2 * q, e), "encoder_out_bias": (2 * q,),
        }  # fmt: skip

    @property
    def size(self) -> int:
        """Of all weights in one vector."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())


    @property
    def encoder(self) -> int:
        """Where the encoder's weights, the last, begin in that vector."""
        return self.size - sum(int(np.prod(one)) for name, one in self.shapes.items() if name.startswith("encoder"))


def fresh(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """(size,) weights to start from (He et al., ICCV 2015): a field that is nearly 0, an encoder that adds nothing."""
    parts = []
    for name, one in shape.shapes.items():
        gain = {"field_out": 0.1, "field_straight": 0.1, "encoder_out": 0.0, "out_weight": 0.5}.get(name, 1.0)
        if len(one) == 1:
            parts.append(np.zeros(one))
            continue
        if name.startswith(("field", "encoder")) and "out" not in name and "straight" not in name:
            gain *= np.sqrt(2)
        parts.append(gain * rng.standard_normal(one).ravel() / np.sqrt(one[1]))
    return np.concatenate([one.ravel() for one in parts]).astype(np.float32)


class Network:
    """Weights as views of a vector `flat` (size,), and what they compute; points (width / 2, 3): r, radians a cycle."""

    def __init__(self, shape: Shape, flat: torch.Tensor, points: torch.Tensor) -> None:
        self.shape, self.flat, self.points = shape, flat, points
        self.named: dict[str, torch.Tensor] = {}
        start = 0
        for name, one in shape.shapes.items():
            count = int(np.prod(one))
            self.named[name] = flat[start : start + count].view(one)
            start += count

    def encoded(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """mean (n, q) and log error (n, q) from features (n, p): the first 2 q of them are where these start."""
        w, q = self.named, self.shape.latents
        low = functional.silu(functional.linear(features, w["encoder0"], w["encoder0_bias"]))
        high = functional.silu(functional.linear(low, w["encoder1"], w["encoder1_bias"]))
        out = functional.linear(high, w["encoder_out"], w["encoder_out_bias"])
        return features[:, :q] + out[:, :q], (features[:, q : 2 * q] + out[:, q:]).clamp(-6, 0.5)

    def parts(self, z: torch.Tensor) -> torch.Tensor:
        """(n, M): how much of each map there is at points (n, q)."""
        w = self.named
        low = torch.tanh(functional.linear(z, w["in_weight"], w["in_bias"]))
        high = torch.tanh(functional.linear(low, w["mid_weight"], w["mid_bias"]))
        return functional.linear(high, w["out_weight"], w["out_bias"]) + z @ w["straight"].T

    def field(self, k: torch.Tensor) -> torch.Tensor:
        """(..., M, 2): re and im of the maps at frequencies (..., 3), cycles a box, x y z; any half of the space."""
        w, shape = self.named, self.shape
        sign = torch.where(k[..., :1] < 0, -1.0, 1.0)
        phase = (k * sign) @ self.points.T
        kind = torch.bfloat16 if shape.half else torch.float32
        first = torch.cat([torch.cos(phase), torch.sin(phase)], dim=-1).reshape(-1, shape.width).to(kind)
        h = first
        for layer in range(shape.layers):
            h = functional.relu(functional.linear(h, w[f"field{layer}"].to(kind), w[f"field{layer}_bias"].to(kind)))
        out = functional.linear(h, w["field_out"].to(kind)) + functional.linear(first, w["field_straight"].to(kind))
        out = (out.float() + w["field_out_bias"]).view(*k.shape[:-1], shape.maps, 2)
        return out * torch.cat([torch.ones_like(sign), sign], dim=-1)[..., None, :]

    def branch(self) -> dict[str, np.ndarray]:
        """The weights of `parts` as `spa.vary.decoder` holds them."""
        return {name: self.named[name].detach().cpu().numpy().astype(np.float64) for name in WEIGHTS}


Made = Callable[[torch.Tensor], Network]


def made(shape: Shape, points: np.ndarray, device: str) -> Made:
    """A function of the vector of weights."""
    fixed = torch.from_numpy(points.astype(np.float32)).to(device)
    return lambda flat: Network(shape, flat, fixed)


def fast_half(device: str) -> bool:
    """Whether products in bfloat16 are computed as such, and not by way of longer numbers."""
    if device != "cpu":
        return torch.cuda.is_bf16_supported()
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and torch.cpu._is_avx512_bf16_supported()
