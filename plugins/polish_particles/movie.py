"""One movie: its particles beside the map in every frame, their tracks, and how well frames agree along these."""

from dataclasses import dataclass, replace

import numpy as np

from spa.errors import DataError, SpaError
from spa.image.straight import seen_through
from spa.motion import dose
from spa.optics.calibrate import Calibration
from spa.optics.compared import Scene, Who, compared
from spa.polish.correlate import Scores, agreement, joined, scores
from spa.polish.tracks import Film, Prior, followed
from spa.polish.training import Pair
from spa.polish.windows import Block, Store, block
from spa.recipe import motion
from spa.recipe.motion import Motion
from spa.recipe.optics import Given, blocks
from spa_plugins.polish_particles.inputs import Entry, Session

LEAST, MOST = 0.25, 2.0  # a movie's signal over that of the particles' images
SURE = 4.0  # standard deviations of a movie's signal from which its sign is believed


@dataclass(frozen=True, eq=False)
class Reference:
    """What particles are compared with, the same for all movies."""

    given: Given
    scene: Scene
    who: Who
    scales: Calibration
    session: Session

    @property
    def width(self) -> float:
        """Of a box, angstroms."""
        return self.scene.band.box * self.scene.pixel_size

    def block(self, pixel_size: float) -> Block:
        """Windows of a movie that are as wide as the boxes are."""
        return block(2 * round(self.width / pixel_size / 2), self.scene.band.radius)


@dataclass(frozen=True, eq=False)
class Seen:
    """A movie's windows and what is expected in them.

    places (p, 2): pixels of the movie, first frame; known (p, n, 2): the motion that is known; rest (p, n, 2): where
    particles are expected, from the middles of their windows; expected (p, 2r+1, r+1): whitened images at damage 1;
    damage (n, r+2); signal: the movie's scale, below 0 where protein is dark.
    """

    motion: Motion
    rows: np.ndarray
    places: np.ndarray
    known: np.ndarray
    rest: np.ndarray
    store: Store
    expected: np.ndarray
    damage: np.ndarray
    signal: float

    @property
    def film(self) -> Film:
        worth = (self.damage[:, : len(self.told)] ** 2) @ self.told
        return Film(self.places * self.motion.pixel_size, self.motion.doses(), self.motion.pixel_size, worth)

    @property
    def told(self) -> np.ndarray:
        """(r+2,) what each shell tells of displacements at damage 1."""
        band = self.store.band
        power = (np.abs(self.expected) ** 2).sum(0) * band.parts
        norm = np.bincount(band.shell.ravel(), power.ravel())
        return norm * np.arange(len(norm)) ** 2


def seen(reference: Reference, entry: Entry, errors: list[SpaError], room: np.ndarray | None = None) -> Seen:
    """Read a movie once."""
    found = entry.read()
    band = reference.block(found.pixel_size)
    damage = _damage(found, band)
    good, expected = _expected(reference, entry, band, found.pixel_size, damage, errors)
    if not len(good):
        raise DataError(f"{entry.name}: none of its images can be used")
    good, expected = _within(reference, entry, found, good, expected, errors)
    places = entry.places[good] * found.binning
    known = found.displacements(places)
    at = places[:, None] + known
    centres = np.floor(at + 0.5).astype(np.int64)
    store = Store(band, len(good), len(found.numbers), room)
    for number, frame in enumerate(motion.frames(found)):
        store.add(number, frame, centres[:, number])
    made = Seen(found, entry.rows[good], places, known, at - centres, store, expected, damage, 1.0)
    return replace(made, signal=_signal(made))


def _within(
    reference: Reference, entry: Entry, found: Motion, good: np.ndarray, expected: np.ndarray, errors: list[SpaError]
) -> tuple[np.ndarray, np.ndarray]:
    """Without particles whose middle is not on the movie."""
    places = entry.places[good] * found.binning
    inside = ((places >= 0) & (places <= [found.shape[1] - 1, found.shape[0] - 1])).all(axis=1)
    names = reference.given.stack.source.names
    for row, (x, y) in zip(entry.rows[good[~inside]], entry.places[good[~inside]]):
        errors.append(DataError(f"image {names[row]}: its place {x:g}, {y:g} is not on {entry.name}"))
    if not inside.any():
        raise DataError(f"{entry.name}: none of its particles is on it")
    return good[inside], expected[inside]


def _damage(found: Motion, band: Block) -> np.ndarray:
    """(n, r+2) what is left of the signal in each frame and shell."""
    k = np.arange(band.radius + 2) / (band.side * found.pixel_size)
    if not found.dose:
        return np.ones((len(found.numbers), len(k)), np.float32)
    return dose.weights(found.doses(), k, found.voltage).astype(np.float32)


