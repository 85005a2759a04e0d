"""Bad pixels: found in the sum of a movie's frames as they come, and filled from good ones around, at random."""

from collections.abc import Callable

import numpy as np

from spa.errors import DataError
from spa.image.quantiles import median, quantiles
from spa.motion import kernels

SIGMAS = 6.0
FAR = 4.0  # standard deviations from the mean around: a line of bad pixels has drawn that towards itself
BACKGROUND = 8  # pixels: side of the squares whose means pixels are compared with
FEW = 6  # good neighbours: a bad pixel with no more draws from a wider square
REACH = 2
SAMPLED = 3  # pixels along a side, of which one tells how far others are spread
LONG = 32  # pixels along a line, half of which are far, tell that it is one
ACROSS = 4  # pixels to either side that a line is held against: lines of up to three are found
HOT = 4.0  # times the mean: no specimen is so bright
ODD = 0.01  # of the pixels: so few that differ from all others are bad ones


def add(raw: np.ndarray, total: np.ndarray) -> None:
    """Add a frame as it comes to a sum (ny, nx) float32."""
    if raw.dtype == np.uint8:
        kernels.add_counts(np.ascontiguousarray(raw), total)
    else:
        np.add(total, raw, out=total, casting="unsafe")


def outliers(total: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mask (ny, nx) of pixels, beside the known ones, brighter or darker than chance allows in the sum of all frames.

    Six standard deviations from the mean around, and from what its neighbours have, or, where it lies in a column or
    row of such, from what lies to either side of that: a step in the image is no defect. What is four times as bright
    as all on average is one, whatever its neighbours have.
    """
    some = bool(known.any())
    level = np.float32((total[~known] if some else total).mean(dtype=np.float64))
    filled = np.where(known, level, total).astype(np.float32, copy=False) if some else total
    rest = _apart_from_around(filled, BACKGROUND)
    middle, spread = middle_and_spread(rest[::SAMPLED, ::SAMPLED])
    if not spread > 0:
        require_varied(filled)
        return np.zeros(total.shape, bool)
    found = np.zeros(total.shape, bool)
    rest -= np.float32(middle)
    places = np.flatnonzero((rest > FAR * spread) | (rest < -FAR * spread))
    ys, xs = np.divmod(places[~known.reshape(-1)[places]], total.shape[1])
    if not len(ys):
        return found
    ny, nx = total.shape
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    near = np.stack([filled[np.clip(ys + dy, 0, ny - 1), np.clip(xs + dx, 0, nx - 1)] for dy, dx in steps], axis=1)
    single = (np.abs(rest[ys, xs]) > SIGMAS * spread) & (apart(near, spread) | (near[:, 4] > HOT * level))
    found[ys, xs] = single | in_lines(lambda: filled, total.shape, ys, xs, spread)
    return found


def apart(near: np.ndarray, spread: float) -> np.ndarray:
    """(n,) whether a pixel is far from its neighbours' median; near (n, 9): its square, row by row."""
    around = np.delete(near, 4, axis=1)
    middle = np.sort(around, axis=1)[:, 3:5].mean(axis=1)
    return np.abs(near[:, 4] - middle) > SIGMAS * spread


def in_lines(
    whole: Callable[[], np.ndarray], shape: tuple[int, ...], ys: np.ndarray, xs: np.ndarray, spread: float
) -> np.ndarray:
    """(n,) whether pixels that are far, (n,) rows and columns of them, lie in a column or row of such pixels and are
    far from the median of what is to either side of it, where both sides have alike.

    whole: gives the image, of a shape (ny, nx); few have such lines.
    """
    found = np.zeros(len(ys), bool)
    ny, nx = shape
    for line, along, size, across in ((xs, ys, ny, nx), (ys, xs, nx, ny)):
        key = line.astype(np.int64) * (size + 2 * LONG) + along
        ordered = np.sort(key)
        near = np.searchsorted(ordered, key + LONG // 2, "right") - np.searchsorted(ordered, key - LONG // 2, "left")
        many = np.flatnonzero(near >= LONG // 2)
        if not len(many):
            continue
        image = whole()
        first = np.clip(line[many] - ACROSS, 0, max(0, across - 2 * ACROSS - 1))
        beside = np.minimum(first[:, None] + np.arange(2 * ACROSS + 1), across - 1)
        at = (along[many, None], beside) if line is xs else (beside, along[many, None])
        values = np.sort(image[at], axis=1)
        alike = values[:, ACROSS + 1] - values[:, ACROSS - 1] <= SIGMAS * spread
        away = np.abs(image[ys[many], xs[many]] - values[:, ACROSS])
        found[many] |= alike & (away > SIGMAS * spread)
    return found


def require_varied(image: np.ndarray) -> None:
    """DataError where pixels have one value, but for some single ones."""
    usual = median(image[::SAMPLED, ::SAMPLED])
    if np.mean(image != usual) < ODD:
        raise DataError(f"no contrast: over {1 - ODD:.0%} of its pixels are {usual:g}")


def _apart_from_around(image: np.ndarray, side: int) -> np.ndarray:
    """The image less the means of the squares that its pixels lie in; those at the end are larger."""
    rest = np.empty(image.shape, np.float32)
    kernels.less_means(np.ascontiguousarray(image), side, np.empty(image.shape[1], np.float32), rest)
    return rest


def middle_and_spread(values: np.ndarray) -> tuple[float, float]:
    """The median, and half of what lies between the quantiles that one standard deviation has on both sides."""
    low, middle, high = quantiles(values, (0.1587, 0.5, 0.8413))
    return float(middle), float(high - low) / 2


class Filling:
    """Puts, in a frame, for each bad pixel the value of a good one near it, drawn at random: not a mean, which would
    leave a dot that the frames share."""

    def __init__(self, bad: np.ndarray) -> None:
        self.places = np.flatnonzero(bad)
        self._choices, self._counts = _good_ones(bad, self.places)

    def corrected(self, raw: np.ndarray, gain: np.ndarray | None, number: int, out: np.ndarray) -> None:
        """A frame as it comes into out (ny, nx) float32: gain applied, bad pixels filled; its number sets the draws."""
        if gain is None:
            out[...] = raw
        elif raw.dtype == np.uint8:
            kernels.gained(np.ascontiguousarray(raw), gain, out)
        else:
            np.multiply(raw, gain, out=out, casting="unsafe")
        self.fill(out, number)

    def sources(self, number: int) -> np.ndarray:
        """Where each bad pixel of a frame takes its value from."""
        drawn = (uniform(len(self.places), number) * self._counts).astype(np.int64)
        return self._choices[np.arange(len(self.places)), drawn]

    def fill(self, frame: np.ndarray, number: int) -> None:
        """Change a frame (ny, nx) in place."""
        if len(self.places):
            flat = frame.reshape(-1)
            flat[self.places] = flat[self.sources(number)]


def uniform(count: int, stream: int) -> np.ndarray:
    """(count,) float64 in [0, 1), the same for the same stream: a counter's bits mixed (splitmix64: Steele, Lea &
    Flood, OOPSLA 2014), as good as any for single draws, and numpy.random need not be loaded."""
    x = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x += np.uint64((stream + 1) * 0xD1B54A32D192ED03 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def _good_ones(bad: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each place, up to 24 good pixels around it, in a square that grows until it has more than a few."""
    ny, nx = bad.shape
    choices, counts = np.zeros((len(places), 24), np.int64), np.zeros(len(places), np.int64)
    left, reach = np.arange(len(places)), REACH
    while len(left) and reach < 2 * max(ny, nx):
        side = np.linspace(-reach, reach, 5).round().astype(int)
        dy, dx = (one.ravel() for one in np.meshgrid(side, side, indexing="ij"))
        y, x = places[left, None] // nx + dy, places[left, None] % nx + dx
        inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
        flat = np.where(inside, y * nx + x, 0)
        good = inside & ~bad.reshape(-1)[flat]
        found = good.sum(1)
        enough = found > (FEW if reach < max(ny, nx) else 0)
        order = np.argsort(~good, axis=1, kind="stable")[:, :24]
        choices[left[enough]] = np.take_along_axis(flat, order, 1)[enough]
        counts[left[enough]] = np.minimum(found[enough], 24)
        left, reach = left[~enough], reach * 2
    choices[left, 0], counts[left] = places[left], 1
    return choices, counts
