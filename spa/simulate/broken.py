"""Broken particles: cut by a plane, or without a domain, as some of all real data are."""

from dataclasses import replace

import numpy as np

from spa.simulate.specimen import Broken, Specimen
from spa.volume.masks import distances
from spa.volume.shells import raised_cosine
from spa.volume.transform import transform

FORMS = 4  # how many ways there are to break: half by a plane, half without a domain
CUT = (0.25, 0.5)  # shares of the density that planes take, least and greatest
DOMAIN = (0.12, 0.25)  # and that go with a domain
EDGE = 2.0  # pixels in which the density ends


def with_broken(specimen: Specimen, share: float, rng: np.random.Generator) -> Specimen:
    """The specimen of which so large a share of the particles is broken, in one of a few forms; 0: as it was."""
    if not share:
        return specimen
    dense = np.maximum(specimen.volume, 0)
    forms = []
    for number in range(FORMS):
        far = _beyond_a_plane(dense.shape, rng) if number % 2 == 0 else _from_a_spot(dense, rng)
        taken = rng.uniform(*(CUT if number % 2 == 0 else DOMAIN))
        end = _level(far, dense, taken)
        left = specimen.volume * (1 - raised_cosine(far, end - EDGE / 2, end + EDGE / 2))
        missing = 1 - float(np.maximum(left, 0).sum(dtype=np.float64) / dense.sum(dtype=np.float64))
        forms.append(Broken(transform(left, specimen.pixel_size), missing))
    return replace(specimen, broken=tuple(forms), share=share)


def _level(far: np.ndarray, dense: np.ndarray, taken: float) -> float:
    """Below it lies the share taken of the density."""
    order = np.argsort(far, axis=None)
    summed = np.cumsum(dense.ravel()[order], dtype=np.float64)
    return float(far.ravel()[order[np.searchsorted(summed, taken * summed[-1])]])


def _beyond_a_plane(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Heights (pixels) along a random direction."""
    along = rng.standard_normal(3)
    z, y, x = np.ogrid[tuple(slice(-(n // 2), n - n // 2) for n in shape)]
    return np.asarray((along[0] * z + along[1] * y + along[2] * x) / np.linalg.norm(along), np.float32)


def _from_a_spot(dense: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Distances (pixels) from a random place in the outer half of the density."""
    middle = distances(len(dense))
    outer = np.where(middle >= _level(middle, dense, 0.5), dense, 0).ravel()
    z, y, x = np.unravel_index(rng.choice(outer.size, p=outer / outer.sum(dtype=np.float64)), dense.shape)
    gz, gy, gx = np.ogrid[tuple(slice(0, n) for n in dense.shape)]
    return np.asarray(np.sqrt((gz - z) ** 2 + (gy - y) ** 2 + (gx - x) ** 2), np.float32)
