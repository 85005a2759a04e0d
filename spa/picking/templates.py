"""Images of particles made into templates: even boxes, the background off, a soft disc, in the middle."""

import numpy as np

_EDGE = 0.1  # of the diameter: width of the soft edge, outside of it
ROOM = 1 + 2 * _EDGE  # diameter of all that is not 0, over the particle's
_FARTHEST = 0.25  # of the diameter that an average is moved at most


def evened(images: np.ndarray) -> np.ndarray:
    """Images (V, n, n) of an even side whose centre is n//2."""
    images = np.asarray(images, np.float32)
    return np.pad(images, ((0, 0), (1, 0), (1, 0)), mode="edge") if images.shape[-1] % 2 else images


def _distances(n: int, pixel_size: float) -> np.ndarray:
    offset = (np.arange(n) - n // 2) * pixel_size
    return np.hypot(offset[:, None], offset[None])


def disc(n: int, pixel_size: float, diameter: float) -> np.ndarray:
    """(n, n): 1 within ``diameter`` angstroms, falling to 0 outside of it."""
    far = (_distances(n, pixel_size) - diameter / 2) / (_EDGE * diameter)
    return (0.5 + 0.5 * np.cos(np.pi * np.clip(far, 0, 1))).astype(np.float32)


def levelled(images: np.ndarray, pixel_size: float, diameter: float) -> np.ndarray:
    """Images whose mean over the ring around the particle is 0."""
    n = images.shape[-1]
    far = _distances(n, pixel_size) / diameter
    ring = (far >= 0.5) & (far <= 0.5 + _EDGE)
    if not ring.any():
        ring = far >= 0.45
    return images - images[:, ring].mean(axis=1)[:, None, None]


def masked(images: np.ndarray, pixel_size: float, diameter: float, centre: bool) -> np.ndarray:
    """Templates (V, n, n) of images of particles of ``diameter`` angstroms; centre: move each to its centre of mass."""
    n = images.shape[-1]
    window = disc(n, pixel_size, diameter)
    found = levelled(images, pixel_size, diameter)
    if centre:
        found = np.stack([_centred(image, window, _FARTHEST * diameter / pixel_size) for image in found])
        found = levelled(found, pixel_size, diameter)
    return (found * window).astype(np.float32)


def _centred(image: np.ndarray, window: np.ndarray, farthest: float) -> np.ndarray:
    """Moved by whole pixels so that the centre of mass of what is bright in the window comes to the middle."""
    middle = len(image) // 2
    moved = np.zeros(2)
    for _ in range(5):
        bright = np.maximum(np.roll(image, tuple(-moved.astype(int)), (0, 1)) * window, 0)
        bright = np.where(bright > 0.2 * bright.max(), bright, 0)
        mass = max(float(bright.sum()), 1e-30)
        step = [float((bright.sum(axis=1 - axis) * (np.arange(len(image)) - middle)).sum()) / mass for axis in (0, 1)]
        new = np.clip(moved + np.rint(step), -farthest, farthest)
        if (new == moved).all():
            break
        moved = new
    return np.roll(image, tuple(-moved.astype(int)), (0, 1))


def contrast(images: np.ndarray, pixel_size: float, diameter: float) -> np.ndarray:
    """(V,) mean of each image within the particle less that around it, in sd: negative where protein is dark."""
    inside = _distances(images.shape[-1], pixel_size) <= 0.4 * diameter
    level = levelled(images, pixel_size, diameter)
    return level[:, inside].mean(axis=1) / np.maximum(level.std(axis=(1, 2)), 1e-30)


def widths(images: np.ndarray, pixel_size: float) -> np.ndarray:
    """(V,) diameters (angstroms) of the uniform discs that are as wide as the bright parts of the images (V, n, n)."""
    radius = _distances(images.shape[-1], pixel_size)
    bright = np.maximum(images - np.median(images, axis=(1, 2), keepdims=True), 0)
    bright = np.where(bright > 0.3 * bright.max(axis=(1, 2), keepdims=True), bright, 0)
    second = (bright * radius**2).sum(axis=(1, 2)) / np.maximum(bright.sum(axis=(1, 2)), 1e-30)
    return np.asarray(2 * np.sqrt(2 * second))
