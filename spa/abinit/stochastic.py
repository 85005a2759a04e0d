"""From noise to a map: mini-batches, growing bands, a posterior that hardens, sums that forget."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from spa.abinit import batch, shape, soft
from spa.abinit.plan import Settings, Step, last_bands, plan
from spa.refine.data import Images
from spa.refine.problem import ALONE, Workers
from spa.search import orientations
from spa.volume import insert as into
from spa.volume.masks import soft_sphere

SHARP = 0.6  # mean greatest weight of an image's posterior where there is no more to melt
FEWEST = 0.1  # of the images that a class would have were all alike: what one counts for that has fewer
ENOUGH = 4  # steps that sharp in the last band end a run


@dataclass(frozen=True, eq=False)
class State:
    """After `step` mini-batches: maps (c, n, n, n), their sums, the signal's power (c, shells) and class sizes (c,)."""

    step: int
    maps: np.ndarray
    sums: np.ndarray
    power: np.ndarray
    sizes: np.ndarray
    evidence: float = 0.0
    sharpness: float = 0.0


def generator(*keys: int) -> np.random.Generator:
    """Random numbers of a place in the run, whoever asks first."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(keys)))


def side_of(images: Images) -> float:
    """Of the images' box, angstroms."""
    return images.band.box * images.pixel_size


def sphere(images: Images, width: float) -> np.ndarray:
    """A soft sphere (n, n, n) of a width, angstroms."""
    box, radius = images.band.box, width / 2 / images.pixel_size
    edge = max(2.0, 0.1 * radius)
    return soft_sphere(box, min(radius, box / 2 - 1 - edge), edge)


def solvents(images: Images, settings: Settings, count: int = 0) -> np.ndarray:
    """(c, n, n, n): the spheres that the classes' particles are in; of so many, if junk is among them."""
    return np.stack([sphere(images, settings.width_of(number)) for number in range(count or settings.classes)])


