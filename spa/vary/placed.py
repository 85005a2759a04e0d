"""Where images lie in the latent space of a decoder: the likeliest coordinates, how sure they are, and the evidence.

The likelihood of images under combinations of the decoder's maps is known exactly from their moments (`views`), so
coordinates that an encoder guessed are carried to the top of their own posterior (semi-amortised inference: Kim et
al., ICML 2018), which is taken as normal there (Laplace).  The evidence is found by importance sampling.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.vary.decoder import Decoder
from spa.vary.stretch import even
from spa.vary.views import Contrast, Moments

TURNS = 15  # steps up the posterior, at most
TRIED = 64  # other places that a start is looked for at
CHUNK = 1024  # images at once
DRAWN = 48  # samples of an image's posterior
WIDER = 1.3  # than the posterior: the spread that samples are drawn with


@dataclass(frozen=True, eq=False)
class Placed:
    """mean (n, q) and spread (n, q, q) of images' coordinates."""

    mean: np.ndarray
    spread: np.ndarray

    def turned(self, matrix: np.ndarray) -> "Placed":
        """In coordinates matrix^T z, matrix (q, q) a rotation."""
        return Placed(self.mean @ matrix, matrix.T @ self.spread @ matrix)


def stretched(
    decoder: Decoder, z: np.ndarray, quadratic: np.ndarray, end: float, rng: np.random.Generator
) -> tuple[Decoder, np.ndarray]:
    """The same in coordinates along which images change evenly, and those of images at z (n, q), within the ends.

    quadratic (m + 1, m + 1): the mean of images' moments; end: share of the way beyond which it goes straight on.
    """

    def change(points: np.ndarray) -> np.ndarray:
        slope = decoder.slopes(points)[1]
        return ((slope @ quadratic) * slope).sum(axis=2)

    stretch = even(change, z, end, rng)
    return replace(decoder, stretch=stretch), stretch.outer(z)


def scaled(decoder: Decoder, found: Placed, z: np.ndarray) -> tuple[Decoder, np.ndarray]:
    """The same in stretched coordinates of mean 0 and variance one over images found, what is not known of each in it;
    and points z (n, q)."""
    assert decoder.stretch is not None
    centre = found.mean.mean(axis=0)
    width = np.sqrt(found.mean.var(axis=0) + np.diagonal(found.spread, axis1=1, axis2=2).mean(axis=0))
    return replace(decoder, stretch=decoder.stretch.scaled(centre, width)), (z - centre) / width


def placed(decoder: Decoder, seen: Moments, scale: np.ndarray, guess: np.ndarray, places: np.ndarray) -> Placed:
    """Of images with moments seen under the decoder's maps and grey scales (n,); guess (n, q); places (m, q): where
    other images are."""
    cuts = [slice(i, i + CHUNK) for i in range(0, len(seen), CHUNK)]
    parts = [_placed(decoder, seen.linear[cut] * scale[cut, None], seen.quadratic[cut] * scale[cut, None, None] ** 2,
                     guess[cut], places[:TRIED]) for cut in cuts]  # fmt: skip
    return Placed(*(np.concatenate(column) for column in zip(*parts)))


def _score(linear: np.ndarray, quadratic: np.ndarray, u: np.ndarray, z: np.ndarray) -> np.ndarray:
    """log p (n,) of images and of their coordinates, up to a term of the image alone."""
    norm = (u * (quadratic @ u[..., None])[..., 0]).sum(axis=1)
    return (linear * u).sum(axis=1) - 0.5 * norm - 0.5 * (z**2).sum(axis=1)


def _placed(
    decoder: Decoder, linear: np.ndarray, quadratic: np.ndarray, guess: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    z = _started(decoder, linear, quadratic, guess, places)
    damping = np.full(len(z), 1e-2)
    best = _score(linear, quadratic, decoder.parts(z), z)
    eye = np.eye(z.shape[1])
    for _ in range(TURNS):
        slope, curvature = _derivatives(decoder, linear, quadratic, z)
        step = np.linalg.solve(curvature + damping[:, None, None] * eye, slope[..., None])[..., 0]
        new = z + step
        score = _score(linear, quadratic, decoder.parts(new), new)
        better = score > best
        z, best = np.where(better[:, None], new, z), np.where(better, score, best)
        damping = np.clip(np.where(better, damping / 4, damping * 8), 1e-3, 1e6)
        if np.abs(step).max() < 1e-4:
            break
    return z, np.linalg.inv(_derivatives(decoder, linear, quadratic, z)[1])


def _derivatives(
    decoder: Decoder, linear: np.ndarray, quadratic: np.ndarray, z: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slope (n, q) of the score and Gauss and Newton's curvature (n, q, q), the prior's in it."""
    u, slopes = decoder.slopes(z)
    pull = linear - (quadratic @ u[..., None])[..., 0]
    slope = (slopes @ pull[..., None])[..., 0] - z
    return slope, slopes @ quadratic @ np.swapaxes(slopes, 1, 2) + np.eye(z.shape[1])


def _started(
    decoder: Decoder, linear: np.ndarray, quadratic: np.ndarray, guess: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """The likeliest of the guess and the places."""
    u = decoder.parts(places)
    squares = np.einsum("ma,mb->mab", u, u).reshape(len(u), -1)
    score = linear @ u.T - 0.5 * quadratic.reshape(len(quadratic), -1) @ squares.T - 0.5 * (places**2).sum(axis=1)
    own = _score(linear, quadratic, decoder.parts(guess), guess)
    best = score.argmax(axis=1)
    return np.where((score.max(axis=1) > own)[:, None], places[best], guess)


def evidence(
    decoder: Decoder, seen: Moments, contrast: Contrast, found: Placed, rng: np.random.Generator
) -> np.ndarray:
    """(n,) log p of images with coordinates and grey scales integrated over, up to a term of the image alone."""
    n, q = found.mean.shape
    root = np.linalg.cholesky(found.spread) * WIDER
    determinant = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    logs = np.empty((DRAWN, n))
    for k in range(DRAWN):
        step = rng.standard_normal((n, q))
        z = found.mean + (root @ step[..., None])[..., 0]
        logs[k] = plain(seen, decoder.parts(z), contrast) - 0.5 * (z**2).sum(axis=1)
        logs[k] += 0.5 * (step**2).sum(axis=1) + determinant
    top = logs.max(axis=0)
    return top + np.log(np.exp(logs - top).mean(axis=0))


def plain(seen: Moments, u: np.ndarray, contrast: Contrast) -> np.ndarray:
    """(n,) log p of images at combinations u (n, c) of the maps, grey scales integrated over."""
    push = (seen.linear * u).sum(axis=1)
    norm = (u * (seen.quadratic @ u[..., None])[..., 0]).sum(axis=1)
    a = contrast.nodes[:, None]
    logs = contrast.share[:, None] + a * push - 0.5 * a**2 * norm
    top = logs.max(axis=0)
    return top + np.log(np.exp(logs - top).sum(axis=0))
