"""Volumes anywhere in latent space: reconstructions of the particles near a point, as many as the other half bears.

``V_h(z)`` is the reconstruction of the particles within a distance h of z, in units of each one's own error bar.  A
small h blurs little and has much noise.  For each band of frequencies and each place, h is the one whose half maps
come nearest to the narrowest reconstruction of the other half, which is noisy but not blurred: both terms of the error
are seen (adaptive kernel regression: Gilles & Singer, PNAS 122 (2025) e2419140122).
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from spa.class3d.sums import Part, gathered
from spa.image import fft
from spa.refine.maximisation import joint_fsc, raw_prior
from spa.refine.problem import Workers
from spa.vary.views import Views
from spa.volume import insert as into
from spa.volume.fsc import fsc
from spa.volume.shells import apply_radial, radii

WIDTHS = 8  # neighbourhoods that are tried
FEWEST = 40  # particles of a half in the narrowest one, at least
NARROWEST = 0.02  # of the particles in it, at least
WINDOW = 1.0  # of a band's wavelength: where its error is averaged
BANDS = 6


@dataclass(frozen=True, eq=False)
class Known:
    """Views of images, their grey scales (n,), latent coordinates mean (n, q) and precision (n, q, q)."""

    views: Views
    scale: np.ndarray
    mean: np.ndarray
    precision: np.ndarray


@dataclass(frozen=True, eq=False)
class Volume:
    """joint (n, n, n) weighted by the FSC (n//2+1,) of halves (2, n, n, n); count (bands,): median size of the
    neighbourhoods that were chosen; edges (bands + 1,): their shells."""

    joint: np.ndarray
    halves: np.ndarray
    curve: np.ndarray
    count: np.ndarray
    edges: np.ndarray


def distances(known: Known, point: np.ndarray) -> np.ndarray:
    """(n,) of images from a point (q,), in their own standard deviations."""
    away = known.mean - point
    return np.sqrt(np.maximum(np.einsum("na,nab,nb->n", away, known.precision, away), 0))


def sizes(count: int) -> np.ndarray:
    """Numbers of a half's images in the neighbourhoods, from the narrowest to all."""
    least = min(count, max(FEWEST, int(NARROWEST * count)))
    return np.unique(np.rint(np.geomspace(least, count, WIDTHS)).astype(int))


def volume(known: Known, point: np.ndarray, mask: np.ndarray, workers: Workers) -> Volume:
    """At a point (q,) of latent space; mask (n, n, n): where bandwidths and the FSC are judged."""
    radius = known.views.images.band.radius
    halves, whole, counts = _nested(known, point, radius, workers)
    edges = np.unique(np.rint(np.linspace(0, radius + 1, BANDS + 1)).astype(int))
    filters = _filters(len(mask), edges)
    choices = list(workers.map(lambda f: _choice(halves, mask, *f), zip(filters, edges[1:])))
    parts = [_composed(one, filters, choices) for one in (halves[0], halves[1], whole)]
    curve = np.maximum(fsc(parts[0] * mask, parts[1] * mask), 0)
    curve[radius + 1 :] = 0
    curve[0] = 1
    inside = mask > 0.5
    chosen = np.array([np.median(counts[choice[inside]]) for choice in choices])
    return Volume(apply_radial(parts[2], joint_fsc(curve)), np.stack(parts[:2]), curve, chosen, edges)


def _nested(
    known: Known, point: np.ndarray, radius: int, workers: Workers
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Both halves' and all images' reconstructions (widths, n, n, n) of nested neighbourhoods, and these's sizes."""
    half = known.views.images.half
    away = distances(known, point)
    order = [np.flatnonzero(half == number) for number in (0, 1)]
    order = [rows[np.argsort(away[rows], kind="stable")] for rows in order]
    cuts = [sizes(len(rows)) for rows in order]
    steps = min(map(len, cuts))
    halves: list[list[np.ndarray]] = [[], []]
    whole: list[np.ndarray] = []
    sums: list[into.Accumulator] = []
    for step in range(steps):
        ends = [one[-steps:] for one in cuts]
        rings = [rows[(end[step - 1] if step else 0) : end[step]] for rows, end in zip(order, ends)]
        more = _sums(known, np.sort(np.concatenate(rings)), radius, workers)
        sums = [ring.take(before) for before, ring in zip(sums, more)] if sums else more
        for target, maps in zip((*sums, sums[0].plus(sums[1])), (*halves, whole)):
            maps.append(into.solve(target, raw_prior(target), workers.threads))
    return [np.stack(one) for one in halves], np.stack(whole), cuts[0][-steps:] + cuts[1][-steps:]


def _sums(known: Known, rows: np.ndarray, radius: int, workers: Workers) -> list[into.Accumulator]:
    """Closed sums of either half of images rows, at their own grey scales."""
    views, band = known.views, known.views.images.band
    count = band.count(radius)

    def parts(mine: np.ndarray) -> list[Part]:
        matched, weight = views.block(mine, radius)
        scale = known.scale[mine].astype(np.float32)
        values, weights, out = matched * scale[:, None, None], weight * scale[:, None] ** 2, []
        for half in (0, 1):
            own = np.flatnonzero(views.images.half[mine] == half)
            samples = into.Samples(own, views.poses[mine[own]], np.zeros((len(own), 2)), np.ones(len(own)))
            out.append(Part(half, samples, values, weights))
        return out

    return gathered(band.box, radius, 2, rows, parts, band.kx[:count], band.ky[:count], workers)


def _filters(box: int, edges: np.ndarray) -> list[np.ndarray]:
    """Half-spectrum weights of bands between edges (shells), which add to one."""
    far = radii(box)
    steps = [1 / (1 + np.exp(-np.clip((far - edge) / 0.7, -40, 40))) for edge in edges[1:-1]]
    bounds = [np.ones_like(far), *steps, np.zeros_like(far)]
    return [(low - high).astype(np.float32) for low, high in zip(bounds[:-1], bounds[1:])]


def _choice(halves: list[np.ndarray], mask: np.ndarray, weight: np.ndarray, shell: int) -> np.ndarray:
    """(n, n, n): which neighbourhood is best in a band up to a shell."""
    n = len(mask)

    def passed(one: np.ndarray) -> np.ndarray:
        return fft.irfft3(fft.rfft3(one * mask) * weight, n)

    truth = [passed(half[0]) for half in halves]
    sigma = WINDOW * n / max(shell, 2)
    best, least = np.zeros(mask.shape, np.int8), None
    for number in range(len(halves[0])):
        error = (passed(halves[0][number]) - truth[1]) ** 2 + (passed(halves[1][number]) - truth[0]) ** 2
        error = gaussian_filter(error, min(sigma, n / 8), mode="constant")
        if least is None:
            least = error
            continue
        better = error < least
        best[better] = number
        least = np.minimum(least, error)
    return best


def _composed(maps: np.ndarray, filters: list[np.ndarray], choices: list[np.ndarray]) -> np.ndarray:
    """A map from bands of maps (widths, n, n, n), each voxel of the width that was chosen there."""
    out = np.zeros(maps.shape[1:], np.float32)
    for weight, choice in zip(filters, choices):
        for number in np.unique(choice):
            part = fft.irfft3(fft.rfft3(maps[number]) * weight, len(out))
            here = choice == number
            out[here] += part[here]
    return out
