"""A small network from coordinates to moves of the mesh, its gradient, and the steps that train it.

Three layers: tanh of affine maps twice, then an affine map to the moves.  It starts from no motion at all.  Written out
here, since a batch is a few products of small matrices: it needs no library, and gives the same bytes anywhere.
"""

from dataclasses import dataclass

import numpy as np

WIDTH = 64


@dataclass(frozen=True)
class Shape:
    """latents in, vertices out; unit: of a move, in shares of the box."""

    latents: int
    vertices: int
    unit: float

    @property
    def parts(self) -> list[tuple[int, int]]:
        """(rows, columns) of the layers' matrices; the last row of each is its bias."""
        return [(self.latents + 1, WIDTH), (WIDTH + 1, WIDTH), (WIDTH + 1, 3 * self.vertices)]

    @property
    def size(self) -> int:
        return sum(a * b for a, b in self.parts)

    def layers(self, weights: np.ndarray) -> list[np.ndarray]:
        """Views of the layers' matrices in a flat vector (size,)."""
        out, start = [], 0
        for a, b in self.parts:
            out.append(weights[start : start + a * b].reshape(a, b))
            start += a * b
        return out


def fresh(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Weights (size,) float32 to start from: no motion."""
    weights = np.zeros(shape.size, np.float32)
    first, second, _ = shape.layers(weights)
    first[:-1] = rng.standard_normal(first[:-1].shape) / np.sqrt(max(shape.latents, 1))
    first[-1] = 0.5 * rng.standard_normal(WIDTH)
    second[:-1] = rng.standard_normal((WIDTH, WIDTH)) / np.sqrt(WIDTH)
    return weights


def moves(shape: Shape, weights: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Moves (n, V, 3) float32 of the vertices at coordinates z (n, q), shares of the box."""
    return forward(shape, weights, z)[-1].reshape(len(z), shape.vertices, 3)


def forward(shape: Shape, weights: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    """What each layer gives: z, both hidden ones (n, WIDTH), and the moves (n, 3 V)."""
    first, second, last = shape.layers(weights)
    start = z.astype(np.float32)
    one = np.tanh(start @ first[:-1] + first[-1])
    two = np.tanh(one @ second[:-1] + second[-1])
    return [start, one, two, np.float32(shape.unit) * (two @ last[:-1] + last[-1])]


def backward(shape: Shape, weights: np.ndarray, given: list[np.ndarray], slope: np.ndarray) -> np.ndarray:
    """The gradient (size,) from the slopes (n, V, 3) by the moves."""
    out = np.zeros_like(weights)
    _, second, last = shape.layers(weights)
    grads = shape.layers(out)
    back = np.float32(shape.unit) * slope.reshape(len(slope), -1).astype(np.float32)
    grads[2][:-1], grads[2][-1] = given[2].T @ back, back.sum(axis=0)
    back = back @ last[:-1].T * (1 - given[2] ** 2)
    grads[1][:-1], grads[1][-1] = given[1].T @ back, back.sum(axis=0)
    back = back @ second[:-1].T * (1 - given[1] ** 2)
    grads[0][:-1], grads[0][-1] = given[0].T @ back, back.sum(axis=0)
    return out


def adam(
    weights: np.ndarray, memory: np.ndarray, gradient: np.ndarray, step: int, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and memory (2, size) after a step of Adam (Kingma & Ba, ICLR 2015), the step-th from 1."""
    mean = 0.9 * memory[0] + 0.1 * gradient
    square = 0.99 * memory[1] + 0.01 * gradient**2
    way = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return (weights - rate * way).astype(np.float32), np.stack([mean, square]).astype(np.float32)


def recoordinated(shape: Shape, weights: np.ndarray, centre: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Weights that move as before for coordinates y with ``z = centre + y @ root.T``."""
    out = weights.copy()
    first = shape.layers(out)[0]
    old = first[:-1].astype(np.float64)
    first[-1] += centre @ old
    first[:-1] = root.T @ old
    return out


def centred(shape: Shape, weights: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Weights whose moves at z (n, q) are the same but for their mean, which is none."""
    out = weights.copy()
    last = shape.layers(out)[2]
    last[-1] = -forward(shape, weights, z)[2].mean(axis=0) @ last[:-1]
    return out