def first_state(images: Images, noise: np.ndarray, settings: Settings, seed: int) -> State:
    """Noise in a Gaussian blob, with the power that the images' signal has."""
    rng = generator(seed, 0)
    box, c = images.band.box, settings.classes
    rows = np.arange(len(images))[:: max(1, len(images) // 2000)]
    power = np.repeat(shape.signal_power(images, rows, noise, np.ones((len(rows), 1))), c, axis=0)
    line = np.arange(box) - box // 2
    sigma = settings.diameter / 4 / images.pixel_size
    blob = np.exp(-(line**2) / (2 * sigma**2))
    blob = blob[:, None, None] * blob[:, None] * blob
    bands = plan(settings, side_of(images))[0].bands
    maps = np.stack([
        shape.with_power(blob * rng.standard_normal(blob.shape), one, band) for one, band in zip(power, bands)
    ])  # fmt: skip
    last = max(last_bands(settings, side_of(images)))
    sums = np.stack([into.accumulator(box, last).grid for _ in range(c)])
    return State(0, maps.astype(np.float32), sums, power, np.full(c, 1 / c))


def steps(
    images: Images, state: State, noise: np.ndarray, settings: Settings, seed: int, rows: np.ndarray,
    todo: list[Step], workers: Workers = ALONE,
) -> Iterator[State]:  # fmt: skip
    """States after each of the mini-batches to do, drawn from rows; once all is sharp in the last band it ends."""
    sharp = 0
    for step in todo:
        state = _stepped(images, state, noise, settings, seed, rows, step, workers)
        yield state
        sharp += step.beta >= 1 and step.band == todo[-1].band and state.sharpness > SHARP
        if sharp >= ENOUGH:
            return


def widened(images: Images, state: State, settings: Settings) -> State:
    """The state with room in its sums for the bands of settings."""
    last = max(last_bands(settings, side_of(images)))
    return replace(state, sums=np.stack([into.widened(one, images.band.box, last) for one in state.sums]))


def searched(images: Images, settings: Settings, poses: np.ndarray, bands: tuple[int, ...]) -> batch.Grid:
    """Maps of so many shells at poses, and images moved as far as is told, by steps that each map's details need."""
    reach, box = settings.shift_range / images.pixel_size, images.band.box
    shifts = tuple(orientations.shift_grid(min(0.25 * box / band, reach / 1.5), reach) for band in bands)
    return batch.Grid(poses, bands, shifts, reach / 2.5)


def _stepped(
    images: Images, state: State, noise: np.ndarray, settings: Settings, seed: int, rows: np.ndarray, step: Step,
    workers: Workers,
) -> State:  # fmt: skip
    """The state after one mini-batch."""
    rng = generator(seed, 1, state.step)
    some = np.sort(rng.choice(rows, min(settings.batch, len(rows)), replace=False))
    poses = orientations.grid(step.step, settings.operators, rng)
    grid = searched(images, settings, poses, step.bands)
    maps, temper = state.maps * solvents(images, settings), soft.Temper(step.beta, step.similarity)
    found = batch.averages(images, some, maps, noise, grid, temper, workers)
    return _updated(images, state, noise, settings, step, some, poses, found, workers)


def _updated(
    images: Images, state: State, noise: np.ndarray, settings: Settings, step: Step, some: np.ndarray,
    poses: np.ndarray, found: soft.Averages, workers: Workers,
) -> State:  # fmt: skip
    """Maps, sums, powers and sizes after a batch of images `some`."""
    power = shape.signal_power(images, some, noise, found.share)
    power = np.where(state.step, step.kept * state.power + (1 - step.kept) * power, power)
    sizes = step.kept * state.sizes + (1 - step.kept) * found.share.mean(axis=0)

    def solved(c: int) -> tuple[np.ndarray, np.ndarray]:
        mask = sphere(images, settings.width_of(c))
        sums = sums_of(images, state.sums[c], found.values[c], found.weights[c], poses, settings, step)
        share = step.fresh(settings.batch, len(images)) * doubt(settings, step, sizes[c], mask)
        volume = map_of(sums, mask, power[c], share, step, c)
        away = shape.centre_of(volume * mask, settings.operators)
        if np.hypot.reduce(away) > 0.5:
            shape.moved(sums, away)
            volume = map_of(sums, np.ones_like(mask), power[c], share, step, c)
        return volume, sums.grid

    maps, sums = zip(*workers.map(solved, range(settings.classes)))
    return replace(state, step=state.step + 1, maps=np.stack(maps), sums=np.stack(sums), power=power, sizes=sizes,
                   evidence=float(found.evidence.max(axis=1).mean()), sharpness=float(found.peak.mean()))  # fmt: skip


def doubt(settings: Settings, step: Step, size: float, mask: np.ndarray) -> float:
    """What a class's map is doubted by, the doubt of coefficients that stand alone being 1.

    A mask leaves free no more coefficients than the part of the box that it has. One map climbs the better for being
    doubted more at first: it draws details in late. Of several, a fainter one loses its images to others: each is
    doubted as its mask asks for, and as if it had as many images as others; else the largest class would be the
    likelier of all, and take them.
    """
    asked = float((mask**2).mean())
    if settings.classes == 1:
        return max(step.doubt, asked)
    return max(settings.classes * size, FEWEST) * asked


def sums_of(
    images: Images, old: np.ndarray, values: np.ndarray, weights: np.ndarray, poses: np.ndarray, settings: Settings,
    step: Step,
) -> into.Accumulator:  # fmt: skip
    """The sums of one class after a batch."""
    fresh = into.accumulator(images.band.box, max(last_bands(settings, side_of(images))))
    rows, count = np.arange(len(poses)), weights.shape[1]
    every = into.Samples(rows, poses, np.zeros((len(rows), 2)), np.ones(len(rows)))
    values = values.reshape(len(rows), 2, count)
    into.insert(fresh, every, values, weights, images.band.kx[:count], images.band.ky[:count])
    into.close(fresh)
    fresh = into.symmetrised(fresh, settings.operators)
    return into.Accumulator(fresh.box, fresh.radius, step.kept * old + (1 - step.kept) * fresh.grid)


def map_of(
    sums: into.Accumulator, inside: np.ndarray, power: np.ndarray, share: float, step: Step, number: int
) -> np.ndarray:
    """What a class's sums stand for inside a mask: with all of the signal's power, or the most probable of that power;
    share: see `shape.prior`."""
    band = step.bands[number]
    if step.forced:
        weight = sums.shell_weight()
        return shape.with_power(into.solve(sums, 0.1 * weight + 1e-6 * weight.max()) * inside, power, band)
    return shape.banded(into.solve(sums, shape.prior(power, share, sums.radius + 2)) * inside, band)
