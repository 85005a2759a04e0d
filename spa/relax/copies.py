"""Copies of a pose over a group that a particle has only nearly, told apart by what its average over the group is not.

With poses A known up to the group, the consensus V (the average over it) explains what all copies share, and the
difference D what one of them has: X = CTF (P_A V + P_Ag D) + noise, so on residuals R = X - CTF P_A V
``log p(g) = 2 Re<CTF R, P_Ag D> - <CTF^2, |P_Ag D|^2>``, whitened. An image's own noise in D would hold it in its copy;
so images are dealt into folds, and each fold is judged by a D made of the others.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.ndimage import gaussian_filter

from spa.refine.data import BLOCK, Images
from spa.refine.maximisation import joint_fsc
from spa.refine.problem import Workers
from spa.search.images import ramps
from spa.volume import insert as into
from spa.volume.fsc import fsc
from spa.volume.slices import Reference, reference, slices

SCALES = np.concatenate([[0.0], np.geomspace(0.02, 4.0, 25)])  # of D, tried
LEAST = 0.02  # of a posterior: less is not inserted
PLACE = 2.0  # standard deviation of what is looked at around a place, voxels of the band
FLOOR = 0.05  # of a shell's mean weight, added to the maps whose FSC is taken
TRUST = (0.02, 0.98)  # bounds of the FSC that regularises D

Run = Callable[..., Iterable]
Rows = np.ndarray | slice


@dataclass(frozen=True, eq=False)
class Copies:
    """turns (c, 3, 3): one of each coset of the group over the particle's own, the identity first; operators (h, 3, 3)
    of its own; mask (box, box, box) of where copies may differ."""

    turns: np.ndarray
    operators: np.ndarray
    mask: np.ndarray


class Rest(Protocol):
    """What the consensus leaves of images, wherever it lies: here (`Residuals`) or on a device (`copies_cuda`)."""

    @property
    def radius(self) -> int: ...
    def __len__(self) -> int: ...
    def of(self, rows: Rows) -> "Rest": ...
    def summed(self, share: np.ndarray, copies: Copies) -> into.Accumulator: ...
    def scored(self, volume: np.ndarray, copies: Copies, run: Run = map) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True, eq=False)
class Residuals:
    """What the consensus leaves of images: matched (n, 2, K) CTF R / s^2, weight (n, K) CTF^2 / s^2, poses (n, 3, 3).

    kx, ky (K,) are of a box up to shell radius; shifts are undone.
    """

    box: int
    radius: int
    kx: np.ndarray
    ky: np.ndarray
    poses: np.ndarray
    matched: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.poses)

    def of(self, rows: Rows) -> "Residuals":
        """Those of some images."""
        return replace(self, poses=self.poses[rows], matched=self.matched[rows], weight=self.weight[rows])

    def summed(self, share: np.ndarray, copies: Copies) -> into.Accumulator:
        """The (closed) sums at their copies, each with its share (n, c); less than LEAST is left out."""
        sums = into.accumulator(self.box, self.radius)
        image, copy = np.nonzero(share >= LEAST)
        poses, none = self.poses[image] @ copies.turns[copy], np.zeros((len(image), 2))
        samples = into.Samples(image, poses, none, share[image, copy])
        into.insert(sums, samples, self.matched, self.weight, self.kx, self.ky)
        into.close(sums)
        return into.symmetrised(sums, copies.operators)

    def scored(self, volume: np.ndarray, copies: Copies, run: Run = map) -> tuple[np.ndarray, np.ndarray]:
        """Cross terms and norms (n, c) with D at every copy; what all copies of D share is taken off."""
        source = reference(volume, self.radius)

        def one(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            poses = (self.poses[part, None] @ copies.turns).reshape(-1, 3, 3)
            cut = slices(source, poses, self.kx, self.ky).reshape(len(part), len(copies.turns), 2, -1)
            cut -= cut.mean(axis=1, keepdims=True)
            cross = cut.reshape(*cut.shape[:2], -1) @ self.matched[part].reshape(len(part), -1, 1)
            norm = (cut[:, :, 0] ** 2 + cut[:, :, 1] ** 2) @ self.weight[part, :, None]
            return cross[..., 0], norm[..., 0]

        cross, norm = zip(*run(one, _parts(len(self))))
        return np.concatenate(cross).astype(np.float64), np.concatenate(norm).astype(np.float64)


def residuals(
    images: Images, rows: np.ndarray, poses: np.ndarray, shifts: np.ndarray, noise: np.ndarray, consensus: Reference,
    run: Run = map,
) -> Residuals:  # fmt: skip
    """Of rows (n,) of images in all of their band, at poses (n, 3, 3) and shifts (n, 2) in pixels of their box."""
    band = images.band
    poses = images.seen_from(rows, poses)

    def left(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        block = images.block(rows[part], band.radius, noise)
        turn = ramps(shifts[part].astype(np.float32), block.kx, block.ky, band.box)
        cut = slices(consensus, poses[part], block.kx, block.ky)
        rest = (block.x[:, 0] + 1j * block.x[:, 1]) * turn - block.ctf * (cut[:, 0] + 1j * cut[:, 1])
        return np.stack([rest.real, rest.imag], 1) * block.ctf[:, None], block.ctf**2

    found = list(run(left, _parts(len(rows))))
    matched, weight = (np.concatenate([one[i] for one in found]).astype(np.float32) for i in (0, 1))
    return Residuals(band.box, band.radius, band.kx, band.ky, poses, matched, weight)


def together(parts: Sequence[into.Accumulator]) -> into.Accumulator:
    """The sums of several folds added up."""
    return replace(parts[0], grid=np.asarray(sum(one.grid for one in parts)))


def difference(sums: into.Accumulator, curve: np.ndarray | None, copies: Copies) -> np.ndarray:
    """D (box, box, box) of sums in the mask, shrunk as an FSC (shells) says; by half where there is none yet."""
    trust = np.full(sums.radius + 2, 0.5)
    if curve is not None:
        trust = np.clip(curve[np.minimum(np.arange(sums.radius + 2), len(curve) - 1)], *TRUST)
    weight = sums.shell_weight()
    return into.solve(sums, weight * (1 - trust) / trust + 1e-9 * weight.max()) * copies.mask


def likeness(folds: Sequence[into.Accumulator], copies: Copies) -> tuple[np.ndarray, np.ndarray]:
    """The FSC (shells) that D of all folds would have with as much again, from that of half of them with the others;
    and (box, box, box) the same of its places: what tells copies apart is in few of them, its noise in all."""
    middle = len(folds) // 2
    halves, maps = [together(folds[:middle]), together(folds[middle:])], []
    for sums in halves:
        weight = sums.shell_weight()
        maps.append(into.solve(sums, FLOOR * weight + 1e-9 * weight.max()) * copies.mask)
    curve = joint_fsc(fsc(*maps))
    first, second = (difference(sums, curve, copies) for sums in halves)
    common, power = (gaussian_filter(one, PLACE) for one in (first * second, (first**2 + second**2) / 2))
    return curve, joint_fsc(common / np.maximum(power, 1e-9 * power.max() + 1e-30))


def judged(cross: np.ndarray, norm: np.ndarray) -> tuple[float, np.ndarray]:
    """How much likelier (log) the images (n, c) are with D than without, and the posterior (n, c) of their copies.

    Both at the scale of D at which they are likeliest: it is what D is worth on images that it was not made of.
    """
    gains = [_evidence(2 * scale * cross - scale**2 * norm) for scale in SCALES]
    best = int(np.argmax(gains))
    scale = max(SCALES[best], SCALES[1])  # even a D that is worth nothing yet says where it leans
    score = 2 * scale * cross - scale**2 * norm
    return gains[best], shared_out(score)


def shared_out(score: np.ndarray) -> np.ndarray:
    """Shares (n, c) of copies whose log likelihoods are score (n, c)."""
    share = np.exp(score - score.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


def _evidence(score: np.ndarray) -> float:
    top = score.max(axis=1)
    return float((top + np.log(np.exp(score - top[:, None]).mean(axis=1))).sum())


def cross_fitted(
    rest: Rest, share: np.ndarray, folds: Sequence[Rows], copies: Copies, workers: Workers, rounds: int,
) -> tuple[np.ndarray, float]:  # fmt: skip
    """Posteriors (n, c) after some rounds over the folds (rows each), from share (n, c); and the gain in log p."""
    share = share.copy()
    parts = [rest.of(rows) for rows in folds]
    sums = list(workers.map(lambda job: job[0].summed(share[job[1]], copies), list(zip(parts, folds))))
    gain = 0.0
    for _ in range(rounds):
        (curve, places), gain = likeness(sums, copies), 0.0
        for number, rows in enumerate(folds):
            others = together(sums[:number] + sums[number + 1 :])
            volume = difference(others, curve, copies) * places
            more, share[rows] = judged(*parts[number].scored(volume, copies, workers.map))
            sums[number] = parts[number].summed(share[rows], copies)
            gain += more
    return share, gain


def certainty(share: np.ndarray) -> np.ndarray:
    """Entropy (n,) of posteriors (n, c) over that of no preference: 0 is certain, 1 says nothing."""
    safe = np.maximum(share, 1e-300)
    return -(share * np.log(safe)).sum(axis=1) / np.log(max(share.shape[1], 2))


def _parts(count: int) -> list[np.ndarray]:
    return [np.arange(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
