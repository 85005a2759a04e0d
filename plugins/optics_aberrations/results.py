"""What was found, in the table's columns, in a table of its own, and in words."""

from pathlib import Path
from typing import Any

import numpy as np

from spa.image.aberrations import moved_defocus, summed
from spa.io import star
from spa.io.star import Table, Tables
from spa.job.run import Run
from spa.model.optics import MAGNIFICATION, optics_groups
from spa.optics import terms
from spa.optics.fit import total
from spa.optics.profiles import Even, Odd
from spa.recipe.optics import Given
from spa_plugins.optics_aberrations.measured import Group, Measured

PICTURES = 6  # groups in a figure


def tables_of(given: Given, found: Measured, keep_astigmatism: bool) -> Tables:
    """The document with what is significant added to what it has."""
    stack = given.stack
    optics, table = stack.tables["optics"], stack.tables["particles"]
    old = optics_groups(stack.tables)
    used = np.unique(stack.particles.optics_group)
    numbers = optics.ints("rlnOpticsGroup").tolist()
    tilts = {number: np.array(old[number].beam_tilt) for number in numbers}
    odds, evens = ({number: getattr(old[number], name) for number in numbers} for name in ("odd", "even"))
    matrices = {number: np.array(old[number].magnification).reshape(2, 2) for number in numbers}
    p = stack.particles
    u, v, angle, origin = (np.array(one, np.float64) for one in (p.defocus_u, p.defocus_v, p.defocus_angle, p.origin))
    for group in found.groups:
        number, rows = int(used[group.number]), np.flatnonzero(stack.group == group.number)
        more = terms.change(group.optics, group.fits)
        tilts[number] = tilts[number] + more.tilt
        odds[number], evens[number] = summed(odds[number], more.odd.tolist()), summed(evens[number], more.even.tolist())
        origin[rows] += more.origin @ stack.aberrations[group.number].matrix  # in the images as they lie
        if group.stretch is not None and any(group.stretch.kept):
            matrix = group.stretch.matrix
            matrices[number] = matrix @ matrices[number]
            if not keep_astigmatism:
                u[rows], v[rows], angle[rows] = moved_defocus(u[rows], v[rows], angle[rows], matrix)
        u[rows], v[rows], angle[rows] = _astigmatic(u[rows], v[rows], angle[rows], more)
    columns = _columns(numbers, tilts, odds, evens, matrices)
    says = {name for name, value in columns.items() if name in optics or _says(name, value)}
    if says.intersection(MAGNIFICATION):  # all of a matrix or nothing: a plain scale has no 01 and 10
        says.update(MAGNIFICATION)
    there = {name: value for name, value in columns.items() if name in says}
    changed: dict[str, Any] = {}
    if not all(np.array_equal(a, b) for a, b in ((u, p.defocus_u), (v, p.defocus_v), (angle, p.defocus_angle))):
        changed |= {"rlnDefocusU": u, "rlnDefocusV": v, "rlnDefocusAngle": np.rad2deg(angle)}
    if not np.array_equal(origin, p.origin):
        changed |= {"rlnOriginXAngst": origin[:, 0], "rlnOriginYAngst": origin[:, 1]}
    tables = stack.tables.with_block("optics", optics.with_columns(**there))
    return tables.with_block("particles", table.with_columns(**changed))


