"""Poses and CTFs against a map: are images like it as the table has them, or as it may have been meant?

Two questions: is any other reading of a column (a sign, a unit, a direction) better; and is an image better off with
the angles or the defocus of its own row than with those of another row. If they are right, the correlation with the
other's projection is the own one times the correlation of both projections: that much must be lost.
"""

from dataclasses import dataclass, replace

import numpy as np

from spa.errors import DataError, SpaError
from spa.image.ctf import Lens, ctf
from spa.io import mrc
from spa.io.star import Table, Tables
from spa.model.numbers import sensible
from spa.model.optics import optics_groups
from spa.model.particles import particles_of
from spa.model.poses import matrices
from spa.volume.slices import reference as prepared
from spa.volume.slices import slices
from spa_plugins.check.findings import Findings
from spa_plugins.check.images import Seen

COARSE, FINE = 0.25, 0.6  # of Nyquist: poses are compared up to the one, CTFs up to the other
SURE = 5.0  # standard errors by which another reading must be better
EXPECTED = 4.0  # the same of the loss by another row's values, for it to tell anything
KEPT = 0.5  # of that loss: with less of it the values are not the images'
ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst")
LESS = 0.5  # of the best group's correlation: such a group is not like the others
LEAST = 500.0  # angstroms: with less defocus there is nothing to read otherwise
FLIPPED = "phases that are flipped already"
VOLTAGES = (100.0, 200.0, 300.0)


@dataclass(frozen=True, eq=False)
class Reading:
    """angles (m, 3) in radians, inverse or not; origin (m, 2) in pixels; lens and defocus (None: no CTF).

    defocus: major, minor, angle (radians), phase shift; flipped: phases of the images are flipped already.
    """

    angles: np.ndarray
    origin: np.ndarray
    lens: tuple[np.ndarray, ...]
    defocus: tuple[np.ndarray, ...] | None
    inverse: bool = False
    flipped: bool = False

    def of(self, rows: np.ndarray, names: tuple[int, ...] = (), transfer: bool = False) -> "Reading":
        """With these of its angles, or the defocus, of other rows."""
        angles = self.angles.copy()
        angles[:, names] = angles[rows][:, names]
        defocus = self.defocus
        if transfer and defocus is not None:
            defocus = tuple(one[rows] for one in defocus)
        return replace(self, angles=angles, defocus=defocus)


