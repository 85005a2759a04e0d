"""What comes next: which images an iteration sees, how far classes are held alike, when it is enough."""

import numpy as np

from spa.class3d.settings import Settings

FEW = 5000  # images for two classes in the first iteration, a half more for each class beyond
SETTLED = 0.002  # of the images change class in an iteration over all of them, below which it is done
COMPONENTS = 8  # at most
CYCLES = 40  # of the principal components at most; they converge as power iterations do
STILL = 0.9999  # correlation of the strongest coordinates with those of the cycle before, from which they stand
WARMING = 12  # iterations of a random start


def stream(settings: Settings, *keys: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the keys alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(settings.seed, spawn_key=keys)))


def sample_size(settings: Settings) -> int:
    """How many images the start sees."""
    return FEW * (settings.classes + 2) // 4


def chosen(rows: np.ndarray, settings: Settings, iteration: int) -> np.ndarray:
    """Those of rows that an iteration (from 0) sees: a random share that doubles until all take part."""
    size = sample_size(settings) * 2**iteration
    if size >= len(rows) or iteration >= settings.iterations - 1:
        return rows
    return np.sort(rows[stream(settings, 0).permutation(len(rows))[:size]])


def components(settings: Settings) -> int:
    """How many principal components: as many as the classes can differ in, and one more."""
    return int(np.clip(settings.classes, 2, COMPONENTS))


def likeness(settings: Settings, iteration: int) -> float:
    """Share by which a random start holds its classes alike: none in the second half of its iterations."""
    return settings.similarity * max(0.0, 1 - 2 * iteration / WARMING)


def done(settings: Settings, iteration: int, changed: float, complete: bool) -> bool:
    """After an iteration (from 1) in which a share of the images changed class; complete: it saw them all."""
    return iteration >= settings.iterations or (complete and changed < SETTLED)
