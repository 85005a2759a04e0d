"""A map against the particles, and against one whose pixel size is right."""

from collections.abc import Iterator

import numpy as np

from spa.errors import SpaError
from spa.io import mrc
from spa.io.star import Tables
from spa.job import maps, pool
from spa.job.run import Run
from spa.volume.hand import hand_of
from spa.volume.masks import distances, soft_mask
from spa_plugins.check import poses
from spa_plugins.check.findings import Findings
from spa_plugins.check.images import Seen

SCALES = np.linspace(0.85, 1.15, 121)
OFF = 0.015  # a pixel size that is off by more is said


def look(
    run: Run, tables: Tables, map_file: str, reference: str | None, resolution: float | None, seen: Seen | None,
    found: Findings,
) -> None:  # fmt: skip
    """Of the map: box, pixel size, sign, scale, hand; of the poses: whether the images look like it there."""
    volume = maps.read(run, map_file)
    _sign(volume, found)
    for what, text in _unlike(volume, seen):
        found.error(what, text)
    if reference:
        _scale(volume, maps.read(run, reference), found)
    if resolution:
        _hand(run, volume, resolution, found)
    _poses(tables, volume, seen, found)


def look_at_stream(run: Run, tables: Tables, seen: Seen | None, found: Findings) -> None:
    """Of the maps that the table names: whether they are there and are what they are said to be; of one map, its sign
    and the poses. Its box and pixels need not be the images': jobs bring it to theirs."""
    if maps.BLOCK not in tables:
        return
    table = tables[maps.BLOCK]
    read: dict[tuple[str, int], mrc.Image] = {}
    for name, role, number in zip(table.text(maps.NAME), table.text(maps.ROLE), table.ints(maps.CLASS)):
        try:
            if role == "fsc":
                maps.fsc_curve(run, str(name))
                continue
            read[role, int(number)] = volume = maps.read(run, str(name))
            if role == "mask":
                maps.solvent(volume.data, str(name))
        except SpaError as error:
            found.error("maps", f"{table.where}: {role}: {error}")
    for (role, number), volume in read.items():
        other = read.get(("half1" if role == "half2" else "map", number), volume)
        if other.data.shape != volume.data.shape or not np.isclose(other.pixel_size, volume.pixel_size, rtol=1e-3):
            found.error("maps", f"{volume.path}: {_size(volume)}, {other.path} has {_size(other)}")
        elif role == "half2" and np.array_equal(other.data, volume.data):
            found.error("maps", f"{other.path} and {volume.path} are the same map, not two halves")
    whole = [volume for (role, _), volume in read.items() if role == "map"]
    for volume in whole:
        _sign(volume, found)
    if len(whole) == 1:
        for what, text in _unlike(whole[0], seen):
            found.note(what, text)
        _poses(tables, whole[0], seen, found)


def _size(volume: mrc.Image) -> str:
    return f"{len(volume.data)} pixels of {volume.pixel_size:g} A"


def _sign(volume: mrc.Image, found: Findings) -> None:
    """Whether the particle is denser than what is around it."""
    centre = distances(len(volume.data)) < len(volume.data) / 4
    rim = distances(len(volume.data)) > 0.45 * len(volume.data)
    if volume.data[centre].mean() < volume.data[rim].mean():
        found.error("contrast", f"{volume.path}: the particle is darker than the solvent: the map is inverted")


def _unlike(volume: mrc.Image, seen: Seen | None) -> Iterator[tuple[str, str]]:
    """What of its grid is not the images'."""
    if seen is not None and seen.pixel_size and abs(volume.pixel_size / seen.pixel_size - 1) > 1e-3:
        size = f"{volume.pixel_size:g} A a pixel, the particles have {seen.pixel_size:g}"
        yield "pixel size", f"{volume.path}: {size}"
    if seen is not None and len(volume.data) != seen.pixels.shape[1]:
        yield "images", f"{volume.path}: a box of {len(volume.data)} pixels, the particles have {seen.pixels.shape[1]}"


def _poses(tables: Tables, volume: mrc.Image, seen: Seen | None, found: Findings) -> None:
    if seen is not None and len(volume.data) == seen.pixels.shape[1]:
        poses.look(tables, volume, seen, found)


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
        found.error("hand", f"{volume.path}: its hand is wrong, the map is mirrored ({part}): `spa symmetry flip` "
                            "puts map and poses right")
