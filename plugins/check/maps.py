"""A map against the particles, and against one whose pixel size is right."""

from collections.abc import Callable

import numpy as np

from spa.errors import DataError, SpaError
from spa.image.ctf import Lens, ctf
from spa.io import mrc
from spa.io.star import Table, Tables
from spa.job import maps, pool
from spa.job.run import Run
from spa.model.numbers import sensible
from spa.model.optics import optics_groups
from spa.model.particles import particles_of
from spa.model.poses import matrices
from spa.volume.hand import hand_of
from spa.volume.masks import distances, soft_mask
from spa.volume.slices import reference as prepared
from spa.volume.slices import slices
from spa_plugins.check.findings import Findings
from spa_plugins.check.images import Seen

SCALES = np.linspace(0.85, 1.15, 121)
OFF = 0.015  # a pixel size that is off by more is said
COARSE = 0.25  # of Nyquist: poses are compared up to there


def look(
    run: Run, tables: Tables, map_file: str, reference: str | None, resolution: float | None, seen: Seen | None,
    found: Findings,
) -> None:  # fmt: skip
    """Of the map: box, pixel size, sign, scale, hand; of the poses: whether the images look like it there."""
    volume = maps.read(run, map_file)
    centre = distances(len(volume.data)) < len(volume.data) / 4
    rim = distances(len(volume.data)) > 0.45 * len(volume.data)
    if volume.data[centre].mean() < volume.data[rim].mean():
        found.error("contrast", f"{map_file}: the particle is darker than the solvent: the map is inverted")
    if seen is not None and seen.pixel_size and abs(volume.pixel_size / seen.pixel_size - 1) > 1e-3:
        found.error(
            "pixel size", f"{map_file}: {volume.pixel_size:g} A a pixel, the particles have {seen.pixel_size:g}"
        )
    if seen is not None and len(volume.data) != seen.pixels.shape[1]:
        found.error(
            "images", f"{map_file}: a box of {len(volume.data)} pixels, the particles have {seen.pixels.shape[1]}"
        )
    if reference:
        _scale(volume, maps.read(run, reference), found)
    if resolution:
        _hand(run, volume, resolution, found)
    if seen is not None and len(volume.data) == seen.pixels.shape[1]:
        _poses(tables, volume, seen, found)


def profile(volume: np.ndarray, pixel_size: float, radii: np.ndarray) -> np.ndarray:
    """Mean density at distances (angstroms) from the centre of mass of what is dense."""
    heavy = np.maximum(volume - np.quantile(volume, 0.9), 0)
    middle = [
        float((np.arange(len(volume)) * heavy.sum(axes)).sum() / heavy.sum()) for axes in ((1, 2), (0, 2), (0, 1))
    ]
    z, y, x = np.ogrid[: len(volume), : len(volume), : len(volume)]
    distance = np.sqrt((z - middle[0]) ** 2 + (y - middle[1]) ** 2 + (x - middle[2]) ** 2) * pixel_size
    step = radii[1] - radii[0]
    bins = np.minimum((distance / step).astype(int), len(radii)).ravel()
    count = np.bincount(bins, minlength=len(radii) + 1)[: len(radii)]
    return np.bincount(bins, volume.ravel(), len(radii) + 1)[: len(radii)] / np.maximum(count, 1)


def scale_of(volume: mrc.Image, right: mrc.Image) -> tuple[float, float]:
    """By how much the map's pixel size is to be multiplied to fit the other's, and how well it then does (0 to 1)."""
    end = min(len(volume.data) * volume.pixel_size, len(right.data) * right.pixel_size) / 2
    radii = np.arange(0, end, max(volume.pixel_size, right.pixel_size))
    theirs = profile(right.data, right.pixel_size, radii)
    inner = radii < end / SCALES.max()
    best = [float(np.corrcoef(profile(volume.data, volume.pixel_size * scale, radii)[inner], theirs[inner])[0, 1])
            for scale in SCALES]  # fmt: skip
    return float(SCALES[int(np.argmax(best))]), max(best)


def _scale(volume: mrc.Image, right: mrc.Image, found: Findings) -> None:
    scale, fit = scale_of(volume, right)
    if fit < 0.9:
        found.note(
            "pixel size", f"{volume.path}: its radial profile is not that of {right.path} at any pixel size ({fit:.2f})"
        )
    elif abs(scale - 1) > OFF:
        found.warning("pixel size", f"{volume.path}: fits {right.path} best at {volume.pixel_size * scale:.4g} A a "
                                    f"pixel, {scale - 1:+.1%}")  # fmt: skip


