"""How far each image is from one that shows all that its map does.

An image ``X = a C P + n`` is likelier with the map than with nothing by ``log p = 2 Re<X, C P> - |C P|^2`` (whitened).
Where it shows all of the map (a = 1) that is |C P|^2 in the mean, with a variance of twice as much, whatever its view,
its defocus and its noise: evidence differs with all three, and so hides what particles lack that are broken.
"""

import numpy as np

from spa.refine import scales
from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa.refine.views import in_order


def deviation(cross: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """(n,) of log p from its mean for images that show all of their map, in its standard deviations there.

    cross, norm (n,): Re<X, C P> and |C P|^2 over the noise; 0 where a map says nothing of an image.
    """
    return (cross - norm) * np.sqrt(2 / np.where(norm > 0, norm, np.inf))


def deviations(
    problem: Problem, state: State, workers: Workers, sources: list[list[object]], own: float | np.ndarray = 0.0
) -> np.ndarray:
    """(n,) of all images at their best poses in the map of their best class and own half; sources: these, of each; own:
    nats that an image (each, or all) gains from its own noise in the map."""
    (best, number), images = state.best(), scales.seen(problem, state).images
    parts = [
        (block, source)
        for place, pair in enumerate(sources)
        for half, source in enumerate(pair)
        for block in workers.engine.blocks(
            images, in_order(np.flatnonzero((number == place) & (images.half == half)), best), state.radius
        )
    ]
    found, own = np.zeros(len(images)), np.broadcast_to(own, len(images))
    scale = np.ones(len(images)) if images.scale is None else images.scale
    looks = workers.looks(
        lambda job: workers.engine.agreement(images, best, job[0], job[1], state.radius, state.noise), parts
    )
    for (rows, _), (cross, norm) in zip(parts, looks):
        found[rows] = deviation(scale[rows] * cross - own[rows] / 2, scale[rows] ** 2 * norm)
    return found
