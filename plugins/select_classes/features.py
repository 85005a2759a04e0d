"""What can be measured on a class average: does it look like one particle in the middle of its circle?"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_TINY = 1e-12
_FINE = 0.06  # radii: width of the Gaussian whose remainder is detail, of an eighth of the radius and finer


@dataclass(frozen=True)
class Features:
    """Of one average. contrast: mean of the object over its surroundings, in their standard deviation; compactness:

    share of the object in its largest piece; edge: share of the rim of the circle that the object covers;
    area: share of the circle that it covers; offset: its centre from the circle's, in radii; detail: deviation of what
    is finer than an eighth of the radius, over that of all: ice and aggregates are smooth; mass: sum of the image over
    that of its rim, which all views of a particle have alike.
    """

    contrast: float
    compactness: float
    edge: float
    area: float
    offset: float
    detail: float
    mass: float


def features(image: np.ndarray) -> Features:
    """Of an average (box, box), masked to a circle about the box centre (0 outside) or not."""
    box = len(image)
    radius = support(image)
    y, x = np.mgrid[:box, :box] - box // 2
    distance = np.hypot(y, x)
    circle = distance <= radius
    smooth = ndimage.gaussian_filter(np.asarray(image, np.float64), 0.08 * radius)  # the outline, not its parts
    inside = smooth[circle]
    if np.ptp(inside) < _TINY:
        return Features(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    object_ = circle & (smooth > otsu(inside))
    near = ndimage.distance_transform_edt(~object_) < 0.12 * radius  # lobes of one particle are neighbours
    pieces, n = ndimage.label(near)
    sizes = np.bincount(pieces[object_], minlength=n + 1)[1:]
    rest = smooth[circle & ~object_]
    inner = distance <= 0.85 * radius
    rim = circle & ~inner
    fine = image - ndimage.gaussian_filter(np.asarray(image, np.float64), _FINE * radius)
    return Features(
        contrast=float((smooth[object_].mean() - rest.mean()) / (rest.std() + _TINY)),
        compactness=float(sizes.max() / sizes.sum()) if n else 0.0,
        edge=float(object_[rim].mean()),
        area=float(object_.sum() / circle.sum()),
        offset=float(np.hypot(y[object_].mean(), x[object_].mean()) / radius),
        detail=float(fine[inner].std() / (image[inner].std() + _TINY)),
        mass=float((image[inner] - np.median(image[rim])).sum(dtype=np.float64)),
    )


def support(image: np.ndarray) -> float:
    """Radius (pixels) of the circle that is not empty; the soft edge, where values are scaled down, left out."""
    box = len(image)
    y, x = np.mgrid[:box, :box] - box // 2
    ring = np.rint(np.hypot(y, x)).astype(int).ravel()
    power = np.sqrt(np.bincount(ring, (image.ravel().astype(np.float64)) ** 2) / np.bincount(ring))[: box // 2]
    filled = np.flatnonzero(power > 0.02 * power.max())
    outer = int(filled.max()) if len(filled) else box // 2
    return float(outer if outer >= box // 2 - 2 else max(4.0, outer - 0.03 * box))


def otsu(values: np.ndarray, bins: int = 128) -> float:
    """The level that parts values into two groups with the least variance inside them (Otsu 1979)."""
    counts, edges = np.histogram(values, bins)
    middle = (edges[1:] + edges[:-1]) / 2
    low = np.cumsum(counts)
    high = low[-1] - low
    total = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = low * high * (total / low - (total[-1] - total) / high) ** 2
    return float(edges[1 + int(np.nanargmax(np.where((low > 0) & (high > 0), between, -1.0)))])
