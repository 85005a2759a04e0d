"""The maps of a trained decoder solved by least squares, and images' coordinates in them, in turns.

Training looks at each coefficient of an image a few times, in steps that forget. Once there are coordinates, the maps
U of ``V(z) = U_0 + sum_k b_k(z) U_k`` for given functions b are the solution of normal equations which all coefficients
of all images are in, as those of principal components are (`spa.vary.components`): an expectation-maximisation of the
curved model. The functions are the principal ones among the decoder's hidden values.
Each half of the images solves maps of its own, and what they have in common, shell by shell, is what stays.
"""

from dataclasses import replace

import numpy as np

from spa.refine.maximisation import joint_fsc
from spa.refine.problem import Workers
from spa.vary.components import Problem, maximised
from spa.vary.decoder import Decoder
from spa.vary.joint import curve
from spa.vary.placed import Placed
from spa.volume.shells import apply_radial

FUNCTIONS = 10  # of up to three coordinates; of more, so many of each
OF_EACH, MOST = 3, 16
DRAWN = 4  # samples of an image's posterior
LEAST = 1e-7  # of the hidden values' variance: functions below it are rounding


def functions(latents: int) -> int:
    """How many maps besides the first."""
    return int(np.clip(OF_EACH * latents, FUNCTIONS, MOST))


def principal(decoder: Decoder, drawn: list[np.ndarray]) -> Decoder:
    """The decoder with maps of zero for the principal functions, of mean 0 and variance 1 over coordinates (n, q)."""
    values = np.concatenate([decoder.hidden(z) for z in drawn])
    centre = values.mean(axis=0)
    power, axes = np.linalg.eigh(np.cov(values.T))
    best = np.argsort(-power)[: functions(decoder.latents)]
    best = best[power[best] > LEAST * power.sum()]
    weights = axes[:, best] / np.sqrt(power[best])
    hidden = len(decoder.mid_bias)
    maps = np.zeros((len(best) + 1, *decoder.maps.shape[1:]), np.float32)
    return replace(decoder, maps=maps, out_weight=weights[:hidden].T, straight=weights[hidden:].T,
                   out_bias=-centre @ weights)  # fmt: skip


def settled(
    problem: Problem, decoder: Decoder, found: Placed, scale: np.ndarray, rows: np.ndarray, rng: np.random.Generator,
    workers: Workers,
) -> Decoder:  # fmt: skip
    """The decoder with maps solved from images `rows`; found and scale (n,): coordinates and grey scales of all."""
    root = np.linalg.cholesky(found.spread)
    drawn = [found.mean + (root @ rng.standard_normal((*found.mean.shape, 1)))[..., 0] for _ in range(DRAWN)]
    plain = principal(decoder, drawn)
    u = [scale[:, None] * plain.parts(z) for z in drawn]
    first, second = sum(u) / DRAWN, sum(one[:, :, None] * one[:, None] for one in u) / DRAWN
    radius = problem.views.images.band.radius
    mine = [np.intersect1d(rows, problem.half(number)) for number in (0, 1)]
    halves = [maximised(problem, half, first[half], second[half], radius, workers) for half in mine]

    def joined(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return apply_radial(0.5 * (pair[0] + pair[1]), joint_fsc(curve(*pair, radius)))

    return replace(plain, maps=np.stack(list(workers.map(joined, zip(*halves)))).astype(np.float32))