def _astigmatic(
    u: np.ndarray, v: np.ndarray, angle: np.ndarray, more: terms.Change
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Defocus u, v and angle with a group's mean changes added."""
    if not more.defocus and not more.astigmatism.any():
        return u, v, angle
    mean, half = (u + v) / 2 + more.defocus, (u - v) / 2
    cosine = half * np.cos(2 * angle) + more.astigmatism[0]
    sine = half * np.sin(2 * angle) + more.astigmatism[1]
    half = np.hypot(cosine, sine)
    return mean + half, mean - half, np.arctan2(sine, cosine) / 2


def _columns(numbers: list[int], tilts: dict, odds: dict, evens: dict, matrices: dict) -> dict[str, Any]:
    tilt = np.stack([tilts[number] for number in numbers])
    matrix = np.stack([matrices[number].ravel() for number in numbers])
    columns: dict[str, Any] = {"rlnBeamTiltX": tilt[:, 0], "rlnBeamTiltY": tilt[:, 1]}
    for name, kind, size in (("rlnOddZernike", odds, 6), ("rlnEvenZernike", evens, 9)):
        columns[name] = [_spelt(kind[number], max(size, *map(_length, kind.values()))) for number in numbers]
    return columns | dict(zip(MAGNIFICATION, matrix.T))


def _length(values: tuple[float, ...]) -> int:
    """Up to the last that is not 0."""
    return max((place + 1 for place, value in enumerate(values) if value), default=0)


def _spelt(values: tuple[float, ...], size: int) -> str:
    """As RELION writes vectors, all groups' of one length."""
    padded = [*values, *[0.0] * size][:size]
    return f"[{','.join(f'{value:.9g}' for value in padded)}]"


def _says(name: str, values: Any) -> bool:
    """Whether a column says anything."""
    if name in MAGNIFICATION:
        return bool(np.any(values != (1.0 if name in (MAGNIFICATION[0], MAGNIFICATION[3]) else 0.0)))
    if isinstance(values, list):
        return any(part.strip("[]") and any(float(one) for one in part.strip("[]").split(",")) for part in values)
    return bool(np.any(values))


def report(run: Run, given: Given, found: Measured) -> None:
    """DIR/aberrations.star: every term of every group, whether it was significant or not."""
    assert run.outdir is not None
    used = np.unique(given.stack.particles.optics_group)
    rows = [(int(used[group.number]), *line) for group in found.groups for line in _lines(group)]
    names = ("rlnOpticsGroup", "spaAberration", "spaAberrationUnit", "spaAberrationValue", "spaAberrationError",
             "spaAberrationGain", "spaAberrationChance", "spaAberrationKept")  # fmt: skip
    table = Table.of(**{name: list(column) for name, column in zip(names, zip(*rows))})
    star.write(Tables({"aberrations": table}), run.outdir / "aberrations.star")


Line = tuple[str, str, float, float, float, float, bool]


def _lines(group: Group) -> list[Line]:
    """Name, unit, value, error, chi-square, chance, kept of each number that was looked for."""
    lines: list[Line] = []
    for one in group.fits:
        kind = terms.BY_NAME[one.term.name]
        unit = kind.unit if one.term.name != terms.TILT or group.optics.cs >= terms.LEAST_CS else "rad"
        values, errors = (terms.shown(group.optics, kind.name, each) for each in (one.values, one.errors))
        for label, value, error in zip(kind.values, values, errors):
            name = f"{kind.name}-{label}" if label else kind.name
            lines.append((name, unit, float(value), abs(float(error)), one.gain, one.chance, one.kept))
    if group.stretch is not None:
        form = group.stretch
        for place, name in enumerate(("scale", "stretch-0", "stretch-45")):
            which = 1 if place == 0 else 0
            value = float(form.values[place]) * form.kept[which]
            lines.append((f"magnification-{name}", "1", value, float(form.errors[place]), form.gain[which],
                          form.chance[which], form.kept[which]))  # fmt: skip
    return lines


def summary(given: Given, found: Measured) -> str:
    """The first groups in words."""
    used = np.unique(given.stack.particles.optics_group)
    said = [f"group {used[group.number]}: {words(group)}" for group in found.groups[:3]]
    more = f"; {len(found.groups) - 3} groups more in aberrations.star" if len(found.groups) > 3 else ""
    band = f"{given.resolution(given.first):.0f} to {given.resolution(given.last):.2f} A"
    return f"{'; '.join(said)}{more}; {len(found.rows)} particles, {band}"


def words(group: Group) -> str:
    """What is significant in a group."""
    said = []
    for one in group.fits:
        if not one.kept:
            continue
        values = terms.shown(group.optics, one.term.name, one.values)
        unit = terms.BY_NAME[one.term.name].unit
        if one.term.name == terms.CS:
            said.append(f"Cs {values[0]:+.3f} mm")
        elif one.term.name != terms.SHIFT:
            said.append(f"{one.term.name.replace('-', ' ')} {' '.join(f'{value:.3g}' for value in values)} {unit}")
    form = group.stretch
    if form is not None and form.kept[0]:
        said.append(f"anisotropic magnification {100 * form.anisotropy:.2f} %")
    if form is not None and form.kept[1]:
        said.append(f"scale {100 * form.values[0]:+.2f} %")
    return ", ".join(said) or "nothing significant"


def draw(path: Path, given: Given, found: Measured) -> None:
    """Phases that were measured and those that were fitted, of the largest groups."""
    from spa.plot import aberrations
    from spa.plot.figure import save

    used = np.unique(given.stack.particles.optics_group)
    largest = sorted(found.groups, key=lambda group: -group.sums.count)[:PICTURES]
    rows = []
    for group in sorted(largest, key=lambda group: group.number):
        odd, even = Odd(group.raw), Even(group.plain)
        title = f"group {used[group.number]}, {group.sums.count} particles"
        pictures = [
            aberrations.Picture("antisymmetric", odd.sine, odd.cosine, total(group.odd), -1),
            aberrations.Picture("symmetric", even.slope(np.zeros_like(even.cc)), even.cc, total(group.even), 1),
        ]
        rows.append(aberrations.Row(title, pictures, words(group)))
    band = found.scene.band
    save(aberrations.overview(rows, band.kx, band.ky, given.stack.box * given.stack.pixel_size), path)
