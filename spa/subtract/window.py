"""A window of an image about a point of the particle, and where that leaves the pose; the same for maps."""

import numpy as np

from spa.image.boxes import cropped
from spa.volume.transform import resampled, transform


def centre_of_mass(mask: np.ndarray) -> np.ndarray:
    """The voxel (3,) x y z, counted from the box centre, nearest to a mask's centre of mass."""
    line = np.arange(len(mask)) - len(mask) // 2
    total = mask.sum(dtype=np.float64)
    along = [(mask.sum(axis=axes, dtype=np.float64) * line).sum() / total for axes in ((0, 1), (0, 2), (1, 2))]
    return np.rint(along)


def moved(poses: np.ndarray, shifts: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Shifts (n, 2) of a point of the map (3,) x y z, pixels from its centre, for those of the centre itself.

    A view's rows are the image's axes in the volume: the point at r is seen at (A[0] r, A[1] r).
    """
    return shifts + poses[:, :2] @ centre


def windows(images: np.ndarray, offsets: np.ndarray, box: int, size: int) -> np.ndarray:
    """Boxes (n, size, size) cut from images (n, N, N) about whole pixels `offsets` (n, 2) x y from their centre.

    box: side of the window in the images' pixels, which Fourier cropping then makes `size`. Beyond an edge the image
    goes on at the other, so that noise stays what it was.
    """
    n, side = images.shape[:2]
    line = np.arange(box) - box // 2 + side // 2
    x, y = ((line[None] + offsets[:, axis, None]).astype(np.int64) % side for axis in (0, 1))
    return cropped(images[np.arange(n)[:, None, None], y[:, :, None], x[:, None, :]], size)


def map_window(volume: np.ndarray, centre: np.ndarray, box: int, size: int, pixel_size: float) -> np.ndarray:
    """The cube (size, size, size) of a map about a voxel (3,) x y z from its centre; `box` and `size` as above.

    pixel_size: of the map. What lies beyond its edges is 0. The grey scale is that of the windows' projections.
    """
    side = len(volume)
    out = np.zeros((box,) * 3, np.float32)
    places = []
    for offset in np.asarray(centre)[::-1].astype(int):
        first = offset + side // 2 - box // 2
        low, high = max(0, first), min(side, first + box)
        places.append((slice(low, high), slice(low - first, high - first)))
    out[tuple(to for _, to in places)] = volume[tuple(at for at, _ in places)]
    if size == box:
        return out
    return resampled(transform(out, pixel_size), size, pixel_size * box / size) * np.float32(box / size)
