"""Movies: a specimen that drifts, bends and is burnt while its electrons are counted, by a camera with its faults."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from spa.image import fft
from spa.image.ctf import Lens
from spa.motion import dose, kernels
from spa.motion.sums import SPACING, interpolation
from spa.simulate.optics import Defocus, transfer

SETTLING = 12.0  # e per square angstrom after which most of the motion is over
WAVES = 4  # cosines that make a local field
TURNING = 6.0  # e per square angstrom in which a particle's own velocity is forgotten
REST = 0.15  # of its first speed, that a particle keeps
HOT = 40  # counts more than others, of a hot pixel
LARGEST = 255


@dataclass(frozen=True)
class Journey:
    """How a specimen moves: angstroms; drift of the whole frame, jitter of each frame, local: rms over the frame."""

    drift: float
    jitter: float
    local: float


@dataclass(frozen=True, eq=False)
class Path:
    """Displacements in pixels: whole (n, 2) x y; local: course (n,) of waves (m, 5: kx, ky, phase, x, y of each)."""

    whole: np.ndarray
    course: np.ndarray
    waves: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """(..., n, 2) of what is at points (..., 2) x y, shares of the frame from 0 to 1, in the first frame."""
        kx, ky, phase = self.waves[:, :3].T
        angle = points[..., 0, None] * kx + points[..., 1, None] * ky + phase
        local = np.cos(angle) @ self.waves[:, 3:]
        return self.whole + self.course[:, None] * local[..., None, :]


@dataclass(frozen=True)
class Camera:
    """dose: e per square angstrom and frame; voltage in kV; pixel_size in angstroms; frames (count); before: dose."""

    frames: int
    dose: float
    voltage: float
    pixel_size: float
    before: float = 0.0


def wandered(journey: Journey, camera: Camera, rng: np.random.Generator) -> Path:
    """A path that is fast at first; it begins at 0."""
    seen = camera.dose * np.arange(camera.frames)
    course = 1 - np.exp(-seen / SETTLING)
    angle, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.6)
    heading = angle + bend * course
    steps = np.diff(course, prepend=0.0)[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    whole = journey.drift * np.cumsum(steps, axis=0) / max(course[-1], 1e-9)
    whole = whole + journey.jitter * rng.standard_normal(whole.shape)
    k = rng.uniform(-1, 1, (WAVES, 2)) * 1.3 * np.pi  # less than three quarters of a wave over the frame
    waves = np.hstack([k, rng.uniform(0, 2 * np.pi, (WAVES, 1)), rng.standard_normal((WAVES, 2))])
    path = Path(np.zeros_like(whole), course / max(course[-1], 1e-9), waves)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 2), axis=-1)
    last = path.at(grid)[..., -1, :]
    spread = float(np.sqrt(((last - last.mean((0, 1))) ** 2).sum(-1).mean()))
    waves[:, 3:] *= journey.local / max(spread, 1e-9) / camera.pixel_size
    return Path((whole - whole[0]) / camera.pixel_size, path.course, waves)


def strayed(
    points: np.ndarray, reach: float, length: float, camera: Camera, rng: np.random.Generator
) -> np.ndarray:
    """(p, n, 2) pixels that particles at points (p, 2; pixels) go beside all paths; 0 in the first frame.

    Their velocities are a Gaussian process, alike within a length and for some time, fast at first. reach: of all
    particles in the last frame, angstroms, root mean square; length: angstroms.
    """
    if not len(points) or not reach:
        return np.zeros((len(points), camera.frames, 2))
    apart = np.linalg.norm(points[:, None] - points, axis=2) * camera.pixel_size
    values, vectors = np.linalg.eigh(np.exp(-apart / length))
    spread = vectors * np.sqrt(np.maximum(values, 0))
    seen = camera.dose * np.arange(camera.frames)
    keep = np.exp(-camera.dose / TURNING)
    velocity, went = np.zeros((len(points), 2)), np.zeros((len(points), camera.frames, 2))
    for number in range(camera.frames):
        fresh = spread @ rng.standard_normal((len(points), 2))
        velocity = keep * velocity + np.sqrt(1 - keep**2) * fresh if number else fresh
        if number + 1 < camera.frames:
            went[:, number + 1] = went[:, number] + velocity * (np.exp(-seen[number] / SETTLING) + REST)
    scale = reach / np.sqrt((went[:, -1] ** 2).sum(1).mean())
    return went * scale / camera.pixel_size


def flat_field(shape: tuple[int, int], spread: float, rng: np.random.Generator) -> np.ndarray:
    """A gain (ny, nx) float32 that multiplies: pixels differ, and the frame slowly; mean 1."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    slow = np.cos(2.1 * y / shape[0] + 0.7) * np.cos(1.7 * x / shape[1] - 0.4)
    gain = np.exp(spread * (rng.standard_normal(shape) + slow))
    return (gain / gain.mean()).astype(np.float32)


def frames(
    contrast: Callable[[int], np.ndarray], still: bool, path: Path, lens: Lens, defocus: Defocus, camera: Camera,
    gain: np.ndarray, hot: np.ndarray, dead: np.ndarray, bfactor: float, rng: np.random.Generator,
) -> Iterator[np.ndarray]:  # fmt: skip
    """Counts (ny, nx) uint8 of each frame.

    contrast: for a frame's number, what the specimen takes from the beam (ny, nx), as a share, before the optics and
    before it moves along the path; still: it is the same in all. hot, dead: indices of bad pixels. Each frame shows the
    specimen as damaged as it is half way through.
    """
    ny, nx = gain.shape
    kx, ky = np.fft.rfftfreq(nx, camera.pixel_size)[None], np.fft.fftfreq(ny, camera.pixel_size)[:, None]
    through = transfer(lens, defocus, kx, ky, bfactor)[0].astype(np.float32)
    spectrum = fft.rfft2(contrast(0)) * through
    radius = np.hypot(kx, ky)
    fine = np.linspace(0, float(radius.max()), 1024)
    moved, taps = -_seen_from(path, (ny, nx)), interpolation()
    level = camera.dose * camera.pixel_size**2
    for number in range(camera.frames):
        if number and not still:
            spectrum = fft.rfft2(contrast(number)) * through
        burnt = dose.weights(np.array([camera.before + camera.dose * (number + 0.5)]), fine, camera.voltage)[0]
        seen = fft.irfft2(spectrum * np.interp(radius, fine, burnt).astype(np.float32), nx)
        image = np.zeros((1, ny, nx), np.float32)
        these, one = (seen,) * kernels.TOGETHER, np.ones((1, 1), np.float32)
        kernels.add_warped(these, moved[number : number + 1], SPACING, taps, one, image)
        counts = rng.poisson(np.maximum(level * (1 - image[0]) / gain, 0)).reshape(-1)
        counts[hot] += HOT
        counts[dead] = 0
        yield np.minimum(counts, LARGEST).astype(np.uint8).reshape(ny, nx)


def _seen_from(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """(n, gy, gx, 2) float32: at nodes of the frame, how far what is seen there has come."""
    ny, nx = shape
    y, x = (np.arange(-(-size // SPACING) + 1) * SPACING for size in shape)
    here = np.stack(np.meshgrid(x, y), axis=-1).astype(np.float64)
    found = np.zeros((len(path.whole), *here.shape))
    for _ in range(3):
        for number, came in enumerate(found):
            found[number] = path.at((here - came) / (nx, ny))[..., number, :]
    return found.astype(np.float32)
