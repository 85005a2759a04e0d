"""A noisy field averaged as widely as its own errors allow, place by place.

Each place is a line fitted in Gaussian windows of growing width, so that a slope or the rim of the mask shifts nothing.
The widest window is taken whose value still agrees with those of all narrower ones within their errors (intersection
of confidence intervals: Goldenshluger & Nemirovski, Math. Methods Statist. 6 (1997) 135; Katkovnik, IEEE Trans. Signal
Process. 47 (1999) 2567): what is sharp stays sharp, and what is noise is averaged away.
"""

import numpy as np
from scipy import ndimage

from spa.volume.bands import EMPTY, averaged, bell

WIDTHS = (1.0, 1.5, 2.25, 3.4)  # standard deviations of windows, in lengths over which errors are alike
AGREE = 1.5  # errors within which values agree
OUT = 2.0  # errors by which a patch is not what is around it
RIDGE = np.float32(0.05)  # of a window's variance: windows with few points hardly tilt


def without_patches(field: np.ndarray, error: np.ndarray, reach: int) -> np.ndarray:
    """The field (g, g, g) without patches narrower than 2 reach + 1 points that differ from what is around them.

    A single window's chance makes such patches, of its own size, and averages that follow edges would keep them. What
    is around: openings and closings (Serra, Image analysis and mathematical morphology, 1982), which leave edges.
    """
    size = 2 * reach + 1
    calm = (ndimage.grey_closing(ndimage.grey_opening(field, size), size)
            + ndimage.grey_opening(ndimage.grey_closing(field, size), size)) / 2  # fmt: skip
    return np.where(np.abs(field - calm) > OUT * error, calm, field).astype(np.float32)


def pooled(field: np.ndarray, error: np.ndarray, alike: np.ndarray, inside: np.ndarray, spacing: float) -> np.ndarray:
    """The field (g, g, g) averaged within inside (g, g, g: 0 or 1), float32; spacing of its points in angstroms.

    error (g, g, g): standard deviation of the field; alike (g, g, g): angstroms within which errors are the same.
    """
    low, high = field - AGREE * error, field + AGREE * error
    best, on = field, np.ones(field.shape, bool)
    typical = float(np.exp(np.log(alike[inside > 0]).mean()))
    for width in WIDTHS:
        found, grown = _line(field, inside, width * typical / spacing)
        far = AGREE * error * grown * (1 + (width * typical / alike) ** 2) ** -0.75
        low, high = np.maximum(low, found - far), np.minimum(high, found + far)
        on &= low <= high
        best = np.where(on, found, best)
    return best.astype(np.float32)


def _line(field: np.ndarray, inside: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Values of lines fitted in Gaussian windows (sigma: points), and by how much their slopes make errors grow."""
    size = len(field)
    place = (np.arange(size, dtype=np.float32) - size // 2) / np.float32(sigma)
    line = bell(place[:, None] - place)
    axes = [place.reshape([-1 if axis == one else 1 for axis in range(3)]) for one in range(3)]
    whole = np.maximum(averaged(inside, line), EMPTY)

    def mean(values: np.ndarray) -> np.ndarray:
        return averaged(values, line) / whole

    value = mean(field * inside)
    middle = [mean(axis * inside) for axis in axes]
    tilt = np.stack([mean(axis * field * inside) - at * value for axis, at in zip(axes, middle)], -1)
    spread = np.empty((*field.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            spread[..., i, j] = spread[..., j, i] = mean(axes[i] * axes[j] * inside) - middle[i] * middle[j]
    spread += RIDGE * np.eye(3, dtype=np.float32)
    off = np.stack([axis - at for axis, at in zip(axes, middle)], -1)
    pull = np.linalg.solve(spread, off[..., None])[..., 0]
    return value + (pull * tilt).sum(-1), np.sqrt(1 + (pull * off).sum(-1))
