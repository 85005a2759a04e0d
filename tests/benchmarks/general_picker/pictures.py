"""Made-up micrographs at the network's scale, with what is met in real ones: ice, carbon, dirt, fragments."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spa.image import fft
from spa.image.ctf import Lens
from spa.model.poses import matrices
from spa.picking.network import STEP
from spa.picking.working import ACROSS, flattened
from spa.simulate.micrographs import Film, placed
from spa.simulate.micrographs import plane as projected
from spa.simulate.optics import Defocus, draw_views, transfer
from spa.simulate.specimen import Specimen

SIZE = 217  # pixels a side: 8 m + 1
MARGIN = 40


@dataclass(frozen=True, eq=False)
class Picture:
    """image (SIZE, SIZE) as the network takes it; centres (n, 2) rows and columns; away: mask of what is not judged."""

    image: np.ndarray
    centres: np.ndarray
    away: np.ndarray


def picture(specimens: list[Specimen], rng: np.random.Generator) -> Picture:
    """One micrograph of one of the specimens."""
    size = SIZE + 2 * MARGIN + 1
    shape = (size, size)
    kind = specimens[rng.integers(len(specimens))]
    angstroms = np.exp(rng.uniform(np.log(90), np.log(450))) / ACROSS  # of a pixel
    points = np.empty((0, 2))
    if rng.random() > 0.06:
        most = 1.1 * (size / kind.diameter) ** 2
        crowd = int(most if rng.random() < 0.25 else np.exp(rng.uniform(np.log(12), np.log(most))))
        points = placed(crowd, shape, rng.uniform(0.6, 1.3) * kind.diameter, 1.0, rng, tries=12)
    views = draw_views(len(points), rng)
    if rng.random() < 0.3:  # preferred orientations
        views[:, 1] = np.clip(rng.normal(rng.uniform(0, np.pi / 2), 0.25, len(points)), 0, np.pi)
    film = Film(shape, 1.0, 1.0, 0.5, 0.0)
    signal = projected(kind, points, matrices(*views.T), film)
    scope = _scope(angstroms, rng)
    away = np.zeros(shape, bool)
    signal /= _strength(kind, scope)
    signal += _fragments(specimens, shape, rng)
    dirt = np.zeros(shape, bool)
    signal += _dirt(shape, away, dirt, rng)
    points = points[~dirt[tuple(np.rint(points[:, ::-1]).astype(int).T)]]
    carbon = _carbon(shape, rng) if rng.random() < 0.15 else None
    image = _exposed(signal, carbon, scope, rng)
    if carbon is not None:
        away |= carbon > 0.05
    cut = slice(MARGIN, MARGIN + SIZE)
    centres = points[:, ::-1] - MARGIN
    centres = centres[((centres > -0.3 * ACROSS) & (centres < SIZE + 0.3 * ACROSS)).all(1)]
    return Picture(_developed(image, rng)[cut, cut], centres, away[cut, cut])


@dataclass(frozen=True, eq=False)
class Scope:
    """A microscope as it is set for one micrograph; pixel: angstroms."""

    lens: Lens
    defocus: Defocus
    bfactor: float
    pixel: float

    def passes(self, shape: tuple[int, int]) -> np.ndarray:
        """Its transfer function on the half spectrum of a picture."""
        kx, ky = np.fft.rfftfreq(shape[1], self.pixel)[None], np.fft.fftfreq(shape[0], self.pixel)[:, None]
        return transfer(self.lens, self.defocus, kx, ky, self.bfactor)[0]


def _scope(pixel: float, rng: np.random.Generator) -> Scope:
    """300 and 200 kV, with and without a corrector, now and then a phase plate's contrast."""
    voltage, cs = [(300.0, 2.7), (200.0, 2.7), (300.0, 0.01)][rng.integers(3)]
    contrast = 0.9 if rng.random() < 0.08 else float(rng.choice([0.07, 0.1]))
    middle, spread = np.exp(rng.uniform(np.log(5000), np.log(40000))), abs(rng.normal(0, 300))
    defocus = Defocus(*(np.array([value]) for value in (middle + spread, middle - spread, rng.uniform(0, np.pi))))
    return Scope(Lens(voltage, cs, contrast), defocus, rng.uniform(0, 300), pixel)