class Sight:
    """Images (m, n, n) and projections of a map, up to a part of Nyquist's frequency."""

    def __init__(self, volume: mrc.Image, images: np.ndarray, part: float) -> None:
        box = len(volume.data)
        radius = max(4, int(part * box / 2))
        ky, kx = np.meshgrid(np.fft.fftfreq(box, 1 / box), np.arange(box // 2 + 1), indexing="ij")
        band = (kx**2 + ky**2 <= radius**2) & (kx**2 + ky**2 > 0) & ((kx > 0) | (ky > 0))
        self.x, self.y = kx[band].astype(np.float32), ky[band].astype(np.float32)
        self.reference, self.box, self.width = prepared(volume.data, radius), box, box * volume.pixel_size
        self.images = np.fft.rfft2(np.fft.ifftshift(images, axes=(1, 2)))[:, band]

    def model(self, reading: Reading) -> np.ndarray:
        """(m, K) what the images are as the table is read."""
        poses = matrices(*reading.angles.T)
        cut = slices(self.reference, poses.transpose(0, 2, 1) if reading.inverse else poses, self.x, self.y)
        moved = np.exp(2j * np.pi / self.box * (reading.origin @ np.stack([self.x, self.y])))
        model = (cut[:, 0] + 1j * cut[:, 1]) * moved
        if reading.defocus is None:
            return model
        lens = Lens(*(one[:, None] for one in reading.lens))
        transfer = ctf(lens, self.x / self.width, self.y / self.width, *(one[:, None] for one in reading.defocus))
        return model * (np.abs(transfer) if reading.flipped else transfer)

    def agreement(self, reading: Reading) -> np.ndarray:
        """(m,) correlation of the images with that."""
        return correlation(self.images, self.model(reading))


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(m,) of rows of coefficients."""
    cross = (a.conj() * b).real.sum(1)
    return cross / np.sqrt(np.maximum((np.abs(a) ** 2).sum(1) * (np.abs(b) ** 2).sum(1), 1e-30))


def look(tables: Tables, volume: mrc.Image, seen: Seen, found: Findings) -> None:
    """Of the rows that were looked at: whether their images are like the map at their poses and CTFs."""
    table = tables["particles"].take(seen.rows)
    if not all(name in table for name in ANGLES):
        return
    try:
        now = _reading(tables, table, volume.pixel_size)
    except (DataError, SpaError):
        return
    coarse, fine = (Sight(volume, seen.pixels, part) for part in (COARSE, FINE))
    here = coarse.agreement(now)
    where = f"{table.where}: images"
    if here.mean() < 3 * here.std() / np.sqrt(len(here)):
        text = f"{where} do not look like {volume.path} at their poses (correlation {here.mean():.3f})"
        found.warning("poses", text)
    better = _better(coarse, now, _other_poses(now, volume.pixel_size), names=(0, 1, 2))
    optics = _other_optics(now)
    if optics and _strange(*_lost(fine, now, now.of(_apart(len(here)), transfer=True))):
        del optics[FLIPPED]  # where the defocus is another's, no sign is less wrong
    better += _better(fine, now, optics, transfer=True)
    for name, value, own in sorted(better, key=lambda one: one[2] - one[1])[:1]:
        found.error("poses", f"{where} are more like {volume.path} with {name} ({value:.3f}; now {own:.3f})")
    if not better:
        group = table.ints("rlnOpticsGroup") if "rlnOpticsGroup" in table else np.ones(len(table), int)
        if not _unlike(where, group, here, found):
            _others(where, str(volume.path), group, (coarse, fine), now, found)


def _reading(tables: Tables, table: Table, pixel_size: float) -> Reading:
    """As the table has it."""
    angles = np.stack([np.deg2rad(sensible(table, name)) for name in ANGLES], 1)
    zero = np.zeros(len(table))
    origin = np.stack([sensible(table, name) if name in table else zero for name in ORIGINS], 1) / pixel_size
    if "rlnDefocusU" not in table:
        return Reading(angles, origin, (), None)
    particles = particles_of(tables.with_block("particles", table))
    groups = optics_groups(tables)
    rows = [groups[number] for number in particles.optics_group]
    lens = tuple(np.array([getattr(row, name) for row in rows]) for name in ("voltage", "cs", "contrast"))
    names = ("defocus_u", "defocus_v", "defocus_angle", "phase_shift")
    return Reading(angles, origin, lens, tuple(getattr(particles, name) for name in names))


def _other_poses(now: Reading, pixel_size: float) -> dict[str, Reading]:
    """As poses of other programs may have been read."""
    turned = now.angles * [1, 1, -1]
    return {"the shifts' signs turned": replace(now, origin=-now.origin),
            "inverse rotations": replace(now, inverse=True),
            "psi's sign turned": replace(now, angles=turned),
            "shifts that are in pixels": replace(now, origin=now.origin * pixel_size),
            "shifts divided by the pixel size": replace(now, origin=now.origin / pixel_size)}  # fmt: skip


def _other_optics(now: Reading) -> dict[str, Reading]:
    """The same of the CTF."""
    if now.defocus is None or np.median(np.abs(now.defocus[0])) < LEAST:
        return {}
    major, minor, angle, shift = now.defocus
    voltage, *rest = now.lens
    found = {"the angle of astigmatism mirrored": replace(now, defocus=(major, minor, -angle, shift)),
             "the angle of astigmatism from y to x": replace(now, defocus=(major, minor, np.pi / 2 - angle, shift)),
             "the axes of astigmatism exchanged": replace(now, defocus=(minor, major, angle, shift)),
             "the sign of the defocus turned": replace(now, defocus=(-major, -minor, angle, shift)),
             FLIPPED: replace(now, flipped=True)}  # fmt: skip
    others = [one for one in VOLTAGES if not np.allclose(voltage, one)]
    return found | {f"{one:g} kV": replace(now, lens=(np.full_like(voltage, one), *rest)) for one in others}


def _better(sight: Sight, now: Reading, others: dict[str, Reading], names: tuple[int, ...] = (), transfer: bool = False
            ) -> list[tuple[str, float, float]]:  # fmt: skip
    """Readings that are surely better: their names, their correlation, and the present one.

    These angles, or the defocus, must then be the images' own.
    """
    here, found = sight.agreement(now), []
    for name, other in others.items():
        there = sight.agreement(other)
        gain = there - here
        if gain.mean() <= SURE * gain.std() / np.sqrt(len(gain)) + 1e-6:
            continue
        if not _strange(*_lost(sight, other, other.of(_apart(len(gain)), names, transfer))):
            found.append((name, float(there.mean()), float(here.mean())))
    return found


def _apart(count: int) -> np.ndarray:
    """For each row another one, far from it in the table."""
    return np.roll(np.arange(count), count // 2)


def _lost(sight: Sight, now: Reading, other: Reading) -> tuple[np.ndarray, np.ndarray]:
    """(m,) what the correlation loses by the other's values, and what it must lose if the present ones are right."""
    own, strange = sight.model(now), sight.model(other)
    here = correlation(sight.images, own)
    return here - correlation(sight.images, strange), here * (1 - correlation(own, strange))


def _strange(loss: np.ndarray, due: np.ndarray) -> bool:
    """Whether far less is lost than must be."""
    error = loss.std() / np.sqrt(len(loss))
    return bool(due.mean() > EXPECTED * error and loss.mean() < KEPT * due.mean() - 2 * error)


def _unlike(where: str, group: np.ndarray, here: np.ndarray, found: Findings) -> bool:
    """Groups whose images are far less like the map than another's; whether there are any."""
    means = {int(one): float(here[group == one].mean()) for one in np.unique(group)}
    best, any_is = max(means, key=lambda one: means[one]), False
    for one, mean in means.items():
        part = here[group == one]
        if mean + 3 * part.std() / np.sqrt(len(part)) < LESS * means[best]:
            text = f"of optics group {one} are less like the map at their poses ({mean:.3f}) than those of group {best}"
            found.warning("poses", f"{where} {text} ({means[best]:.3f})")
            any_is = True
    return any_is


def _others(
    where: str, path: str, group: np.ndarray, sights: tuple[Sight, Sight], now: Reading, found: Findings
) -> None:
    """Whether images, of each optics group, are better off with their own values than with those of other rows."""
    coarse, fine = sights
    rows = _apart(len(group))
    swapped = [(coarse, "angles", now.of(rows, (0, 1, 2)))]
    swapped += [(coarse, name, now.of(rows, (number,))) for number, name in enumerate(ANGLES)]
    if now.defocus is not None:
        swapped.append((fine, "defocus", now.of(rows, transfer=True)))
    several = len(np.unique(group)) > 1
    for sight, name, other in swapped:
        loss, due = _lost(sight, now, other)
        here = sight.agreement(now)
        for number in np.unique(group):
            those = group == number
            if _strange(loss[those], due[those]):
                of = f" of optics group {number}" if several else ""
                there = (here - loss)[those].mean()
                text = f"are as like {path} with the {name} of other rows ({there:.3f}) as with their own"
                found.warning("poses", f"{where}{of} {text} ({here[those].mean():.3f})")
                return