def _hand(run: Run, volume: mrc.Image, resolution: float, found: Findings) -> None:
    """Alpha helices are right-handed; where turns are not seen, that is said."""
    with pool.mapping(run.threads) as mapped:
        mask, _ = soft_mask(volume.data, volume.pixel_size)
        hand = hand_of(volume.data, volume.pixel_size, max(resolution, 2 * volume.pixel_size), mask, mapped)
    part = f"{hand.right:.0%} of about {hand.places} helices look right-handed, {hand.score:+.1f} standard errors"
    if not hand.told:
        found.note("hand", f"{volume.path}: its hand cannot be told from helices at {resolution:g} A ({part})")
    elif hand.score > 0:
        found.note("hand", f"{volume.path}: its hand is right ({part})")
    else:
        found.error("hand", f"{volume.path}: its hand is wrong, the map is mirrored ({part})")


def _poses(tables: Tables, volume: mrc.Image, seen: Seen, found: Findings) -> None:
    """Correlation of images with the map's projections at their poses, and with shifts or angles read otherwise."""
    table = tables["particles"].take(seen.rows)
    names = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
    if not all(name in table for name in names):
        return
    try:
        poses = matrices(*(np.deg2rad(sensible(table, name)) for name in names))
        origin = np.stack([sensible(table, name) if name in table else np.zeros(len(table)) for name in
                           ("rlnOriginXAngst", "rlnOriginYAngst")], 1) / volume.pixel_size  # fmt: skip
    except (DataError, SpaError):
        return
    pair = seen.pixels, _transfer(tables, table, volume.pixel_size)
    here = _agreement(volume.data, *pair, poses, -origin)
    other = {"the shifts' signs turned": _agreement(volume.data, *pair, poses, origin),
             "inverse rotations": _agreement(volume.data, *pair, poses.transpose(0, 2, 1), -origin)}  # fmt: skip
    error = here.std() / np.sqrt(len(here))
    if here.mean() < 3 * error:
        found.warning(
            "poses",
            f"{table.where}: images do not look like {volume.path} at their poses (correlation {here.mean():.3f})",
        )
    for name, value in other.items():
        gain = value - here
        if gain.mean() > 5 * gain.std() / np.sqrt(len(gain)) + 1e-9:
            found.error("poses", f"{table.where}: images are more like {volume.path} with {name} ({value.mean():.3f}; "
                                 f"now {here.mean():.3f})")  # fmt: skip


Transfer = Callable[[np.ndarray, np.ndarray], "np.ndarray | float"]


def _transfer(tables: Tables, table: Table, pixel_size: float) -> Transfer:
    """The CTFs of rows as a function of frequencies (1/pixel); 1 where the table has none."""
    if "rlnDefocusU" not in table:
        return lambda kx, ky: 1.0
    particles = particles_of(tables.with_block("particles", table))
    groups = optics_groups(tables)
    rows = [groups[number] for number in particles.optics_group]
    lens = Lens(*(np.array([getattr(row, name) for row in rows])[:, None] for name in ("voltage", "cs", "contrast")))
    defocus = (getattr(particles, name)[:, None] for name in
               ("defocus_u", "defocus_v", "defocus_angle", "phase_shift"))  # fmt: skip
    values = tuple(defocus)
    return lambda kx, ky: ctf(lens, kx / pixel_size, ky / pixel_size, *values)


def _agreement(
    volume: np.ndarray, images: np.ndarray, transfer: Transfer, poses: np.ndarray, shifts: np.ndarray
) -> np.ndarray:
    """(m,) correlation of images with projections at poses, moved by shifts (pixels), up to a coarse resolution."""
    box = len(volume)
    radius = max(4, int(COARSE * box / 2))
    ky, kx = np.meshgrid(np.fft.fftfreq(box, 1 / box), np.arange(box // 2 + 1), indexing="ij")
    band = (kx**2 + ky**2 <= radius**2) & (kx**2 + ky**2 > 0) & ((kx > 0) | (ky > 0))
    x, y = kx[band].astype(np.float32), ky[band].astype(np.float32)
    cut = slices(prepared(volume, radius), poses, x, y)
    model = (cut[:, 0] + 1j * cut[:, 1]) * np.exp(-2j * np.pi / box * (shifts @ np.stack([x, y])))
    model = model * transfer(x / box, y / box)
    spectrum = np.fft.rfft2(np.fft.ifftshift(images, axes=(1, 2)))[:, band]
    cross = (spectrum.conj() * model).real.sum(1)
    return cross / np.sqrt((np.abs(spectrum) ** 2).sum(1) * (np.abs(model) ** 2).sum(1))
