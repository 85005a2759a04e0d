"""Pixels of a sum of frames that are far from those around them, found on a device: the twin of `spa.motion.bad`."""

from pathlib import Path

import numpy as np

from spa.gpu.array import Array
from spa.motion.bad import BACKGROUND, FAR, HOT, SAMPLED, SIGMAS, apart, in_lines, middle_and_spread, require_varied

SOURCE = Path(__file__).with_name("bad.cu")
THREADS, PARTS = 256, 512
ROOM = 16  # pixels to one that may be far: more would be refused anyway


def outliers(total: Array, gain: Array | None, known: np.ndarray) -> np.ndarray:
    """Mask (ny, nx), as `spa.motion.bad.outliers` of total (ny, nx) times gain; known (ny, nx) lies on the host."""
    device, (ny, nx), size = total.device, total.shape, total.size
    none, grid = np.zeros((ny, nx), bool), (-(-size // THREADS), 1)
    d_known, parts = device.array(known.view(np.uint8)), device.empty(PARTS, dtype=np.float64)
    device.run(SOURCE, "good", (PARTS, 1), THREADS, total, gain, d_known, np.int32(size), parts)
    usual = parts.get().sum() / max(size - int(np.count_nonzero(known)), 1)
    image, squares = device.empty(ny, nx), [max(1, side // BACKGROUND) for side in (ny, nx)]
    device.run(SOURCE, "usual", grid, THREADS, total, gain, d_known, np.float32(usual), np.int32(size), image)
    means = device.empty(*squares)
    device.run(
        SOURCE, "squares", (-(-means.size // (THREADS // 32)), 1), THREADS, image, np.int32(ny), np.int32(nx),
        np.int32(BACKGROUND), *map(np.int32, squares), means,
    )  # fmt: skip
    high, wide = -(-ny // SAMPLED), -(-nx // SAMPLED)
    some, around = device.empty(high, wide), (np.int32(BACKGROUND), *map(np.int32, squares))
    device.run(
        SOURCE, "thinned", (-(-some.size // THREADS), 1), THREADS, image, means, np.int32(nx), *around,
        np.int32(SAMPLED), np.int32(high), np.int32(wide), some,
    )  # fmt: skip
    middle, spread = middle_and_spread(some.get())
    if not spread > 0:
        require_varied(image.get())
        return none
    room = size // ROOM + 64
    count, places = device.zeros(1, dtype=np.int32), device.empty(room, dtype=np.int32)
    device.run(
        SOURCE, "far", grid, THREADS, image, means, d_known, np.int32(ny), np.int32(nx), *around, np.float32(middle),
        np.float32(FAR * spread), np.int32(room), count, places,
    )  # fmt: skip
    number = min(int(count.get()[0]), room)
    if number:
        found = np.sort(places.rows(0, number).get())  # threads add theirs in any order
        near = device.empty(number, 9)
        device.run(
            SOURCE, "near", (-(-9 * number // THREADS), 1), THREADS, image, device.array(found), np.int32(number),
            np.int32(ny), np.int32(nx), near,
        )  # fmt: skip
        (ys, xs), values = np.divmod(found, nx), near.get()
        squared = np.minimum(ys // BACKGROUND, squares[0] - 1), np.minimum(xs // BACKGROUND, squares[1] - 1)
        rest = values[:, 4] - means.get()[squared] - np.float32(middle)
        single = (np.abs(rest) > SIGMAS * spread) & (apart(values, spread) | (values[:, 4] > HOT * np.float32(usual)))
        none[ys, xs] = single | in_lines(image.get, (ny, nx), ys, xs, spread)
    return none