def _expected(
    reference: Reference, entry: Entry, band: Block, pixel_size: float, damage: np.ndarray, errors: list[SpaError]
) -> tuple[np.ndarray, np.ndarray]:
    """Which particles (m,) of the entry can be used, and their images (m, 2r+1, r+1) in units of a frame's noise."""
    here, scales, disc = reference.scene, reference.scales, reference.scene.band
    stretch = reference.width / (band.side * pixel_size)  # of frequencies, where windows are not quite as wide
    used: list[int] = []
    images = []
    size = scales.scale / np.sqrt(scales.noise)
    size[:, : reference.given.first] = 0
    size = size / np.sqrt((damage[:, : size.shape[1]] ** 2).sum(axis=0))
    for good, pixels in blocks(reference.given.stack, entry.rows, errors):
        who = reference.who.take(good)
        who = replace(who, poses=who.poses * [[[stretch], [stretch], [1]]],
                      chi=who.chi * stretch ** np.array([2, 2, 2, 4, 0]))  # fmt: skip
        one = scales.without_own(compared(here, who, pixels), disc)
        found = (one.waves()[0] * size[who.group][:, disc.shell])[:, None] * one.cut
        values = found[:, 0] + 1j * found[:, 1]
        for number in np.unique(who.group):
            turn = np.exp(1j * seen_through(here.plain.aberrations[number], disc, here.pixel_size / stretch).phase)
            values[who.group == number] *= turn
        images.append(_laid(values, disc.kx, disc.ky, band.radius))
        used += good.tolist()
    if not used:
        return np.zeros(0, np.int64), np.zeros((0, 1, 1), np.complex64)
    return np.searchsorted(entry.rows, used), np.concatenate(images)


def _laid(values: np.ndarray, kx: np.ndarray, ky: np.ndarray, radius: int) -> np.ndarray:
    """(m, 2r+1, r+1) complex64 of coefficients (m, K) of a half plane."""
    out = np.zeros((len(values), 2 * radius + 1, radius + 1), np.complex64)
    out[:, ky + radius, kx] = values
    axis = kx == 0
    out[:, radius - ky[axis], 0] = values[:, axis].conj()
    return out


def _signal(made: Seen) -> float:
    """The movie's scale of what is expected, from all frames where particles are expected."""
    band, white = made.store.band, made.store.whitening()
    total = np.zeros((len(made.damage), band.radius + 2, 2))
    for levels, expected, rest in zip(made.store.levels, made.expected, made.rest):
        agreement(levels, expected, white, rest, band, total)
    cross, norm = (made.damage * total[..., 0]).sum(), (made.damage**2 * total[..., 1]).sum()
    found = cross / max(norm, 1e-30)
    sign = np.sign(found) if abs(cross) > SURE * np.sqrt(norm) else -1.0
    return float(sign * np.clip(abs(found), LEAST, MOST))


def table(made: Seen, reach: float, first: int = 0, last: int | None = None) -> Scores:
    """Log-likelihoods of all particles' places, from shells first to last; reach in pixels."""
    band = made.store.band
    end = band.radius if last is None else last
    weight = made.signal * made.store.whitening()[band.shell] * band.parts
    weight = weight * ((band.shell >= first) & (band.shell <= end))
    return joined([
        scores(levels, expected.conj() * weight, made.damage, rest, band, reach, end)
        for levels, expected, rest in zip(made.store.levels, made.expected, made.rest)
    ])  # fmt: skip


def pair(made: Seen, reach: float) -> Pair:
    """Coarse and fine detail apart, each with half of what there is to know of displacements."""
    each = made.told
    known = np.cumsum(each * (made.damage[:, : len(each)] ** 2).sum(0))
    cut = max(2, int(np.searchsorted(known, known[-1] / 2)))
    return Pair(table(made, reach, 0, cut), table(made, reach, cut + 1), made.film)


def tracked(made: Seen, prior: Prior, reach: float) -> np.ndarray:
    """(p, n, 2) pixels: how far each particle is from where it was expected."""
    return followed(table(made, reach), made.film, prior)


def agreed(made: Seen, own: np.ndarray) -> np.ndarray:
    """(n, r+2, 2) sums of Re(X S*) and |S|^2 along the tracks."""
    band, white = made.store.band, made.store.whitening()
    total = np.zeros((len(made.damage), band.radius + 2, 2))
    sign = np.float32(np.sign(made.signal))
    for levels, expected, moved in zip(made.store.levels, made.expected, made.rest + own):
        agreement(levels, sign * expected, white, moved, band, total)
    return total