def _strength(kind: Specimen, scope: Scope) -> float:
    """Root mean square within the particle's circle of what passes the microscope, over three views."""
    frame = (96, 96)
    views = np.zeros((3, *frame), np.float32)
    box = len(kind.volume)
    for axis in range(3):
        views[axis, :box, :box] = kind.volume.sum(axis)
    seen = fft.irfft2(fft.rfft2(views) * scope.passes(frame), frame[1])
    return float(np.sqrt(np.square(seen).sum() / (3 * np.pi / 4 * kind.diameter**2)))


def _fragments(specimens: list[Specimen], shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Broken and foreign particles: too small, or too many in one place."""
    plane = np.zeros(shape, np.float32)
    if rng.random() < 0.6:
        for _ in range(rng.integers(3, 60)):
            radius = rng.uniform(0.08, 0.24) * ACROSS
            _stamp(plane, rng, radius, rng.uniform(0.4, 1.6), rng.uniform(1, 2))
    if rng.random() < 0.2:  # threads: DNA, filaments
        for _ in range(rng.integers(1, 5)):
            _thread(plane, rng)
    return plane


def _stamp(plane: np.ndarray, rng: np.random.Generator, radius: float, height: float, ratio: float = 1.0) -> None:
    cy, cx, angle = *rng.uniform(0, plane.shape), rng.uniform(0, np.pi)
    reach = int(3 * radius * ratio) + 2
    top, left = max(0, int(cy) - reach), max(0, int(cx) - reach)
    y, x = np.ogrid[top : min(plane.shape[0], int(cy) + reach), left : min(plane.shape[1], int(cx) + reach)]
    along = ((y - cy) * np.sin(angle) + (x - cx) * np.cos(angle)) / (ratio * radius)
    across = ((y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)) / radius
    value = height * np.exp(-0.5 * (along**2 + across**2) ** 2)
    plane[top : top + value.shape[0], left : left + value.shape[1]] += value.astype(np.float32)


def _thread(plane: np.ndarray, rng: np.random.Generator) -> None:
    at, heading = rng.uniform(0, plane.shape), rng.uniform(0, 2 * np.pi)
    line = np.zeros_like(plane)
    for _ in range(rng.integers(60, 500)):
        heading += rng.normal(0, 0.06)
        at = at + (np.sin(heading), np.cos(heading))
        row, column = at.astype(int)
        if 0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]:
            line[row, column] = 1
    width = rng.uniform(0.6, 3)
    plane += (rng.uniform(0.5, 2) * 2.5 * width * ndimage.gaussian_filter(line, width)).astype(np.float32)


def _dirt(shape: tuple[int, int], away: np.ndarray, dirt: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ice crystals, aggregates, gold, lattices.

    The middles of what is larger and much stronger than a particle are marked in ``dirt``: no pick belongs there. What
    else they cover is marked in ``away``: not judged, as particles may lie under it.
    """
    plane = np.zeros(shape, np.float32)
    if rng.random() < 0.35:  # round or long contamination, soft or hard
        for _ in range(rng.integers(1, 7)):
            radius = np.exp(rng.uniform(np.log(0.35), np.log(2))) * ACROSS
            _stamp(plane, rng, radius, rng.uniform(1.5, 12), rng.uniform(1, 2))
    if rng.random() < 0.25:  # aggregates
        for _ in range(rng.integers(1, 4)):
            middle = rng.uniform(0, shape)
            for _ in range(rng.integers(8, 40)):
                _blot(plane, middle + rng.standard_normal(2) * rng.uniform(0.6, 2) * ACROSS, rng)
    dirt |= ndimage.gaussian_filter(plane, 0.4 * ACROSS) > 3.0
    away |= (ndimage.gaussian_filter(plane, 4) > 1.0) & ~dirt
    if rng.random() < 0.1:  # gold
        for _ in range(rng.integers(1, 12)):
            _stamp(plane, rng, rng.uniform(0.1, 0.4) * ACROSS, rng.uniform(8, 40))
    if rng.random() < 0.06:  # crystalline ice
        y, x = np.ogrid[: shape[0], : shape[1]]
        angle, period = rng.uniform(0, np.pi), rng.uniform(3, 9)
        wave = np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        patch = ndimage.gaussian_filter(rng.standard_normal(shape), 40) > 0.01
        plane += (rng.uniform(0.5, 3) * wave * patch).astype(np.float32)
    return plane


def _blot(plane: np.ndarray, at: np.ndarray, rng: np.random.Generator) -> None:
    y, x = np.ogrid[: plane.shape[0], : plane.shape[1]]
    radius = rng.uniform(0.15, 0.6) * ACROSS
    square = ((y - at[0]) ** 2 + (x - at[1]) ** 2) / radius**2
    plane += rng.uniform(0.8, 3) * np.exp(-0.5 * square**2).astype(np.float32)


def _carbon(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """1 on the carbon, 0 in the hole, by an edge of a large circle."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    radius, angle = rng.uniform(1, 6) * shape[0], rng.uniform(0, 2 * np.pi)
    offset = radius + rng.uniform(-0.4, 0.4) * shape[0]
    distance = np.hypot(y - shape[0] / 2 - offset * np.sin(angle), x - shape[1] / 2 - offset * np.cos(angle)) - radius
    return (1 / (1 + np.exp(np.clip(distance / rng.uniform(1, 6), -50, 50)))).astype(np.float32)


def _exposed(signal: np.ndarray, carbon: np.ndarray | None, scope: Scope, rng: np.random.Generator) -> np.ndarray:
    """Through the microscope: CTF, ice, carbon's grain, shot noise; any signal-to-noise ratio that leaves hope."""
    passed = scope.passes(signal.shape)  # type: ignore[arg-type]
    noise = 1 / np.sqrt(np.exp(rng.uniform(np.log(0.08), np.log(6))))
    ice = rng.uniform(0, 0.8)
    grain = rng.standard_normal(signal.shape, np.float32) * np.float32(np.sqrt(ice / np.mean(passed**2)) * noise)
    if carbon is not None:
        grain = grain * (1 + rng.uniform(0.3, 3) * carbon)
    image = fft.irfft2(fft.rfft2(signal + grain) * passed, signal.shape[1])
    if carbon is not None:
        image += rng.uniform(-1, 5) * noise * carbon
    return image + noise * np.float32(np.sqrt(1 - ice)) * rng.standard_normal(signal.shape, np.float32)


def _developed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What detectors and other programs do to it, then as every micrograph is prepared."""
    spread = float(image.std())
    if rng.random() < 0.4:  # thicker and thinner ice
        haze = ndimage.gaussian_filter(rng.standard_normal(image.shape).astype(np.float32), rng.uniform(20, 80))
        image = image + rng.uniform(0, 1.2) * spread * haze / max(float(haze.std()), 1e-9)
    if rng.random() < 0.35:  # denoised, or a soft detector
        image = ndimage.gaussian_filter(image, rng.uniform(0.4, 2.2))
    if rng.random() < 0.1:  # sharpened
        image = image + rng.uniform(0.3, 1) * (image - ndimage.gaussian_filter(image, 2.0))
    if rng.random() < 0.1:
        image = np.tanh(image / image.std() / 2) * 2
    return flattened(image.astype(np.float32)) * np.float32(rng.uniform(0.85, 1.15))


def turned(made: Picture, rng: np.random.Generator) -> Picture:
    """The same picture in one of its eight turns and mirrors, a little brighter or fainter."""
    image, away, centres = made.image, made.away, made.centres
    if rng.random() < 0.5:
        image, away, centres = image[:, ::-1], away[:, ::-1], np.stack([centres[:, 0], SIZE - 1 - centres[:, 1]], 1)
    for _ in range(rng.integers(4)):
        image, away = np.rot90(image), np.rot90(away)
        centres = np.stack([SIZE - 1 - centres[:, 1], centres[:, 0]], 1)
    return Picture(image * np.float32(rng.uniform(0.85, 1.15)), centres, away)


def target(made: Picture, across: float = ACROSS) -> np.ndarray:
    """Probability (ny', nx') that a place is a centre: Gaussian of distance; NaN where it is not judged."""
    n = (SIZE + 1) // STEP
    y, x = np.ogrid[:n, :n]
    hope = np.zeros((n, n), np.float32)
    for row, column in made.centres / STEP:
        hope = np.maximum(hope, np.exp(-0.5 * ((y - row) ** 2 + (x - column) ** 2) / (0.13 * across / STEP) ** 2))
    hope[made.away[::STEP, ::STEP][:n, :n]] = np.nan
    return hope
